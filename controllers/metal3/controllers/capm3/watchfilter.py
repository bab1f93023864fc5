"""Several providers in one cluster: each works on the objects that bear its label."""

from dataclasses import dataclass

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import NotFoundError

from .environment import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filtered:
    env: Environment
    kind: type[metav1.Object]
    inner: ctrl.Reconciler

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Leave alone what is somebody else's."""
        try:
            obj = await self.env.client.get(self.kind, req)
        except NotFoundError:
            return await self.inner.reconcile(req)  # what is left of it is nobody else's
        label = obj.metadata.labels.get(clusterv1.WATCH_FILTER_LABEL)
        if label != self.env.options.watch_filter:
            return ctrl.Result()
        return await self.inner.reconcile(req)


def filtered(
    env: Environment, kind: type[metav1.Object], inner: ctrl.Reconciler
) -> ctrl.Reconciler:
    """The reconciler itself unless the option ``watch_filter`` is set."""
    return _Filtered(env=env, kind=kind, inner=inner) if env.options.watch_filter else inner
