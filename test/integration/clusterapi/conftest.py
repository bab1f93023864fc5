"""One stage for each module: starting it takes longer than most tests."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from . import manifests
from .stage import Ground, Stage, open_stage

NO_PROGRAMS = "no real kube-apiserver: no Cluster API programs, run hack/setup-capi"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(start_environment, tmp_path_factory) -> AsyncIterator[Stage]:
    """Where all runs. It lives in a task of its own, which both starts it and ends it."""
    if await asyncio.to_thread(manifests.programs_folder) is None:
        pytest.skip(NO_PROGRAMS)
    ready: asyncio.Future[Stage] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def hold() -> None:
        try:
            async with open_stage(start_environment, tmp_path_factory.mktemp("stage")) as stage:
                ready.set_result(stage)
                await over.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
                return
            raise

    task = asyncio.create_task(hold())
    yield await ready
    over.set()
    await task


@pytest_asyncio.fixture(loop_scope="module")
async def ground(stage: Stage) -> Ground:
    """A namespace of the test's own."""
    return await stage.ground()
