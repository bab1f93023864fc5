"""Hands changes of ``automatedCleaningMode`` in a template on to the machines made from it.

Watches: Metal3MachineTemplate, Metal3Machine (new ones).
Writes:  ``spec.automatedCleaningMode`` of Metal3Machines, only where it differs.
Looks again: never.
"""

from dataclasses import dataclass

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.runtime.client import NotFoundError
from metal3.runtime.patch import patching

from .environment import Environment
from .wakeups import CLONED_FROM_INDEX


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3MachineTemplateReconciler:
    """Finds the machines by an index, never by listing all."""

    env: Environment

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Drive one template."""
        client = self.env.client
        try:
            template = await client.get(infrav1.Metal3MachineTemplate, req)
        except NotFoundError:
            return ctrl.Result()
        mode = template.spec.template.spec.automated_cleaning_mode
        if clusterv1.is_paused(template) or not mode:
            return ctrl.Result()
        made = await client.list(
            infrav1.Metal3Machine, namespace=req.namespace, fields={CLONED_FROM_INDEX: req.name}
        )
        for m3m in made.items:
            if m3m.spec.automated_cleaning_mode != mode and not m3m.metadata.deletion_timestamp:
                async with patching(client, m3m):
                    m3m.spec.automated_cleaning_mode = mode
        return ctrl.Result()
