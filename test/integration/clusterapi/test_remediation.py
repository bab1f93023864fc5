"""Sick nodes, found by the real MachineHealthCheck: cured by a reboot, or replaced."""

from functools import partial

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.runtime.types import NamespacedName

from .machines import node_name

pytestmark = [
    pytest.mark.kube,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("cluster-api"),
]
HEALTH_CHECK = """
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: Metal3RemediationTemplate
metadata: {name: reboot}
spec: {template: {spec: {strategy: {type: Reboot, retryLimit: 1, timeoutSeconds: 100}}}}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineHealthCheck
metadata: {name: check}
spec:
  clusterName: c
  selector: {matchLabels: {pool: md}}
  checks:
    unhealthyNodeConditions: [{type: Ready, status: Unknown, timeoutSeconds: 1}]
  remediation:
    templateRef:
      apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
      kind: Metal3RemediationTemplate
      name: reboot
"""
LONG_AGO = "2020-01-01T00:00:00Z"


async def test_a_reboot_cures_a_node(ground):
    """The host is off for a moment; machine and node are the same afterwards, and untainted."""
    await ground.cluster()
    await ground.host("host-0")
    await ground.deployment(1)
    machines = await ground.running(1)
    await ground.create(HEALTH_CHECK)
    hardware = ground.stage.backend.machine(ground.key("host-0"))
    before = len(hardware.power_actions)
    ground.stage.kubelets.broken.add(ground.key("host-0"))
    (name,) = machines

    async def found():
        return await ground.get(infrav1.Metal3Remediation, name)

    await ground.until(found)
    await ground.gone(infrav1.Metal3Remediation, name)
    assert await ground.running(1) == machines
    assert len(hardware.power_actions) > before
    key = NamespacedName("", node_name(ground.key("host-0")))
    node = await ground.stage.remote.get(corev1.Node, key)
    assert "node.kubernetes.io/out-of-service" not in {taint.key for taint in node.spec.taints}


async def test_a_node_that_does_not_recover_is_replaced(ground):
    """When all tries are over the MachineSet makes another machine, on another host."""
    await ground.cluster()
    await ground.host("host-0")
    await ground.deployment(1)
    ((old, _),) = (await ground.running(1)).items()
    await ground.host("host-1")
    await ground.create(HEALTH_CHECK)
    ground.stage.kubelets.lost.add(ground.key("host-0"))

    async def waiting(number):
        m3r = await ground.get(infrav1.Metal3Remediation, old)
        tries = m3r.status.retry_count or 0
        return m3r if (m3r.status.phase, tries) == ("Waiting", number) else None

    for number in range(2):  # the first try, and the one more of retryLimit
        m3r = await ground.until(partial(waiting, number))
        m3r.status.last_remediated = LONG_AGO
        await ground.client.status.update(m3r)

    async def replaced():
        found = await ground.running(1)
        return found if old not in found else None

    assert list((await ground.until(replaced)).values()) == ["host-1"]
    await ground.gone(infrav1.Metal3Remediation, old)
    sick = await ground.in_state("host-0", "available")
    assert infrav1.UNHEALTHY_ANNOTATION in sick.metadata.annotations
    assert sick.spec.consumer_ref is None
