"""``clusterctl move`` of pools, claims of both kinds and their addresses, between two API servers.

Our operator runs on either side, with no rights but those of its manifests; nobody else does.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import NotFoundError, Patch, PatchType, RestClient
from metal3.runtime.envtest import Environment
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName

from . import clusterctl, manifests, programs
from .kinds import Cluster

pytestmark = [
    pytest.mark.kube,
    pytest.mark.xdist_group("cluster-api"),
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is NOT INSTALLED"),
]
NS = "move"
LABEL = "clusterctl.cluster.x-k8s.io"
CRD = metav1.Unstructured.of(
    metav1.GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
    "customresourcedefinitions",
    namespaced=False,
)
CLAIMS: tuple[type[metav1.Object], ...] = (ipamv1.IPClaim, capiipamv1.IPAddressClaim)
ADDRESSES: tuple[type[metav1.Object], ...] = (ipamv1.IPAddress, capiipamv1.IPAddress)
EVERYTHING: tuple[type[metav1.Object], ...] = (ipamv1.IPPool, *CLAIMS, *ADDRESSES)
READY_CLUSTER = {
    "initialization": {"infrastructureProvisioned": True, "controlPlaneInitialized": True},
    "conditions": [
        {
            "type": "ControlPlaneInitialized",
            "status": "True",
            "reason": "Initialized",
            "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ],
}


@dataclass(frozen=True, kw_only=True)
class Side:
    """One management cluster."""

    env: Environment
    client: RestClient

    async def get(self, kind: type[Any], name: str) -> Any:
        """One object."""
        return await self.client.get(kind, NamespacedName(NS, name))

    async def every(self, kind: type[Any]) -> dict[str, Any]:
        """All of a kind, by name."""
        found = (await self.client.list(kind, namespace=NS)).items
        return {obj.metadata.name: obj for obj in found}

    async def create(self, kind: type[Any], name: str, **body: Any) -> Any:
        """One more object."""
        meta = {"name": name, "namespace": NS, "labels": body.pop("labels", {})}
        obj = kind.from_dict({"metadata": meta} | body)
        return await self.client.create(obj)

    async def until(self, look: Any) -> Any:
        """Ask again until the answer is something."""
        async with asyncio.timeout(60):
            while True:
                try:
                    found = await look()
                except NotFoundError:
                    found = None
                if found:
                    return found
                await asyncio.sleep(0.1)

    async def served(self) -> dict[tuple[str, str], str]:
        """Once all claims are Ready: where the status of each leads, by kind and name."""

        async def look() -> dict[tuple[str, str], str]:
            claims = [claim for kind in CLAIMS for claim in (await self.every(kind)).values()]
            if not all(metav1.is_condition_true(c.status.conditions, "Ready") for c in claims):
                return {}
            return {(c.gvk.kind, c.metadata.name): await self._address_of(c) for c in claims}

        found: dict[tuple[str, str], str] = await self.until(look)
        return found

    async def _address_of(self, claim: Any) -> str:
        status = claim.to_dict()["status"]
        if "address" in status:
            obj = await self.get(ipamv1.IPAddress, status["address"]["name"])
        else:
            obj = await self.get(capiipamv1.IPAddress, status["addressRef"]["name"])
        return str(obj.spec.address)


@asynccontextmanager
async def open_side(start: Any, folder: Any) -> AsyncIterator[Side]:
    """An API server that is ready for a move, with the operator on it."""
    module = manifests.module_folder()
    assert module is not None
    ours = await asyncio.to_thread(manifests.our_crds, folder / "ours.yaml")
    theirs = await asyncio.to_thread(manifests.core_crds, module, folder / "theirs.yaml")
    inventory = module / "cmd/clusterctl/config/crd/bases"
    async with AsyncExitStack() as stack:
        env = await stack.enter_async_context(start(api="kube", crds=[ours, theirs, inventory]))
        config = await asyncio.to_thread(load_config, str(env.kubeconfig))
        client = await stack.enter_async_context(RestClient(config))
        await client.create(corev1.Namespace.named(NS))
        await label_crds(client)
        user = await manifests.own_rights(env, client, "ipam")
        mgr = await programs.addresses(user)
        stop = asyncio.Event()
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(stop.set)
        tasks.create_task(mgr.start(stop))
        await mgr.elected.wait()
        yield Side(env=env, client=client)


async def label_crds(client: RestClient) -> None:
    """As ``clusterctl init`` does."""
    for crd in (await client.list(CRD)).items:
        body = {"metadata": {"labels": {LABEL: ""}}}
        await client.patch(crd, Patch(PatchType.MERGE, body))


async def pools_and_claims(side: Side) -> None:
    """A cluster with a pool and claims that it owns, and a pool without one, labelled."""
    cluster = await side.create(
        Cluster, "c", spec={"controlPlaneEndpoint": {"host": "192.0.2.1", "port": 6443}}
    )
    await side.client.status.patch(cluster, Patch(PatchType.MERGE, {"status": READY_CLUSTER}))
    owner = metav1.owner_reference(cluster).to_dict()
    first = {"start": "192.0.2.10", "end": "192.0.2.40"}
    spec = {"clusterName": "c", "namePrefix": "own", "pools": [first], "prefix": 24}
    spec |= {"preAllocations": {"pinned": "192.0.2.30"}, "quarantineSeconds": 3600}
    await side.create(ipamv1.IPPool, "owned", spec=spec)
    labels = {f"{LABEL}/move": "", clusterv1.CLUSTER_NAME_LABEL: "c"}
    free = {"namePrefix": "free", "pools": [{"subnet": "2001:db8::/64"}]}
    await side.create(ipamv1.IPPool, "free", labels=labels, spec=free)
    for name, of in (("a", "owned"), ("pinned", "owned"), ("b", "free"), ("gone", "owned")):
        for kind, reference in (
            (ipamv1.IPClaim, {"pool": {"name": of}}),
            (
                capiipamv1.IPAddressClaim,
                {"poolRef": {"name": of, "kind": "IPPool", "apiGroup": ipamv1.GROUP}},
            ),
        ):
            if name == "pinned" and kind is not ipamv1.IPClaim:
                continue  # a name pins one address, so only one claim of the name can have it
            claim = await side.create(kind, name, labels=labels, spec=reference)
            body = {"metadata": {"ownerReferences": [owner]}}
            await side.client.patch(claim, Patch(PatchType.MERGE, body))


async def test_pools_claims_and_addresses_move(start_environment, tmp_path):
    """All keep their addresses; owners, labels and status are those of the new place."""
    if await asyncio.to_thread(manifests.programs_folder) is None:
        pytest.skip("no real kube-apiserver: no Cluster API programs, run hack/setup-capi")
    program = await clusterctl.released(tmp_path)
    async with (
        open_side(start_environment, tmp_path) as source,
        open_side(start_environment, tmp_path) as target,
    ):
        await pools_and_claims(source)
        await source.served()
        for kind in CLAIMS:  # its address goes into quarantine, which the move must not end
            await source.client.delete(await source.get(kind, "gone"))
        await source.until(lambda: _lacks(source, "gone"))
        before = await source.served()
        assert len(before) == 5
        assert before["IPClaim", "pinned"] == "192.0.2.30"
        quarantined = _released(await source.every(ipamv1.IPAddress))
        assert len(quarantined) == 2
        await program.run(
            *("move", f"--namespace={NS}", "-v=5"),
            f"--kubeconfig={source.env.kubeconfig}",
            f"--to-kubeconfig={target.env.kubeconfig}",
        )
        assert not await source.every(Cluster)
        for kind in EVERYTHING:
            assert not await source.every(kind), kind
        assert await target.served() == before
        assert _released(await target.every(ipamv1.IPAddress)) == quarantined
        await check_owners(target)
        await check_status(target, before)
        await all_can_go(target)


async def _lacks(side: Side, name: str) -> bool:
    return not any([name in await side.every(kind) for kind in CLAIMS])


def _released(addresses: dict[str, Any]) -> dict[str, str]:
    """When those in quarantine were given back."""
    stamp = ipamv1.RELEASED_AT_ANNOTATION
    found = {name: obj.metadata.annotations.get(stamp) for name, obj in addresses.items()}
    return {name: when for name, when in found.items() if when}


async def check_owners(side: Side) -> None:
    """The pool is its cluster's; each address is the claim's and the pool's, by their new uids."""
    cluster = await side.get(Cluster, "c")
    pools = await side.every(ipamv1.IPPool)
    assert [o.uid for o in pools["owned"].metadata.owner_references] == [cluster.metadata.uid]
    labels = pools["owned"].metadata.labels
    assert labels[clusterv1.CLUSTER_NAME_LABEL] == "c"
    assert labels[clusterv1.PROVIDER_LABEL] == ipamv1.PROVIDER_LABEL_VALUE
    uids = {o.metadata.uid for kind in CLAIMS for o in (await side.every(kind)).values()}
    uids |= {pool.metadata.uid for pool in pools.values()}
    for kind in ADDRESSES:
        for address in (await side.every(kind)).values():
            if ipamv1.RELEASED_AT_ANNOTATION in address.metadata.annotations:
                continue
            owners = address.metadata.owner_references
            assert {o.uid for o in owners} <= uids
            assert [o.controller for o in owners].count(True) == 1


async def check_status(side: Side, served: dict[tuple[str, str], str]) -> None:
    """The pools count and list again what they have."""

    async def look() -> bool:
        pools = await side.every(ipamv1.IPPool)
        return [pools[name].status.used for name in ("owned", "free")] == [5, 2]

    await side.until(look)
    pools = await side.every(ipamv1.IPPool)
    listed = {**pools["owned"].status.indexes, **pools["free"].status.indexes}
    assert listed["pinned"] == served["IPClaim", "pinned"]
    assert set(listed) == {"a", "b", "pinned"}


async def all_can_go(side: Side) -> None:
    """Deleting claims and pools leaves nothing: no finalizer waits for the old place."""
    for kind in reversed(EVERYTHING[:3]):
        for obj in (await side.every(kind)).values():
            await side.client.delete(obj)

    async def nothing() -> bool:
        return not any([await side.every(kind) for kind in EVERYTHING])

    await side.until(nothing)
