"""What leaves Ironic when something happens to a node."""

import asyncio
import importlib.metadata
import threading

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from metal3.notifier import NAME, TOKEN_VARIABLE, URL_VARIABLE, Driver, _driver
from metal3.notifier._driver import select


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
        monkeypatch.setenv(URL_VARIABLE, str(server.make_url("/")))
        driver = Driver(None, [], None)
        for state in ("deploying", "active"):
            driver.notify({}, notification(provision_state=state), "INFO", None)
        async with asyncio.timeout(10):
            assert [await seen.get(), await seen.get()] == ["deploying", "active"]


def test_a_receiver_that_is_away_costs_ironic_nothing(monkeypatch):
    """Notifying returns, however many events are waiting."""
    monkeypatch.setattr(_driver, "QUEUE_SIZE", 3)
    monkeypatch.setenv(URL_VARIABLE, "http://127.0.0.1:9/")
    monkeypatch.setattr(Driver, "_send", lambda self: None)
    driver = Driver(None, [], None)
    for _ in range(10):
        driver.notify({}, notification(), "INFO", None)


def test_only_http_is_spoken(monkeypatch):
    """A file URL would read files."""
    monkeypatch.setenv(URL_VARIABLE, "file:///etc/passwd")
    with pytest.raises(ValueError, match="HTTP URL"):
        Driver(None, [], None)


async def test_the_token_is_read_anew_for_each_event(monkeypatch, tmp_path):
    """So that it can be replaced while Ironic runs; without the file nothing is sent."""
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def take(request):
        seen.put_nowait(request.headers.get("Authorization", ""))
        return web.Response(status=204)

    app = web.Application()
    app.add_routes([web.post("/", take)])
    token = tmp_path / "token"
    async with TestServer(app) as server:
        monkeypatch.setenv(URL_VARIABLE, str(server.make_url("/")))
        monkeypatch.setenv(TOKEN_VARIABLE, str(token))
        lost = threading.Event()
        monkeypatch.setattr(_driver.LOG, "warning", lambda *_: lost.set())
        driver = Driver(None, [], None)
        driver.notify({}, notification(), "INFO", None)
        assert await asyncio.to_thread(lost.wait, 10)
        async with asyncio.timeout(10):
            for text in ("first\n", "second\n"):
                token.write_text(text)
                driver.notify({}, notification(), "INFO", None)
                assert await seen.get() == f"Bearer {text.strip()}"


def test_a_missing_url_is_named(monkeypatch):
    """In Ironic's log, not as a bare KeyError."""
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    with pytest.raises(ValueError, match=URL_VARIABLE):
        Driver(None, [], None)


def test_the_driver_is_found_by_its_entry_point():
    """As oslo.messaging looks for it."""
    (found,) = importlib.metadata.entry_points(group="oslo.messaging.notify.drivers", name=NAME)
    assert found.load() is Driver
