"""Claims of addresses: what they look like, what is waited for, and that they go."""

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.controllers.capm3 import wakeups
from metal3.controllers.capm3.addressclaims import AddressClaims
from metal3.controllers.capm3.environment import Environment
from metal3.controllers.capm3.options import Capm3Options
from metal3.controllers.capm3.rendering import Objects, PoolAddress, PoolKey, RenderError
from metal3.runtime.client import NotFoundError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.recorder import FakeRecorder
from metal3.runtime.types import NamespacedName

NS = "metal3"
OURS = PoolKey("p")
FOREIGN = PoolKey("q", "InClusterIPPool", "ipam.cluster.x-k8s.io")


class Case:
    """A Metal3Data that wants addresses."""

    def __init__(self, workload, objects, *, name="t-0", **options):
        self.client = FakeClient()
        for kind in (ipamv1.IPClaim, capiipamv1.IPAddressClaim):
            self.client.index_field(kind, wakeups.DATA_INDEX, wakeups.data_name)
        env = Environment(
            client=self.client,
            live=self.client,
            recorder=FakeRecorder(),
            workload=workload,
            options=Capm3Options(**options),
        )
        self.claims = AddressClaims(env=env)
        self.data = infrav1.Metal3Data.named(name, NS)
        self.data.metadata.uid = "uid-of-data"
        self.data.metadata.labels = {clusterv1.CLUSTER_NAME_LABEL: "c"}
        machine, m3m, host = objects
        self.objects = Objects(data=self.data, machine=machine, metal3_machine=m3m, host=host)

    async def ask(self, *pools):
        """Found and waited for."""
        got = await self.claims.addresses(self.objects, pools)
        return got.found, got.waiting

    async def get(self, kind, name):
        """An object, None if there is none."""
        try:
            return await self.client.get(kind, NamespacedName(NS, name))
        except NotFoundError:
            return None


@pytest.fixture
def make_case(make_workload, make_machine, make_host):
    """Makes cases."""

    def make(**options):
        machine, m3m, _ = make_machine()
        return Case(make_workload(), (machine, m3m, make_host("h")), **options)

    return make


async def test_a_claim_of_a_pool_of_ours(make_case):
    """Named, labelled, owned and held as the Go provider does it."""
    case = make_case()
    assert await case.ask(OURS) == ({}, ["pool p: waiting for an address"])
    claim = await case.get(ipamv1.IPClaim, "t-0-p")
    assert claim.spec.pool.name == "p"
    assert claim.metadata.labels == {clusterv1.CLUSTER_NAME_LABEL: "c"}
    assert claim.metadata.finalizers == [infrav1.DATA_FINALIZER]
    (owner,) = claim.metadata.owner_references
    assert (owner.kind, owner.name, owner.controller) == ("Metal3Data", "t-0", True)
    await case.ask(OURS)
    assert len((await case.client.list(ipamv1.IPClaim)).items) == 1


async def test_a_claim_of_a_pool_of_cluster_api(make_case):
    """With what its contract wants: owner that blocks, Cluster, and the pool's kind."""
    case = make_case()
    await case.ask(FOREIGN)
    claim = await case.get(capiipamv1.IPAddressClaim, "t-0-q")
    assert claim.spec.to_dict() == {
        "clusterName": "c",
        "poolRef": {"name": "q", "kind": "InClusterIPPool", "apiGroup": "ipam.cluster.x-k8s.io"},
    }
    (owner,) = claim.metadata.owner_references
    assert (owner.controller, owner.block_owner_deletion) == (True, True)


async def test_an_address_of_ours_comes_with_all_it_has(make_case):
    """Prefix, gateway and name servers of the pool."""
    case = make_case()
    await case.ask(OURS)
    address = ipamv1.IPAddress.from_dict(
        {
            "metadata": {"name": "a", "namespace": NS},
            "spec": {
                "address": "192.0.2.7",
                "prefix": 24,
                "gateway": "192.0.2.1",
                "dnsServers": ["192.0.2.53"],
            },
        }
    )
    await case.client.create(address)
    claim = await case.get(ipamv1.IPClaim, "t-0-p")
    claim.status.address = ipamv1.ObjectReference(name="a", namespace=NS)
    await case.client.status.update(claim)
    wanted = PoolAddress(
        address="192.0.2.7", prefix=24, gateway="192.0.2.1", dns_servers=("192.0.2.53",)
    )
    assert await case.ask(OURS) == ({OURS: wanted}, [])


async def test_an_address_of_cluster_api(make_case):
    """It has no name servers."""
    case = make_case()
    await case.ask(FOREIGN)
    address = capiipamv1.IPAddress.from_dict(
        {
            "metadata": {"name": "a", "namespace": NS},
            "spec": {"address": "2001:db8::7", "prefix": 64},
        }
    )
    await case.client.create(address)
    claim = await case.get(capiipamv1.IPAddressClaim, "t-0-q")
    claim.status.address_ref = capiipamv1.AddressReference(name="a")
    await case.client.status.update(claim)
    wanted = PoolAddress(address="2001:db8::7", prefix=64)
    assert await case.ask(FOREIGN) == ({FOREIGN: wanted}, [])


