"""Speaks IPMI to a BMC: as much of ``ipmitool`` as Ironic calls, for machines without that package.

The simulator puts a script of that name on Ironic's PATH where the real program is not installed.
It is run as a plain file and so imports nothing of ours.
"""

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

SELECTORS = {
    "network": "Force PXE",
    "hd": "Force Boot from default Hard-Drive",
    "optical": "Force Boot from CD/DVD",
}
BOOT_DEVICES = {"pxe": "network", "disk": "hd", "cdrom": "optical", "bios": "setup"}
POWER = {
    "on": "on",
    "off": "off",
    "soft": "shutdown",
    "reset": "reset",
    "cycle": "reset",
}


class IPMIError(Exception):
    """The BMC refused, or was not reached."""


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.help:
        return 0
    try:
        sys.stdout.write(run(_connect(options), options.command))
    except IPMIError as e:
        sys.stderr.write(f"Error: {e}\n")
        return 1
    return 0


def run(bmc: Any, command: list[str]) -> str:
    """What the real program would print for ``command``; raises :class:`IPMIError`."""
    match command:
        case ["power", "status"]:
            return f"Chassis Power is {_checked(bmc.get_power())['powerstate']}\n"
        case ["power", action] if action in POWER:
            _checked(bmc.set_power(POWER[action]))
            return f"Chassis Power Control: {action}\n"
        case ["chassis", "bootdev", device, *options] if device in BOOT_DEVICES:
            persistent = any("persistent" in option for option in options)
            _checked(bmc.set_bootdev(BOOT_DEVICES[device], persist=persistent))
            return f"Set Boot Device to {device}\n"
        case ["chassis", "bootparam", "get", "5"]:
            device = _checked(bmc.get_bootdev())["bootdev"]
            return f" - Boot Device Selector : {SELECTORS.get(device, 'No override')}\n"
        case ["raw", *words]:
            function, number, *data = (int(word, 16) for word in words)
            answer = _checked(bmc.raw_command(netfn=function, command=number, data=data))
            return " " + " ".join(f"{byte:02x}" for byte in answer.get("data", ())) + "\n"
        case ["mc", "info"]:
            return "Manufacturer Name         : Simulator\n"
        case _:
            raise IPMIError(f"unknown command {' '.join(command)}")


def _connect(options: argparse.Namespace) -> Any:
    module: Any = importlib.import_module("pyghmi.ipmi.command")
    errors: Any = importlib.import_module("pyghmi.exceptions")
    session: Any = importlib.import_module("pyghmi.ipmi.private.session")
    # pyghmi begins with SHA-256, of which its own server side knows nothing; 1 is SHA-1.
    session.Session.attemptedhash = property(lambda _: 1, lambda _, __: None)
    password = Path(options.password_file).read_text() if options.password_file else ""
    try:
        return module.Command(
            bmc=options.host,
            port=options.port,
            userid=options.username,
            password=password.rstrip("\n"),
            keepalive=False,
        )
    except errors.PyghmiException as e:
        raise IPMIError(f"Unable to establish IPMI v2 / RMCP+ session: {e}") from e


def _checked(answer: Any) -> Any:
    if "error" in answer:
        raise IPMIError(str(answer["error"]))
    return answer


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("ipmitool", add_help=False, allow_abbrev=False)
    parser.add_argument("-H", dest="host")
    parser.add_argument("-p", dest="port", type=int, default=623)
    parser.add_argument("-U", dest="username", default="")
    parser.add_argument("-f", dest="password_file")
    parser.add_argument("-h", dest="help", action="store_true")
    parser.add_argument("-v", action="store_true")
    for option in ("-I", "-L", "-C", "-R", "-N", "-m", "-b", "-t", "-B", "-T", "-y"):
        parser.add_argument(option)
    parser.add_argument("command", nargs="*")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
