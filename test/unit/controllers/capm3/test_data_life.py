"""Metadata and network data of machines: indexes, addresses, Secrets; and giving them back."""

import asyncio
import contextlib

import pytest
import yaml

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.capm3 import Capm3Options
from metal3.runtime.client import ApiError, NotFoundError

pytestmark = pytest.mark.looptime(start=0)

NS = "metal3"
META_DATA = {
    "ipAddressesFromPool": [{"key": "ip", "name": "pool"}],
    "indexes": [{"key": "index"}],
    "objectNames": [{"key": "name", "object": "machine"}],
}


def template(name="t", **spec):
    """A Metal3DataTemplate."""
    return infrav1.Metal3DataTemplate.from_dict(
        {"metadata": {"name": name, "namespace": NS}, "spec": spec}
    )


def is_provisioned(m3m):
    """Whether Cluster API would go on."""
    return m3m.status.initialization is not None and m3m.status.initialization.provisioned


@contextlib.asynccontextmanager
async def address_provider(w, *, error=None):  # noqa: C901 - a server in a few lines
    """Plays IPAM: answers claims of both kinds, as long as ``error`` is empty."""
    state = {"error": error, "next": 10}

    async def serve():
        while True:
            for kind in (ipamv1.IPClaim, capiipamv1.IPAddressClaim):
                for claim in await w.list(kind):
                    with contextlib.suppress(ApiError):
                        await answer(claim)
            await asyncio.sleep(0.1)

    async def answer(claim):
        if claim.metadata.deletion_timestamp:
            return
        if isinstance(claim, ipamv1.IPClaim):
            if claim.status.address is not None:
                return
            if state["error"]:
                claim.status.error_message = state["error"]
            else:
                state["next"] += 1
                address = ipamv1.IPAddress.named(claim.metadata.name, NS)
                address.spec.address = f"198.51.100.{state['next']}"
                address.spec.prefix = 24
                await w.client.create(address)
                claim.status.error_message = None
                claim.status.address = ipamv1.ObjectReference(name=claim.metadata.name)
        elif claim.status.address_ref is None:
            given = capiipamv1.IPAddress.named(claim.metadata.name, NS)
            given.spec.address, given.spec.prefix = "203.0.113.5", 24
            await w.client.create(given)
            claim.status.address_ref = capiipamv1.AddressReference(name=claim.metadata.name)
        else:
            return
        await w.client.status.update(claim)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(serve())
        try:
            yield state
        finally:
            task.cancel()


async def secret(w, name, key):
    """Parsed content of a Secret."""
    found = await w.get(corev1.Secret, name)
    return yaml.safe_load(corev1.secret_data(found)[key])


async def test_rendered_data_reaches_the_host(
    world, make_cluster, make_machine, make_host, make_secret
):
    """Claim, index, address and Secrets; the host is only deployed when all is there."""
    networks = {"ipv4": [{"id": "n", "link": "l", "ipAddressFromIPPool": "pool"}]}
    objects = [
        *make_cluster(),
        *make_machine(dataTemplate={"name": "t"}),
        make_host(),
        make_secret(),
        template(metaData=META_DATA, networkData={"networks": networks}),
    ]
    async with world(*objects) as w, address_provider(w):
        m3m = await w.machine("m-0", is_provisioned)
        assert m3m.status.rendered_data.name == "t-0"
        host = await w.get(metal3api.BareMetalHost, "host-0")
        assert host.spec.meta_data.name == "m-0-metadata"
        assert host.spec.network_data.name == "m-0-networkdata"
        assert await secret(w, "m-0-metadata", "metaData") == {
            "ip": "198.51.100.11",
            "index": "0",
            "name": "m-0",
            "providerid": "metal3/host-0/m-0",
        }
        network = await secret(w, "m-0-networkdata", "networkData")
        assert network["networks"][0]["ip_address"] == "198.51.100.11"
        found = await w.get(corev1.Secret, "m-0-metadata")
        assert found.type == infrav1.SECRET_TYPE
        assert found.metadata.labels[clusterv1.CLUSTER_NAME_LABEL] == "c"
        t = await w.get(infrav1.Metal3DataTemplate, "t")
        assert [(e.name, e.index) for e in t.status.indexes] == [("m-0", 0)]


async def test_addresses_are_freed_after_the_host_is_deprovisioned(
    world, make_cluster, make_machine, make_host, make_secret
):
    """No other machine gets the address while the old system runs; then nothing is left."""
    objects = [
        *make_cluster(),
        *make_machine(dataTemplate={"name": "t"}),
        make_host(),
        make_secret(),
        template(metaData=META_DATA),
    ]
    async with world(*objects) as w, address_provider(w):
        await w.machine("m-0", is_provisioned)
        await w.delete(infrav1.Metal3Machine, "m-0")
        while True:
            try:
                claim = await w.get(ipamv1.IPClaim, "t-0-pool")
            except NotFoundError:
                break
            if claim.metadata.deletion_timestamp:
                break
            await asyncio.sleep(0.01)
        host = await w.get(metal3api.BareMetalHost, "host-0")
        assert host.status.provisioning.state == "available"
        assert host.spec.meta_data is None
        await w.gone(infrav1.Metal3Machine, "m-0")
        for kind, name in (
            (infrav1.Metal3DataClaim, "m-0"),
            (infrav1.Metal3Data, "t-0"),
            (ipamv1.IPClaim, "t-0-pool"),
        ):
            await w.gone(kind, name)

        async def no_index():
            t = await w.get(infrav1.Metal3DataTemplate, "t")
            return not t.status.indexes

        await w.until(no_index)
        await w.delete(infrav1.Metal3DataTemplate, "t")
        await w.gone(infrav1.Metal3DataTemplate, "t")


