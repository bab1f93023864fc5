"""The claim on the Lease: taking it, renewing it, giving it back.

Times in the Lease are for people. Whether another's claim has lapsed is told by this process's
own clock: by how long the record has not changed since it was first seen so. Clocks of different
machines are never compared.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from metal3.api.coordination_k8s_io import v1 as coordinationv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import AlreadyExistsError, Client, ConflictError, NotFoundError
from metal3.runtime.types import NamespacedName

from ._options import LeaderElectionOptions


@dataclass(frozen=True, slots=True)
class _Record:
    """What is compared to see whether the holder is alive."""

    holder: str
    renewed: str
    transitions: int
    duration: timedelta


class LeaseLock:
    """One candidate's view of the Lease. Any request may fail with ApiError or TimeoutError."""

    def __init__(
        self, client: Client, options: LeaderElectionOptions, now: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._options = options
        self._now = now
        self._seen: _Record | None = None
        self._seen_at = 0.0

    @property
    def holder(self) -> str:
        """Who held the Lease when it was last read; empty when nobody did."""
        return self._seen.holder if self._seen else ""

    async def try_acquire_or_renew(self) -> bool:
        """Take or keep the Lease; False when another holds it or was faster."""
        try:
            lease = await self._client.get(coordinationv1.Lease, self._key)
        except NotFoundError:
            return await self._create()
        self._observe(lease)
        if self._is_held_by_another():
            return False
        self._claim(lease)
        try:
            self._observe(await self._client.update(lease))
        except (ConflictError, NotFoundError):
            return False
        return True

    async def release(self) -> None:
        """Give the Lease back if it is still ours, so that another need not wait."""
        lease = await self._client.get(coordinationv1.Lease, self._key)
        if lease.spec.holder_identity != self._options.identity:
            return
        lease.spec.holder_identity = ""
        lease.spec.lease_duration_seconds = 1
        lease.spec.renew_time = metav1.format_micro_time(self._now())
        self._observe(await self._client.update(lease))

    @property
    def _key(self) -> NamespacedName:
        return NamespacedName(self._options.namespace, self._options.name)

    async def _create(self) -> bool:
        lease = coordinationv1.Lease.named(self._options.name, self._options.namespace)
        self._claim(lease)
        lease.spec.lease_transitions = 0
        try:
            self._observe(await self._client.create(lease))
        except AlreadyExistsError:
            return False
        return True

    def _observe(self, lease: coordinationv1.Lease) -> None:
        spec = lease.spec
        record = _Record(
            spec.holder_identity or "",
            spec.renew_time or "",
            spec.lease_transitions or 0,
            timedelta(seconds=spec.lease_duration_seconds or 0),
        )
        if record != self._seen:
            self._seen = record
            self._seen_at = asyncio.get_running_loop().time()

    def _is_held_by_another(self) -> bool:
        seen = self._seen
        if seen is None or not seen.holder or seen.holder == self._options.identity:
            return False
        age = asyncio.get_running_loop().time() - self._seen_at
        return age < seen.duration.total_seconds()

    def _claim(self, lease: coordinationv1.Lease) -> None:
        spec, now = lease.spec, metav1.format_micro_time(self._now())
        if spec.holder_identity != self._options.identity:
            spec.acquire_time = now
            spec.lease_transitions = (spec.lease_transitions or 0) + 1
        spec.holder_identity = self._options.identity
        # Whole seconds, never less than promised: others wait for at least this long.
        spec.lease_duration_seconds = -(-self._options.lease_duration // timedelta(seconds=1))
        spec.renew_time = now
