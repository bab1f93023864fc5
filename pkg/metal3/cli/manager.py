"""``metal3 manager``: runs operators against a cluster, until told to stop."""

import argparse
import gc
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from metal3 import ctrl
from metal3.runtime import log
from metal3.runtime.manager import LeadershipLostError
from metal3.runtime.rest import ApiError, ConfigError

from ._flags import Parser, parse
from ._manager_build import build
from ._manager_flags import MANAGER_FLAGS
from ._signals import run_loop, stop_event

DEBUG_VERBOSITY: Final = 4
YOUNG_OBJECTS: Final = 20_000
"""How many new objects the garbage collector lets come together before it looks at them.

Decoding one answer makes hundreds, and all of them go by themselves; with Python's 700 these looks
took an eighth of the operator's CPU, with this they cost 2 MiB.
"""


def run(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run until SIGINT or SIGTERM; 1 when it could not start or something in it failed."""
    parser = Parser("metal3 manager", "Run Metal3's operators against a cluster.")
    args = parse(parser, MANAGER_FLAGS, argv, environment)
    _configure_log(args)
    gc.freeze()  # what was imported stays
    gc.set_threshold(YOUNG_OBJECTS)
    try:
        run_loop(_run(args, environment))
    except (ConfigError, ApiError, LeadershipLostError, OSError, ValueError) as error:
        # Expected trouble is told in a line; a traceback is for bugs.
        sys.stderr.write(f"metal3 manager: {error}\n")
        return 1
    return 0


async def _run(args: argparse.Namespace, environment: Mapping[str, str]) -> None:
    with stop_event() as stopped:
        mgr: ctrl.Manager = await build(args, environment)
        await mgr.start(stopped)


def _configure_log(args: argparse.Namespace) -> None:
    debug = args.dev or args.v >= DEBUG_VERBOSITY
    text = args.dev or args.logging_format == "text"
    log.configure(
        format=log.Format.CONSOLE if text else log.Format.JSON,
        level=log.Level.DEBUG if debug else log.Level.INFO,
    )
