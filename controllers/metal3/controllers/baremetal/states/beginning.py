"""From a new object to a host the backend knows: none, unmanaged, registering."""

from datetime import timedelta
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.actions import Action, Complete, Continue
from metal3.controllers.baremetal.host.hostpass import HostPass
from metal3.controllers.baremetal.metrics import UNMANAGED

State = metal3api.ProvisioningState

UNMANAGED_POLL: Final = timedelta(minutes=10)


async def new(p: HostPass) -> Action:
    """Decide whether the host can be managed."""
    if metal3api.has_bmc_details(p.host):
        return Complete(next_state=State.REGISTERING)
    p.status.operational_status = metal3api.OperationalStatus.DISCOVERED
    p.publish("Discovered", "Discovered host with no BMC details")
    return Complete(next_state=State.UNMANAGED)


async def unmanaged(p: HostPass) -> Action:
    """Wait for BMC details."""
    UNMANAGED.inc()
    if metal3api.has_bmc_details(p.host):
        return Complete(next_state=State.REGISTERING)
    return Continue(after=UNMANAGED_POLL)


async def registering(p: HostPass) -> Action:
    """The registration is done before any handler runs: only the way on is chosen here."""
    p.status.error_count = 0
    if p.host.spec.externally_provisioned:
        return Complete(next_state=State.EXTERNALLY_PROVISIONED)
    if metal3api.inspection_is_disabled(p.host):
        return Complete(next_state=State.PREPARING)
    return Complete(next_state=State.INSPECTING)


async def match_profile(p: HostPass) -> Action:
    """Only for objects of old operators."""
    p.status.error_count = 0
    return Complete(next_state=State.PREPARING)
