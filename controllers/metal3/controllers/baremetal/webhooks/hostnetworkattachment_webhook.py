"""Accepts or refuses HostNetworkAttachments: sound VLANs, and no change while a host uses it."""

from dataclasses import dataclass

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Reader
from metal3.runtime.webhook import (
    DeniedError,
    FieldError,
    RequestInfo,
    Warnings,
    deny_if,
    forbidden,
    invalid,
)

ATTACHMENT_INDEX = "spec.networkInterfaces.hostNetworkAttachment.name"
LAST_VLAN = 4094


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNetworkAttachmentValidator:
    """``hosts`` finds the hosts that use an attachment, by index."""

    hosts: Reader

    async def validate_create(
        self, obj: metal3api.HostNetworkAttachment, request: RequestInfo
    ) -> Warnings:
        """Check the VLANs."""
        deny_if(_vlan_errors(obj))
        return ()

    async def validate_update(
        self,
        old: metal3api.HostNetworkAttachment,
        new: metal3api.HostNetworkAttachment,
        request: RequestInfo,
    ) -> Warnings:
        """The spec is fixed while a host uses it."""
        if old.spec.to_dict() == new.spec.to_dict():
            return ()
        users = await self._users(new)
        if users:
            raise DeniedError(forbidden("spec", f"cannot change while used by {users}"))
        deny_if(_vlan_errors(new))
        return ()

    async def validate_delete(
        self, obj: metal3api.HostNetworkAttachment, request: RequestInfo
    ) -> Warnings:
        """Not while a host uses it."""
        users = await self._users(obj)
        if users:
            raise DeniedError(forbidden("metadata.name", f"still used by BareMetalHost {users}"))
        return ()

    async def _users(self, attachment: metal3api.HostNetworkAttachment) -> str:
        key = f"{attachment.metadata.namespace}/{attachment.metadata.name}"
        found = await self.hosts.list(metal3api.BareMetalHost, fields={ATTACHMENT_INDEX: key})
        return ", ".join(
            sorted(f"{host.metadata.namespace}/{host.metadata.name}" for host in found.items)
        )


def attachment_keys(host: metal3api.BareMetalHost) -> list[str]:
    """Index function: the attachments that a host's interfaces name."""
    return sorted(
        {
            f"{reference.namespace or host.metadata.namespace}/{reference.name}"
            for interface in host.spec.network_interfaces
            if (reference := interface.host_network_attachment) is not None
        }
    )


def _vlan_errors(attachment: metal3api.HostNetworkAttachment) -> list[FieldError]:
    spec = attachment.spec
    errors: list[FieldError] = []
    if not 1 <= spec.native_vlan <= LAST_VLAN:
        errors.append(invalid("spec.nativeVLAN", spec.native_vlan, f"must be 1 to {LAST_VLAN}"))
    if spec.mode == metal3api.SwitchportMode.ACCESS and spec.allowed_vlans:
        errors.append(forbidden("spec.allowedVLANs", "an access port carries the native VLAN only"))
    for index, text in enumerate(spec.allowed_vlans):
        errors += _range_errors(f"spec.allowedVLANs[{index}]", text)
    return errors


def _range_errors(path: str, text: str) -> list[FieldError]:
    first, dash, last = text.partition("-")
    try:
        low, high = int(first), int(last if dash else first)
    except ValueError:
        return [invalid(path, text, "is no VLAN and no range such as 100-200")]
    if not (1 <= low <= LAST_VLAN and 1 <= high <= LAST_VLAN):
        return [invalid(path, text, f"VLANs are 1 to {LAST_VLAN}")]
    if dash and low >= high:
        return [invalid(path, text, "the range must start below its end")]
    return []
