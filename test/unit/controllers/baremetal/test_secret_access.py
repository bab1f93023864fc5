"""Secrets that others made: how they are read and marked."""

from typing import Any

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.secret_access import SecretNotFoundError, acquire_secret
from metal3.runtime.client import NotFoundError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName

KEY = NamespacedName("metal3", "bmc")
OTHER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "theirs", "uid": "theirs"}
MARK = metal3api.ENVIRONMENT_LABEL


class Cached:
    """Reads as the operator's cache does: Secrets without the label are not there."""

    def __init__(self, server: FakeClient) -> None:
        self._server = server

    def __getattr__(self, name: str) -> Any:
        """Everything else is the server's."""
        return getattr(self._server, name)

    async def get(self, kind: type[Any], key: NamespacedName) -> Any:
        """One object that carries the label."""
        found = await self._server.get(kind, key)
        if MARK not in found.metadata.labels:
            raise NotFoundError(f"{key} not found")
        return found


class Live:
    """Reads the server, and counts."""

    def __init__(self, server: FakeClient) -> None:
        self._server = server
        self.reads = 0

    async def get(self, kind: type[Any], key: NamespacedName) -> Any:
        """One object."""
        self.reads += 1
        return await self._server.get(kind, key)


@pytest.fixture
def stage(make_secret, make_host):
    """Server, cache, live reader and the host that wants the Secret."""

    def make(**meta):
        secret = make_secret()
        secret.metadata = metav1.ObjectMeta.from_dict(
            {"name": KEY.name, "namespace": KEY.namespace, **meta}
        )
        server = FakeClient(secret)
        host = make_host()
        host.metadata.uid = "the-host"
        return server, Cached(server), Live(server), host

    return make


async def test_one_request_marks_and_reads(stage):
    """What others wrote on it stays."""
    server, cached, live, host = stage(
        labels={"team": "storage"}, ownerReferences=[OTHER], finalizers=["theirs.example.com/x"]
    )
    secret = await acquire_secret(cached, live, KEY, owner=host, finalizer=True)
    assert corev1.secret_data(secret)["username"]
    stored = await server.get(corev1.Secret, KEY)
    assert stored.metadata.labels == {"team": "storage", MARK: "baremetal"}
    assert [owner.uid for owner in stored.metadata.owner_references] == ["theirs", "the-host"]
    assert stored.metadata.finalizers == ["theirs.example.com/x", metal3api.SECRET_FINALIZER]
    assert (len(server.actions), live.reads) == (1, 0)
    await acquire_secret(cached, live, KEY, owner=host, finalizer=True)
    assert (len(server.actions), live.reads) == (1, 0)


async def test_one_that_is_being_deleted_is_still_read(stage):
    """It takes no finalizer any more."""
    server, cached, live, host = stage(finalizers=["theirs.example.com/x"])
    await server.delete(await server.get(corev1.Secret, KEY))
    secret = await acquire_secret(cached, live, KEY, owner=host, finalizer=True)
    assert corev1.secret_data(secret)["username"]
    assert secret.metadata.finalizers == ["theirs.example.com/x"]
    assert secret.metadata.labels[MARK] == "baremetal"


async def test_one_that_is_missing_is_named(stage):
    """Nothing is made in its place."""
    server, cached, live, _ = stage()
    with pytest.raises(SecretNotFoundError, match="metal3/none"):
        await acquire_secret(cached, live, NamespacedName("metal3", "none"))
    assert len((await server.list(corev1.Secret)).items) == 1
