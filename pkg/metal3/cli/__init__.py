"""The ``metal3`` command: ``manager``, ``host``, ``apiserver``, ``demo``, ``version``.

Exit codes: 0 done, 1 failed (the reason is the last line on standard error), 2 wrong usage,
130 interrupted. Each command is a module with ``run(argv, environment) -> int``, imported only
when it is called, so that the manager carries nothing of the demo.
"""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol, cast

from ._flags import USAGE_ERROR

COMMANDS: Final = {
    "manager": "run the operators against a cluster",
    "host": "print the manifests of a new host",
    "apiserver": "serve a small Kubernetes API from one SQLite file",
    "demo": "run simulated servers from registering to provisioned, with a real Ironic",
    "version": "tell the version",
}
FAILED: Final = 1
INTERRUPTED: Final = 130
MANAGER_NAMES: Final = frozenset({"manager", "baremetal-operator"})
"""Names of upstream's binaries: called by one of these, the words are the manager's."""


class _Command(Protocol):
    def run(self, argv: Sequence[str], environment: Mapping[str, str]) -> int:
        """Do it; gives the exit code."""
        ...


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    words = list(sys.argv[1:] if argv is None else argv)
    program = Path(sys.argv[0]).name
    if program in MANAGER_NAMES and words[:1] != ["manager"]:
        words = ["manager", *words]
    if not words or words[0] in {"-h", "--help", "help"}:
        sys.stdout.write(_usage())
        return 0 if words else USAGE_ERROR
    name = "manager" if words[0].startswith("-") else words.pop(0)
    if name not in COMMANDS:
        sys.stderr.write(f"metal3: no command {name!r} (see metal3 --help)\n")
        return USAGE_ERROR
    try:
        command = cast("_Command", importlib.import_module(f"metal3.cli.{name}"))
        return command.run(words, os.environ)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("metal3"):
            raise
        missing = f"needs the Python package {error.name!r}: pip install 'metal3[demo]'"
        sys.stderr.write(f"metal3 {name}: {missing}\n")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _usage() -> str:
    rows = "".join(f"  {name:<10} {text}\n" for name, text in COMMANDS.items())
    return (
        "usage: metal3 COMMAND [FLAGS]\n\n"
        f"{rows}\n"
        "metal3 COMMAND --help tells the flags. Flags alone are the manager's.\n"
    )
