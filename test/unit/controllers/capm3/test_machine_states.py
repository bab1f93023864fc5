"""One look at a machine whose host is in some state: what the machine says of it."""

from datetime import UTC, datetime

import pytest

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.capm3 import INDEXES
from metal3.controllers.capm3.environment import Environment
from metal3.controllers.capm3.hosts import Hosts
from metal3.controllers.capm3.metal3machine_controller import Metal3MachineReconciler
from metal3.controllers.capm3.ownwrites import OwnWrites
from metal3.runtime.client import NotFoundError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request
from metal3.runtime.recorder import FakeRecorder

NS = "metal3"
KEY = Request(NS, "m-0")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Case:
    """Machine ``m-0`` that has host ``h``; nothing else runs."""

    def __init__(self, workload, cluster, machine, host, status):
        _, m3m, _ = machine
        m3m.metadata.annotations[infrav1.HOST_ANNOTATION] = f"{NS}/h"
        m3m.metadata.finalizers = [infrav1.MACHINE_FINALIZER]
        host.spec.consumer_ref = metal3api.ObjectReference(
            api_version=f"{infrav1.GROUP}/v1alpha5", kind="Metal3Machine", name="m-0", namespace=NS
        )
        host.status = metal3api.BareMetalHost.from_dict({"status": status}).status
        self.client = FakeClient(*cluster, *machine, host)
        for kind, indexes in INDEXES.items():
            for name, extract in indexes.items():
                self.client.index_field(kind, name, extract)
        self.recorder = FakeRecorder()
        env = Environment(
            client=self.client,
            live=self.client,
            recorder=self.recorder,
            workload=workload,
            now=lambda: NOW,
        )
        self.reconciler = Metal3MachineReconciler(
            env=env, hosts=Hosts(wake=lambda _: None), own_writes=OwnWrites()
        )

    async def look(self):
        """One pass; the machine then, None when it is gone."""
        await self.reconciler.reconcile(KEY)
        try:
            return await self.client.get(infrav1.Metal3Machine, KEY)
        except NotFoundError:
            return None

    async def host(self):
        """As it is."""
        return await self.client.get(metal3api.BareMetalHost, Request(NS, "h"))


@pytest.fixture
def make_case(make_workload, make_cluster, make_machine, make_host):
    """Makes cases of a host's status."""

    def make(cluster=None, **status):
        there = make_cluster() if cluster is None else cluster
        return Case(make_workload(), there, make_machine(), make_host("h"), status)

    return make


def said(m3m, kind):
    """Status, reason and message of a condition."""
    found = metav1.find_condition(m3m.status.conditions, kind)
    return (found.status, found.reason, found.message) if found is not None else None


ABOUT_HOST = "AssociateMetal3MachineMetaData"


@pytest.mark.parametrize(
    ("status", "reason", "message"),
    [
        (
            {"provisioning": {"state": "preparing"}},
            "WaitingForBareMetalHostProvisioned",
            "host h is preparing",
        ),
        ({}, "WaitingForBareMetalHostProvisioned", "host h is not registered"),
        (
            {
                "provisioning": {"state": "provisioning"},
                "errorType": "provisioning error",
                "errorMessage": "no image",
            },
            "BareMetalHostFailed",
            "host h: provisioning error: no image",
        ),
    ],
)
async def test_what_is_waited_for_of_a_host(make_case, status, reason, message):
    """Its state, or what it failed with; Ready says the same."""
    m3m = await make_case(**status).look()
    assert said(m3m, ABOUT_HOST) == ("False", reason, message)
    assert message in said(m3m, "Ready")[2]
    assert said(m3m, "AssociateBareMetalHost")[:2] == ("True", "AssociateBareMetalHostSuccess")


