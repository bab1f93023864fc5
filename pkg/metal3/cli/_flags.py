"""Command-line flags with the habits of the Go managers this project stands in for.

One or two dashes, ``--name=value`` or ``--name value``, booleans as ``--name`` or
``--name=false``, durations such as ``1m30s``; each flag may also come from an environment
variable, and a flag given on the command line wins. What is not known is an error.
"""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

USAGE_ERROR = 2
HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag: its names (the first is the attribute), how its text is read, and its source."""

    names: tuple[str, ...]
    help: str
    read: Callable[[str], Any] = str
    default: Any = ""
    env: str = ""
    metavar: str = ""

    @property
    def is_boolean(self) -> bool:
        """True when the flag stands alone on the command line."""
        return self.read is read_bool

    @property
    def attribute(self) -> str:
        """Name under which the value is found after parsing."""
        return self.names[0].replace("-", "_")


def read_bool(text: str) -> bool:
    """The spellings Go's flag package takes."""
    if text in {"1", "t", "T", "true", "TRUE", "True"}:
        return True
    if text in {"0", "f", "F", "false", "FALSE", "False", ""}:
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is not true or false")


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|us|ns|m|s)")


def read_duration(text: str) -> timedelta:
    """A Go duration such as ``10s``, ``1m30s`` or ``500ms``."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        if text == "0":
            return timedelta(0)
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 15s or 1m30s")
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))


def read_seconds(text: str) -> timedelta:
    """A whole number of seconds."""
    try:
        return timedelta(seconds=int(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None


def read_count(text: str) -> int:
    """A number that counts something: zero or more."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not zero or a positive number")
    return number


def read_port(text: str) -> int:
    """A TCP port, or 0."""
    number = read_count(text)
    if number > HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return number


def read_names(text: str) -> tuple[str, ...]:
    """A comma-separated list; blanks around the items do not count."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def read_limits(text: str) -> dict[str, int]:
    """Limits by name, such as ``rack=4,switch=8``; none below 1."""
    limits: dict[str, int] = {}
    for part in read_names(text):
        key, _, number = (piece.strip() for piece in part.rpartition("="))
        if not key or not number.isdecimal() or int(number) < 1:
            raise argparse.ArgumentTypeError(f"{part!r} is not a limit such as rack=4")
        limits[key] = int(number)
    return limits


def choice(*allowed: str) -> Callable[[str], str]:
    """One of a few words."""

    def read(text: str) -> str:
        if text not in allowed:
            raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(allowed)}")
        return text

    return read


class Parser(argparse.ArgumentParser):
    """argparse, without guessing abbreviations."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """One line that says what is wrong and where help is."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parse(
    parser: argparse.ArgumentParser,
    flags: Sequence[Flag],
    argv: Sequence[str],
    environment: Mapping[str, str],
) -> argparse.Namespace:
    """Read ``argv``; leaves the process with code 2 and one line when it is wrong."""
    for flag in flags:
        parser.add_argument(
            *(f"--{name}" for name in flag.names),
            dest=flag.attribute,
            type=flag.read,
            default=_default(parser, flag, environment),
            metavar=flag.metavar or ("BOOL" if flag.is_boolean else "VALUE"),
            help=_help(flag),
        )
    return parser.parse_args(normalise(flags, argv))


def normalise(flags: Sequence[Flag], argv: Sequence[str]) -> list[str]:
    """Give every known flag two dashes, and every lone boolean its value."""
    known = {name: flag for flag in flags for name in flag.names}
    out: list[str] = []
    for position, word in enumerate(argv):
        if word == "--":
            return [*out, *argv[position:]]
        name, equals, value = word.lstrip("-").partition("=")
        flag = known.get(name) if word.startswith("-") else None
        if flag is None:
            out.append(word)
        elif flag.is_boolean and not equals:
            out.append(f"--{name}=true")
        else:
            out.append(f"--{name}{equals}{value}")
    return out


def _default(parser: argparse.ArgumentParser, flag: Flag, environment: Mapping[str, str]) -> Any:
    text = environment.get(flag.env, "") if flag.env else ""
    if not text:
        return flag.default
    try:
        return flag.read(text)
    except argparse.ArgumentTypeError as error:
        parser.error(f"environment variable {flag.env}: {error}")


def _help(flag: Flag) -> str:
    source = f" [${flag.env}]" if flag.env else ""
    text = (flag.help + source).replace("%", "%%")
    if flag.default in ("", (), None, False, {}):
        return text
    return f"{text} (default {_shown(flag.default)})"


def _shown(value: object) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    return str(value)