async def test_indexes_are_unique_and_lowest_first(
    world, make_cluster, make_machine, make_host, make_secret
):
    """Each machine has a number of its own; a number that was freed is given out again."""
    objects = [*make_cluster(), make_secret(), template()]
    objects += [make_host(f"host-{i}") for i in range(4)]
    for i in range(4):
        objects += make_machine(f"m-{i}", dataTemplate={"name": "t"})
    async with world(*objects, managers=2) as w:
        for i in range(4):
            await w.machine(f"m-{i}", is_provisioned)
        datas = await w.list(infrav1.Metal3Data)
        assert sorted(d.spec.index for d in datas) == [0, 1, 2, 3]
        victim = next(d for d in datas if d.spec.index == 1).spec.claim.name
        await w.delete(infrav1.Metal3Machine, victim)
        await w.gone(infrav1.Metal3Machine, victim)
        await w.gone(infrav1.Metal3Data, "t-1")
        for obj in make_machine("m-9", dataTemplate={"name": "t"}):
            await w.client.create(obj)
        m3m = await w.machine("m-9", is_provisioned)
        assert m3m.status.rendered_data.name == "t-1"


async def test_an_exhausted_pool_heals(world, make_cluster, make_machine, make_host, make_secret):
    """The reason is told on the way up to the machine; addresses that come later are taken."""
    objects = [
        *make_cluster(),
        *make_machine(dataTemplate={"name": "t"}),
        make_host(),
        make_secret(),
        template(metaData=META_DATA),
    ]
    async with world(*objects) as w, address_provider(w, error="pool is exhausted") as provider:
        m3m = await w.machine("m-0", lambda m: "exhausted" in _why(m))
        assert not is_provisioned(m3m)
        host = await w.get(metal3api.BareMetalHost, "host-0")
        assert host.spec.image is None
        provider["error"] = None
        await w.machine("m-0", is_provisioned)


def _why(m3m):
    return next((c.message for c in m3m.status.conditions if c.type == "Metal3DataReady"), "")


async def test_a_template_that_comes_late(
    world, make_cluster, make_machine, make_host, make_secret
):
    """The machine waits, and goes on when the template is there."""
    objects = [*make_cluster(), *make_machine(dataTemplate={"name": "t"}), make_host()]
    async with world(*objects, make_secret()) as w:
        await w.machine("m-0", lambda m: "Metal3DataClaim" in _why(m))
        await w.client.create(template())
        await w.machine("m-0", is_provisioned)


async def test_pools_of_cluster_api(world, make_cluster, make_machine, make_host, make_secret):
    """Any pool that is not Metal3's is asked with an IPAddressClaim, for the cluster."""
    item = {"key": "ip", "name": "pool", "kind": "InClusterIPPool", "apiGroup": "ipam.example.com"}
    objects = [
        *make_cluster(),
        *make_machine(dataTemplate={"name": "t"}),
        make_host(),
        make_secret(),
        template(metaData={"ipAddressesFromPool": [item]}),
    ]
    async with world(*objects) as w, address_provider(w):
        await w.machine("m-0", is_provisioned)
        claim = await w.get(capiipamv1.IPAddressClaim, "t-0-pool")
        assert claim.spec.cluster_name == "c"
        assert claim.spec.pool_ref.kind == "InClusterIPPool"
        assert (await secret(w, "m-0-metadata", "metaData"))["ip"] == "203.0.113.5"


async def test_addresses_reserved_by_the_name_of_the_host(
    world, make_cluster, make_machine, make_host, make_secret
):
    """With the option the claim bears the host's name, which pools can reserve addresses for."""
    objects = [
        *make_cluster(),
        *make_machine(dataTemplate={"name": "t"}),
        make_host(),
        make_secret(),
        template(metaData=META_DATA),
    ]
    options = Capm3Options(name_based_preallocation=True)
    async with world(*objects, options=options) as w, address_provider(w):
        await w.machine("m-0", is_provisioned)
        claim = await w.get(ipamv1.IPClaim, "host-0-pool")
        assert claim.metadata.labels[infrav1.DATA_NAME_LABEL] == "t-0"
        assert claim.metadata.labels[infrav1.POOL_NAME_LABEL] == "pool"


