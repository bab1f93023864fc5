"""Accepts or refuses BareMetalHosts, with every problem and its fix in one answer.

Kept from upstream: the rules, and code 403. Different: an unchanged spec is not judged again, so
an object from before a rule can still lose its finalizer; a BMC address or boot MAC address that
another host has is warned about, or refused where the site wants that.
"""

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Reader
from metal3.runtime.webhook import (
    FieldError,
    RequestInfo,
    Warnings,
    deny_if,
    duplicate,
    forbidden,
    invalid,
)

from ._access_rules import access_errors, inspection_errors
from ._annotation_rules import annotation_errors
from ._storage_rules import hint_errors, image_errors, raid_errors
from ._update_rules import update_errors

NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
BMC_INDEX: Final = "spec.bmc.address"
MAC_INDEX: Final = "spec.bootMACAddress"


@dataclass(frozen=True, slots=True, kw_only=True)
class BareMetalHostValidator:
    """Checks one host; ``hosts`` finds others with the same BMC or MAC address, by index."""

    hosts: Reader | None = None
    refuse_duplicates: bool = False

    async def validate_create(self, obj: metal3api.BareMetalHost, request: RequestInfo) -> Warnings:
        """All rules on a new host."""
        twins = await self._twins(obj)
        deny_if([*host_errors(obj), *(twins if self.refuse_duplicates else ())])
        return [str(twin) for twin in twins]

    async def validate_update(
        self,
        old: metal3api.BareMetalHost,
        new: metal3api.BareMetalHost,
        request: RequestInfo,
    ) -> Warnings:
        """Rules on what changed; a host on its way out is let go."""
        if new.metadata.deletion_timestamp:
            return ()
        errors = update_errors(old, new)
        if _judged(old) != _judged(new):
            errors += host_errors(new)
        moved = _addresses(old) != _addresses(new)
        twins = await self._twins(new) if moved else []
        deny_if([*errors, *(twins if self.refuse_duplicates else ())])
        return [str(twin) for twin in twins]

    async def validate_delete(self, obj: metal3api.BareMetalHost, request: RequestInfo) -> Warnings:
        """A host may always be deleted."""
        return ()

    async def _twins(self, host: metal3api.BareMetalHost) -> list[FieldError]:
        """One error for each address that another host has already."""
        if self.hosts is None:
            return []
        errors: list[FieldError] = []
        for index, value in _addresses(host).items():
            if not value:
                continue
            found = await self.hosts.list(metal3api.BareMetalHost, fields={index: value})
            others = _names(host, found.items)
            if others:
                errors.append(duplicate(index, value, f"BareMetalHost {others} has it already"))
        return errors


def host_errors(host: metal3api.BareMetalHost) -> list[FieldError]:
    """Every rule that looks at one host alone."""
    return [
        *_name_errors(host),
        *access_errors(host),
        *inspection_errors(host),
        *_firmware_errors(host),
        *_secret_errors(host),
        *raid_errors(host),
        *hint_errors(host),
        *image_errors(host.spec.image),
        *_power_errors(host),
        *_interface_errors(host),
        *annotation_errors(host),
    ]


def bmc_address_key(host: metal3api.BareMetalHost) -> list[str]:
    """Index function: the BMC's address without what says nothing about identity."""
    value = _addresses(host)[BMC_INDEX]
    return [value] if value else []


def boot_mac_key(host: metal3api.BareMetalHost) -> list[str]:
    """Index function: the boot MAC address in lower case."""
    value = _addresses(host)[MAC_INDEX]
    return [value] if value else []


def _addresses(host: metal3api.BareMetalHost) -> dict[str, str]:
    address = host.spec.bmc.address if host.spec.bmc is not None else ""
    return {
        BMC_INDEX: address.rstrip("/").lower(),
        MAC_INDEX: (host.spec.boot_mac_address or "").lower(),
    }


def _judged(host: metal3api.BareMetalHost) -> object:
    """What the rules look at."""
    return host.spec.to_dict(), host.metadata.annotations


def _names(host: metal3api.BareMetalHost, found: Iterable[metal3api.BareMetalHost]) -> str:
    mine = (host.metadata.namespace, host.metadata.name)
    return ", ".join(
        sorted(
            f"{other.metadata.namespace}/{other.metadata.name}"
            for other in found
            if (other.metadata.namespace, other.metadata.name) != mine
        )
    )


def _name_errors(host: metal3api.BareMetalHost) -> list[FieldError]:
    """Backends find a host by name, and tell names from UUIDs by their look."""
    name = host.metadata.name
    if name and not NAME.fullmatch(name):
        return [invalid("metadata.name", name, "may hold only letters, digits, '.', '_' and '-'")]
    try:
        uuid.UUID(name)
    except ValueError:
        return []
    return [invalid("metadata.name", name, "must not look like a UUID")]


def _firmware_errors(host: metal3api.BareMetalHost) -> list[FieldError]:
    if host.spec.firmware is None:
        return []
    why = f"no longer read; use the HostFirmwareSettings named {host.metadata.name!r}"
    return [forbidden("spec.firmware", why)]


def _secret_errors(host: metal3api.BareMetalHost) -> list[FieldError]:
    """Secrets are read from the host's own namespace only."""
    references = {
        "userData": host.spec.user_data,
        "networkData": host.spec.network_data,
        "metaData": host.spec.meta_data,
    }
    return [
        forbidden(f"spec.{name}.namespace", "must be the host's own namespace, or empty")
        for name, reference in references.items()
        if reference is not None
        and reference.namespace
        and reference.namespace != host.metadata.namespace
    ]


def _power_errors(host: metal3api.BareMetalHost) -> list[FieldError]:
    if not host.spec.disable_power_off or host.spec.online:
        return []
    return [forbidden("spec.online", "cannot be false while spec.disablePowerOff is set")]


def _interface_errors(host: metal3api.BareMetalHost) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, interface in enumerate(host.spec.network_interfaces):
        path = f"spec.networkInterfaces[{index}]"
        name, mac = interface.name or "", (interface.mac_address or "").lower()
        if bool(name) == bool(mac):
            errors.append(invalid(path, name or mac, "needs either name or macAddress, not both"))
        key = f"name {name.lower()}" if name else f"macAddress {mac}"
        if key in seen:
            errors.append(duplicate(path, name or mac, "another interface has it already"))
        seen.add(key)
    return errors
