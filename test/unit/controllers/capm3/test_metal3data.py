"""Metal3Data: Secrets are made once, what is missing is told, and it goes after its claim."""

from dataclasses import replace

import pytest
import yaml

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.capm3 import INDEXES, wakeups
from metal3.controllers.capm3.addressclaims import CLAIM_KINDS, AddressClaims
from metal3.controllers.capm3.environment import Environment
from metal3.controllers.capm3.metal3data_controller import Metal3DataReconciler
from metal3.runtime.client import NotFoundError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request
from metal3.runtime.recorder import FakeRecorder
from metal3.runtime.types import NamespacedName

NS = "metal3"
KEY = Request(NS, "t-0")
BOTH = {"metaData": {"namespaces": [{"key": "k"}]}, "networkData": {"services": {}}}


class Case:
    """The Metal3Data ``t-0`` of machine ``m-0`` on host ``h``, unless something is left out."""

    def __init__(self, workload, cluster, machine, host, *, without=(), **spec):
        machine, m3m, _ = machine
        m3m.metadata.annotations[infrav1.HOST_ANNOTATION] = f"{NS}/h"
        host.spec.consumer_ref = None
        if "host" not in without:
            host.spec.consumer_ref = _consumer(m3m)
        if "owner" in without:
            m3m.metadata.owner_references = []
        template = infrav1.Metal3DataTemplate.from_dict(
            {"metadata": {"name": "t", "namespace": NS}, "spec": spec}
        )
        claim = infrav1.Metal3DataClaim.named("m-0", NS)
        claim.metadata.uid = "uid-of-claim"
        claim.metadata.owner_references = [metav1.owner_reference(m3m, controller=True)]
        claim.status.rendered_data = infrav1.ObjectRef(name="t-0", namespace=NS)
        self.data = infrav1.Metal3Data.named("t-0", NS)
        self.data.metadata.uid = "uid-of-data"
        self.data.metadata.labels = {clusterv1.CLUSTER_NAME_LABEL: "c"}
        self.data.metadata.owner_references = [metav1.owner_reference(claim, controller=True)]
        self.data.spec.index = 0
        self.data.spec.claim = infrav1.ObjectRef(name="m-0", namespace=NS)
        self.data.spec.template = infrav1.ObjectRef(name="t", namespace=NS)
        there = {"cluster": cluster[0], "machine": m3m, "template": template, "claim": claim}
        objects = [obj for word, obj in there.items() if word not in without]
        self.client = FakeClient(*objects, machine, host, self.data)
        for kind, indexes in INDEXES.items():
            for name, extract in indexes.items():
                self.client.index_field(kind, name, extract)
        for kind in CLAIM_KINDS:
            self.client.index_field(kind, wakeups.DATA_INDEX, wakeups.data_name)
        self.env = Environment(
            client=self.client, live=self.client, recorder=FakeRecorder(), workload=workload
        )

    async def look(self):
        """One pass; the data then, None when it is gone."""
        claims = AddressClaims(env=self.env)
        await Metal3DataReconciler(env=self.env, claims=claims).reconcile(KEY)
        return await self.get(infrav1.Metal3Data, "t-0")

    async def get(self, kind, name):
        """An object, None if there is none."""
        try:
            return await self.client.get(kind, NamespacedName(NS, name))
        except NotFoundError:
            return None

    async def text(self, name, key):
        """What a Secret holds, read as YAML."""
        return yaml.safe_load(corev1.secret_data(await self.get(corev1.Secret, name))[key])


def _consumer(m3m):
    return metal3api.ObjectReference(
        api_version=f"{infrav1.GROUP}/v1beta1",
        kind="Metal3Machine",
        name=m3m.metadata.name,
        namespace=NS,
    )


@pytest.fixture
def make_case(make_workload, make_cluster, make_machine, make_host):
    """Makes cases."""

    def make(without=(), **spec):
        return Case(
            make_workload(),
            make_cluster(),
            make_machine(),
            make_host("h"),
            without=without,
            **(spec or BOTH),
        )

    return make


@pytest.mark.parametrize("sees_wish", [True, False])
async def test_a_host_that_the_cache_shows_later_counts(make_case, sees_wish):
    """No data says that a machine has no host while it has one."""
    case = make_case(without=["host"])
    case.env = replace(case.env, live=make_case().client)
    if not sees_wish:
        m3m = await case.get(infrav1.Metal3Machine, "m-0")
        m3m.metadata.annotations = {}
        await case.client.update(m3m)
    data = await case.look()
    assert (data.status.ready, data.status.error_message) == (True, None)
    assert (await case.text("m-0-metadata", "metaData"))["providerid"] == "metal3/h/m-0"


async def test_both_secrets_are_made(make_case):
    """Named after the machine, typed, labelled and owned as the Go provider's."""
    case = make_case()
    data = await case.look()
    assert (data.status.ready, data.status.error_message) == (True, None)
    assert (data.spec.meta_data.name, data.spec.network_data.name) == (
        "m-0-metadata",
        "m-0-networkdata",
    )
    assert await case.text("m-0-metadata", "metaData") == {
        "k": NS,
        "providerid": "metal3/h/m-0",
    }
    assert await case.text("m-0-networkdata", "networkData") == {
        "links": [],
        "networks": [],
        "services": [],
    }
    secret = await case.get(corev1.Secret, "m-0-metadata")
    assert secret.type == "infrastructure.cluster.x-k8s.io/secret"
    assert secret.metadata.labels == {
        clusterv1.CLUSTER_NAME_LABEL: "c",
        metal3api.ENVIRONMENT_LABEL: metal3api.ENVIRONMENT_LABEL_VALUE,
    }
    (owner,) = secret.metadata.owner_references
    assert (owner.kind, owner.name, owner.controller) == ("Metal3Data", "t-0", True)


