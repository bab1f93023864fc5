"""Candidates on virtual time: taking over, giving back, losing."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from metal3.api.coordination_k8s_io import v1 as coordinationv1
from metal3.runtime import metrics
from metal3.runtime.client import ServiceUnavailableError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.leaderelection import (
    LeaderElectionOptions,
    LeaderElector,
    LeadershipLostError,
)
from metal3.runtime.types import NamespacedName

pytestmark = pytest.mark.looptime(start=0)

LEASE = NamespacedName("ns", "lease")


def _elector(client, identity, *, skew=timedelta(0), **options):
    return LeaderElector(
        client,
        LeaderElectionOptions(name="lease", namespace="ns", identity=identity, **options),
        now=lambda: datetime(2026, 1, 1, tzinfo=UTC) + _elapsed() + skew,
        random_unit=lambda: 0.5,
    )


def _elapsed():
    return timedelta(seconds=asyncio.get_running_loop().time())


class Work:
    """What a leader does: keeps when it began and ended."""

    def __init__(self):
        self.began: float | None = None
        self.ended: float | None = None

    async def __call__(self):
        """Work until cancelled."""
        self.began = asyncio.get_running_loop().time()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = asyncio.get_running_loop().time()


@asynccontextmanager
async def _running(elector, work):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(elector.run(work))
        try:
            yield task
        finally:
            task.cancel()


async def test_the_first_candidate_leads_at_once_and_says_so():
    """The Lease is created, and names the holder; the gauge is 1."""
    client, work = FakeClient(), Work()
    async with _running(_elector(client, "one"), work):
        await asyncio.sleep(1)
        spec = (await client.get(coordinationv1.Lease, LEASE)).spec
        assert (work.began, spec.holder_identity) == (0, "one")
        assert (spec.lease_duration_seconds, spec.lease_transitions) == (15, 0)
        gauge = metrics.REGISTRY.get_sample_value(
            "leader_election_master_status", {"name": "lease"}
        )
        assert gauge == 1
    gauge = metrics.REGISTRY.get_sample_value("leader_election_master_status", {"name": "lease"})
    assert gauge == 0


async def test_a_leader_that_stops_gives_the_lease_back():
    """The next one need not wait for the Lease to lapse, and counts as a transition."""
    client, first, second = FakeClient(), Work(), Work()
    async with _running(_elector(client, "two"), second):
        pass
    async with asyncio.TaskGroup() as group:
        one = group.create_task(_elector(client, "one").run(first))
        await asyncio.sleep(1)
        two = group.create_task(_elector(client, "two").run(second))
        await asyncio.sleep(20)
        assert second.began is None
        one.cancel()
        await asyncio.sleep(3)
        assert second.began is not None
        two.cancel()
    spec = (await client.get(coordinationv1.Lease, LEASE)).spec
    assert (spec.lease_transitions, spec.holder_identity) == (1, "")


async def test_a_killed_leader_is_followed_within_the_lease():
    """Nothing is given back; the other takes over after 15 s without a renewal."""
    client, second = FakeClient(), Work()
    async with asyncio.TaskGroup() as group:
        one = group.create_task(_elector(client, "one", release_on_stop=False).run(Work()))
        two = group.create_task(_elector(client, "two").run(second))
        await asyncio.sleep(30)
        one.cancel()
        killed = asyncio.get_running_loop().time()
        await asyncio.sleep(30)
        two.cancel()
    assert second.began is not None
    assert 12 < second.began - killed < 15 + 2.2 * 2


@pytest.mark.parametrize("skew", [timedelta(hours=-3), timedelta(hours=3)], ids=str)
async def test_clocks_of_others_do_not_matter(skew):
    """A candidate whose clock is hours off neither steals the Lease nor waits for ever."""
    client, second = FakeClient(), Work()
    async with asyncio.TaskGroup() as group:
        one = group.create_task(
            _elector(client, "one", skew=skew, release_on_stop=False).run(Work())
        )
        await asyncio.sleep(1)
        two = group.create_task(_elector(client, "two").run(second))
        await asyncio.sleep(60)
        assert second.began is None
        one.cancel()
        await asyncio.sleep(20)
        assert second.began is not None
        two.cancel()


async def test_who_cannot_renew_stops_before_another_may_begin():
    """Ten seconds without the API server and the work is cancelled, with an error."""
    client, work, lost = FakeClient(), Work(), []
    elector = _elector(client, "one")

    async def fail():
        await elector.run(work, on_lost=lambda: lost.append(_elapsed()))

    task = asyncio.ensure_future(fail())
    await asyncio.sleep(1)
    client.fail_next("*", coordinationv1.Lease, ServiceUnavailableError("away"), times=10**6)
    with pytest.raises(LeadershipLostError, match="'lease' was not renewed"):
        await task
    assert work.ended == pytest.approx(10)
    assert [moment.total_seconds() for moment in lost] == [pytest.approx(10)]
    assert not elector.is_leader


async def test_an_outage_shorter_than_the_deadline_is_survived():
    """Renewals are tried again until the deadline."""
    client, work = FakeClient(), Work()
    async with _running(_elector(client, "one"), work):
        await asyncio.sleep(1)
        client.fail_next("*", coordinationv1.Lease, ServiceUnavailableError("away"), times=3)
        await asyncio.sleep(60)
        assert work.ended is None


async def test_the_lease_is_renewed_while_the_leader_winds_up():
    """A stop that takes a minute is not cut short, and nobody else begins meanwhile."""
    client, second, ended = FakeClient(), Work(), []

    async def slow():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(60)
            ended.append(asyncio.get_running_loop().time())

    async with asyncio.TaskGroup() as group:
        one = group.create_task(_elector(client, "one").run(slow))
        await asyncio.sleep(1)
        two = group.create_task(_elector(client, "two").run(second))
        one.cancel()
        await asyncio.sleep(70)
        two.cancel()
    assert ended == [61]
    assert second.began is not None
    assert second.began > 61


async def test_an_error_of_the_work_goes_up_and_the_lease_is_given_back():
    """Whoever fails makes room."""
    client = FakeClient()

    async def broken():
        raise OSError("broke")

    with pytest.raises(ExceptionGroup) as raised:
        await _elector(client, "one").run(broken)
    assert [str(error) for error in raised.value.exceptions] == ["broke"]
    assert (await client.get(coordinationv1.Lease, LEASE)).spec.holder_identity == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"lease_duration": timedelta(seconds=10)},
        {"retry_period": timedelta(seconds=9)},
        {"retry_period": timedelta(0)},
    ],
    ids=str,
)
async def test_times_that_cannot_work_are_refused(wrong):
    """Two leaders at once, or none, by configuration."""
    with pytest.raises(ValueError, match=r"lease|renew_deadline|retry_period"):
        LeaderElectionOptions(**({"name": "lease", "namespace": "ns"} | wrong))
