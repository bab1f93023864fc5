"""However the network behaves, at most one candidate leads, and in calm weather one does."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import looptime
from hypothesis import given, settings
from hypothesis import strategies as st

from metal3.runtime.client import Client, ConnectionFailedError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.leaderelection import (
    LeaderElectionOptions,
    LeaderElector,
    LeadershipLostError,
)

STORM = 120.0
CALM = 45.0  # a lease, a retry of everybody, and what was under way before

MODES = st.sampled_from(["ok", "refused", "answer lost", "slow", "slow answer", "hung", "killed"])
FAULTS = st.lists(
    st.tuples(st.floats(0, STORM - 1), st.floats(0.5, 25), st.integers(0, 2), MODES), max_size=14
)


@dataclass
class Network:
    """What one candidate meets at which time."""

    client: FakeClient
    faults: list[Any]
    index: int

    def mode(self):
        """The fault that is on now."""
        now = asyncio.get_running_loop().time()
        for start, duration, index, mode in self.faults:
            if index == self.index and start <= now < start + duration:
                return mode
        return "ok"

    async def _through(self, request):
        mode = self.mode()
        await asyncio.sleep({"slow": 4, "hung": 60}.get(mode, 0.01))
        if mode == "refused":
            raise ConnectionFailedError("refused")
        answer = await request
        await asyncio.sleep(4 if mode == "slow answer" else 0.01)
        if mode == "answer lost":
            raise ConnectionFailedError("lost")
        return answer

    async def get(self, *args):
        """Read, in this weather."""
        return await self._through(_later(self.client.get, *args))

    async def create(self, *args):
        """Write, in this weather."""
        return await self._through(_later(self.client.create, *args))

    async def update(self, *args):
        """Write, in this weather."""
        return await self._through(_later(self.client.update, *args))


class _later:  # noqa: N801 - reads as a function
    """A request that is only made, and has its effect, when it is awaited."""

    def __init__(self, call, *args):
        self._call, self._args = call, args

    def __await__(self):
        return self._call(*self._args).__await__()


@dataclass
class Candidate:
    """A process that is started again whenever it ends."""

    network: Network
    skew: timedelta
    working: bool = False
    elector: LeaderElector | None = None
    generation: int = field(default=0)

    async def live(self):
        """Start again and again."""
        while True:
            self.generation += 1
            self.elector = LeaderElector(
                cast("Client", self.network),
                LeaderElectionOptions(
                    name="lease",
                    namespace="ns",
                    identity=f"{self.network.index}.{self.generation}",
                    release_on_stop=self.generation % 2 == 0,
                ),
                now=self._now,
            )
            await self._once(self.elector)
            await asyncio.sleep(0.5)

    async def _once(self, elector):
        run = asyncio.ensure_future(elector.run(self._work))
        try:
            while not run.done():
                if self.network.mode() == "killed":
                    break
                await asyncio.wait({run}, timeout=0.4)
        finally:
            run.cancel()
            await asyncio.wait({run})
        if not run.cancelled() and (error := run.exception()) is not None:
            assert isinstance(error, LeadershipLostError)

    def _now(self):
        elapsed = timedelta(seconds=asyncio.get_running_loop().time())
        return datetime(2026, 1, 1, tzinfo=UTC) + elapsed + self.skew

    async def _work(self):
        self.working = True
        try:
            await asyncio.Event().wait()
        finally:
            self.working = False


async def _simulate(faults, skews):
    client = FakeClient()
    candidates = [
        Candidate(Network(client, faults, index), timedelta(seconds=skew))
        for index, skew in enumerate(skews)
    ]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(candidate.live()) for candidate in candidates]
        while asyncio.get_running_loop().time() < STORM + CALM:
            await asyncio.sleep(0.2)
            leading = [c.network.index for c in candidates if c.elector and c.elector.is_leader]
            working = [c.network.index for c in candidates if c.working]
            assert len(leading) <= 1, leading
            assert len(working) <= 1, working
        assert len(working) == 1, "nobody leads in calm weather"
        for task in tasks:
            task.cancel()


@settings(max_examples=12, deadline=None)
@given(faults=FAULTS, skews=st.lists(st.integers(-7200, 7200), min_size=3, max_size=3))
def test_at_most_one_leads(faults, skews):
    """Refused, slow and lost requests, killed processes, wrong clocks, in any order."""
    loop = looptime.new_event_loop(start=0)
    try:
        loop.run_until_complete(_simulate(faults, skews))
    finally:
        loop.close()
