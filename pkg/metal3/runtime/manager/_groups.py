"""Running groups of runnables inside one another, so that they stop in reverse order."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from metal3.runtime.log import get_logger

from ._runnable import Group, Runnable

log = get_logger(__name__)


class RunnableGroups:
    """All runnables of a manager. ``on_failure`` is called as soon as one of them raises."""

    def __init__(self, on_failure: Callable[[], None]) -> None:
        self._on_failure = on_failure
        self._waiting: dict[Group, list[Runnable]] = {group: [] for group in Group}
        self._running: dict[Group, asyncio.TaskGroup] = {}
        self._live: set[asyncio.Task[None]] = set()

    @property
    def live(self) -> list[str]:
        """Names of what still runs."""
        return sorted(task.get_name() for task in self._live)

    def add(self, runnable: Runnable, group: Group) -> None:
        """Run it with its group, or at once when the group runs already."""
        tasks = self._running.get(group)
        if tasks is None:
            self._waiting[group].append(runnable)
        else:
            self._start(runnable, tasks)

    @asynccontextmanager
    async def running(self, group: Group) -> AsyncGenerator[None]:
        """Have a group run while the body does; the body begins when all of it is up."""
        async with asyncio.TaskGroup() as tasks:
            runnables, self._waiting[group] = self._waiting[group], []
            started = [self._start(runnable, tasks) for runnable in runnables]
            self._running[group] = tasks
            try:
                for runnable in runnables:
                    await _wait_started(runnable)
                yield
                for task in started:
                    task.cancel()
            finally:
                del self._running[group]

    def cancel(self) -> None:
        """Cancel everything that runs, regardless of order."""
        for task in self._live:
            task.cancel()

    def _start(self, runnable: Runnable, tasks: asyncio.TaskGroup) -> "asyncio.Task[None]":
        task = tasks.create_task(self._run(runnable), name=_name(runnable))
        self._live.add(task)
        task.add_done_callback(self._live.discard)
        return task

    async def _run(self, runnable: Runnable) -> None:
        try:
            await runnable.run()
        except Exception as error:
            log.error("a runnable failed, the manager stops", runnable=_name(runnable), error=error)  # noqa: TRY400 - the traceback goes up with the error
            self._on_failure()
            raise


async def _wait_started(runnable: Any) -> None:
    started = getattr(runnable, "started", None)
    if isinstance(started, asyncio.Event):
        await started.wait()
    wait_for_cache_sync = getattr(runnable, "wait_for_cache_sync", None)
    if wait_for_cache_sync is not None:
        await wait_for_cache_sync()


def _name(runnable: object) -> str:
    text = repr(runnable)
    return type(runnable).__name__ if text.startswith("<") else text
