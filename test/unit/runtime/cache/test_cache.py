"""Reading from the cache, and what it keeps."""

import asyncio
from datetime import timedelta

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.runtime.cache import ByObject, Cache, CachedClient, CacheOptions, CacheSyncTimeoutError
from metal3.runtime.client import DecodeError, NotFoundError, Patch, PatchType
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName

pytestmark = pytest.mark.looptime(start=0)

ONE = NamespacedName("lab", "one")


@pytest.fixture
def kind(host):
    """The class of hosts."""
    return type(host("any"))


def names(found):
    """Names in order."""
    return [obj.metadata.name for obj in found.items]


async def test_reads_wait_for_the_first_list(running, host, kind):
    """A read that comes early gets the object, not NotFound."""
    async with running(FakeClient(host("one", spec={"a": 1}))) as cache:
        found = await cache.get(kind, ONE)
        assert found.spec == {"a": 1}
        assert found.kind == "Host"
        with pytest.raises(NotFoundError, match='Host "lab/two"'):
            await cache.get(kind, NamespacedName("lab", "two"))


async def test_what_is_read_is_the_callers_own(running, host, kind):
    """Changing it changes neither the cache nor another reader's copy."""
    async with running(FakeClient(host("one", spec={"a": [1]}))) as cache:
        (await cache.get(kind, ONE)).spec["a"].append(2)
        (await cache.list(kind)).items[0].spec["a"].append(3)
        assert (await cache.get(kind, ONE)).spec == {"a": [1]}


async def test_a_cache_that_does_not_run_says_so(host, kind):
    """Reads and waits end after their time, naming the kind."""
    cache = Cache(FakeClient(host("one")), CacheOptions(read_timeout=timedelta(seconds=9)))
    with pytest.raises(CacheSyncTimeoutError, match="Host; the cache is not running"):
        await cache.get(kind, ONE)
    assert asyncio.get_running_loop().time() == 9
    with pytest.raises(CacheSyncTimeoutError, match="0:00:05: Host"):
        await cache.wait_for_cache_sync(timedelta(seconds=5))


async def test_lists_select(running, host, kind):
    """By namespace, labels, indexes and a limit; several together."""
    server = FakeClient(
        host("a", labels={"rack": "1"}, spec={"waits": ["x", "y"]}),
        host("b", labels={"rack": "2"}, spec={"waits": ["x"]}),
        host("c", "other", labels={"rack": "1"}, spec={"waits": ["x"]}),
    )

    def prepare(cache):
        cache.index_field(kind, "waits", lambda obj: obj.spec.get("waits", []))

    async with running(server, prepare=prepare) as cache:
        assert names(await cache.list(kind)) == ["a", "b", "c"]
        assert names(await cache.list(kind, namespace="lab")) == ["a", "b"]
        assert names(await cache.list(kind, namespace="none")) == []
        assert names(await cache.list(kind, labels={"rack": "1"})) == ["a", "c"]
        assert names(await cache.list(kind, labels="rack!=1")) == ["b"]
        assert names(await cache.list(kind, fields={"waits": "y"})) == ["a"]
        assert names(await cache.list(kind, namespace="lab", fields={"waits": "x"})) == ["a", "b"]
        assert names(await cache.list(kind, fields={"metadata.name": "c"})) == ["c"]
        assert names(await cache.list(kind, fields={"metadata.namespace": "other"})) == ["c"]
        assert names(await cache.list(kind, limit=2)) == ["a", "b"]
        for wrong in ({"fields": {"colour": "red"}}, {"labels": "=x"}, {"continue_token": "t"}):
            with pytest.raises(ValueError, match=r"index|selector|pages"):
                await cache.list(kind, **wrong)


async def test_indexes_follow_changes(running, host, kind):
    """A value that is gone is not found any more, one that came is; late indexes know all."""
    server = FakeClient(host("one", spec={"waits": ["x"]}))

    async def found(cache, value):
        return names(await cache.list(kind, fields={"waits": value}))

    async with running(server) as cache:
        await cache.wait_for_cache_sync()
        cache.index_field(kind, "waits", lambda obj: obj.spec["waits"])
        with pytest.raises(ValueError, match="already"):
            cache.index_field(kind, "waits", lambda obj: [])
        assert await found(cache, "x") == ["one"]
        obj = await server.get(kind, ONE)
        obj.spec = {"waits": ["y"]}
        await server.update(obj)
        await asyncio.sleep(1)
        assert (await found(cache, "x"), await found(cache, "y")) == ([], ["one"])
        await server.delete(obj)
        await asyncio.sleep(1)
        assert await found(cache, "y") == []


async def test_an_index_that_fails_for_one_object_does_not_stop_the_others(running, host, kind):
    """The object is there, only not found by that index."""
    server = FakeClient(host("bad"), host("good", spec={"waits": ["x"]}))

    def prepare(cache):
        cache.index_field(kind, "waits", lambda obj: obj.spec["waits"])

    async with running(server, prepare=prepare) as cache:
        assert names(await cache.list(kind, fields={"waits": "x"})) == ["good"]
        assert names(await cache.list(kind)) == ["bad", "good"]


async def test_managed_fields_are_dropped_and_transforms_applied(running, host, kind):
    """By default who set what is forgotten; a kind may have its own way."""
    server = FakeClient(host("one", managed_fields=[{"manager": "m"}], spec={"big": "x" * 99}))
    async with running(server) as cache:
        assert (await cache.get(kind, ONE)).metadata.managed_fields == []

    def shrink(obj):
        obj["spec"] = {"big": len(obj["spec"]["big"])}
        return obj

    async with running(server, by_object={kind: ByObject(transform=shrink)}) as cache:
        assert (await cache.get(kind, ONE)).spec == {"big": 99}


