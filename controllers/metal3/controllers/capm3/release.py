"""Giving a host back: what was deployed on it goes first, then the claim."""

from dataclasses import dataclass

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import NotFoundError
from metal3.runtime.patch import patching

from . import bmcsecret, hostspec, metrics
from .environment import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """How a machine lets a host go.

    ``reserve_as`` and ``cluster`` keep it for the next machine of the same owner.
    """

    env: Environment
    keep_power: bool = False
    reserve_as: str = ""
    cluster: clusterv1.Cluster | None = None

    async def step(self, m3m: infrav1.Metal3Machine, host: metal3api.BareMetalHost) -> bool:
        """True when the host is given back; False while it is being deprovisioned.

        Raises ConflictError when the host changed since it was read.
        """
        is_last = hostspec.release_step(host) is hostspec.Release.NOW
        if is_last:
            await bmcsecret.label(self.env.client, host, None)
        try:
            async with patching(self.env.client, host, optimistic_lock=True):
                hostspec.unpause(host)
                hostspec.undeploy(host, m3m, keep_power=self.keep_power)
                if is_last:
                    hostspec.let_go(host, reserve_as=self.reserve_as, cluster=self.cluster)
        except NotFoundError:
            return True
        if is_last:
            self._tell(m3m, host)
        return is_last

    def _tell(self, m3m: infrav1.Metal3Machine, host: metal3api.BareMetalHost) -> None:
        metrics.RELEASES.labels(reserved=str(bool(self.reserve_as)).lower()).inc()
        word = "HostReserved" if self.reserve_as else "HostReleased"
        text = f"gave BareMetalHost {host.metadata.name} back"
        self.env.recorder.normal(m3m, word, text, related=host)
