"""Indexes of a Metal3DataTemplate: who gets which, and when it is free again."""

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.infrastructure_cluster_x_k8s_io.preserving import SPOKE_DATA_SUFFIX
from metal3.api.meta import v1 as metav1
from metal3.controllers.capm3 import INDEXES
from metal3.controllers.capm3.dataledger import DataLedger
from metal3.controllers.capm3.environment import Environment
from metal3.controllers.capm3.metal3datatemplate_controller import Metal3DataTemplateReconciler
from metal3.runtime.client import NotFoundError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.patch import drop_finalizer
from metal3.runtime.reconcile import Request
from metal3.runtime.recorder import FakeRecorder
from metal3.runtime.types import NamespacedName

NS = "metal3"
OLD = f"v1alpha5{SPOKE_DATA_SUFFIX}"


def template(name="t", **annotations):
    """A template as the operator keeps it."""
    obj = infrav1.Metal3DataTemplate.named(name, NS)
    obj.metadata.annotations = annotations
    obj.metadata.finalizers = [infrav1.DATA_TEMPLATE_FINALIZER]
    return obj


def claim(name, of="t", *, owner=True):
    """A claim as a machine makes it."""
    obj = infrav1.Metal3DataClaim.named(name, NS)
    obj.metadata.labels = {clusterv1.CLUSTER_NAME_LABEL: "c"}
    obj.metadata.finalizers = [infrav1.MACHINE_FINALIZER]
    if owner:
        m3m = infrav1.Metal3Machine.named(name, NS)
        m3m.metadata.uid = f"uid-{name}"
        obj.metadata.owner_references = [metav1.owner_reference(m3m, controller=True)]
    obj.spec.template = infrav1.ObjectRef(name=of, namespace=NS)
    return obj


class Case:
    """A client, and a way to look at a template."""

    def __init__(self, workload, objects):
        self.client = FakeClient(*objects)
        for kind, indexes in INDEXES.items():
            for name, extract in indexes.items():
                self.client.index_field(kind, name, extract)
        self.env = Environment(
            client=self.client, live=self.client, recorder=FakeRecorder(), workload=workload
        )

    async def look(self, name="t"):
        """One pass of an operator that has just started."""
        ledger = DataLedger()
        for data in (await self.client.list(infrav1.Metal3Data)).items:
            ledger.on_add(data, is_in_initial_list=True)
        ledger.all_told()
        reconciler = Metal3DataTemplateReconciler(env=self.env, ledger=ledger)
        await reconciler.reconcile(Request(NS, name))
        await self.free_addresses()

    async def free_addresses(self):
        """What the controller of Metal3Data does with data that goes."""
        for data in (await self.client.list(infrav1.Metal3Data)).items:
            if data.metadata.deletion_timestamp:
                await drop_finalizer(self.client, data, infrav1.DATA_FINALIZER)

    async def get(self, kind, name):
        """An object, None if there is none."""
        try:
            return await self.client.get(kind, NamespacedName(NS, name))
        except NotFoundError:
            return None

    async def given(self):
        """Claims with the name of their data."""
        found = await self.client.list(infrav1.Metal3DataClaim, namespace=NS)
        return {
            c.metadata.name: c.status.rendered_data.name
            for c in found.items
            if c.status.rendered_data
        }

    async def names(self):
        """Of all data."""
        found = await self.client.list(infrav1.Metal3Data, namespace=NS)
        return sorted(data.metadata.name for data in found.items)


@pytest.fixture
def case(make_workload):
    """Makes cases."""
    return lambda *objects: Case(make_workload(), objects)


async def test_claims_get_the_lowest_numbers_once(case):
    """Whatever is looked at twice; the status tells who has which."""
    c = case(template(), claim("a"), claim("b"))
    await c.look()
    await c.look()
    assert await c.given() == {"a": "t-0", "b": "t-1"}
    assert await c.names() == ["t-0", "t-1"]
    status = (await c.get(infrav1.Metal3DataTemplate, "t")).status
    assert [(e.name, e.index) for e in status.indexes] == [("a", 0), ("b", 1)]


async def test_data_tells_what_it_is_of(case):
    """Owners, labels, finalizers and references are those the Go provider writes."""
    c = case(template(), claim("a"))
    await c.look()
    data = await c.get(infrav1.Metal3Data, "t-0")
    owners = [(r.kind, r.name, bool(r.controller)) for r in data.metadata.owner_references]
    assert owners == [("Metal3DataClaim", "a", True), ("Metal3Machine", "a", False)]
    assert data.metadata.labels == {clusterv1.CLUSTER_NAME_LABEL: "c"}
    assert data.metadata.finalizers == [infrav1.DATA_CLAIM_FINALIZER, infrav1.DATA_FINALIZER]
    assert data.spec.to_dict() == {
        "index": 0,
        "template": {"name": "t", "namespace": NS},
        "claim": {"name": "a", "namespace": NS},
    }


