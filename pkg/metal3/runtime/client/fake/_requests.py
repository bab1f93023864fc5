"""From typed objects to the fake server and back, with every request recorded."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, TypeVar

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import Patch, Selection, decode
from metal3.runtime.rest import NotFoundError
from metal3.runtime.types import NamespacedName, key_of

from ._actions import Action, Failures, Interceptor
from ._select import Filter, IndexFunc, filter_for
from ._server import Server, Target, check_scope
from ._tracker import Resource

T = TypeVar("T", bound=metav1.Object)
Json = dict[str, Any]
Kind = type[metav1.Object]


@dataclass(slots=True)
class Requests:
    """Targets, recording and planned failures; shared by the client and its subresources."""

    server: Server
    without_status: Collection[metav1.GroupVersionKind]
    actions: list[Action] = field(default_factory=list[Action])
    interceptor: Interceptor | None = None
    failures: Failures = field(default_factory=Failures)
    indexes: dict[metav1.GroupVersionKind, dict[str, IndexFunc]] = field(
        default_factory=dict[metav1.GroupVersionKind, dict[str, IndexFunc]]
    )

    def seed(self, obj: metav1.Object) -> None:
        """Put an object there as it is, without a request."""
        data = json.loads(obj.to_json())
        data["metadata"].pop("resourceVersion", None)
        target = self.target_of(obj)
        self.server.tracker.add(target.resource, target.key, data)

    def index_field(self, kind: type[T], name: str, extract: Callable[[T], list[str]]) -> None:
        """Remember how to compute the values of an index."""
        self.indexes.setdefault(kind.gvk, {})[name] = extract

    def target(self, kind: Kind, key: NamespacedName, subresource: str = "") -> Target:
        """The target of a request by kind and key."""
        has_status = kind.gvk not in self.without_status
        return Target(resource_of(kind), key, has_status, subresource)

    def target_of(self, obj: metav1.Object, subresource: str = "") -> Target:
        """The target of a request about ``obj``; plain Unstructured objects name their kind."""
        if type(obj).gvk.kind:
            return self.target(type(obj), key_of(obj), subresource)
        resource = Resource(obj.api_version.rpartition("/")[0], obj.kind)
        return Target(resource, key_of(obj), has_status=True, subresource=subresource)

    def all_of(self, kind: Kind, namespace: str | None) -> Target:
        """The target of a request about a collection."""
        return self.target(kind, NamespacedName(namespace or "", ""))

    def filter(self, kind: Kind, selection: Selection) -> Filter:
        """What matches a selection; raises ValueError when it is malformed."""
        return filter_for(kind, selection, self.indexes.get(kind.gvk, {}))

    def matching(self, chosen: Filter) -> list[Json]:
        """All objects that match, in order."""
        found = self.server.tracker.all(resource_of(chosen.kind))
        return [item for item in found if chosen.matches(item)]

    def act(self, verb: str, target: Target, body: Any = None, *, dry_run: bool = False) -> None:
        """Record the request, then let interceptor and planned failures speak."""
        action = Action(
            verb=verb,
            kind=target.resource.kind,
            key=target.key,
            subresource=target.subresource,
            body=body,
            dry_run=dry_run,
        )
        if action.is_write:
            self.actions.append(action)
        if self.interceptor is not None:
            self.interceptor(action)
        self.failures.check(action)

    def create(self, obj: T, *, dry_run: bool) -> T:
        """POST."""
        data, kind = json.loads(obj.to_json()), type(obj)
        meta = data["metadata"]
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = self.server.generate_name(meta["generateName"])
        target = self.target_of(obj)
        key = target.key._replace(name=meta.get("name", ""))
        target = Target(target.resource, key, target.has_status)
        check_scope(kind, key)
        self.act("create", target, data, dry_run=dry_run)
        return decode(kind, self.server.create(target, _copy(data), dry_run=dry_run))

    def update(self, obj: T, subresource: str = "", *, dry_run: bool = False) -> T:
        """PUT."""
        target, data = self.target_of(obj, subresource), json.loads(obj.to_json())
        self.act("update", target, data, dry_run=dry_run)
        return decode(type(obj), self.server.update(target, _copy(data), dry_run=dry_run))

    def patch(self, obj: T, patch: Patch, subresource: str = "", *, dry_run: bool = False) -> T:
        """PATCH."""
        target = self.target_of(obj, subresource)
        self.act("patch", target, patch, dry_run=dry_run)
        return decode(type(obj), self.server.patch(target, patch, dry_run=dry_run))


@dataclass(frozen=True, slots=True)
class FakeSubResource:
    """Writes one subresource of the fake's objects."""

    requests: Requests
    name: str

    async def update(self, obj: T) -> T:
        """Replace; raises ConflictError when the revision is stale."""
        return self.requests.update(obj, self._known())

    async def patch(self, obj: T, patch: Patch) -> T:
        """Change."""
        return self.requests.patch(obj, patch, self._known())

    def _known(self) -> str:
        if self.name != "status":
            raise NotFoundError(f"the fake has no subresource {self.name!r}")
        return self.name


def resource_of(kind: Kind) -> Resource:
    """Where objects of a kind are kept, whatever the version."""
    return Resource(kind.gvk.group, kind.gvk.kind)


def _copy(data: Json) -> Json:
    return json.loads(json.dumps(data))  # type: ignore[no-any-return]  # what went in comes out
