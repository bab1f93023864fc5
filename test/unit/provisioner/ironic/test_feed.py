"""Notifications that Ironic pushes."""

import asyncio
from collections.abc import Mapping

import aiohttp
import pytest

from metal3.provisioner.ironic import ConfigurationError
from metal3.provisioner.ironic._config import ListenAddress
from metal3.provisioner.ironic._feed import MAX_EVENT, listening

from .test_informer import informing, key, listings

ANY = ListenAddress("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("body", "status", "events"),
    [
        (b'{"uuid": "a"}', 204, [{"uuid": "a"}]),
        (b"[]", 400, []),
        (b"{", 400, []),
        (b" " * (MAX_EVENT + 1), 413, []),
    ],
)
async def test_events_are_heard_and_junk_is_refused(body, status, events):
    """One JSON object a request, of a size an event has."""
    heard: list[Mapping[str, object]] = []
    async with (
        listening(ANY, heard.append) as port,
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{port}/", data=body) as answer,
    ):
        assert answer.status == status
    assert heard == events


async def test_strangers_are_not_heard(tmp_path):
    """With a token file only those who know what is in it; a new token counts at once."""
    heard: list[Mapping[str, object]] = []
    token = tmp_path / "token"
    token.write_text("one\n")

    async def post(session, port, **headers):
        url = f"http://127.0.0.1:{port}/"
        async with session.post(url, data=b"{}", headers=headers) as answer:
            return answer.status

    async with (
        listening(ANY, heard.append, token) as port,
        aiohttp.ClientSession() as session,
    ):
        assert await post(session, port) == 401
        assert await post(session, port, Authorization="Bearer two") == 401
        assert heard == []
        assert await post(session, port, Authorization="Bearer one") == 204
        token.write_text("two")
        assert await post(session, port, Authorization="Bearer two") == 204
        token.write_text("")
        assert await post(session, port, Authorization="Bearer ") == 401
    assert len(heard) == 2


async def test_a_taken_address_is_named():
    """With the variable it came from."""
    async with listening(ANY, lambda _: None) as port:
        taken = ListenAddress("127.0.0.1", port)
        with pytest.raises(ConfigurationError, match="IRONIC_NOTIFICATIONS_ADDR"):
            async with listening(taken, lambda _: None):
                pass


@pytest.mark.looptime
async def test_an_event_makes_the_informer_look(bench, ironic):
    """At rest too, when it would not look for a minute."""
    node = ironic.add(provision_state="active")
    async with informing(bench) as woken:
        ironic.set(node, power_state="power off")
        bench.backend.informer.heard({"uuid": node["uuid"], "power_state": "power off"})
        await asyncio.sleep(1)
        assert woken == [key("host-0")]


@pytest.mark.looptime
async def test_an_event_costs_one_request(bench, ironic):
    """The host reads its own node; the next look at many shows it nothing new."""
    node = ironic.add(provision_state="active")
    async with informing(bench) as woken:
        await asyncio.sleep(5)
        ironic.calls.clear()
        ironic.set(node, power_state="power off")
        bench.backend.informer.heard({"uuid": node["uuid"], "power_state": "power off"})
        assert woken == [key("host-0")]
        state = await (await bench.provisioner()).update_hardware_state()
        assert state.powered_on is False
        assert [(method, path) for method, path, _ in ironic.calls] == [
            ("GET", f"/v1/nodes/{node['uuid']}")
        ]
        await asyncio.sleep(61)
        assert listings(ironic) > 0
        assert woken == [key("host-0")]


@pytest.mark.looptime
async def test_an_event_that_came_too_early_is_made_up_for(bench, ironic):
    """The host reads its node before Ironic shows the change."""
    node = ironic.add(provision_state="active")
    async with informing(bench) as woken:
        await asyncio.sleep(5)
        bench.backend.informer.heard({"uuid": node["uuid"], "power_state": "power off"})
        await (await bench.provisioner()).update_hardware_state()
        ironic.set(node, power_state="power off")
        await asyncio.sleep(61)
        assert woken == [key("host-0")] * 2


