"""The IP address operator on an API server, under its own RBAC and webhooks."""

import asyncio
import uuid
from typing import Any

import pytest
import yaml

from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.runtime.client import ForbiddenError, NotFoundError, Patch, PatchType
from metal3.runtime.types import NamespacedName

from .ipam_stage import (
    ADDRESS_KINDS,
    CLAIM_KINDS,
    NAMESPACE,
    NO_MODULE,
    TOP,
    Stage,
    capi_claim,
    claim,
    cluster_api_crds,
    need_cluster_api,
    ours,
    pool,
    running,
)


def examples() -> list[dict[str, Any]]:
    """Every YAML example of the documentation."""
    text = (TOP / "docs/ipam.md").read_text(encoding="utf-8")
    blocks = [part.partition("```")[0] for part in text.split("```yaml\n")[1:]]
    return [document for block in blocks for document in yaml.safe_load_all(block)]


async def test_the_documentation_s_examples_work(start_environment):
    """Each object is accepted, each pool gets ready and each claim its address."""
    async with running(start_environment) as stage:
        need_cluster_api(stage)
        documents = examples()
        assert len(documents) > 5
        for document in documents:
            await stage.create(ours(document))
        for document in documents:
            obj = ours(document)
            await stage.served(type(obj), obj.metadata.name)
        wanted = await stage.served(ipamv1.IPClaim, "wants-one")
        assert wanted.status.address.name == "fixed-2001-db8--ffff-1"


async def test_both_kinds_at_once_and_two_managers_never_share_an_address(start_environment):
    """Claims of both kinds use up their pools together; each address has one holder, and returns."""
    async with running(start_environment, managers=2, webhooks=False) as stage:
        need_cluster_api(stage)
        pools = [f"p{i}" for i in range(10)]
        for i, name in enumerate(pools):
            await stage.create(pool(name, {"start": f"10.0.{i}.1", "end": f"10.0.{i}.8"}))
        names = {f"{of}-{turn}": of for turn in range(4) for of in pools}
        async with asyncio.TaskGroup() as tasks:
            for name, of in names.items():
                tasks.create_task(stage.client.create(claim(name, of)))
                tasks.create_task(stage.client.create(capi_claim(name, of)))
        for name in names:
            for kind in CLAIM_KINDS:
                await stage.served(kind, name)
        await check_each_address_has_one_holder(stage, set(names))
        for kind in CLAIM_KINDS:
            for name in names:
                await stage.client.delete(kind.named(name, NAMESPACE))
        for kind in (*CLAIM_KINDS, *ADDRESS_KINDS):
            await stage.gone(kind)


async def check_each_address_has_one_holder(stage: Stage, names: set[str]) -> None:
    """Reservations are of one claim each, and Cluster API's addresses are those reserved."""
    theirs = (await stage.client.list(capiipamv1.IPAddress, namespace=NAMESPACE)).items
    mine = (await stage.client.list(ipamv1.IPAddress, namespace=NAMESPACE)).items
    by_claim = {(a.spec.claim.kind, a.spec.claim.name): a.spec.address for a in mine}
    assert len(mine) == len(by_claim) == len(set(by_claim.values())) == 2 * len(names)
    reserved = {name: by_claim["IPAddressClaim", name] for name in names}
    assert {a.metadata.name: a.spec.address for a in theirs} == reserved


async def test_cluster_api_may_come_later(start_environment):
    """Once its CRDs are installed its claims are served, without a restart."""
    async with running(start_environment, cluster_api=False) as stage:
        crds = await asyncio.to_thread(cluster_api_crds)
        if not crds:
            pytest.skip(NO_MODULE)
        await stage.create(pool("early", {"subnet": "10.2.0.0/24"}))
        await stage.create(claim("ours", "early"))
        await stage.served(ipamv1.IPClaim, "ours")
        await stage.env.install_crds(crds)
        await stage.create(capi_claim("theirs", "early"))
        theirs = await stage.served(capiipamv1.IPAddressClaim, "theirs")
        assert theirs.status.address_ref.name == "theirs"


async def test_an_address_goes_from_claim_to_claim_and_nothing_is_left(start_environment):
    """Waiting, being served, deleting all: under the rights of the manifests."""
    async with running(start_environment) as stage:
        await stage.create(pool("one", {"start": "10.0.0.1", "end": "10.0.0.1"}))
        await stage.create(claim("first", "one"))
        await stage.served(ipamv1.IPClaim, "first")
        await stage.create(claim("second", "one"))

        async def told():
            second = await stage.client.get(ipamv1.IPClaim, NamespacedName(NAMESPACE, "second"))
            return second.status.error_message == "Exhausted IP Pools"

        await stage.until(told)
        await stage.client.delete(claim("first", "one"))
        second = await stage.served(ipamv1.IPClaim, "second")
        assert second.status.address.name == "one-10-0-0-1"
        await stage.client.delete(pool("one"))
        await stage.client.delete(claim("second", "one"))
        for kind in ipamv1.KINDS:
            await stage.gone(kind)


async def test_webhooks_refuse_what_makes_no_sense(start_environment):
    """The message has the field and the value; what is in use cannot be left out."""
    async with running(start_environment) as stage:
        with pytest.raises(ForbiddenError, match=r"spec\.pools\[0\]\.end.*10\.0\.0\.1"):
            await stage.create(pool("bad", {"start": "10.0.0.9", "end": "10.0.0.1"}))
        with pytest.raises(ForbiddenError, match=r"spec\.namePrefix.*P_Upper"):
            await stage.create(pool("bad", namePrefix="P_Upper"))
        await stage.create(pool("good", {"start": "10.0.0.1", "end": "10.0.0.9"}))
        await stage.create(claim("one", "good"))
        await stage.served(ipamv1.IPClaim, "one")
        ranges = [{"start": "10.0.0.5", "end": "10.0.0.9"}]
        shrink = Patch(PatchType.MERGE, {"spec": {"pools": ranges}})
        with pytest.raises(ForbiddenError, match=r"leaves out addresses in use: 10\.0\.0\.1"):
            await stage.client.patch(pool("good"), shrink)


async def test_claims_deleted_at_once_leave_nothing(start_environment):
    """Deleted before, while and after being served: no address stays behind."""
    async with running(start_environment, webhooks=False) as stage:
        await stage.create(pool("many", {"subnet": "10.1.0.0/24"}))
        names = [uuid.uuid4().hex for _ in range(30)]

        async def come_and_go(number: int, name: str) -> None:
            await stage.client.create(claim(name, "many"))
            await asyncio.sleep(number * 0.003)
            try:
                await stage.client.delete(claim(name, "many"))
            except NotFoundError:
                pytest.fail("a claim went by itself")

        async with asyncio.TaskGroup() as tasks:
            for number, name in enumerate(names):
                tasks.create_task(come_and_go(number, name))
        await stage.gone(ipamv1.IPClaim)
        await stage.gone(ipamv1.IPAddress)
