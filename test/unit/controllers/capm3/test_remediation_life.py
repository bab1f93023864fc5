"""Remediations with real controllers: the provider asks, the bare-metal operator obeys."""

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api

pytestmark = pytest.mark.looptime(start=0)


def is_provisioned(m3m):
    """Whether Cluster API would go on."""
    return m3m.status.initialization is not None and m3m.status.initialization.provisioned


def powers(actions):
    """What was written of the host's power, in order."""
    bodies = [a.body for a in actions if a.kind == "BareMetalHost" and a.subresource == "status"]
    found = [getattr(body, "body", body) for body in bodies]
    status = [body.get("status", {}) for body in found if isinstance(body, dict)]
    return [part["poweredOn"] for part in status if "poweredOn" in part]


async def test_a_machine_is_power_cycled_between_two_operators(
    world, make_cluster, make_machine, make_host, make_secret
):
    """Off and on again, woken by the host each time; then deletable at once."""
    objects = [*make_cluster(), *make_machine(), make_host(), make_secret()]
    async with world(*objects) as w:
        await w.machine("m-0", is_provisioned)
        machine = await w.get(clusterv1.Machine, "m-0")
        m3r = infrav1.Metal3Remediation.named("m-0", "metal3")
        m3r.metadata.owner_references = [metav1.owner_reference(machine)]
        await w.client.create(m3r)
        w.client.actions.clear()

        async def is_done():
            found = await w.get(infrav1.Metal3Remediation, "m-0")
            return found.status.phase == "Waiting" and not found.metadata.finalizers

        await w.until(is_done, limit=120)
        assert powers(w.client.actions) == [False, True]
        await w.delete(infrav1.Metal3Remediation, "m-0")
        await w.gone(infrav1.Metal3Remediation, "m-0", limit=5)
        host = await w.get(metal3api.BareMetalHost, "host-0")
        assert not [k for k in host.metadata.annotations if k.startswith("reboot.metal3.io/")]
