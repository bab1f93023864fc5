"""Checks, one by one and together."""

import asyncio
from datetime import timedelta

import pytest

from metal3.runtime.healthz import Checks

pytestmark = pytest.mark.looptime(start=0)


async def test_a_check_that_hangs_fails_after_its_time(looptime):
    """A kubelet waits a second, not for ever; the other checks are asked all the same."""
    checks = Checks(timeout=timedelta(seconds=5))

    async def hang():
        await asyncio.Event().wait()

    async def well():
        await asyncio.sleep(1)

    checks.add("hangs", hang)
    checks.add("well", well)
    report = await checks.run()
    assert report.passed == {"hangs": False, "well": True}
    assert looptime == 6


async def test_without_checks_ping_answers():
    """And it may always be asked for."""
    assert (await Checks().run()).passed == {"ping": True}
    checks = Checks()
    checks.add("other", lambda: None)
    report = await checks.run_one("ping")
    assert report is not None
    assert report.is_ok


@pytest.mark.parametrize("name", ["", "a/b", "twice"])
async def test_names_are_unique_and_fit_into_a_path(name):
    """Anything else could not be asked for."""
    checks = Checks()
    checks.add("twice", lambda: None)
    with pytest.raises(ValueError, match="name"):
        checks.add(name, lambda: None)
