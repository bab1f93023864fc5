"""Objects stored in older versions: which are written, and when a version is struck."""

import asyncio
from datetime import timedelta

import pytest

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.controllers.capm3.storagemigration import StorageMigration
from metal3.runtime.client import ConflictError, ForbiddenError, InvalidError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.recorder import FakeRecorder
from metal3.runtime.types import NamespacedName

CRD = metav1.Unstructured.of(
    metav1.GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
    "customresourcedefinitions",
    namespaced=False,
)
NAME = NamespacedName("", "metal3machinetemplates.infrastructure.cluster.x-k8s.io")


def new_crd(*, stored, storage="v1beta2"):
    """As far as the migration reads it."""
    versions = [{"name": name, "storage": name == storage} for name in ("v1beta1", "v1beta2")]
    return CRD.from_dict(
        {
            "metadata": {"name": NAME.name},
            "spec": {"versions": versions},
            "status": {"storedVersions": stored},
        }
    )


def new_migration(client, **options):
    """Of one kind, which is enough."""
    kinds = (infrav1.Metal3MachineTemplate,)
    recorder = FakeRecorder()
    return StorageMigration(client=client, live=client, recorder=recorder, kinds=kinds, **options)


def new_template(name="a"):
    """A template."""
    return infrav1.Metal3MachineTemplate.named(name, "metal3")


async def stored(client):
    """What the CRD says is in use."""
    return (await client.get(CRD, NAME)).to_dict()["status"]["storedVersions"]


async def test_every_object_is_written_before_the_version_is_struck():
    """The write changes nothing, and carries the revision that was read."""
    client = FakeClient(
        new_crd(stored=["v1beta1", "v1beta2"]), new_template("a"), new_template("b")
    )
    assert await new_migration(client).migrate(infrav1.Metal3MachineTemplate)
    patched = [action.key.name for action in client.actions if action.verb == "patch"]
    assert patched == ["a", "b", NAME.name]
    assert await stored(client) == ["v1beta2"]


@pytest.mark.parametrize(
    "crd",
    [
        pytest.param(new_crd(stored=["v1beta2"]), id="migrated-already"),
        pytest.param(new_crd(stored=["v1beta1"], storage="v1beta1"), id="another-release-decides"),
    ],
)
async def test_nothing_is_written_without_need(crd):
    """Neither objects nor the CRD."""
    client = FakeClient(crd, new_template())
    assert await new_migration(client).migrate(infrav1.Metal3MachineTemplate)
    assert [action for action in client.actions if action.verb == "patch"] == []


async def test_an_object_that_changed_meanwhile_is_stored_by_that_change():
    """A conflict is as good as the write."""
    client = FakeClient(new_crd(stored=["v1beta1", "v1beta2"]), new_template())
    client.fail_next("patch", infrav1.Metal3MachineTemplate, ConflictError("changed"))
    assert await new_migration(client).migrate(infrav1.Metal3MachineTemplate)
    assert await stored(client) == ["v1beta2"]


async def test_an_object_that_is_refused_keeps_the_version():
    """And its user is told why."""
    client = FakeClient(new_crd(stored=["v1beta1", "v1beta2"]), new_template())
    client.fail_next("patch", infrav1.Metal3MachineTemplate, InvalidError("spec.x is wrong"))
    migration = new_migration(client)
    assert not await migration.migrate(infrav1.Metal3MachineTemplate)
    assert await stored(client) == ["v1beta1", "v1beta2"]
    assert migration.recorder.reasons == ["StorageMigrationFailed"]


@pytest.mark.looptime
async def test_it_is_tried_again_until_it_works():
    """A server that refuses at first, such as one whose roles are not there yet."""
    client = FakeClient(new_crd(stored=["v1beta1", "v1beta2"]), new_template())
    client.fail_next("get", CRD, ForbiddenError("not yet"))
    migration = new_migration(client, retry=timedelta(seconds=5))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(6):
            await migration.run()
    assert await stored(client) == ["v1beta2"]
