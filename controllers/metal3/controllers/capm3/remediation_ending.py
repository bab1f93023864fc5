"""The end of a remediation that was deleted, or whose machine goes: nothing of it stays behind."""

from dataclasses import dataclass
from datetime import timedelta

from metal3 import ctrl
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.runtime.patch import patching

from . import remediation_host as hosts
from .environment import Environment
from .remediation import RemediationScope, timeout_of
from .remediation_escalation import take_back
from .remediation_node import NodeFence
from .workload import WorkloadUnreachableError


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationEnding:
    """Ends within the time of one try, whatever the workload cluster does."""

    env: Environment
    poll: timedelta

    async def drive(self, scope: RemediationScope) -> ctrl.Result:
        """One pass; the last one removes the finalizer."""
        m3r = scope.m3r
        if not metav1.has_finalizer(m3r, infrav1.REMEDIATION_FINALIZER):
            return ctrl.Result()
        async with patching(self.env.client, m3r):
            await hosts.let_all_power_on(self.env.client, m3r)
            if scope.machine_stays and not await self._is_undone(scope):
                return ctrl.Result(requeue_after=self.poll)
            metav1.remove_finalizer(m3r, infrav1.REMEDIATION_FINALIZER)
        return ctrl.Result()

    async def _is_undone(self, scope: RemediationScope) -> bool:
        m3r, machine = scope.m3r, scope.machine
        if machine is not None and m3r.status.phase == infrav1.RemediationPhase.DELETING_MACHINE:
            await take_back(self.env.client, machine, m3r)
            if scope.host is not None:
                await hosts.mark_healthy(self.env.client, scope.host)
        try:
            missing = "" if await NodeFence(env=self.env).restore(scope) else "it did not come back"
        except WorkloadUnreachableError as error:
            missing = str(error)
        if not missing:
            return True
        if self._has_time(m3r):
            return False
        text = f"node {scope.node_name} could not be restored, look at its taints: {missing}"
        self.env.recorder.warning(m3r, "NodeNotRestored", text, related=machine)
        return True

    def _has_time(self, m3r: infrav1.Metal3Remediation) -> bool:
        try:
            asked = metav1.parse_time(m3r.metadata.deletion_timestamp or "")
        except ValueError:
            return False
        return self.env.now() - asked < timeout_of(m3r)