async def test_a_machine_is_not_written_for_each_state_of_its_host(make_case):
    """From the image on it waits for one thing."""
    case = make_case(provisioning={"state": "available"})
    before = await case.look()
    host = await case.host()
    host.status.provisioning.state = metal3api.ProvisioningState.PROVISIONING
    await case.client.status.update(host)
    after = await case.look()
    assert said(after, ABOUT_HOST)[2] == "waiting for host h to be provisioned"
    assert after.metadata.resource_version == before.metadata.resource_version


async def test_a_host_that_recovers_is_forgiven(make_case):
    """The machine goes on where it was."""
    case = make_case(provisioning={"state": "provisioning"}, errorMessage="x", errorType="y")
    await case.look()
    host = await case.host()
    host.status.error_message = host.status.error_type = ""
    host.status.provisioning.state = metal3api.ProvisioningState.PROVISIONED
    await case.client.status.update(host)
    m3m = await case.look()
    assert m3m.status.initialization.provisioned
    assert said(m3m, "Ready")[0] == "True"


async def test_a_host_that_comes_back_is_taken_again(make_case):
    """Restored from a backup, say; what v1beta1 calls a failure is taken back."""
    case = make_case(provisioning={"state": "provisioned"})
    await case.look()
    host = await case.host()
    await case.client.delete(host)
    m3m = await case.look()
    assert said(m3m, "AssociateBareMetalHost")[1] == "BareMetalHostGone"
    assert m3m.status.deprecated.v_1_beta_1.failure_reason == "UpdateError"
    host.metadata.resource_version = ""
    await case.client.create(host)
    m3m = await case.look()
    assert said(m3m, "AssociateBareMetalHost")[0] == "True"
    assert m3m.status.deprecated.v_1_beta_1.failure_reason is None


async def test_a_selector_that_makes_no_sense_is_told_and_heals(make_case):
    """The field is named; a corrected one is used at once."""
    case = make_case()
    await case.client.delete(await case.host())
    m3m = await case.client.get(infrav1.Metal3Machine, KEY)
    m3m.metadata.annotations = {}
    m3m.spec.host_selector = infrav1.HostSelector.from_dict(
        {"matchExpressions": [{"key": "a", "operator": "like", "values": ["b"]}]}
    )
    await case.client.update(m3m)
    m3m = await case.look()
    status, reason, message = said(m3m, "AssociateBareMetalHost")
    assert (status, reason) == ("False", "InvalidConfiguration")
    assert "hostSelector" in message


async def test_a_deletion_that_waits_says_for_what(make_case):
    """The host's state, and its error if that is what holds things up."""
    case = make_case(
        provisioning={"state": "deprovisioning"},
        errorType="provisioned registration error",
        errorMessage="no answer",
    )
    await case.client.delete(await case.client.get(infrav1.Metal3Machine, KEY))
    m3m = await case.look()
    assert said(m3m, ABOUT_HOST) == (
        "False",
        "Deleting",
        "waiting for host h (deprovisioning): provisioned registration error: no answer",
    )
    host = await case.host()
    assert (host.spec.image, host.spec.online) == (None, False)


async def test_a_machine_goes_although_its_cluster_is_gone(make_case):
    """Neither the Cluster nor the Metal3Cluster is needed; the Event tells of the host."""
    case = make_case(cluster=[], provisioning={"state": "available"})
    await case.client.delete(await case.client.get(infrav1.Metal3Machine, KEY))
    assert await case.look() is None
    assert (await case.host()).spec.consumer_ref is None
    assert case.recorder.reasons == ["HostReleased"]


async def test_a_host_of_another_machine_is_left_alone(make_case):
    """A deletion takes nothing from whoever has the host by now."""
    case = make_case(provisioning={"state": "provisioned"})
    host = await case.host()
    host.spec.consumer_ref.name = "other"
    await case.client.update(host)
    await case.client.delete(await case.client.get(infrav1.Metal3Machine, KEY))
    assert await case.look() is None
    host = await case.host()
    assert (host.spec.consumer_ref.name, host.spec.online) == ("other", True)
