"""A machine that has two hosts keeps the one it lives on and gives the others back.

A claim may land late: the process that sent it is dead, and meanwhile the machine, whose wishes
changed, has another host. Nobody but the machine can tell, so it looks at every pass, and the
claim itself wakes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.patch import PatchHelper

from .environment import Environment
from .related import annotated_host, find, identified_host, is_consumer
from .release import Release

State = metal3api.ProvisioningState


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraHosts:
    """Gives back what a machine has too many of."""

    env: Environment

    async def release(
        self,
        m3m: infrav1.Metal3Machine,
        hosts: Sequence[metal3api.BareMetalHost],
        helper: PatchHelper[infrav1.Metal3Machine],
    ) -> None:
        """One step for each host but the first; its change wakes the machine for the next.

        Raises ConflictError when the machine, or a host, changed since it was read.
        """
        kept, *others = hosts
        idle = [host for host in others if not _may_be_in_use(m3m, host)]
        if not idle:
            return
        await helper.patch(status=False)  # all managers must agree on which is kept
        if not await self._is_certain(m3m, kept):
            return
        for host in idle:
            name = host.metadata.name
            text = f"has two BareMetalHosts: keeps {kept.metadata.name}, gives {name} back"
            self.env.recorder.warning(m3m, "ExtraHost", text, related=host)
            await Release(env=self.env).step(m3m, host)

    async def _is_certain(self, m3m: infrav1.Metal3Machine, kept: metal3api.BareMetalHost) -> bool:
        """Whether the server, too, says that the machine lives there."""
        name, live = kept.metadata.name, self.env.live
        machine = await find(live, infrav1.Metal3Machine, m3m.metadata.namespace, m3m.metadata.name)
        host = await find(live, metal3api.BareMetalHost, kept.metadata.namespace, name)
        return (
            machine is not None
            and annotated_host(machine) == name
            and identified_host(machine) in {"", name}
            and host is not None
            and is_consumer(host, machine)
        )


def _may_be_in_use(m3m: infrav1.Metal3Machine, host: metal3api.BareMetalHost) -> bool:
    """A system that runs may be the machine's node until the provider ID names another host."""
    runs = host.status.provisioning.state == State.PROVISIONED
    return runs and not identified_host(m3m)
