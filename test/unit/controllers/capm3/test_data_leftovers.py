"""What is left when managers die or race: nothing may hold an address or an index for good."""

import asyncio

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.controllers.capm3 import Capm3Options

pytestmark = pytest.mark.looptime(start=0)
NS = "metal3"
DATA_CLAIM = infrav1.Metal3DataClaim
FILTER = {clusterv1.WATCH_FILTER_LABEL: "mine"}


def owned(kind, name, owner, finalizer):
    """An object whose controller was of this kind, and is gone."""
    obj = kind.named(name, NS)
    gone = owner.named("gone", NS)
    gone.metadata.uid = "uid-gone"
    obj.metadata.owner_references = [metav1.owner_reference(gone, controller=True)]
    obj.metadata.finalizers = [finalizer]
    return obj


async def test_data_that_is_deleted_goes_on_when_its_cluster_does(world, make_cluster):
    """It waits for nothing else, so nothing else would wake it."""
    data = infrav1.Metal3Data.named("t-0", NS)
    data.metadata.labels = {clusterv1.CLUSTER_NAME_LABEL: "c"}
    data.metadata.finalizers = [infrav1.DATA_FINALIZER, infrav1.DATA_CLAIM_FINALIZER]
    objects = make_cluster()
    objects[0].spec.paused = True
    async with world(*objects, data) as w:
        await w.delete(infrav1.Metal3Data, "t-0")
        await asyncio.sleep(20)
        assert await w.list(infrav1.Metal3Data)

        def go_on(cluster):
            cluster.spec.paused = False

        await w.edit(clusterv1.Cluster, "c", go_on)
        await w.gone(infrav1.Metal3Data, "t-0", limit=5)


@pytest.mark.parametrize("watch_filter", ["", "mine"])
@pytest.mark.parametrize(
    ("kind", "owner", "finalizer"),
    [
        (ipamv1.IPClaim, infrav1.Metal3Data, infrav1.DATA_FINALIZER),
        (capiipamv1.IPAddressClaim, infrav1.Metal3Data, infrav1.DATA_FINALIZER),
        (infrav1.Metal3DataClaim, infrav1.Metal3Machine, infrav1.MACHINE_FINALIZER),
    ],
)
async def test_a_claim_that_was_made_too_late_is_let_go(
    world, make_cluster, kind, owner, finalizer, watch_filter
):
    """Its owner was gone when it was created; garbage collection deletes it."""
    claim = owned(kind, "gone", owner, finalizer)
    options = Capm3Options(watch_filter=watch_filter)
    async with world(*make_cluster(), claim, options=options) as w:
        await asyncio.sleep(5)
        assert await w.list(kind)
        await w.delete(kind, "gone")
        await w.gone(kind, "gone", limit=5)


POOLS = [
    {"key": "ours", "name": "p"},
    {"key": "theirs", "name": "q", "apiGroup": "ipam.example.org", "kind": "Pool"},
]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (DATA_CLAIM, "m-0"),
        (ipamv1.IPClaim, "t-0-p"),
        (capiipamv1.IPAddressClaim, "t-0-q"),
    ],
)
async def test_a_claim_that_is_deleted_unanswered_is_made_again(
    world, make_cluster, make_machine, make_host, make_secret, kind, name
):
    """By a user, or with an earlier machine of the name: nothing was rendered from it."""
    machine = make_machine("m-0", dataTemplate={"name": "t"})
    fields = {"metaData": {"ipAddressesFromPool": POOLS}}
    # Without its template a data claim is not answered.
    template = infrav1.Metal3DataTemplate.named("t" if kind is not DATA_CLAIM else "another", NS)
    template.spec = infrav1.Metal3DataTemplateSpec.from_dict(fields)
    objects = [*make_cluster(), *machine, template, make_host("h"), make_secret()]
    async with world(*objects) as w:

        async def claim():
            return await w.get(kind, name)

        first = await w.until(claim)
        await w.delete(kind, name)

        async def is_new():
            return (await claim()).metadata.uid != first.metadata.uid

        await w.until(is_new, limit=5)


async def test_a_claim_goes_though_its_template_was_taken_away(world, make_cluster):
    """By force, with its finalizer: there is nobody left who could answer."""
    claim = infrav1.Metal3DataClaim.named("m-0", NS)
    claim.metadata.finalizers = [infrav1.DATA_CLAIM_FINALIZER]
    claim.spec.template = infrav1.ObjectRef(name="t", namespace=NS)
    async with world(*make_cluster(), claim) as w:
        await asyncio.sleep(5)
        await w.delete(infrav1.Metal3DataClaim, "m-0")
        await w.gone(infrav1.Metal3DataClaim, "m-0", limit=5)
