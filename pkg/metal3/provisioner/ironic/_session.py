"""One host's dealings with its node during one reconcile.

Finds the node, reads it at most once, and sends writes so that the informer hears of each.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from metal3.provisioner import HostData, NeedsRegistrationError, Publisher, Result
from metal3.runtime.log import get_logger

from ._client import JSON, Client
from ._config import Config
from ._errors import BadRequestError, NotFoundError
from ._memory import Memory
from ._messages import explain
from ._node import BEGINS, Node, Power, Target
from ._nodes import NodeInformer
from ._snapshot import node_fields

LOCKED: Final = timedelta(seconds=3)
"""When to call again after a conductor held the node's lock: the listing cannot tell."""

OVERLOADED: Final = timedelta(seconds=10)
"""When to call again after Ironic had no worker to spare."""

BACKSTOP: Final = timedelta(seconds=60)
"""When to call again although the informer should have woken the host long before."""

POLL: Final = timedelta(seconds=10)
"""When to call again while nobody runs the informer."""

log = get_logger(__name__)


class Session:
    """What every step needs: the host, its node, and the way to Ironic."""

    def __init__(
        self,
        *,
        client: Client,
        config: Config,
        informer: NodeInformer,
        memory: Memory,
        host: HostData,
        publish: Publisher,
    ) -> None:
        self.client = client
        self.config = config
        self.informer = informer
        self.memory = memory
        self.host = host
        self.publish = publish
        self._uuid = host.provisioner_id
        self._node: Node | None = None
        self.is_new = False
        """The node was made in this reconcile."""

    def wait(self) -> Result:
        """Under way in Ironic: the informer wakes the host when it moves."""
        return Result.again(BACKSTOP if self.informer.is_running else POLL)

    def failed(self, what: str, raw: str) -> Result:
        """Failed for a reason Ironic gave."""
        return Result.failed(self.explain(what, raw))

    def explain(self, what: str, raw: str) -> str:
        """A sentence for the user; the password is taken out of whatever a driver repeated."""
        password = self.host.credentials.password
        text = raw.replace(password, "***") if password else raw
        host = self.host
        return explain(what, text, address=host.bmc_address, secret=host.credentials_name)

    async def require(self) -> Node:
        """The node; raises NeedsRegistrationError when Ironic knows none of this ID."""
        node = self._node or await self._load(self._uuid)
        if node is None:
            raise NeedsRegistrationError(f"Ironic has no node for host {self.host.key}")
        return self.use(node)

    async def _load(self, uuid: str) -> Node | None:
        if not uuid:
            return None
        return self.informer.fresh(uuid) or await self.read(uuid)

    def use(self, node: Node) -> Node:
        """Work with this node from now on."""
        self._node = node
        self._uuid = node.uuid
        self.informer.bind(node.uuid, self.host.key)
        return node

    async def read(self, ident: str) -> Node | None:
        """GET one node by UUID or name."""
        before = asyncio.get_running_loop().time()
        query = {"fields": ",".join(node_fields(self.client))}
        try:
            node = Node(await self.client.get("nodes", ident, query=query), before)
        except NotFoundError:
            return None
        self.informer.saw(node)
        return node

    def created(self, answer: JSON) -> Node:
        """Work with a node that was made by this call."""
        node = Node(answer, asyncio.get_running_loop().time())
        self.informer.saw(node)
        self.is_new = True
        return self.use(node)

    async def patch(self, node: Node, operations: Sequence[JSON]) -> Node:
        """Change fields; without operations nothing is sent."""
        if not operations:
            return node
        try:
            answer = await self.client.patch("nodes", node.uuid, operations=operations)
        finally:
            self._wrote(node, expect=False)
        self._node = changed = Node(answer, asyncio.get_running_loop().time())
        self.informer.saw(changed)
        return changed

    async def move(self, node: Node, target: Target, **arguments: object) -> Result:
        """Ask for a change of provision state; the next call sees what came of it.

        A node in maintenance is freed first, in the same call: a failed step leaves one that only
        goes away by hand. A lost power connection is left to Ironic, which tries it again itself.
        """
        if node.fault == POWER_FAULT:
            return self.wait()
        if node.maintenance:
            await self.clear_maintenance(node)
        self.memory.attempted.add(node.uuid)
        body = {"target": target} | {k: v for k, v in arguments.items() if v is not None}
        await self._act(node, "states", "provision", body=body)
        self._began(node, target)
        log.info("asked Ironic for a provision state", target=str(target), node=node.uuid)
        return self.wait()

    def must_tell(self, node: Node, *, restart: bool) -> bool:
        """Whether a failure is told now, rather than left behind by another attempt.

        Each attempt's failure is told once, so that a caller that keeps asking for a restart
        still backs off between two attempts.
        """
        if restart and node.uuid not in self.memory.attempted:
            return False
        self.memory.attempted.discard(node.uuid)
        return True

    async def clear_maintenance(self, node: Node) -> None:
        """Let Ironic work on the node again."""
        try:
            await self.client.delete("nodes", node.uuid, "maintenance")
        finally:
            self._wrote(node, expect=False)

    async def set_maintenance(self, node: Node, reason: str) -> None:
        """Keep Ironic's hands off the node."""
        await self._act(node, "maintenance", body={"reason": reason})

    async def set_power(self, node: Node, target: Power, *, timeout: timedelta | None) -> None:  # noqa: ASYNC109 - Ironic's timeout, not ours
        """Ask for a change of power."""
        body: dict[str, Any] = {"target": target}
        if timeout is not None:
            body["timeout"] = int(timeout.total_seconds())
        await self._act(node, "states", "power", body=body)
        self._shows(node, target_power_state=target)

    async def set_raid(self, node: Node, target: Mapping[str, Any]) -> None:
        """Store the RAID configuration that a later step creates."""
        await self._act(node, "states", "raid", body=dict(target), expect=False)

    async def remove(self, node: Node) -> None:
        """Delete the node; deleting one that is gone is fine."""
        try:
            await self.client.delete("nodes", node.uuid)
        except NotFoundError:
            pass
        except BaseException:
            self._wrote(node, expect=True)
            raise
        self.informer.forget(node.uuid)
        self.memory.forget(node.uuid)
        self._node, self._uuid = None, ""

    async def why_failed(self, node: Node) -> str:
        """The node's last error, or the newest one of its history.

        Ironic loses the error of a failed deployment over virtual media: powering the machine off
        while cleaning up overwrites it.
        """
        if node.last_error:
            return node.last_error
        try:
            answer = await self.client.get(
                "nodes", node.uuid, "history", query={"detail": "true", "limit": "100"}
            )
        except (NotFoundError, BadRequestError):
            return ""
        events: list[dict[str, Any]] = [
            e for e in answer.get("history") or [] if e.get("severity") == "ERROR"
        ]
        newest = max(events, key=lambda e: str(e.get("created_at")), default=None)
        return str(newest.get("event") or "") if newest else ""

    async def _act(self, node: Node, *path: str, body: object, expect: bool = True) -> None:
        try:
            await self.client.put("nodes", node.uuid, *path, body=body)
        finally:
            self._wrote(node, expect=expect)

    def _began(self, node: Node, target: Target) -> None:
        """Spare a look at what Ironic is known to have begun when it accepted the action."""
        begin = BEGINS.get(target)
        if begin is not None and node.state in begin.starts:
            state, heads_for = begin.state, begin.heads_for
            self._shows(node, provision_state=state, target_provision_state=heads_for)

    def _shows(self, node: Node, **fields: str) -> None:
        """Ironic would show this if it was asked now."""
        raw = {**node.raw, "last_error": None, **fields}
        self.informer.began(Node(raw, asyncio.get_running_loop().time()))

    def _wrote(self, node: Node, *, expect: bool) -> None:
        self._node = None
        self.informer.wrote(node.uuid, expect=expect)


POWER_FAULT: Final = "power failure"
"""Ironic lost power control; it keeps trying and clears the fault by itself."""
