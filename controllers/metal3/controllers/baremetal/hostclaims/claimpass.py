"""One look at one claim: the object, how it was, and the only place its status is written."""

from dataclasses import dataclass, field
from typing import Any

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.environment import Environment

Type = metal3api.HostClaimConditionType


@dataclass(slots=True, kw_only=True)
class ClaimPass:
    """What the steps of one reconciliation share."""

    env: Environment
    claim: metal3api.HostClaim
    _before: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Remember the status as it was."""
        self._before = self.claim.status.to_dict()

    @property
    def status(self) -> metal3api.HostClaimStatus:
        """The claim's status, to be changed and saved."""
        return self.claim.status

    def condition(self, kind: Type, status: str, reason: str, message: str = "") -> None:
        """Set one condition."""
        new = metav1.Condition(
            type=kind,
            status=status,
            reason=reason,
            message=message,
            observed_generation=self.claim.metadata.generation,
        )
        metav1.set_condition(self.status.conditions, new, now=self.env.clock())
        self.status.conditions.sort(key=lambda c: (c.type != Type.READY, c.type))

    async def save(self) -> None:
        """Write the status if it changed.

        Raises ConflictError when the claim has changed since it was read: what was decided on a
        past state of the claim is never stored.
        """
        if self.status.to_dict() == self._before:
            return
        self.status.last_updated = metav1.format_time(self.env.clock())
        stored = await self.env.client.status.update(self.claim)
        self.claim.metadata = stored.metadata
        self._before = self.status.to_dict()


def reference_of(host: metal3api.BareMetalHost) -> metal3api.HostReference:
    """How a claim's status names a host."""
    return metal3api.HostReference(namespace=host.metadata.namespace, name=host.metadata.name)
