"""The fake's request half: each verb on plain JSON, with the refusals a server gives."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import Patch, PatchType, Preconditions
from metal3.runtime.rest import (
    AlreadyExistsError,
    BadRequestError,
    ConflictError,
    InvalidError,
    NotFoundError,
    UnsupportedMediaTypeError,
)
from metal3.runtime.types import NamespacedName

from ._patches import json_patch, merge_patch, strategic_merge_patch
from ._rules import check_revision, main_write, status_write
from ._tracker import Resource, Tracker

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about."""

    resource: Resource
    key: NamespacedName
    has_status: bool
    subresource: str = ""

    def __str__(self) -> str:
        kind, _, group = ".".join(reversed(self.resource)).partition(".")
        return f'{kind}{"." if group else ""}{group} "{self.key}"'

    def not_found(self) -> NotFoundError:
        """The refusal when there is no such object."""
        return NotFoundError(f"{self} not found")


@dataclass(slots=True)
class Server:
    """Verbs on plain JSON; every answer is a copy."""

    tracker: Tracker
    _names: int = field(default=0)

    def get(self, target: Target) -> Json:
        """One object; raises NotFoundError."""
        found = self.tracker.find(target.resource, target.key)
        if found is None:
            raise target.not_found()
        return found

    def generate_name(self, prefix: str) -> str:
        """A name after ``generateName``; counted, so that tests are repeatable."""
        self._names += 1
        return f"{prefix}{self._names:05d}"

    def create(self, target: Target, sent: Json, *, dry_run: bool = False) -> Json:
        """Raises AlreadyExistsError, BadRequestError (a revision is given)."""
        if self.tracker.find(target.resource, target.key) is not None:
            raise AlreadyExistsError(f"{target} already exists")
        meta = sent["metadata"]
        if meta.get("resourceVersion"):
            raise BadRequestError("resourceVersion should not be set on objects to be created")
        for name in ("uid", "deletionTimestamp", "generation", "creationTimestamp"):
            meta.pop(name, None)
        if target.has_status:
            sent.pop("status", None)
        if dry_run:
            return self.tracker.fill(sent)
        return self.tracker.add(target.resource, target.key, sent)

    def update(self, target: Target, sent: Json, *, dry_run: bool = False) -> Json:
        """Replace the object or its status; the same content makes no new revision."""
        stored = self.get(target)
        check_revision(stored, sent, str(target))
        return self._write(target, stored, sent, dry_run=dry_run)

    def patch(self, target: Target, patch: Patch, *, dry_run: bool = False) -> Json:
        """Change the object or its status; APPLY creates what is missing."""
        if patch.type is PatchType.APPLY:
            return self._apply(target, patch, dry_run=dry_run)
        stored = self.get(target)
        body = json.loads(json.dumps(patch.body))
        match patch.type:
            case PatchType.MERGE:
                check_revision(stored, body, str(target))
                sent: Json = merge_patch(stored, body)
            case PatchType.JSON:
                sent = json_patch(stored, body)
                check_revision(stored, sent, str(target))
            case PatchType.STRATEGIC if target.resource.is_built_in:
                check_revision(stored, body, str(target))
                sent = strategic_merge_patch(stored, body)
            case _:
                raise UnsupportedMediaTypeError(f"{target}: {patch.type} is not supported")
        return self._write(target, stored, sent, dry_run=dry_run)

    def _apply(self, target: Target, patch: Patch, *, dry_run: bool) -> Json:
        if not patch.field_manager:
            raise BadRequestError("fieldManager is required for apply patch")
        intent = json.loads(json.dumps(patch.body))
        stored = self.tracker.find(target.resource, target.key)
        if stored is not None:
            check_revision(stored, intent, str(target))
            return self._write(target, stored, merge_patch(stored, intent), dry_run=dry_run)
        if target.subresource:
            raise target.not_found()
        intent.setdefault("metadata", {}).update(_identity(target.key))
        return self.create(target, intent, dry_run=dry_run)

    def _write(self, target: Target, stored: Json, sent: Json, *, dry_run: bool) -> Json:
        if target.subresource == "status":
            if not target.has_status:
                raise target.not_found()
            new = status_write(stored, sent)
        else:
            new = main_write(stored, sent, has_status=target.has_status)
        if new == stored or dry_run:
            return new
        if _is_gone(new):
            self.tracker.remove(target.resource, target.key, new)
            return new
        return self.tracker.put(target.resource, target.key, new)

    def delete(self, target: Target, preconditions: Preconditions | None) -> None:
        """Remove, or mark for deletion while finalizers hold the object."""
        stored = self.get(target)
        meta = stored["metadata"]
        wanted = preconditions or Preconditions()
        for name, value in (("uid", wanted.uid), ("resourceVersion", wanted.resource_version)):
            if value is not None and value != meta[name]:
                raise ConflictError(f"{target}: precondition failed: {name} is {meta[name]}")
        if not meta.get("finalizers"):
            self.tracker.remove(target.resource, target.key, stored)
        elif "deletionTimestamp" not in meta:
            meta["deletionTimestamp"] = metav1.format_time(self.tracker.clock())
            meta["deletionGracePeriodSeconds"] = 0
            meta["generation"] = meta.get("generation", 0) + 1
            self.tracker.put(target.resource, target.key, stored)


def _identity(key: NamespacedName) -> Json:
    return {"name": key.name} | ({"namespace": key.namespace} if key.namespace else {})


def _is_gone(obj: Json) -> bool:
    meta = obj["metadata"]
    return "deletionTimestamp" in meta and not meta.get("finalizers")


def new_server(clock: Callable[[], datetime]) -> Server:
    """An empty server whose timestamps come from ``clock``."""
    return Server(Tracker(clock))


def check_scope(kind: type[metav1.Object], key: NamespacedName) -> None:
    """Raises BadRequestError when a namespace is missing or does not belong there."""
    if kind.namespaced and not key.namespace:
        raise BadRequestError(f"{kind.__name__} {key.name!r}: an empty namespace may not be set")
    if not kind.namespaced and key.namespace:
        raise BadRequestError(f"{kind.__name__} {key}: the kind has no namespaces")
    if not key.name:
        raise InvalidError(f"{kind.__name__}: metadata.name: Required value: name is required")
