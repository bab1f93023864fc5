"""What is too large, too old, too many or simply wrong: clear answers from either server."""

import asyncio

import pytest
import pytest_asyncio

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    BadRequestError,
    ConflictError,
    ExpiredError,
    InternalServerError,
    InvalidError,
    NotFoundError,
    Patch,
    PatchType,
    RequestEntityTooLargeError,
    RestClient,
)
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName

pytestmark = pytest.mark.asyncio(loop_scope="module")
MIB = 1 << 20
LARGE = 7 * MIB // 4
"""More than etcd takes, less than what a request may hold."""
TOO_LARGE = (RequestEntityTooLargeError, InternalServerError)
"""The real server passes etcd's refusal on as a 500."""
MANY = 1050
WRITERS = 16
CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: jugs.test.example}
spec:
  group: test.example
  scope: Namespaced
  names: {kind: Jug, listKind: JugList, plural: jugs, singular: jug}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [material]
            properties:
              material: {type: string, enum: [clay, glass]}
              liters: {type: integer, minimum: 1}
              label: {type: string}
"""
JUG = metav1.Unstructured.of(metav1.GroupVersionKind("test.example", "v1", "Jug"), "jugs")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def config(start_environment, tmp_path_factory):
    """The administrator's, of one server for all tests here, which knows jugs."""
    path = tmp_path_factory.mktemp("crds") / "crd.yaml"
    path.write_text(CRD)
    async with start_environment(crds=[path]) as env:
        yield await asyncio.to_thread(load_config, str(env.kubeconfig))


@pytest_asyncio.fixture(loop_scope="module")
async def client(config):
    """A client that leaves nothing behind."""
    async with RestClient(config, field_manager="test") as client:
        yield client
        for kind in (corev1.ConfigMap, JUG):
            await client.delete_all_of(kind, namespace="default")


def jug(name="jug", **spec):
    """A good one, unless the test says otherwise."""
    return JUG.named(name, "default", spec={"material": "clay", **spec})


async def test_wrong_and_oversized_objects(client):
    """Each field that is wrong is named; what is too large is refused, and nothing is stored."""
    with pytest.raises(InvalidError) as wrong:
        await client.create(jug(material="straw", liters=0))
    assert wrong.value.code == 422
    assert {cause.field for cause in wrong.value.causes} == {"spec.material", "spec.liters"}
    with pytest.raises(InvalidError) as missing:
        await client.create(JUG.named("jug", "default", spec={}))
    assert [cause.reason for cause in missing.value.causes] == ["FieldValueRequired"]

    with pytest.raises(RequestEntityTooLargeError) as large:
        await client.create(jug(label="x" * 4 * MIB))
    assert large.value.code == 413
    with pytest.raises(TOO_LARGE, match=r"too large|larger than"):
        await client.create(jug(label="x" * LARGE))
    with pytest.raises(InvalidError) as data:
        await client.create(
            corev1.ConfigMap.named("large", "default", data={"a": "x" * (MIB + MIB // 2)})
        )
    assert [cause.reason for cause in data.value.causes] == ["FieldValueTooLong"]
    with pytest.raises(InvalidError):
        await client.create(jug("no_name"))

    await client.create(jug(label="x" * MIB))
    patch = Patch(PatchType.MERGE, {"spec": {"label": "x" * LARGE}})
    with pytest.raises(TOO_LARGE, match=r"too large|larger than"):
        await client.patch(jug(), patch)
    stored = await client.get(JUG, NamespacedName("default", "jug"))
    assert stored.to_dict()["spec"]["label"] == "x" * MIB
    await client.delete(stored)
    with pytest.raises(NotFoundError):
        await client.delete(stored)


async def test_conflicts_of_applying_name_the_other_manager(client):
    """A dry run of force stores nothing; the real one takes the field over."""
    theirs = Patch(PatchType.APPLY, {"spec": {"material": "clay"}}, field_manager="potter")
    await client.patch(jug(), theirs)
    ours = {"spec": {"material": "glass"}}
    with pytest.raises(ConflictError) as conflict:
        await client.patch(jug(), Patch(PatchType.APPLY, ours, field_manager="glazier"))
    assert [cause.field for cause in conflict.value.causes] == [".spec.material"]
    assert "potter" in str(conflict.value)
    forced = Patch(PatchType.APPLY, ours, field_manager="glazier", force=True)
    shown = await client.patch(jug(), forced, dry_run=True)
    assert shown.to_dict()["spec"]["material"] == "glass"
    key = NamespacedName("default", "jug")
    assert (await client.get(JUG, key)).to_dict()["spec"]["material"] == "clay"
    await client.patch(jug(), forced)
    assert (await client.get(JUG, key)).to_dict()["spec"]["material"] == "glass"


async def test_more_than_a_thousand_objects(client):
    """All are listed by pages that fit together, whatever is written meanwhile, and deleted."""
    numbers = iter(range(MANY))

    async def write():
        for number in numbers:
            meta = metav1.ObjectMeta(
                name=f"n{number:04}",
                namespace="default",
                labels={"many": "", "half": str(number % 2)},
            )
            await client.create(corev1.ConfigMap(metadata=meta))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(WRITERS):
            tasks.create_task(write())
    wanted = [f"n{number:04}" for number in range(MANY)]
    whole = await client.list(corev1.ConfigMap, namespace="default", labels="many")
    assert [obj.metadata.name for obj in whole.items] == wanted

    first = await client.list(corev1.ConfigMap, namespace="default", labels="many", limit=400)
    assert len(first.items) == 400
    for gone in (wanted[0], wanted[-1]):
        await client.delete(corev1.ConfigMap.named(gone, "default"))
    names, token = [obj.metadata.name for obj in first.items], first.continue_token
    while token:
        page = await client.list(
            corev1.ConfigMap, namespace="default", labels="many", limit=400, continue_token=token
        )
        assert page.resource_version == first.resource_version
        names += [obj.metadata.name for obj in page.items]
        token = page.continue_token
    assert names == wanted  # as it was when the first page was read

    half = await client.list(corev1.ConfigMap, namespace="default", labels="many,half notin (0)")
    assert len(half.items) == MANY // 2 - 1
    await client.delete_all_of(corev1.ConfigMap, namespace="default", labels="many")
    left = await client.list(corev1.ConfigMap, namespace="default", labels="many")
    assert left.items == []


async def test_a_page_of_a_past_that_never_was(client):
    """A token that the server did not give is refused in words, not with an empty page."""
    for number in range(3):
        await client.create(jug(f"jug-{number}"))
    with pytest.raises((BadRequestError, ExpiredError), match="continue"):
        await client.list(JUG, namespace="default", limit=1, continue_token="bm8gdG9rZW4")
