"""A kind, a server with a mind of its own, and a running cache."""

import asyncio
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from pydantic import Field

from metal3.api.meta import v1 as metav1
from metal3.runtime.cache import Cache, CacheOptions


class Host(metav1.Object):
    """A kind of its own."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v1", "Host")
    plural: ClassVar[str] = "hosts"
    spec: dict[str, Any] = Field(default_factory=dict)


class Listener:
    """Writes down what it is told: (what, name, detail)."""

    def __init__(self):
        self.told: list[tuple[str, str, Any]] = []
        self.objects: list[metav1.Object] = []

    def on_add(self, obj, *, is_in_initial_list):
        """Detail: whether it was there before."""
        self.told.append(("add", obj.metadata.name, is_in_initial_list))
        self.objects.append(obj)

    def on_update(self, old, new):
        """Detail: both specs."""
        self.told.append(("update", new.metadata.name, (old.spec, new.spec)))

    def on_delete(self, obj, *, final_state_unknown):
        """Detail: whether the final state is unknown."""
        self.told.append(("delete", obj.metadata.name, final_state_unknown))


@pytest.fixture
def listener():
    """Hears nothing yet."""
    return Listener()


@pytest.fixture
def host():
    """Makes hosts of the lab."""

    def make(name, namespace="lab", spec=None, **meta):
        metadata = metav1.ObjectMeta(name=name, namespace=namespace, **meta)
        return Host(metadata=metadata, spec=spec or {})

    return make


@pytest.fixture
def running():
    """Runs a cache over a server for the length of a block."""

    @asynccontextmanager
    async def run(server, *listeners, prepare=None, **options):
        cache = Cache(server, CacheOptions(**({"streaming_lists": False} | options)))
        informer = await cache.get_informer(Host)
        for each in listeners:
            informer.add_event_handler(each)
        if prepare:
            prepare(cache)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(cache.run())
            yield cache
            task.cancel()

    return run