async def test_why_there_is_no_address_is_told(make_case):
    """What the pool's operator says of either kind of claim."""
    case = make_case()
    await case.ask(OURS, FOREIGN)
    claim = await case.get(ipamv1.IPClaim, "t-0-p")
    claim.status.error_message = "exhausted"
    await case.client.status.update(claim)
    other = await case.get(capiipamv1.IPAddressClaim, "t-0-q")
    other.status.conditions = [
        metav1.Condition(
            type="Ready", status="False", reason="PoolNotReady", message="no such pool"
        )
    ]
    await case.client.status.update(other)
    _, waiting = await case.ask(OURS, FOREIGN)
    assert waiting == [
        "pool p: exhausted",
        "pool InClusterIPPool.ipam.cluster.x-k8s.io q: no such pool",
    ]


@pytest.mark.parametrize("pool", [OURS, FOREIGN], ids=str)
async def test_a_claim_of_an_earlier_data_has_to_go_first(make_case, pool):
    """Its address may still be in use; once it is on its way out nothing of ours holds it."""
    case = make_case()
    await case.ask(pool)
    case.data.metadata.uid = "uid-of-the-next"
    _, (text,) = await case.ask(pool)
    assert "an older claim is being released" in text
    kind = ipamv1.IPClaim if pool.is_metal3 else capiipamv1.IPAddressClaim
    await case.client.delete(await case.get(kind, f"t-0-{pool.name}"))
    await case.ask(pool)
    assert await case.get(kind, f"t-0-{pool.name}") is None
    await case.ask(pool)
    claim = await case.get(kind, f"t-0-{pool.name}")
    assert claim.metadata.owner_references[0].uid == "uid-of-the-next"


def answer(claim):
    """What the pool's operator writes into it."""
    if isinstance(claim, ipamv1.IPClaim):
        claim.status.address = ipamv1.ObjectReference(name="a", namespace=NS)
    else:
        claim.status.address_ref = capiipamv1.AddressReference(name="a")


@pytest.mark.parametrize("pool", [OURS, FOREIGN], ids=str)
@pytest.mark.parametrize("is_answered", [False, True])
async def test_a_claim_that_somebody_deletes(make_case, pool, is_answered):
    """It is made again, but what was answered may be in use until the data goes."""
    case = make_case()
    await case.ask(pool)
    kind = ipamv1.IPClaim if pool.is_metal3 else capiipamv1.IPAddressClaim
    first = await case.get(kind, f"t-0-{pool.name}")
    if is_answered:
        answer(first)
        await case.client.status.update(first)
    await case.client.delete(first)
    await case.ask(pool)
    await case.ask(pool)
    now = await case.get(kind, f"t-0-{pool.name}")
    assert (now.metadata.uid == first.metadata.uid) is is_answered


async def test_two_foreign_pools_of_one_name_cannot_be_told_apart(make_case):
    """Claims are named after the pool; which two is said."""
    case = make_case()
    with pytest.raises(RenderError, match="pools of two kinds are both named q"):
        await case.ask(FOREIGN, PoolKey("q", "OtherPool", "example.org"))


async def test_claims_by_the_name_of_the_host(make_case):
    """A pool can reserve an address for a host; labels tell whose claim it is."""
    case = make_case(name_based_preallocation=True)
    await case.ask(OURS, FOREIGN)
    claim = await case.get(ipamv1.IPClaim, "h-p")
    assert claim.metadata.labels[infrav1.DATA_NAME_LABEL] == "t-0"
    assert claim.metadata.labels[infrav1.POOL_NAME_LABEL] == "p"
    assert await case.get(capiipamv1.IPAddressClaim, "t-0-q") is not None


async def test_claims_stay_what_they_are_when_the_option_changes(make_case):
    """Found under either name."""
    case = make_case()
    await case.ask(OURS)
    case.claims = AddressClaims(
        env=Environment(
            client=case.client,
            live=case.client,
            recorder=FakeRecorder(),
            workload=case.claims.env.workload,
            options=Capm3Options(name_based_preallocation=True),
        )
    )
    await case.ask(OURS)
    assert await case.get(ipamv1.IPClaim, "h-p") is None


async def test_long_names_are_no_labels(make_case):
    """A label holds 63 characters; the claim is found without it."""
    case = make_case(name="t" * 70 + "-0", name_based_preallocation=True)
    await case.ask(OURS)
    claim = await case.get(ipamv1.IPClaim, "h-p")
    assert infrav1.DATA_NAME_LABEL not in claim.metadata.labels
    assert claim.metadata.labels[infrav1.POOL_NAME_LABEL] == "p"


async def test_a_name_that_is_too_long_is_told(make_case):
    """Rather than refused by the API server again and again."""
    case = make_case(name="t" * 250 + "-0")
    for pool in (OURS, FOREIGN):
        with pytest.raises(RenderError, match="longer than 253"):
            await case.ask(pool)


async def test_everything_is_given_back(make_case):
    """Whatever the template says by now; twice does no harm."""
    case = make_case()
    await case.ask(OURS, FOREIGN)
    for _ in range(2):
        await case.claims.release(case.data)
    assert await case.get(ipamv1.IPClaim, "t-0-p") is None
    assert await case.get(capiipamv1.IPAddressClaim, "t-0-q") is None
