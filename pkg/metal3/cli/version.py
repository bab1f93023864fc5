"""``metal3 version``: what is installed."""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from ._flags import Parser, parse
from ._output import OUTPUT, show


def run(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Print the versions of the distribution and of what it stands on."""
    args = parse(Parser("metal3 version", "Tell the version."), (OUTPUT,), argv, environment)
    show(
        {
            "metal3": version("metal3"),
            "python": platform.python_version(),
            "platform": f"{platform.system().lower()}/{platform.machine()}",
            "ironic": _installed("ironic"),
        },
        args.output,
    )
    return 0


def _installed(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
