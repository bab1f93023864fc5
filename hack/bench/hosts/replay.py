"""The floor: an operator's writes, taken from the audit log, issued again by a bare loop."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from load import Load
from login import user_name

OPERATOR: Final = "operator"
ERROR: Final = 400
METHODS: Final = {"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE"}
SERVERS_OWN: Final = ("uid", "creationTimestamp", "generation", "managedFields")


@dataclass(frozen=True, kw_only=True)
class Write:
    """One request that changed something."""

    verb: str
    path: str
    body: Any

    @property
    def content_type(self) -> str:
        """Audit keeps no headers; the body tells which patch it is."""
        if self.verb != "patch":
            return "application/json"
        if isinstance(self.body, list):
            return "application/json-patch+json"
        is_apply = "apiVersion" in self.body and "kind" in self.body
        return "application/apply-patch+yaml" if is_apply else "application/merge-patch+json"


@dataclass(kw_only=True)
class Recording:
    """An operator's successful writes, a sequence for each name, and how many were refused."""

    by_name: dict[str, list[Write]] = field(default_factory=lambda: defaultdict(list))
    refused: int = 0

    @property
    def writes(self) -> int:
        """How many there are."""
        return sum(map(len, self.by_name.values()))


def read_audit(log: Path, prefix: str | tuple[str, ...]) -> Recording:
    """Read the operator's writes to what is named with a prefix from an audit log, in order."""
    recording = Recording()
    for event in map(json.loads, log.read_text().splitlines()):
        body = event.get("requestObject")
        name = _name_of(event, body)
        if event["user"]["username"] != user_name(OPERATOR) or not name.startswith(prefix):
            continue
        if event["responseStatus"]["code"] >= ERROR:
            recording.refused += 1
            continue
        write = Write(verb=event["verb"], path=event["requestURI"], body=body)
        recording.by_name[name].append(write)
    return recording


def _name_of(event: Mapping[str, Any], body: Any) -> str:
    """An Event is named at random but says what it regards; a create has its name in the body."""
    body = body if isinstance(body, dict) else {}
    named = body.get("regarding") or event.get("objectRef", {})
    return str(named.get("name") or body.get("metadata", {}).get("name", ""))


@dataclass(kw_only=True)
class Replay:
    """Issues recorded writes in another namespace."""

    load: Load
    old: str
    new: str
    versions: dict[str, str]
    """Last known resourceVersion by path; given those of the objects that are there already.

    The first write to one that is not among them is sent without a precondition."""

    async def run(self, sequences: Iterable[list[Write]]) -> None:
        """Issue each sequence in order, all of them at once."""
        async with asyncio.TaskGroup() as group:
            for writes in sequences:
                group.create_task(self._one_after_the_other(writes))

    async def _one_after_the_other(self, writes: list[Write]) -> None:
        for write in writes:
            path = write.path.replace(f"/namespaces/{self.old}/", f"/namespaces/{self.new}/")
            key = path.partition("?")[0].removesuffix("/status")
            body = self._moved(write.body, key)
            answer = await self.load.send(METHODS[write.verb], path, body, write.content_type)
            meta = answer.get("metadata", {})
            if write.verb == "create":
                key = f"{key}/{meta['name']}"
            self.versions[key] = str(meta.get("resourceVersion", ""))

    def _moved(self, body: Any, key: str) -> Any:
        """Give the body for the other namespace, decided on that namespace's revision."""
        if not isinstance(body, dict) or "metadata" not in body:
            return body
        meta = {k: v for k, v in body["metadata"].items() if k not in SERVERS_OWN}
        if meta.get("namespace"):
            meta["namespace"] = self.new
        if meta.pop("resourceVersion", None) and key in self.versions:
            meta["resourceVersion"] = self.versions[key]
        moved = {**body, "metadata": meta}
        if "regarding" in moved:
            moved["regarding"] = {**moved["regarding"], "namespace": self.new}
        return moved
