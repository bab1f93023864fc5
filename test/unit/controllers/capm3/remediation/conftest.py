"""A machine with a node on a host whose power the test sets, and a remediation of it."""

from datetime import UTC, datetime, timedelta

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.capm3 import INDEXES
from metal3.controllers.capm3.environment import Environment
from metal3.controllers.capm3.hostspec import claim
from metal3.controllers.capm3.metal3remediation_controller import Metal3RemediationReconciler
from metal3.controllers.capm3.remediation_workload import (
    POD_NODE_FIELD,
    Pod,
)
from metal3.runtime.client import NotFoundError, ServerVersion
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request
from metal3.runtime.recorder import FakeRecorder

NS = "metal3"
KEY = Request(NS, "m-0")
HOST = Request(NS, "host-0")
NODE = Request("", "n-0")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
TIMEOUT = timedelta(seconds=300)
OFF = infrav1.REMEDIATION_REBOOT_PREFIX + "r-uid"


class WorkloadServer(FakeClient):
    """The API server of a workload cluster, of some release."""

    minor = "31+"

    async def server_version(self):
        """As from ``/version``."""
        return ServerVersion(major="1", minor=self.minor, git_version="", platform="")


class Case:
    """A machine with a node, on a host whose power the test sets."""

    def __init__(self, objects, workload):
        self.machine, self.m3m, self.host_object, *others = objects
        self.m3r = new_remediation(self.machine)
        self.clock = EPOCH
        self.client = FakeClient(
            self.machine, self.m3m, self.host_object, self.m3r, *others, clock=lambda: self.clock
        )
        for kind, indexes in INDEXES.items():
            for name, extract in indexes.items():
                self.client.index_field(kind, name, extract)
        self.workload = workload
        self.recorder = FakeRecorder()
        env = Environment(
            client=self.client,
            live=self.client,
            recorder=self.recorder,
            workload=workload,
            now=lambda: self.clock,
        )
        self.reconciler = Metal3RemediationReconciler(env=env)

    async def step(self, times=1):
        """That many calls of the reconciler; the answer of the last."""
        for _ in range(times):
            result = await self.reconciler.reconcile(KEY)
        return result

    async def settle(self):
        """Calls, and seconds, until nothing more happens by itself."""
        for _ in range(8):
            await self.step()
            self.clock += timedelta(seconds=2)

    async def remediation(self):
        """As it is stored."""
        return await self.client.get(infrav1.Metal3Remediation, KEY)

    async def phase(self):
        """Of the remediation."""
        return (await self.remediation()).status.phase

    async def host(self):
        """As it is stored."""
        return await self.client.get(metal3api.BareMetalHost, HOST)

    async def is_held_off(self):
        """Whether the host is to stay off."""
        return OFF in (await self.host()).metadata.annotations

    async def node(self):
        """As it is stored in the workload cluster."""
        return await self.workload.remote.get(corev1.Node, NODE)

    async def taints(self):
        """Keys of the node's taints."""
        return [taint.key for taint in (await self.node()).spec.taints]

    async def edit_host(self, change):
        """What the bare-metal operator, or a user, does."""
        host = await self.host()
        change(host)
        await self.client.status.update(host)
        stored = await self.host()
        stored.spec, stored.metadata.annotations = host.spec, host.metadata.annotations
        await self.client.update(stored)

    async def obey(self):
        """The bare-metal operator switches the host as it is told."""

        def switch(host):
            host.status.powered_on = OFF not in host.metadata.annotations

        await self.edit_host(switch)

    async def one_try(self):
        """Off, on, and no success until the time is up."""
        await self.settle()
        await self.obey()
        self.clock += timedelta(seconds=10)
        await self.settle()
        await self.obey()
        await self.settle()
        self.clock += TIMEOUT

    async def is_gone(self):
        """Whether the remediation is no more."""
        try:
            await self.remediation()
        except NotFoundError:
            return True
        return False

    async def delete(self, kind):
        """Ask for deletion of the remediation, or of what is named like it."""
        await self.client.delete(await self.client.get(kind, KEY))


def new_remediation(machine):
    """As a health check makes it: of the machine's name, owned by it."""
    m3r = infrav1.Metal3Remediation.from_dict(
        {
            "metadata": {"name": "m-0", "namespace": NS, "uid": "r-uid"},
            "spec": {"strategy": {"type": "Reboot", "retryLimit": 1, "timeoutSeconds": 300}},
        }
    )
    m3r.metadata.owner_references = [metav1.owner_reference(machine)]
    return m3r


@pytest.fixture
def make_case(make_machine, make_host, make_cluster, make_workload):
    """Makes cases; with a node of some labels unless told otherwise."""

    def make(*, with_node=True, reachable=True):
        machine, m3m, _ = make_machine()
        host = make_host()
        host.status.powered_on = True
        host.status.provisioning.state = metal3api.ProvisioningState.PROVISIONED
        claim(host, m3m)
        remote = WorkloadServer()
        remote.index_field(Pod, POD_NODE_FIELD, lambda pod: [pod.spec.node_name])
        if with_node:
            machine.status.node_ref = clusterv1.NodeReference(name="n-0")
            node = corev1.Node.named("n-0")
            node.metadata.labels = {"rack": "7", "note": "old"}
            node.metadata.annotations = {"note": "mine"}
            remote = WorkloadServer(node)
            remote.index_field(Pod, POD_NODE_FIELD, lambda pod: [pod.spec.node_name])
        workload = make_workload(remote=remote, reachable=reachable)
        return Case([machine, m3m, host, *make_cluster()], workload)

    return make


@pytest.fixture
def case(make_case):
    """A case where everything answers."""
    return make_case()
