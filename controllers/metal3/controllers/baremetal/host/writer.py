"""All writes to one host object, and reading one's own writes.

Each write carries the revision it was decided on. As the cache learns of a write only later, the
result of the last one is kept until then, so that no decision is taken on a state that is past.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Client, Patch, PatchType
from metal3.runtime.types import NamespacedName, key_of

MAX_SUPERSEDED: Final = 32


@dataclass(slots=True)
class _Written:
    newest: bytes
    superseded: OrderedDict[str, None] = field(default_factory=OrderedDict[str, None])


@dataclass(frozen=True, slots=True, kw_only=True)
class HostWriter:
    """Reads and writes hosts; shared by all reconciles of the controller."""

    client: Client
    _written: dict[NamespacedName, _Written] = field(default_factory=dict[NamespacedName, _Written])

    async def get(self, key: NamespacedName) -> metal3api.BareMetalHost:
        """The host, no older than our last write; raises NotFoundError."""
        host = await self.client.get(metal3api.BareMetalHost, key)
        written = self._written.get(key)
        if written is None:
            return host
        if host.metadata.resource_version in written.superseded:
            newest = metal3api.BareMetalHost.from_json(written.newest)
            if newest.metadata.uid == host.metadata.uid:
                return newest
        self.forget(key)
        return host

    def forget(self, key: NamespacedName) -> None:
        """Trust the cache again."""
        self._written.pop(key, None)

    async def save_status(self, host: metal3api.BareMetalHost) -> None:
        """Replace the status; raises ConflictError when the host has changed since."""
        stored = await self.client.status.update(host)
        self._remember(host, stored)
        host.metadata = stored.metadata

    async def set_finalizers(self, host: metal3api.BareMetalHost, finalizers: list[str]) -> None:
        """Replace the finalizers; raises ConflictError, NotFoundError."""
        await self._patch(host, {"finalizers": finalizers})

    async def remove_annotations(self, host: metal3api.BareMetalHost, *names: str) -> None:
        """Take annotations away, if they are there; raises ConflictError, NotFoundError."""
        present = [name for name in names if name in host.metadata.annotations]
        if present:
            await self._patch(host, {"annotations": dict.fromkeys(present)})

    async def _patch(self, host: metal3api.BareMetalHost, meta: dict[str, Any]) -> None:
        revision = {"resourceVersion": host.metadata.resource_version}
        patch = Patch(PatchType.MERGE, {"metadata": {**meta, **revision}})
        stored = await self.client.patch(host, patch)
        self._remember(host, stored)
        host.metadata = stored.metadata

    def _remember(self, before: metav1.Object, after: metal3api.BareMetalHost) -> None:
        key, old = key_of(before), before.metadata.resource_version
        if old == after.metadata.resource_version:
            return
        written = self._written.setdefault(key, _Written(b""))
        written.newest = after.to_json()
        written.superseded[old] = None
        while len(written.superseded) > MAX_SUPERSEDED:
            written.superseded.popitem(last=False)
