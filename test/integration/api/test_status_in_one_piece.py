"""A status belongs to the operator as a whole, also on objects that were there before it did."""

import asyncio
from pathlib import Path

import pytest
import yaml

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import ConflictError, Patch, PatchType, RestClient
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName

CRD = Path(__file__).parents[3] / "config/crd/bases/metal3.io_baremetalhosts.yaml"
KEY = NamespacedName("default", "a")
CONDITION = {
    "type": "Racked",
    "status": "True",
    "reason": "Seen",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


def in_parts(folder: Path) -> Path:
    """The definition with a status whose fields each have an owner of their own, as in Go."""
    crd = yaml.safe_load(CRD.read_text())
    for version in crd["spec"]["versions"]:
        del version["schema"]["openAPIV3Schema"]["properties"]["status"]["x-kubernetes-map-type"]
    path = folder / CRD.name
    path.write_text(yaml.safe_dump(crd))
    return path


async def say(client: RestClient, message: str) -> metal3api.BareMetalHost:
    """Write the status as the operator does."""
    host = await client.get(metal3api.BareMetalHost, KEY)
    host.status.error_message = message
    return await client.status.update(host)


async def owned_by(client: RestClient) -> set[str]:
    """Whose the status, or a part of it, is."""
    host = await client.get(metal3api.BareMetalHost, KEY)
    entries = host.metadata.managed_fields
    return {str(e["manager"]) for e in entries if "f:status" in e["fieldsV1"]}


@pytest.fixture
async def client(env, tmp_path):
    """The operator's client, with a host whose status was written in parts."""
    await env.install_crds([in_parts(tmp_path)])
    config = await asyncio.to_thread(load_config, str(env.kubeconfig))
    async with RestClient(config, field_manager="metal3") as client:
        host = metal3api.BareMetalHost.named(KEY.name, KEY.namespace)
        host.spec.online = True
        await client.create(host)
        await say(client, "from before")
        yield client


async def test_who_applies_a_part_is_refused_and_nothing_is_lost(client, env):
    """Without force; the refusal names the field."""
    await env.install_crds([CRD])
    await say(client, "from now on")
    part = Patch(PatchType.APPLY, {"status": {"conditions": [CONDITION]}}, field_manager="rack")
    host = metal3api.BareMetalHost.named(KEY.name, KEY.namespace)
    with pytest.raises(ConflictError, match=r"\.status"):
        await client.status.patch(host, part)
    stored = await client.get(metal3api.BareMetalHost, KEY)
    assert stored.status.error_message == "from now on"


async def test_objects_from_before_go_on(client, env):
    """Another definition underneath, the same objects: the operator and users write on."""
    await env.install_crds([CRD])
    stored = await say(client, "from now on")
    assert stored.status.error_message == "from now on"
    assert await owned_by(client) == {"metal3"}
    user = Patch(PatchType.APPLY, {"spec": {"online": False}}, field_manager="user", force=True)
    host = await client.patch(metal3api.BareMetalHost.named(KEY.name, KEY.namespace), user)
    assert (host.spec.online, host.status.error_message) == (False, "from now on")
