"""Accepts or refuses BareMetalSwitches: what ends up in the driver's configuration is one word."""

import re
from dataclasses import dataclass
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.bmc import is_ip
from metal3.runtime.webhook import FieldError, RequestInfo, Warnings, deny_if, invalid

_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_WORD: Final = re.compile(r"[\w.-]*")


@dataclass(frozen=True, slots=True)
class BareMetalSwitchValidator:
    """Address and device type; the rest is the schema's."""

    async def validate_create(
        self, obj: metal3api.BareMetalSwitch, request: RequestInfo
    ) -> Warnings:
        """Check both."""
        deny_if(_errors(obj))
        return ()

    async def validate_update(
        self, old: metal3api.BareMetalSwitch, new: metal3api.BareMetalSwitch, request: RequestInfo
    ) -> Warnings:
        """Check both, unless the spec is as it was."""
        if old.spec.to_dict() != new.spec.to_dict():
            deny_if(_errors(new))
        return ()

    async def validate_delete(
        self, obj: metal3api.BareMetalSwitch, request: RequestInfo
    ) -> Warnings:
        """Always."""
        return ()


def _errors(switch: metal3api.BareMetalSwitch) -> list[FieldError]:
    spec, errors = switch.spec, list[FieldError]()
    if not (_HOST.fullmatch(spec.address) or is_ip(spec.address)):
        detail = "give a host name or an IP address alone; spec.port is the place for the port"
        errors.append(invalid("spec.address", spec.address, detail))
    if not _WORD.fullmatch(spec.device_type):
        detail = "give a device type of the driver, such as netmiko_arista_eos"
        errors.append(invalid("spec.deviceType", spec.device_type, detail))
    return errors
