"""Finds machines in the backend that no BareMetalHost owns, and names them; it never removes any.

They are left by hosts whose finalizer somebody took away, or by a cluster that was lost. Nobody
switches them off or cleans them, and their MAC addresses are in the way of new hosts.

In: the backend's last listing and the cache, so a look costs no request. Out: a gauge, a line in
the log, and a Warning Event in the name of the host that is missing.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import Machine
from metal3.runtime.client import NotFoundError
from metal3.runtime.log import get_logger

from .host.environment import Environment
from .metrics import ORPHANED_NODES

INTERVAL: Final = timedelta(minutes=1)
"""Between two looks; who is without a host in both of them is an orphan."""

REPEAT: Final = timedelta(minutes=50)
"""Told again after this: Events live for an hour."""

REASON: Final = "OrphanedNode"

log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class OrphanWatch:
    """Remembers who was told of, and when."""

    env: Environment = field(repr=False)
    _suspected: frozenset[str] = frozenset()
    _told: dict[str, datetime] = field(default_factory=dict[str, datetime])

    async def run(self) -> None:
        """Look every minute, until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL.total_seconds())
            try:
                await self.look()
            except Exception:
                # News, not a duty: the operator's work goes on without it.
                log.exception("looking for nodes without a host failed")

    async def look(self) -> None:
        """One look; while the backend does not answer nothing is known, and nothing is said."""
        machines = self.env.backend.machines()
        if machines is None:
            return
        alone = {machine.id: machine for machine in machines if await self._is_alone(machine)}
        orphans = [machine for key, machine in alone.items() if key in self._suspected]
        self._suspected = frozenset(alone)
        ORPHANED_NODES.set(len(orphans))
        self._told = {key: when for key, when in self._told.items() if key in alone}
        for machine in orphans:
            self._tell(machine)

    async def _is_alone(self, machine: Machine) -> bool:
        """Whether it should have a host here and has none; others' machines are theirs."""
        namespaces = self.env.options.namespaces
        if machine.host is None:
            return not namespaces
        if namespaces and machine.host.namespace not in namespaces:
            return False
        if machine.host in self.env.states:
            return False
        try:
            await self.env.client.get(metal3api.BareMetalHost, machine.host)
        except NotFoundError:
            return True
        return False

    def _tell(self, machine: Machine) -> None:
        now, told = self.env.clock(), self._told.get(machine.id)
        if told is not None and now - told < REPEAT:
            return
        self._told[machine.id] = now
        log.warning(
            "a node in the backend belongs to no BareMetalHost",
            node=machine.name,
            id=machine.id,
            state=machine.state,
        )
        if machine.host is not None:
            missing = metal3api.BareMetalHost.named(machine.host.name, machine.host.namespace)
            self.env.recorder.warning(missing, REASON, _advice(machine))


def _advice(machine: Machine) -> str:
    return (
        f"the backend has a node {machine.name!r} ({machine.id}, {machine.state}) and there is no "
        "BareMetalHost of this name: create the host again to have the node taken over, or delete "
        "the node in the backend"
    )