async def test_only_what_is_asked_for_is_followed(running, host, kind):
    """Namespaces and selectors are the server's work; other namespaces are an error to read."""
    server = FakeClient(
        host("a", "red", labels={"x": "1"}), host("b", "blue", labels={"x": "1"}), host("c", "red")
    )
    server.actions.clear()
    watched = []
    server.interceptor = lambda a: watched.append((a.verb, a.key.namespace))
    options = {"namespaces": ("red", "green"), "by_object": {kind: ByObject(labels="x")}}
    async with running(server, **options) as cache:
        assert names(await cache.list(kind)) == ["a"]
        with pytest.raises(ValueError, match="'blue' is not cached"):
            await cache.get(kind, NamespacedName("blue", "b"))
        with pytest.raises(ValueError, match="'blue' is not cached"):
            await cache.list(kind, namespace="blue")
    assert {space for _, space in watched} == {"red", "green"}


async def test_namespaces_are_listed_again_on_their_own(running, host, kind, listener):
    """A new list of one namespace does not forget the objects of another."""
    server = FakeClient(host("a", "red"), host("b", "green"))
    async with running(server, listener, namespaces=("red", "green")) as cache:
        await cache.wait_for_cache_sync()
        await server.delete(host("a", "red"))
        server.cut_watches()
        server.compact()
        await asyncio.sleep(60)
        assert names(await cache.list(kind)) == ["b"]
    assert ("delete", "a", True) in listener.told
    assert not [entry for entry in listener.told if entry[:2] == ("delete", "b")]


async def test_cluster_scoped_kinds_ignore_namespaces(running):
    """There is one watch for all."""
    server = FakeClient(corev1.Namespace.named("lab"))
    async with running(server, namespaces=("red", "green")) as cache:
        assert names(await cache.list(corev1.Namespace)) == ["lab"]


async def test_an_object_that_does_not_fit_is_named_when_read(running, host, listener):
    """Handlers are not told of it, and hear of the others."""
    server = FakeClient(host("good"))
    wild = metav1.Unstructured.of(type(host("x")).gvk, "hosts")
    await server.create(wild.named("bad", "lab", spec="text"))
    async with running(server, listener) as cache:
        await asyncio.sleep(1)
        with pytest.raises(DecodeError, match="Host lab/bad: spec"):
            await cache.get(type(host("x")), NamespacedName("lab", "bad"))
    assert listener.told == [("add", "good", True)]


async def test_informers_are_shared_and_start_when_needed(running, host, kind):
    """One list for everybody; a kind nobody asks for is not listed."""
    server, listed = FakeClient(host("one"), corev1.ConfigMap.named("m", "lab")), []
    server.interceptor = lambda a: listed.append(a.kind) if a.verb == "list" else None
    async with running(server) as cache:
        await cache.wait_for_cache_sync()
        assert await cache.get_informer(kind) is await cache.get_informer(kind)
        await cache.list(kind)
        assert listed == ["Host"]
        assert names(await cache.list(corev1.ConfigMap)) == ["m"]
        assert listed == ["Host", "ConfigMap"]
        with pytest.raises(ValueError, match="which kind"):
            await cache.get_informer(metav1.Unstructured)


async def test_unstructured_kinds_may_be_cached(running, host, kind):
    """However often their class is made, there is one informer."""
    server, listed = FakeClient(host("one", spec={"a": 1})), []
    server.interceptor = lambda a: listed.append(a.kind) if a.verb == "list" else None
    async with running(server) as cache:
        client = CachedClient(cache, server, cache_unstructured=True)
        for _ in range(2):
            found = await client.get(metav1.Unstructured.of(kind.gvk, "hosts"), ONE)
            assert found.to_dict()["spec"] == {"a": 1}
    assert listed == ["Host", "Host"], "one for the typed kind, one for the other"


async def test_the_cached_client_reads_here_and_writes_there(running, host, kind):
    """Unstructured and uncached kinds are read live; a write is seen when the watch tells."""
    server = FakeClient(host("one"), corev1.new_secret("s", "lab", {"a": "b"}))
    reads = []
    server.interceptor = lambda a: reads.append(f"{a.verb} {a.kind}")
    async with running(server) as cache:
        client = CachedClient(cache, server, uncached=(corev1.Secret,))
        obj = await client.get(kind, ONE)
        assert "get Host" not in reads
        await client.get(corev1.Secret, NamespacedName("lab", "s"))
        await client.list(metav1.Unstructured.of(kind.gvk, "hosts"))
        assert reads[-2:] == ["get Secret", "list Host"]
        obj.spec = {"a": 1}
        await client.update(obj)
        await client.status.patch(obj, Patch(PatchType.MERGE, {"status": {"x": 1}}))
        await client.patch(obj, Patch(PatchType.MERGE, {"spec": {"b": 2}}))
        await client.create(host("two"))
        await client.delete(host("two"))
        await asyncio.sleep(1)
        assert (await client.get(kind, ONE)).spec == {"a": 1, "b": 2}
        await client.delete_all_of(kind, namespace="lab")
        await asyncio.sleep(1)
        assert names(await client.list(kind)) == []
    assert [action.verb for action in server.actions] == [
        "update", "patch", "patch", "create", "delete", "deletecollection",
    ]  # fmt: skip
