"""From a kind to the name of its resource, asked of the server's discovery."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol, cast
from urllib.parse import quote

import orjson

from metal3.api.meta import v1 as metav1

from ._errors import BadRequestError, DecodeError, NotFoundError
from ._transport import Request

Json = dict[str, Any]

REFRESH: Final = timedelta(seconds=10)
"""How often at most an unknown kind makes us ask again."""


class Sender(Protocol):
    """The part of a transport that discovery needs."""

    async def send(self, request: Request) -> bytes:
        """The body of the answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Where objects of a kind are found."""

    gvk: metav1.GroupVersionKind
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The path of the collection, an object, or a subresource.

        Raises BadRequestError for names that would lead elsewhere: they may come from the spec of
        an object that somebody else wrote.
        """
        root = f"/apis/{self.gvk.api_version}" if self.gvk.group else f"/api/{self.gvk.version}"
        scope = ("namespaces", _segment(namespace)) if namespace else ()
        tail = [_segment(part) for part in (name, subresource) if part]
        return "/".join((root, *scope, self.plural, *tail))


def _segment(name: str) -> str:
    """One part of a path; what a server refuses in names of any kind is refused here."""
    if name in {".", ".."} or "/" in name or "%" in name:
        raise BadRequestError(f"{name!r} cannot be a name: not '.', '..', nor with '/' or '%'")
    return quote(name, safe=":")


class RESTMapper:
    """Remembers what discovery said; an unknown kind is asked for again after a while."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._known: dict[metav1.GroupVersionKind, Resource] = {}
        self._asked: dict[str, float] = {}
        self._lock = asyncio.Lock()

    async def resource_for(self, gvk: metav1.GroupVersionKind) -> Resource:
        """The resource of a kind; raises NotFoundError when the server has no such kind."""
        async with self._lock:
            if gvk not in self._known and self._may_ask(gvk.api_version):
                await self._discover(gvk)
        if gvk not in self._known:
            raise NotFoundError(f"no matches for kind {gvk.kind!r} in version {gvk.api_version!r}")
        return self._known[gvk]

    def _may_ask(self, api_version: str) -> bool:
        now = asyncio.get_running_loop().time()
        asked = self._asked.get(api_version)
        return asked is None or now - asked >= REFRESH.total_seconds()

    async def _discover(self, gvk: metav1.GroupVersionKind) -> None:
        root = f"/apis/{gvk.api_version}" if gvk.group else f"/api/{gvk.version}"
        try:
            body = await self._sender.send(Request(method="GET", path=root))
        except NotFoundError:
            body = b"{}"
        self._asked[gvk.api_version] = asyncio.get_running_loop().time()
        for found in _resources(gvk, body):
            self._known[found.gvk] = found


def _resources(gvk: metav1.GroupVersionKind, body: bytes) -> list[Resource]:
    try:
        listed = cast("Json", orjson.loads(body)).get("resources") or []
        return [
            Resource(
                gvk=gvk._replace(kind=str(item["kind"])),
                plural=str(item["name"]),
                namespaced=bool(item["namespaced"]),
            )
            for item in cast("list[Json]", listed)
            if "/" not in item["name"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise DecodeError(f"discovery of {gvk.api_version}: {type(e).__name__}") from e
