"""The text that the networking service reads: a section for each switch."""

from collections.abc import Iterable, Iterator
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api

from .logins import SwitchLogin

CONFIG_KEY: Final = "switch-configs.conf"
HEADER: Final = "# This file is managed by the Baremetal Operator\n\n"


class SwitchSpecError(ValueError):
    """A field of a switch that cannot be written; the text names it."""


def render(
    switches: Iterable[tuple[metal3api.BareMetalSwitch, SwitchLogin]], key_folder: str
) -> str:
    """All switches in order of their names; raises SwitchSpecError."""
    ordered = sorted(switches, key=lambda pair: pair[0].metadata.name)
    return HEADER + "\n".join(section(switch, login, key_folder) for switch, login in ordered)


def key_name(switch: metal3api.BareMetalSwitch) -> str:
    """The key in the credentials Secret, and so the name of the file, of a private key."""
    return switch.spec.mac_address.replace(":", "-") + ".key"


def section(switch: metal3api.BareMetalSwitch, login: SwitchLogin, key_folder: str) -> str:
    """One switch; raises SwitchSpecError."""
    lines = [f"{name} = {value}\n" for name, value in _settings(switch, login, key_folder)]
    return "".join([f"[switch:{switch.metadata.name}]\n", *lines])


def _settings(
    switch: metal3api.BareMetalSwitch, login: SwitchLogin, key_folder: str
) -> Iterator[tuple[str, str]]:
    spec = switch.spec
    yield "address", _line("address", spec.address)
    yield "mac_address", _line("macAddress", spec.mac_address)
    if spec.port is not None:
        yield "port", str(spec.port)
    yield "driver_type", _line("driver", spec.driver)
    yield "device_type", _line("deviceType", spec.device_type)
    if spec.disable_certificate_verification:
        yield "insecure", "true"
    yield "username", login.username
    if login.private_key:
        yield "key_file", f"{key_folder}/{key_name(switch)}"
    else:
        yield "password", login.password
    if login.admin_password:
        yield "enable_secret", login.admin_password


def _line(field: str, value: str) -> str:
    if not value.isprintable():
        raise SwitchSpecError(f"spec.{field} holds line breaks or control characters")
    return value
