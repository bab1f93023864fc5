"""Ends the quarantine of addresses that were given back.

Watches: nothing by itself; the ledger wakes it for IPAddresses with a time of release.
Writes:  deletes IPAddresses.
Looks again: when the quarantine ends.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from metal3 import ctrl
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import NotFoundError

from .environment import Environment
from .pool_state import PoolState

WHILE_PAUSED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class IPAddressReconciler:
    """The time of release is on the object, so it outlives the process."""

    env: Environment

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Remove the address if it is time."""
        record = self.env.ledger.record(req)
        if record is None or not record.released_at:
            return ctrl.Result()
        state = self.env.ledger.pool(record.pool)
        if state.facts is not None and state.facts.is_paused:
            return ctrl.Result(requeue_after=WHILE_PAUSED)
        left = self._left(state, record.released_at)
        if left > timedelta():
            return ctrl.Result(requeue_after=left)
        await self._remove(req)
        return ctrl.Result()

    def _left(self, state: PoolState, released_at: str) -> timedelta:
        if state.plan is None or state.facts is None or state.facts.is_deleting:
            return timedelta()
        try:
            since = metav1.parse_time(released_at)
        except ValueError:
            return timedelta()
        now: datetime = self.env.now()
        return since + state.plan.quarantine - now

    async def _remove(self, req: ctrl.Request) -> None:
        record = self.env.ledger.record(req)
        try:
            there = await self.env.live.get(ipamv1.IPAddress, req)
        except NotFoundError:
            there = None
        if record is None or there is None:
            return
        # A claim of the same name may have taken it back meanwhile.
        if ipamv1.RELEASED_AT_ANNOTATION in there.metadata.annotations:
            await self.env.reservations.remove(record, there=there)
