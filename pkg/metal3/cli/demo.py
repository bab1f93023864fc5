"""``metal3 demo``: simulated servers from registering to provisioned, with a real Ironic.

Starts, in this order: the embedded Kubernetes API (unless a cluster is given), Ironic with
emulated BMCs and simulated agents, the manager with the bare-metal operator. Then applies one
BareMetalHost for each simulated server and shows their way.
"""

import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from metal3.runtime.client import ApiError
from metal3.runtime.rest import ConfigError

from ._demo_run import Demo, DemoError, DemoOptions
from ._flags import Flag, Parser, choice, parse, read_bool, read_count, read_duration, read_port
from ._signals import run_loop, run_until_signal

INTERRUPTED: Final = 130
FLAGS: Final = (
    Flag(names=("hosts",), read=read_count, default=3, metavar="N", help="simulated servers"),
    Flag(
        names=("kubeconfig",),
        metavar="FILE",
        help="use this cluster instead of the embedded API; its CRDs are applied",
    ),
    Flag(names=("namespace",), default="metal3", metavar="NS", help="namespace of the hosts"),
    Flag(
        names=("keep",),
        metavar="DIR",
        help="keep databases, logs and the kubeconfig here; else in a folder that is removed",
    ),
    Flag(
        names=("exit",),
        read=read_bool,
        default=False,
        help="leave with 0 once all hosts are provisioned, with 1 and the reason otherwise",
    ),
    Flag(
        names=("timeout",),
        read=read_duration,
        default=timedelta(minutes=10),
        help="how long the hosts may take",
    ),
    Flag(
        names=("boot",),
        read=choice("vmedia", "ipxe"),
        default="vmedia",
        metavar="vmedia|ipxe",
        help="how the agent is booted",
    ),
    Flag(
        names=("port",), read=read_port, default=0, metavar="PORT", help="port of the embedded API"
    ),
)


def run(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the demo; 0 when all hosts were provisioned."""
    parser = Parser("metal3 demo", "Take simulated servers from registering to provisioned.")
    args = parse(parser, FLAGS, argv, environment)
    if not args.hosts:
        parser.error("--hosts must be at least 1")
    options = DemoOptions(
        hosts=args.hosts,
        kubeconfig=Path(args.kubeconfig).absolute() if args.kubeconfig else None,
        namespace=args.namespace,
        keep=Path(args.keep).absolute() if args.keep else None,
        leave=args.exit,
        timeout=args.timeout,
        boot=args.boot,
        port=args.port,
    )
    code = 1
    try:
        code = run_loop(run_until_signal(Demo(options).run(), interrupted=INTERRUPTED))
    except* (DemoError, ApiError, ConfigError, OSError) as errors:
        sys.stderr.write(f"metal3 demo: {_first(errors)}\n")
    return code


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    """Task groups wrap what happened in them; users want the reason, not the wrapping."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