async def test_the_users_own_data_wins(world, make_cluster, make_machine, make_host, make_secret):
    """Of what is rendered only the half that the user did not give is used."""
    objects = [
        *make_cluster(),
        *make_machine(dataTemplate={"name": "t"}, metaData={"name": "mine"}),
        make_host(),
        make_secret(),
        corev1.new_secret("mine", NS, {"metaData": "a: b"}),
        template(metaData={"namespaces": [{"key": "k"}]}, networkData={}),
    ]
    async with world(*objects) as w:
        await w.machine("m-0", is_provisioned)
        host = await w.get(metal3api.BareMetalHost, "host-0")
        assert host.spec.meta_data.name == "mine"
        assert host.spec.network_data.name == "m-0-networkdata"


async def test_own_data_without_a_template(
    world, make_cluster, make_machine, make_host, make_secret
):
    """Metadata and user data that the machine names reach the host."""
    refs = {"metaData": {"name": "mine"}, "userData": {"name": "hello"}}
    secrets = [corev1.new_secret(n, NS, {"value": "a: b"}) for n in ("mine", "hello")]
    objects = [*make_cluster(), *make_machine(**refs), make_host(), make_secret(), *secrets]
    async with world(*objects) as w:
        await w.machine("m-0", is_provisioned)
        host = await w.get(metal3api.BareMetalHost, "host-0")
        assert host.spec.meta_data.name == "mine"
        assert host.spec.user_data.name == "hello"


async def test_cleaning_mode_follows_the_template(world):
    """A change in the template reaches machines that were made from it, and no others."""
    made = infrav1.Metal3Machine.named("made", NS)
    made.metadata.annotations = {clusterv1.CLONED_FROM_NAME_ANNOTATION: "mt"}
    other = infrav1.Metal3Machine.named("other", NS)
    mt = infrav1.Metal3MachineTemplate.from_dict(
        {
            "metadata": {"name": "mt", "namespace": NS},
            "spec": {"template": {"spec": {"automatedCleaningMode": "metadata"}}},
        }
    )
    async with world(made, other, mt) as w:
        await w.machine("made", lambda m: m.spec.automated_cleaning_mode == "metadata")
        await w.edit(
            infrav1.Metal3MachineTemplate,
            "mt",
            lambda t: setattr(t.spec.template.spec, "automated_cleaning_mode", "disabled"),
        )
        await w.machine("made", lambda m: m.spec.automated_cleaning_mode == "disabled")
        assert (await w.get(infrav1.Metal3Machine, "other")).spec.automated_cleaning_mode is None


async def test_node_reuse(world, make_cluster, make_machine, make_host, make_secret):
    """With nodeReuse the host is kept for the next machine of the same MachineDeployment."""
    machine_set = clusterv1.MachineSet.from_dict(
        {
            "metadata": {
                "name": "ms",
                "namespace": NS,
                "ownerReferences": [
                    {
                        "apiVersion": "cluster.x-k8s.io/v1beta2",
                        "kind": "MachineDeployment",
                        "name": "md",
                        "uid": "1",
                        "controller": True,
                    }
                ],
            }
        }
    )
    owner = {
        "apiVersion": "cluster.x-k8s.io/v1beta2",
        "kind": "MachineSet",
        "name": "ms",
        "uid": "2",
        "controller": True,
    }
    mt = infrav1.Metal3MachineTemplate.from_dict(
        {
            "metadata": {"name": "mt", "namespace": NS},
            "spec": {"nodeReuse": True, "template": {"spec": {}}},
        }
    )

    def reusing(name):
        machine, m3m, user_data = make_machine(name)
        machine.metadata.owner_references = [metav1.OwnerReference.from_dict(owner)]
        m3m.metadata.annotations = {clusterv1.CLONED_FROM_NAME_ANNOTATION: "mt"}
        return [machine, m3m, user_data]

    objects = [*make_cluster(), *reusing("m-0"), machine_set, mt, make_host(), make_secret()]
    async with world(*objects) as w:
        await w.machine("m-0", is_provisioned)
        await w.delete(infrav1.Metal3Machine, "m-0")
        await w.gone(infrav1.Metal3Machine, "m-0")
        host = await w.get(metal3api.BareMetalHost, "host-0")
        assert host.metadata.labels[infrav1.NODE_REUSE_LABEL] == "md-md"
        assert host.spec.consumer_ref.kind == "Cluster"
        for obj in make_machine("stranger"):
            await w.client.create(obj)
        await w.machine("stranger", lambda m: m.status.conditions)
        for obj in reusing("m-1"):
            await w.client.create(obj)
        m3m = await w.machine("m-1", is_provisioned)
        reasons = {c.type: c.reason for c in m3m.status.conditions}
        assert reasons["AssociateBareMetalHost"] == "AssociateBareMetalHostViaNodeReuseSuccess"
        host = await w.get(metal3api.BareMetalHost, "host-0")
        assert infrav1.NODE_REUSE_LABEL not in host.metadata.labels
        assert not is_provisioned(await w.get(infrav1.Metal3Machine, "stranger"))
