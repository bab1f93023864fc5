"""Events as they reach the server, in both groups."""

import asyncio
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.events_k8s_io import v1 as eventsv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import ForbiddenError, ServiceUnavailableError
from metal3.runtime.client.fake import FakeClient

pytestmark = pytest.mark.looptime(start=0)


class Widget(metav1.Object):
    """A kind of its own."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v1", "Widget")
    plural: ClassVar[str] = "widgets"


class OldRoles(FakeClient):
    """A server whose roles do not know events.k8s.io."""

    async def create(self, obj, *, dry_run=False):
        """Refuse events of the new group."""
        if isinstance(obj, eventsv1.Event):
            raise ForbiddenError("no")
        return await super().create(obj, dry_run=dry_run)


@asynccontextmanager
async def _recorder(client):
    mgr, stop = ctrl.Manager(client), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(mgr.start(stop))
        yield mgr.get_event_recorder_for("op")
        await asyncio.sleep(20)
        stop.set()


async def _events(client, kind):
    return (await client.list(kind)).items


async def test_events_are_created_and_counted_up():
    """One event whose series says how often."""
    client = FakeClient()
    async with _recorder(client) as recorder:
        for _ in range(3):
            recorder.warning(Widget.named("w", "ns"), "Broke", "it fell down")
            await asyncio.sleep(10)
    (event,) = await _events(client, eventsv1.Event)
    assert (event.reason, event.note, event.series.count) == ("Broke", "it fell down", 3)
    assert (event.regarding.kind, event.regarding.name) == ("Widget", "w")


async def test_where_the_new_group_is_forbidden_the_core_group_is_used():
    """Old roles only allow events of the core group."""
    client = OldRoles()
    async with _recorder(client) as recorder:
        for _ in range(2):
            recorder.warning(Widget.named("w", "ns"), "Broke", "it fell down")
            await asyncio.sleep(10)
        client.actions.clear()
        recorder.normal(Widget.named("w", "ns"), "Mended", "it stands again")
    broke, mended = sorted(await _events(client, corev1.Event), key=lambda event: event.reason)
    assert (broke.message, broke.type, broke.count) == ("it fell down", "Warning", 2)
    assert (broke.involved_object.name, broke.source.component) == ("w", "op")
    assert mended.count == 1
    assert [str(action.kind) for action in client.actions] == ["Event"]


async def test_a_server_that_is_away_for_a_moment_loses_no_event():
    """It is tried again."""
    client = FakeClient()
    client.fail_next("create", eventsv1.Event, ServiceUnavailableError("away"), times=2)
    async with _recorder(client) as recorder:
        recorder.normal(Widget.named("w", "ns"), "Said", "hello")
    assert len(await _events(client, eventsv1.Event)) == 1
