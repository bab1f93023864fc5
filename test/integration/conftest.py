"""Integration tests run on either API server; METAL3_TEST_API says which."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from metal3.runtime.envtest import ENV_API, BinariesNotFoundError, Environment

StartEnvironment = Callable[..., AbstractAsyncContextManager[Environment]]

NO_BINARIES = "no real kube-apiserver"


@pytest.fixture(scope="session")
def start_environment() -> StartEnvironment:
    """Give a maker of environments, with the options of Environment; it skips without binaries."""

    @asynccontextmanager
    async def start(**options: Any) -> AsyncIterator[Environment]:
        async with AsyncExitStack() as stack:
            try:
                env = await stack.enter_async_context(Environment(**options))
            except BinariesNotFoundError as e:
                pytest.skip(f"{NO_BINARIES}: {e}")
            yield env

    return start


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what only the real server can do, unless the run is for the real server."""
    if os.environ.get(ENV_API) == "kube":
        return
    for item in items:
        if item.get_closest_marker("kube"):
            item.add_marker(pytest.mark.skip(reason=f"needs {ENV_API}=kube"))


@pytest.fixture
async def env(start_environment: StartEnvironment) -> AsyncIterator[Environment]:
    """Give a control plane without anything installed."""
    async with start_environment() as env:
        yield env


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was not run: a skipped half must not look like a passed one."""
    skipped = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if NO_BINARIES in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.section("NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.line(
            f"{len(skipped)} integration tests need a real kube-apiserver: run hack/setup-envtest"
        )
