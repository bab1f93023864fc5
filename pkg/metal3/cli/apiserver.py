"""``metal3 apiserver``: the embedded Kubernetes API alone."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from metal3 import apiserver

from ._flags import Flag, Parser, parse, read_port
from ._signals import run_loop, stop_event

FLAGS: Final = (
    Flag(names=("data-dir",), metavar="DIR", help="where the database and certificates are kept"),
    Flag(
        names=("port",),
        read=read_port,
        default=6443,
        metavar="PORT",
        help="port on loopback; 0 takes a free one",
    ),
    Flag(
        names=("token",),
        env="METAL3_APISERVER_TOKEN",
        metavar="TOKEN",
        help="bearer token of the administrator; made and kept in DIR when not given",
    ),
    Flag(names=("kubeconfig",), metavar="FILE", help="write a kubeconfig here (DIR/kubeconfig)"),
)


def run(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = Parser("metal3 apiserver", "Serve a small Kubernetes API from one SQLite file.")
    args = parse(parser, FLAGS, argv, environment)
    if not args.data_dir:
        parser.error("--data-dir is needed")
    folder = Path(args.data_dir)
    config = apiserver.Config(data_dir=folder, port=args.port, token=args.token or None)
    kubeconfig = Path(args.kubeconfig or folder / "kubeconfig").absolute()
    try:
        run_loop(_serve(config, kubeconfig))
    except (OSError, apiserver.DatabaseError) as error:
        sys.stderr.write(f"metal3 apiserver: {error}\n")
        return 1
    return 0


async def _serve(config: apiserver.Config, kubeconfig: Path) -> None:
    with stop_event() as stopped:
        async with apiserver.Server(config) as server:
            server.write_kubeconfig(kubeconfig)
            sys.stderr.write(f"serving {server.url}\nexport KUBECONFIG={kubeconfig}\n")
            await stopped.wait()