@pytest.mark.looptime
@pytest.mark.parametrize("state", ["manageable", "clean failed"])
async def test_the_end_of_a_step_is_an_event_even_if_it_left_no_trace(bench, ironic, state):
    """What began is no news: it was asked for."""
    node = ironic.add(provision_state="manageable")
    informer = bench.backend.informer
    async with informing(bench) as woken:
        informer.heard({"uuid": node["uuid"]})
        provisioner = await bench.provisioner()
        await provisioner.deprovision(restart_on_failure=False, automated_cleaning_mode="metadata")
        ironic.calls.clear()
        start = {"event_type": "baremetal.node.provision_set.start"}
        informer.heard({"uuid": node["uuid"], "provision_state": "manageable"} | start)
        informer.heard({"uuid": node["uuid"], "provision_state": "cleaning"})
        await asyncio.sleep(5)
        assert (listings(ironic), woken) == (0, [])
        ironic.set(node, provision_state=state, target_provision_state=None)
        informer.heard({"uuid": node["uuid"], "provision_state": state})
        await asyncio.sleep(0.02)
        assert woken == [key("host-0")]


@pytest.mark.looptime
async def test_an_event_without_news_costs_nothing(bench, ironic):
    """Ironic tells each thing several times."""
    node = ironic.add(provision_state="active")
    async with informing(bench):
        ironic.calls.clear()
        for _ in range(100):
            bench.backend.informer.heard({"uuid": node["uuid"], "provision_state": "active"})
            await asyncio.sleep(0.1)
        assert listings(ironic) == 0


@pytest.mark.looptime
async def test_a_node_that_somebody_just_made_is_no_news(bench, ironic):
    """Mostly it was us; it waits in enroll."""
    async with informing(bench):
        ironic.calls.clear()
        bench.backend.informer.heard({"uuid": "new", "provision_state": "enroll"})
        await asyncio.sleep(5)
        assert listings(ironic) == 0


@pytest.mark.looptime
async def test_a_node_that_somebody_deletes_is_missed_at_once(bench, ironic):
    """Only a look at all of them shows it; what we delete ourselves is no news."""
    node = ironic.add(provision_state="active")
    deleted = {"event_type": "baremetal.node.delete.end", "provision_state": "active"}
    async with informing(bench) as woken:
        await asyncio.sleep(5)
        ironic.calls.clear()
        bench.backend.informer.heard({"uuid": "unknown"} | deleted)
        await asyncio.sleep(5)
        assert listings(ironic) == 0
        ironic.nodes.clear()
        bench.backend.informer.heard({"uuid": node["uuid"]} | deleted)
        await asyncio.sleep(0.1)
        assert woken == [key("host-0")]


@pytest.mark.looptime
async def test_many_events_are_one_listing(bench, ironic):
    """A storm of events costs no more than five looks a second."""
    async with informing(bench):
        ironic.calls.clear()
        for number in range(1000):
            bench.backend.informer.heard({"uuid": f"new-{number}"})
            await asyncio.sleep(0.01)
        assert listings(ironic) <= 51


@pytest.mark.looptime
async def test_while_events_come_the_listing_is_rare(bench, ironic):
    """Every ten seconds as a backstop, instead of every second."""
    ironic.step_time = 1000
    node = ironic.add(provision_state="manageable")
    async with informing(bench):
        provisioner = await bench.provisioner()
        await provisioner.deprovision(restart_on_failure=False, automated_cleaning_mode="metadata")
        await asyncio.sleep(2)
        bench.backend.informer.heard({"uuid": node["uuid"], "provision_state": "cleaning"})
        await asyncio.sleep(2)
        ironic.calls.clear()
        await asyncio.sleep(60)
        assert listings(ironic) <= 7
