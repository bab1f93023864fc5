"""A host's turn in the limited states: whether it has a slot, and what is shown while it waits."""

from collections.abc import Mapping

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.metrics import DELAYED_DEPROVISIONING, DELAYED_PROVISIONING
from metal3.provisioner import NeedsRegistrationError
from metal3.runtime.types import NamespacedName, key_of

from .actions import Action, Delayed
from .capacity import BACKEND, Groups
from .hostpass import HostPass
from .table import StateRow

State = metal3api.ProvisioningState
Status = metal3api.OperationalStatus


async def has_turn(p: HostPass, table: Mapping[str, StateRow]) -> bool:
    """Whether the host may be in a limited state now; the table says which these are."""
    queue = p.env.capacity
    if queue.limits and not queue.is_restored:
        queue.restore(await _given_before(p, table))
    if queue.holds(p.key):
        return True
    groups = _groups(p)
    if not queue.may_ask(p.key, groups, p.now):
        return False
    room = BACKEND not in groups or await _backend_has_room(p)
    # Others may have been given theirs while the backend was asked.
    if not room or not queue.may_ask(p.key, groups, p.now):
        return False
    if groups:
        queue.grant(p.key, groups)
    return True


def delay(p: HostPass, state: str) -> Action:
    """Queue up; the count goes up once for each wait, not for each look."""
    groups = _groups(p)
    p.env.capacity.wait(p.key, groups, p.now)
    p.why = _why(p, groups)
    if p.status.operational_status != Status.DELAYED:
        counter = DELAYED_DEPROVISIONING if state == State.DEPROVISIONING else DELAYED_PROVISIONING
        namespace, host = p.key
        p.after_save.append(counter.labels(namespace=namespace, host=host).inc)
    p.status.operational_status = Status.DELAYED
    return Delayed()


def end_delay(p: HostPass) -> None:
    """The host waits no longer."""
    if p.status.operational_status == Status.DELAYED:
        p.status.operational_status = Status.ERROR if p.error_type else Status.OK


def _groups(p: HostPass) -> Groups:
    by_backend = p.provisioner.is_limited()
    return p.env.capacity.groups_of(p.host.metadata.labels, by_backend=by_backend)


def _why(p: HostPass, groups: Groups) -> str:
    full = p.env.capacity.full(groups)
    if full is None:
        return "waiting for a free slot: too many hosts are being worked on"
    key, value = full
    limit = p.env.capacity.limits[key]
    return (
        f"waiting for a free slot: {limit} of {limit} slots for hosts with the label {key}={value} "
        "are taken"
    )


async def _backend_has_room(p: HostPass) -> bool:
    try:
        return await p.provisioner.has_capacity()
    except NeedsRegistrationError:
        # Unknown hosts take no room; they are registered next.
        return True


async def _given_before(p: HostPass, table: Mapping[str, StateRow]) -> dict[NamespacedName, Groups]:
    """Hosts that are under way, and so had a slot when the operator was restarted."""
    hosts = await p.env.client.list(metal3api.BareMetalHost)
    return {
        key_of(host): p.env.capacity.groups_of(host.metadata.labels, by_backend=False)
        for host in hosts.items
        if host.status.operational_status == Status.OK
        and _is_limited(table, host.status.provisioning.state)
        and not metal3api.is_paused(host)
    }


def _is_limited(table: Mapping[str, StateRow], state: str) -> bool:
    return state in table and table[state].limited
