"""Checks that run when somebody asks, each with a deadline."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from metal3.runtime.log import get_logger

log = get_logger(__name__)

Check = Callable[[], Awaitable[None]] | Callable[[], None]
"""Returns when all is well, raises when it is not; what it raises goes to the log only."""

_TIMEOUT: Final = timedelta(seconds=5)


def ping() -> None:
    """Well whenever it is asked: the process and its event loop live."""


@dataclass(frozen=True, slots=True)
class Report:
    """Outcome of each check that ran, by name."""

    passed: dict[str, bool]

    @property
    def is_ok(self) -> bool:
        """True when all passed."""
        return all(self.passed.values())

    def text(self, endpoint: str, *, verbose: bool) -> str:
        """For people: ``ok``, or a line for each check; reasons are withheld from strangers."""
        if self.is_ok and not verbose:
            return "ok"
        lines = [
            f"[+]{name} ok" if ok else f"[-]{name} failed: reason withheld"
            for name, ok in self.passed.items()
        ]
        verdict = f"{endpoint} check {'passed' if self.is_ok else 'failed'}"
        return "\n".join([*lines, verdict, ""])


class Checks:
    """The checks of one endpoint; without any, ``ping`` answers."""

    def __init__(self, timeout: timedelta = _TIMEOUT) -> None:
        self._checks: dict[str, Check] = {}
        self._timeout = timeout.total_seconds()

    def add(self, name: str, check: Check) -> None:
        """Ask ``check``, too; ValueError when the name is taken or unfit for a path."""
        if not name or "/" in name:
            raise ValueError(f"not a name for a check: {name!r}")
        if name in self._checks:
            raise ValueError(f"two checks of the name {name!r}")
        self._checks[name] = check

    async def run(self, *, exclude: Collection[str] = ()) -> Report:
        """Ask all checks but the excluded ones, one after another."""
        checks = self._checks or {"ping": ping}
        return Report({n: await self._passes(n, c) for n, c in checks.items() if n not in exclude})

    async def run_one(self, name: str) -> Report | None:
        """Ask one check; None when there is none of that name."""
        checks = {"ping": ping} | self._checks
        check = checks.get(name)
        return None if check is None else Report({name: await self._passes(name, check)})

    async def _passes(self, name: str, check: Check) -> bool:
        try:
            async with asyncio.timeout(self._timeout):
                answer = check()
                if inspect.isawaitable(answer):
                    await answer
        except Exception as error:  # noqa: BLE001 - that is how a check says no
            log.info("health check failed", check=name, error=error)
            return False
        return True