@pytest.mark.parametrize(
    ("spec", "secrets"),
    [
        ({"metaData": {}}, {"m-0-metadata"}),
        ({"networkData": {}}, {"m-0-networkdata"}),
        ({"clusterName": "c"}, set()),
    ],
)
async def test_only_what_the_template_has_is_made(make_case, spec, secrets):
    """A template of neither is ready at once."""
    case = make_case(**spec)
    assert (await case.look()).status.ready
    found = await case.client.list(corev1.Secret, namespace=NS)
    assert {secret.metadata.name for secret in found.items} == secrets


async def test_secrets_that_are_there_are_never_written(make_case):
    """A machine boots twice with the same data; also with Secrets of the user's own."""
    case = make_case()
    mine = corev1.new_secret("m-0-metadata", NS, {"metaData": "mine: true"})
    await case.client.create(mine)
    assert (await case.look()).status.ready
    assert await case.text("m-0-metadata", "metaData") == {"mine": True}
    assert await case.text("m-0-networkdata", "networkData") is not None


async def test_another_name_can_be_given(make_case):
    """Names that are in the data already are used."""
    case = make_case()
    data = await case.get(infrav1.Metal3Data, "t-0")
    data.spec.meta_data = infrav1.SecretReference(name="other")
    await case.client.update(data)
    await case.look()
    assert await case.get(corev1.Secret, "other") is not None
    assert await case.get(corev1.Secret, "m-0-metadata") is None


async def test_secrets_of_an_earlier_data_are_waited_for(make_case):
    """They go with it; until then somebody may boot with them."""
    case = make_case()
    earlier = infrav1.Metal3Data.named("t-7", NS)
    earlier.metadata.uid = "uid-of-earlier"
    secret = corev1.new_secret("m-0-metadata", NS, {"metaData": "a: b"})
    secret.metadata.owner_references = [metav1.owner_reference(earlier, controller=True)]
    await case.client.create(secret)
    data = await case.look()
    assert not data.status.ready
    assert data.status.error_message == "Secret m-0-metadata still belongs to Metal3Data t-7"
    await case.client.delete(secret)
    data = await case.look()
    assert (data.status.ready, data.status.error_message) == (True, None)


@pytest.mark.parametrize(
    ("without", "text"),
    [
        ("template", "Metal3DataTemplate t is not there"),
        ("machine", "metal3Machine associated with Metal3DataTemplate is not found"),
        ("owner", "Metal3Machine m-0 has no Machine yet"),
        ("host", "Metal3Machine m-0 has no host yet"),
    ],
)
async def test_what_is_missing_is_told(make_case, without, text):
    """In the status, from where the machine takes it."""
    data = await make_case(without=(without,)).look()
    assert data.status.ready is False
    assert data.status.error_message == text


async def test_data_of_no_template_says_so(make_case):
    """The Go provider stays silent there."""
    case = make_case()
    data = await case.get(infrav1.Metal3Data, "t-0")
    data.spec.template = None
    await case.client.update(data)
    assert "names no Metal3DataTemplate" in (await case.look()).status.error_message


async def test_what_cannot_be_rendered_is_told_and_heals(make_case):
    """Here a card of the host that is not known yet."""
    case = make_case(metaData={"fromHostInterfaces": [{"key": "k", "interface": "eno1"}]})
    data = await case.look()
    assert "NICs list not populated" in data.status.error_message
    host = await case.get(metal3api.BareMetalHost, "h")
    nics = [{"name": "eno1", "mac": "02:00:00:00:00:01"}]
    host.status.hardware = metal3api.HardwareDetails.from_dict({"nics": nics})
    await case.client.status.update(host)
    data = await case.look()
    assert (data.status.ready, data.status.error_message) == (True, None)


async def test_a_paused_cluster_stops_it(make_case):
    """No Secret is made."""
    case = make_case()
    cluster = await case.get(clusterv1.Cluster, "c")
    cluster.spec.paused = True
    await case.client.update(cluster)
    assert (await case.look()).status.ready is None


async def test_data_that_its_claim_does_not_know_yet_waits(make_case):
    """The answer may be another: two managers may have made data for one claim."""
    case = make_case()
    claim = await case.get(infrav1.Metal3DataClaim, "m-0")
    claim.status.rendered_data = None
    await case.client.status.update(claim)
    assert (await case.look()).status.ready is None
    claim = await case.get(infrav1.Metal3DataClaim, "m-0")
    claim.status.rendered_data = infrav1.ObjectRef(name="t-1", namespace=NS)
    await case.client.status.update(claim)
    await case.look()
    assert await case.look() is None
    assert await case.get(corev1.Secret, "m-0-metadata") is None


async def test_data_whose_claim_is_gone_goes(make_case):
    """Nobody else would take it away."""
    case = make_case(without=("claim",))
    await case.look()
    assert await case.look() is None


async def test_it_goes_after_its_claim(make_case):
    """Until the claim is gone the machine uses the data, and its addresses."""
    case = make_case()
    await case.look()
    await case.client.delete(await case.get(infrav1.Metal3Data, "t-0"))
    assert await case.look() is not None
    await case.client.delete(await case.get(infrav1.Metal3DataClaim, "m-0"))
    assert await case.look() is None


async def test_a_new_claim_of_the_same_name_does_not_keep_it(make_case):
    """It is of another machine of that name."""
    case = make_case()
    await case.look()
    claim = await case.get(infrav1.Metal3DataClaim, "m-0")
    await case.client.delete(claim)
    await case.client.create(infrav1.Metal3DataClaim.named("m-0", NS))
    await case.client.delete(await case.get(infrav1.Metal3Data, "t-0"))
    assert await case.look() is None
