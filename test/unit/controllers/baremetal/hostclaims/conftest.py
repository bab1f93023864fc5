"""Claims under test: an API in memory, whose hosts change only as a test says."""

from dataclasses import dataclass

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.environment import Environment
from metal3.controllers.baremetal.hostclaim_controller import HostClaimReconciler
from metal3.controllers.baremetal.hostclaims.wakeups import INDEXES
from metal3.provisioner.fixture import FixtureBackend, FixtureOptions
from metal3.runtime.client import NotFoundError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request
from metal3.runtime.recorder import FakeRecorder
from metal3.runtime.types import NamespacedName, key_of

HOSTS = "metal3"
TENANT = "team-a"
NO_STATUS = (metal3api.HardwareData, metal3api.HostDeployPolicy, corev1.Secret, corev1.Namespace)
IMAGE = {"url": "http://images/a.qcow2", "checksum": "abc"}


def new_claim(name="claim", namespace=TENANT, annotations=None, **spec):
    """A claim that states only what matters."""
    meta = {"name": name, "namespace": namespace, "annotations": annotations or {}}
    return metal3api.HostClaim.from_dict({"metadata": meta, "spec": {"poweredOn": True} | spec})


def new_policy(name="let-in", namespace=HOSTS, **rules):
    """A policy; without rules it lets in TENANT by name."""
    return metal3api.HostDeployPolicy.from_dict(
        {
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"hostClaimNamespaces": rules or {"names": [TENANT]}},
        }
    )


def new_namespace(name=TENANT, **labels):
    """A Namespace."""
    namespace = corev1.Namespace.named(name)
    namespace.metadata.labels = dict(labels)
    return namespace


@dataclass
class ClaimBench:
    """One or more claims among hosts."""

    client: FakeClient
    recorder: FakeRecorder
    reconciler: HostClaimReconciler

    async def look(self, name="claim", namespace=TENANT, times=1):
        """Reconcile; the last result."""
        for _ in range(times):
            result = await self.reconciler.reconcile(Request(namespace, name))
        return result

    async def claim(self, name="claim", namespace=TENANT):
        """A claim as the API has it."""
        return await self.client.get(metal3api.HostClaim, NamespacedName(namespace, name))

    async def host(self, name="host-0", namespace=HOSTS):
        """A host as the API has it."""
        return await self.client.get(metal3api.BareMetalHost, NamespacedName(namespace, name))

    async def edit(self, obj, change):
        """What a user does with kubectl edit."""
        now = await self.client.get(type(obj), key_of(obj))
        change(now)
        return await self.client.update(now)

    async def be(self, state, host="host-0", **status):
        """The host's operator at work."""
        now = await self.host(host)
        now.status.provisioning.state = state
        if state == "provisioned":
            now.status.provisioning.image = now.spec.image
        elif state == "available":
            now.status.provisioning.image = None
        for key, value in status.items():
            setattr(now.status, key, value)
        await self.client.status.update(now)

    async def condition(self, kind, name="claim"):
        """A condition of the claim, as status, reason, message."""
        found = metav1.find_condition((await self.claim(name)).status.conditions, kind)
        assert found is not None, kind
        return found.status, found.reason, found.message

    async def secrets(self, namespace=HOSTS):
        """Secrets of a namespace that are copies, by the end of their names."""
        found = await self.client.list(corev1.Secret, namespace=namespace)
        copies = [s for s in found.items if s.metadata.name.startswith("hostclaim-")]
        return {s.metadata.name.rpartition("-")[2]: s for s in copies}

    async def is_gone(self, name="claim"):
        """Whether the claim is no more."""
        try:
            await self.claim(name)
        except NotFoundError:
            return True
        return False


@pytest.fixture
def available(make_host):
    """Makes hosts that are free."""

    def make(name="host-0", namespace=HOSTS, labels=None, state="available", **spec):
        host = make_host(name, **({"online": False} | spec))
        host.metadata.namespace = namespace
        host.metadata.labels = labels or {}
        host.status.provisioning.state = state
        return host

    return make


@pytest.fixture
def claims():
    """Makes a bench of these objects."""

    def make(*objects) -> ClaimBench:
        client = FakeClient(*objects, without_status=NO_STATUS)
        for kind, indexes in INDEXES.items():
            for name, extract in indexes.items():
                client.index_field(kind, name, extract)
        return bench_on(client)

    return make


def bench_on(client, reader=None) -> ClaimBench:
    """A second manager on the same API, whose cache may be another."""
    recorder = FakeRecorder()
    env = Environment(
        client=reader or client,
        live=client,
        recorder=recorder,
        backend=FixtureBackend(options=FixtureOptions()),
    )
    return ClaimBench(client=client, recorder=recorder, reconciler=HostClaimReconciler(env=env))
