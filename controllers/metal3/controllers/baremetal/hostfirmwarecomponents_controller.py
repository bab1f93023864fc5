"""Shows the firmware versions of a machine, and whether updates are wanted.

Watches: HostFirmwareComponents (spec), the host of the same name (its state).
Writes:  HostFirmwareComponents status, but for ``updates``, which the host's controller keeps.
Looks again: after DIRTY while an update is wanted, else after RESYNC; after a start at what is
         settled, one after the other.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import NeedsRegistrationError, NotReadyError
from metal3.runtime.client import NotFoundError
from metal3.runtime.patch import patching
from metal3.runtime.reconcile import Request, Result

from .host.access import find_host, is_reachable, machine_of
from .host.environment import Environment
from .host.firmware import is_settled
from .host.pace import Pace

Type = metal3api.FirmwareConditionType
Reason = metal3api.FirmwareConditionReason

NOT_READY: Final = timedelta(seconds=30)
DIRTY: Final = timedelta(minutes=5)
RESYNC: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFirmwareComponentsReconciler:
    """Only looks; the host's own controller changes the machine."""

    env: Environment
    _pace: Pace = field(default_factory=Pace)

    async def reconcile(self, req: Request) -> Result:
        """Compare one machine with what is wanted of it."""
        try:
            components = await self.env.client.get(metal3api.HostFirmwareComponents, req)
        except NotFoundError:
            self._pace.forget(req)
            return Result()
        host = await find_host(self.env, req)
        if host is None or not is_reachable(host):
            return Result()  # a change of the host's state comes here again
        if is_settled(components, components.status.conditions) and (left := self._pace.left(req)):
            return Result(requeue_after=left)
        self._pace.skip(req)
        try:
            machine = await machine_of(self.env, host)
            found = await machine.firmware_components()
        except (NotReadyError, NeedsRegistrationError):
            return Result(requeue_after=NOT_READY)
        async with patching(self.env.client, components):
            dirty = self._update(components, [part.deep_copy() for part in found])
        return Result(requeue_after=DIRTY if dirty else RESYNC)

    def _update(
        self,
        components: metal3api.HostFirmwareComponents,
        found: list[metal3api.FirmwareComponentStatus],
    ) -> bool:
        status = components.status
        before = status.to_dict()
        status.components = found
        wrong = sorted(
            update.component
            for update in components.spec.updates
            if not metal3api.component_is_known(update.component)
        )
        dirty = _plain(components.spec.updates) != _plain(status.updates)
        self._tell(components, wrong)
        self._set(components, Type.CHANGE_DETECTED, value=dirty, reason=Reason.OK, message="")
        self._set(
            components,
            Type.VALID,
            value=not wrong,
            reason=Reason.INVALID_COMPONENT if wrong else Reason.OK,
            message=_explain(wrong),
        )
        if status.to_dict() != before:
            status.last_updated = metav1.format_time(self.env.clock())
        return dirty

    def _set(
        self,
        components: metal3api.HostFirmwareComponents,
        kind: str,
        *,
        value: bool,
        reason: str,
        message: str,
    ) -> None:
        condition = metav1.Condition(
            type=kind,
            status=metav1.ConditionStatus.TRUE if value else metav1.ConditionStatus.FALSE,
            reason=reason,
            message=message[:1024],
            observed_generation=components.metadata.generation,
        )
        metav1.set_condition(components.status.conditions, condition, now=self.env.clock())

    def _tell(self, components: metal3api.HostFirmwareComponents, wrong: list[str]) -> None:
        """An event, once for each revision of the spec."""
        seen = metav1.find_condition(components.status.conditions, Type.VALID)
        if seen is not None and seen.observed_generation == components.metadata.generation:
            return
        if wrong:
            self.env.recorder.warning(components, "ValidationFailed", _explain(wrong))


def _explain(wrong: list[str]) -> str:
    if not wrong:
        return ""
    return f"unknown component {', '.join(wrong)}: it may be bios, bmc or nic:<name>"


def _plain(updates: list[metal3api.FirmwareUpdate]) -> list[object]:
    return [update.to_dict() for update in updates]
