"""Telling the user how a claim stands: status, condition, event, metrics; written when it differs."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import Patch, PatchType

from . import metrics
from .addresses import Address
from .claims import Claim, ClaimType, Problem
from .environment import Environment

T = TypeVar("T", bound=metav1.Object)

ALLOCATED = "Allocated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimStatus(Generic[T]):
    """Writes what changed, guarded by the revision that was read."""

    env: Environment
    type: ClaimType[T]

    async def allocated(self, obj: T, claim: Claim, name: str, address: Address) -> None:
        """The claim has its address."""
        is_new = self.type.recorded_name(obj) != name
        message = f"address {address} of IPPool {claim.pool.name}"
        await self._write(obj, name, None, ALLOCATED, message)
        if is_new:
            metrics.allocated(claim, self._waited(claim))
            self.env.recorder.normal(claim.obj, "AddressAllocated", message)

    async def refuse(self, obj: T, claim: Claim, problem: Problem) -> None:
        """The claim has to wait, and this is why."""
        before = metav1.find_condition(self.type.conditions(obj), ipamv1.READY_CONDITION)
        is_news = before is None or before.reason != problem.reason
        await self._write(obj, "", problem, problem.reason, problem.message)
        if is_news:
            metrics.refused(claim, problem.reason)
            self.env.recorder.warning(claim.obj, problem.reason, problem.message)

    def _waited(self, claim: Claim) -> float | None:
        since = self.env.ledger.claims.get(claim.key)
        return self.env.ledger.time() - since if since else None

    async def _write(
        self, obj: T, name: str, problem: Problem | None, reason: str, message: str
    ) -> None:
        conditions = self.type.conditions(obj)
        change: dict[str, Any] = self.type.status(obj, name, problem)
        status = metav1.ConditionStatus.TRUE if problem is None else metav1.ConditionStatus.FALSE
        ready = metav1.Condition(
            type=ipamv1.READY_CONDITION,
            status=status,
            reason=reason,
            message=message,
            observed_generation=obj.metadata.generation,
        )
        if metav1.set_condition(conditions, ready, now=self.env.now()):
            change["conditions"] = [condition.to_dict() for condition in conditions]
        if not change:
            return
        meta = {"resourceVersion": obj.metadata.resource_version, "uid": obj.metadata.uid}
        body = {"metadata": meta, "status": change}
        await self.env.client.status.patch(obj, Patch(PatchType.MERGE, body))