async def test_a_claim_whose_status_was_lost_finds_its_data_again(case):
    """As after a move of the cluster: statuses do not travel."""
    c = case(template(), claim("a"), claim("b"))
    await c.look()
    for obj in (await c.client.list(infrav1.Metal3DataClaim)).items:
        obj.status.rendered_data = None
        await c.client.status.update(obj)
    await c.look()
    assert await c.given() == {"a": "t-0", "b": "t-1"}


async def test_a_claim_of_nobody_is_told_so(case):
    """The error goes when the owner comes."""
    c = case(template(), claim("a", owner=False))
    await c.look()
    found = await c.get(infrav1.Metal3DataClaim, "a")
    assert "is not known" in found.status.error_message
    found.metadata.owner_references = claim("a").metadata.owner_references
    await c.client.update(found)
    await c.look()
    found = await c.get(infrav1.Metal3DataClaim, "a")
    assert found.status.error_message is None
    assert found.status.rendered_data.name == "t-0"


async def test_a_claim_that_goes_keeps_its_number_while_the_machine_needs_it(case):
    """Only when the machine lets go the data goes, then the claim, then the number."""
    c = case(template(), claim("a"))
    await c.look()
    await c.client.delete(await c.get(infrav1.Metal3DataClaim, "a"))
    await c.look()
    assert await c.names() == ["t-0"]
    found = await c.get(infrav1.Metal3DataClaim, "a")
    found.metadata.finalizers.remove(infrav1.MACHINE_FINALIZER)
    await c.client.update(found)
    await c.look()
    assert await c.names() == []
    assert await c.get(infrav1.Metal3DataClaim, "a") is None
    await c.look()
    assert not (await c.get(infrav1.Metal3DataTemplate, "t")).status.indexes


async def test_a_template_stays_until_nobody_uses_it(case):
    """It gives nothing to new claims meanwhile."""
    c = case(template(), claim("a"))
    await c.look()
    await c.client.create(claim("late"))
    await c.client.delete(await c.get(infrav1.Metal3DataTemplate, "t"))
    await c.look()
    assert await c.given() == {"a": "t-0"}
    for name in ("a", "late"):
        found = await c.get(infrav1.Metal3DataClaim, name)
        await c.client.delete(found)
        found = await c.get(infrav1.Metal3DataClaim, name)
        found.metadata.finalizers.remove(infrav1.MACHINE_FINALIZER)
        await c.client.update(found)
    await c.look()
    await c.look()
    assert await c.get(infrav1.Metal3DataTemplate, "t") is None


@pytest.mark.parametrize("paused", ["template", "claim", "cluster"])
async def test_what_is_paused_is_left_alone(case, paused):
    """By an annotation on either, or by the Cluster of the claim."""
    cluster = clusterv1.Cluster.named("c", NS)
    cluster.spec.paused = paused == "cluster"
    t, a = template(), claim("a")
    for word, obj in (("template", t), ("claim", a)):
        if word == paused:
            obj.metadata.annotations = {"cluster.x-k8s.io/paused": ""}
    c = case(cluster, t, a)
    await c.look()
    assert await c.given() == {}


async def test_templates_of_old_releases_share_their_numbers(case):
    """With one ``templateReference`` no number is given twice, and names are those of then."""
    kept = {OLD: '{"spec":{"clusterName":"c","templateReference":"old"}}'}
    c = case(template("t", **kept), template("u", **kept), claim("a", "t"), claim("b", "u"))
    for _ in range(2):
        await c.look("t")
        await c.look("u")
    assert await c.given() == {"a": "old-0", "b": "old-1"}
    data = await c.get(infrav1.Metal3Data, "old-1")
    assert data.spec.template.name == "u"
    await c.client.create(claim("d", "t"))
    await c.look("t")
    assert (await c.given())["d"] == "old-2"


async def test_a_template_can_continue_the_numbers_of_another(case):
    """Its reference names the other, which has none itself."""
    kept = {OLD: '{"spec":{"clusterName":"c","templateReference":"t"}}'}
    c = case(template("t"), template("u", **kept), claim("a", "t"), claim("b", "u"))
    await c.look("t")
    await c.look("u")
    assert await c.given() == {"a": "t-0", "b": "t-1"}


async def test_a_template_that_is_gone_needs_nothing(case):
    """A late wake-up is no error."""
    c = case()
    await c.look()
    assert await c.names() == []
