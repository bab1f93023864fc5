"""Rules on what may change while a host lives."""

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.webhook import FieldError, forbidden

State = metal3api.ProvisioningState


def update_errors(old: metal3api.BareMetalHost, new: metal3api.BareMetalHost) -> list[FieldError]:
    """Address, boot MAC address and externallyProvisioned change in a few states only."""
    return [*_address_errors(old, new), *_mac_errors(old, new), *_external_errors(old, new)]


def _address_errors(old: metal3api.BareMetalHost, new: metal3api.BareMetalHost) -> list[FieldError]:
    before = old.spec.bmc.address if old.spec.bmc is not None else ""
    after = new.spec.bmc.address if new.spec.bmc is not None else ""
    if not before or before == after:
        return []
    detached = metal3api.OperationalStatus.DETACHED
    free = {old.status.operational_status, new.status.operational_status} & {detached}
    if free or State.REGISTERING in {old.status.provisioning.state, new.status.provisioning.state}:
        return []
    how = f"detach the host first (annotation {metal3api.DETACHED_ANNOTATION})"
    return [forbidden("spec.bmc.address", f"can only change while detached or registering; {how}")]


def _mac_errors(old: metal3api.BareMetalHost, new: metal3api.BareMetalHost) -> list[FieldError]:
    before, after = old.spec.boot_mac_address or "", new.spec.boot_mac_address or ""
    if not before or before.lower() == after.lower():
        return []
    return [forbidden("spec.bootMACAddress", "cannot change once it is set; recreate the host")]


def _external_errors(
    old: metal3api.BareMetalHost, new: metal3api.BareMetalHost
) -> list[FieldError]:
    switched_on = new.spec.externally_provisioned and not old.spec.externally_provisioned
    state = old.status.provisioning.state
    if not switched_on or state in {State.AVAILABLE, State.READY}:
        return []
    why = f"can only be switched on while the host is available, not {state or 'new'}"
    return [forbidden("spec.externallyProvisioned", why)]
