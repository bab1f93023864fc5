"""Running the table of states on one host: what comes before, around and after its handler."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.metrics import DURATIONS, STATE_CHANGES

from .actions import IMMEDIATELY, Action, Complete, Continue, Delayed, Failed
from .detach import POLL, PUT_OFF, check_detached, is_deletion_put_off
from .hostpass import HostPass
from .registration import ensure_registered
from .retry import what_users_control
from .table import StateRow
from .turns import delay, end_delay, has_turn

State = metal3api.ProvisioningState
Status = metal3api.OperationalStatus

GIVE_UP_AFTER: Final = 3
"""A deletion goes on without the backend's registration after more failures than this."""

_BOOTING: Final = frozenset({State.REGISTERING, State.INSPECTING, State.PROVISIONING})
_CLEANING: Final = frozenset({State.DEPROVISIONING, State.POWERING_OFF_BEFORE_DELETE})


class UnknownStateError(Exception):
    """The status names a state the table does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMachine:
    """Drives a host by its table; holds no state of its own."""

    table: Mapping[str, StateRow]

    def row(self, p: HostPass) -> StateRow:
        """The row of the state the host is in; raises UnknownStateError."""
        row = self.table.get(p.state)
        if row is None:
            raise UnknownStateError(f"status.provisioning.state {p.state!r} is no known state")
        return row

    async def step(self, p: HostPass) -> Action:
        """One step; when a state is done, the status already names the next one."""
        while True:
            before = p.state
            action = await self._step(p)
            if p.state == before or not self.row(p).passes(p):
                return action

    async def _step(self, p: HostPass) -> Action:
        row = self.row(p)
        action = await self._decide(p, row)
        if isinstance(action, Complete):
            return await self._move(p, row, action.next_state)
        if not isinstance(action, Delayed):
            end_delay(p)
            if not row.limited:
                # Whatever it once waited for, it does not ask for it any more.
                p.env.capacity.leave(p.key)
        return action

    async def _decide(self, p: HostPass, row: StateRow) -> Action:
        """Deletion first, then detaching, the backoff, the turn, registration, the handler."""
        target = _deletion_target(p, row)
        if target:
            return Complete(next_state=target)
        if row.needs_backend:
            detached = await check_detached(p)
            if detached is not None:
                p.env.capacity.leave(p.key)
                return detached
        if p.is_deleting and row.name in _CLEANING and metal3api.is_detached(p.host):
            return Continue(after=POLL, why=PUT_OFF)
        left = p.env.retries.left(p.key, p.now, await what_users_control(p))
        if left:
            return Continue(after=left)
        if row.limited and not await has_turn(p, self.table):
            return delay(p, row.name)
        return await self._registered(p, row) or await row.handle(p)

    async def _registered(self, p: HostPass, row: StateRow) -> Action | None:
        """None when the host is registered, or need not be."""
        if not row.registers or not p.login.is_usable:
            return None
        action = await ensure_registered(p)
        gives_up = p.is_deleting and row.name in _CLEANING
        if isinstance(action, Failed) and gives_up and p.status.error_count > GIVE_UP_AFTER:
            return Complete(next_state=State.DELETING)
        return action

    async def _move(self, p: HostPass, row: StateRow, after: str) -> Action:
        """Enter the next state, if there is room in it."""
        # A detached host is given up from any state, and so is one nobody has a login for.
        if not (p.is_deleting and after == State.DELETING):
            row.check(after)
        target = self.table[after]
        if target.limited and not await has_turn(p, self.table):
            return delay(p, after)
        if not target.limited:
            p.env.capacity.leave(p.key)
        end_delay(p)
        _leave(p, row.name)
        _enter(p, row.name, after)
        return Continue(after=IMMEDIATELY)


def _deletion_target(p: HostPass, row: StateRow) -> str:
    """Where a deletion leads at once; empty when the host goes on as it is."""
    if not p.is_deleting or row.name == State.DELETING:
        return ""
    if metal3api.is_detached(p.host):
        return "" if is_deletion_put_off(p) else State.DELETING
    return row.on_delete


def _leave(p: HostPass, state: str) -> None:
    p.end(state)
    took, histogram = p.duration(state), DURATIONS.get(state)
    if took is not None and histogram is not None:
        namespace, host = p.key
        series = histogram.labels(namespace=namespace, host=host)
        p.after_save.append(_observe(series.observe, took))


def _observe(observe: Callable[[float], None], took: timedelta) -> Callable[[], None]:
    return lambda: observe(took.total_seconds())


def _enter(p: HostPass, before: str, after: str) -> None:
    p.status.provisioning.state = after
    p.begin(after)
    if after in _BOOTING:
        p.status.provisioning.boot_mode = metal3api.boot_mode(p.host)
    if after == State.REGISTERING:
        p.status.operational_status = Status.OK
    p.env.retries.release(p.key)
    p.after_save.append(STATE_CHANGES.labels(prev_state=before, new_state=after).inc)
