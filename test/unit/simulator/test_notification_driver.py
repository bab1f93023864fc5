"""What leaves Ironic when something happens to a node."""

import asyncio
import importlib.metadata

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from metal3.simulator import _notification_driver
from metal3.simulator._notification_driver import Driver, select


def notification(event_type="baremetal.node.provision_set.end", **data):
    """A notification as Ironic makes it."""
    node = {"uuid": "u", "provision_state": "active", "driver_info": {"redfish_password": "x"}}
    return {
        "event_type": event_type,
        "timestamp": "2026-01-02 03:04:05",
        "payload": {"ironic_object.data": node | data},
    }


def test_only_harmless_fields_of_nodes_are_sent():
    """Credentials stay inside, and so do events of other things."""
    event = select(notification())
    assert event is not None
    assert (event["uuid"], event["provision_state"]) == ("u", "active")
    assert "driver_info" not in event
    assert select(notification("baremetal.port.create.end")) is None


async def test_events_arrive_in_order(monkeypatch):
    """One POST each."""
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def take(request):
        seen.put_nowait((await request.json())["provision_state"])
        return web.Response(status=204)

    app = web.Application()
    app.add_routes([web.post("/", take)])
    async with TestServer(app) as server:
        monkeypatch.setenv(_notification_driver.URL_VARIABLE, str(server.make_url("/")))
        driver = Driver(None, [], None)
        for state in ("deploying", "active"):
            driver.notify({}, notification(provision_state=state), "INFO", None)
        async with asyncio.timeout(10):
            assert [await seen.get(), await seen.get()] == ["deploying", "active"]


def test_a_receiver_that_is_away_costs_ironic_nothing(monkeypatch):
    """Notifying returns, however many events are waiting."""
    monkeypatch.setattr(_notification_driver, "QUEUE_SIZE", 3)
    monkeypatch.setenv(_notification_driver.URL_VARIABLE, "http://127.0.0.1:9/")
    monkeypatch.setattr(Driver, "_send", lambda self: None)
    driver = Driver(None, [], None)
    for _ in range(10):
        driver.notify({}, notification(), "INFO", None)


def test_only_http_is_spoken(monkeypatch):
    """A file URL would read files."""
    monkeypatch.setenv(_notification_driver.URL_VARIABLE, "file:///etc/passwd")
    with pytest.raises(ValueError, match="HTTP URL"):
        Driver(None, [], None)


def test_the_driver_is_found_by_its_entry_point(tmp_path, monkeypatch):
    """As oslo.messaging looks for it."""
    _notification_driver.announce(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (found,) = importlib.metadata.entry_points(
        group=_notification_driver.GROUP, name=_notification_driver.NAME
    )
    assert found.load() is Driver
