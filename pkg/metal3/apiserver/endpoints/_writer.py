"""Writes: create, update, and the steps both go through.

The order is the real server's: decode, prune and default, mutating admission, what the server
sets, validation, validating admission, store. An update is tried again when the object changed
underneath and the client did not insist on a resourceVersion.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from metal3.apiserver import errors
from metal3.apiserver.errors import StatusError
from metal3.apiserver.jsonvalue import (
    Obj,
    clone,
    clone_map,
    dumps,
    ensure_map,
    equal,
    load_object,
    map_at,
    text_at,
)
from metal3.apiserver.patch import apply, track_update
from metal3.apiserver.schema import apply_defaults, prune, validate
from metal3.apiserver.storage import Key, Record, StaleError, Store
from metal3.apiserver.webhooks import Admission, Attributes

from . import _views
from ._call import Call, Written, applier_of, manager_of, report_unknown, unknown_fields
from ._metadata import check_metadata, check_shape, keep_metadata, new_metadata, tidy
from ._request import Target

MAX_OBJECT: Final = 3 << 19
_ATTEMPTS: Final = 10
_GENERATED: Final = 8

Change = Callable[[Obj], Awaitable[Obj]]


class Writer:
    """Creates and updates objects."""

    def __init__(self, store: Store, admission: Admission) -> None:
        self.store = store
        self.admission = admission

    # -- create ----------------------------------------------------------------------------

    async def create(self, call: Call, body: Obj) -> Written:
        """Create an object; raises 409 when there is one of the name."""
        self._accept(call, body)
        generated = not text_at(body, "metadata", "name")
        for _ in range(_GENERATED):
            try:
                return await self._create(call, clone_map(body))
            except StatusError as e:
                if not generated or e.reason != "AlreadyExists":
                    raise
        raise errors.timed_out("no free name could be generated, try again")

    async def _create(self, call: Call, obj: Obj) -> Written:
        target = call.target
        if text_at(obj, "metadata", "resourceVersion"):
            raise errors.bad_request("resourceVersion should not be set on objects to be created")
        self._check_namespace(target)
        name = text_at(obj, "metadata", "name")
        attributes = self._attributes(call, "CREATE", name, obj, None)
        mutated = await self.admission.mutate(attributes, call.warn)
        if mutated is not None and mutated is not obj:
            obj = mutated
            self._shape(call, obj)
        new_metadata(obj)
        if target.version.status:
            obj.pop("status", None)
        self._finish(call, obj, None)
        self._validate(call, obj, None)
        name = text_at(obj, "metadata", "name")
        key = Key(target.resource.id, target.namespace, name)
        if self.store.latest(key):
            raise errors.already_exists(target.resource.group, target.resource.plural, name)
        attributes = self._attributes(call, "CREATE", name, obj, None)
        await self.admission.validate(attributes, call.warn)
        try:
            return await self._store(call, key, obj, None, code=201)
        except StaleError:
            raise errors.already_exists(
                target.resource.group, target.resource.plural, name
            ) from None

    def _check_namespace(self, target: Target) -> None:
        if not target.resource.namespaced:
            return
        record = self.store.latest(Key("/namespaces", "", target.namespace))
        if record is None:
            raise errors.not_found("", "namespaces", target.namespace)
        if record.deleting:
            raise errors.forbidden(
                f"unable to create new content in namespace {target.namespace} "
                "because it is being terminated",
                {"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]},
            )

    # -- update ----------------------------------------------------------------------------

    async def update(self, call: Call, change: Change) -> Written:
        """Replace an object by what ``change`` makes of it; raises 404 when there is none."""
        target = call.target
        key = Key(target.resource.id, target.namespace, target.name)
        for _ in range(_ATTEMPTS):
            record = self.store.latest(key)
            if record is None:
                raise target.not_found()
            data = await _views.view(record, target.resource, target.version)
            current = load_object(data)
            obj = await change(load_object(data))
            insisted = self._check_version(call, obj, current)
            try:
                return await self._update(call, record, current, obj)
            except StaleError:
                if insisted:
                    raise target.conflict() from None
        raise target.conflict()

    def _check_version(self, call: Call, obj: Obj, current: Obj) -> bool:
        sent = text_at(obj, "metadata", "resourceVersion")
        if sent and sent != text_at(current, "metadata", "resourceVersion"):
            raise call.target.conflict()
        uid = text_at(obj, "metadata", "uid")
        actual = text_at(current, "metadata", "uid")
        if uid and uid != actual:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {actual}"
            raise call.target.conflict(why)
        return bool(sent)

    async def _update(self, call: Call, record: Record, current: Obj, obj: Obj) -> Written:
        target = call.target
        self._accept(call, obj)
        self._select_part(call, obj, current)
        attributes = self._attributes(call, "UPDATE", target.name, obj, current)
        mutated = await self.admission.mutate(attributes, call.warn)
        if mutated is not None and mutated is not obj:
            obj = mutated
            self._shape(call, obj)
            self._select_part(call, obj, current)
        self._finish(call, obj, current)
        self._validate(call, obj, current)
        attributes = self._attributes(call, "UPDATE", target.name, obj, current)
        await self.admission.validate(attributes, call.warn)
        if "deletionTimestamp" in obj["metadata"] and not _is_held(obj):
            return await self._vanish(call, record, obj)
        if _is_same(obj, current):
            data = await _views.view(record, target.resource, target.version)
            await self._settled(record)
            return Written(data=data, record=record)
        return await self._store(call, record.key, obj, record)

    async def apply(self, call: Call, config: Obj) -> Written:
        """Apply a configuration server-side; creates the object when there is none."""
        target = call.target
        self.check_header(target, config)
        if map_at(config, "metadata").get("managedFields"):
            raise errors.bad_request("metadata.managedFields must be nil")
        report_unknown(call, [f'unknown field "{path}"' for path in unknown_fields(target, config)])
        call.applied = True
        schema, applier = target.version.schema, applier_of(call)

        async def change(current: Obj) -> Obj:
            sent = text_at(config, "metadata", "resourceVersion")
            obj = apply(current, config, schema, applier)
            if sent:
                obj["metadata"]["resourceVersion"] = sent
            return obj

        key = Key(target.resource.id, target.namespace, target.name)
        for _ in range(_ATTEMPTS):
            if self.store.latest(key):
                return await self.update(call, change)
            if target.subresource:
                raise target.not_found()
            ensure_map(config, "metadata").setdefault("name", target.name)
            try:
                return await self.create(call, apply(None, config, schema, applier))
            except StatusError as e:
                if e.reason != "AlreadyExists":
                    raise
        raise target.conflict()

    async def _settled(self, record: Record) -> None:
        """Wait until what is answered is on disk: it may have been staged by someone else."""
        pending = self.store.pending(record.key)
        if pending is not None:
            await asyncio.shield(pending)

    def _select_part(self, call: Call, obj: Obj, current: Obj) -> None:
        """Keep the part of the object that this endpoint does not write."""
        keep_metadata(obj, current)
        if not call.target.version.status:
            return
        if call.target.resource.id == "/namespaces":
            finalize = call.target.subresource == "finalize"
            obj["spec"] = clone((obj if finalize else current).get("spec") or {})
        if call.target.subresource == "status":
            managed = map_at(obj, "metadata").get("managedFields")
            for name in [n for n in obj if n not in {"status", "apiVersion", "kind"}]:
                del obj[name]
            obj.update({k: clone(v) for k, v in current.items() if k != "status"})
            if managed is not None:
                obj["metadata"]["managedFields"] = managed
        elif "status" in current:
            obj["status"] = clone(current["status"])
        else:
            obj.pop("status", None)

    async def _vanish(self, call: Call, record: Record, obj: Obj) -> Written:
        if call.options.dry_run:
            return Written(data=dumps(obj))
        gone = await self.store.remove(record.key, record)
        obj["metadata"]["resourceVersion"] = str(gone.revision)
        return Written(data=dumps(obj))

    # -- steps of both ---------------------------------------------------------------------

    def _accept(self, call: Call, obj: Obj) -> None:
        """Check the header, drop unknown fields and fill in defaults."""
        target = call.target
        self.check_header(target, obj)
        unknown = check_shape(obj)
        self.check_place(target, obj)
        schema = target.version.schema
        if schema:
            unknown += prune(obj, schema, root=True)
            apply_defaults(obj, schema)
        report_unknown(call, [f'unknown field "{path}"' for path in unknown])

    def check_header(self, target: Target, obj: Obj) -> None:
        """Check that a body is of the kind and version of its path; raises 400."""
        if not target.resource.custom:
            obj.setdefault("apiVersion", target.api_version)
            obj.setdefault("kind", target.resource.kind)
        if not obj.get("kind"):
            raise errors.bad_request("Object 'Kind' is missing")
        if obj.get("apiVersion") != target.api_version:
            raise errors.bad_request(
                f"the API version in the data ({obj.get('apiVersion')}) does not match the "
                f"expected API version ({target.api_version})"
            )
        if obj["kind"] != target.resource.kind:
            raise errors.bad_request(
                f"{obj['kind']} in version {obj.get('apiVersion')!r} cannot be handled as a "
                f"{target.resource.kind} in version {target.api_version!r}"
            )

    def check_place(self, target: Target, obj: Obj) -> None:
        """Check that a body has the name and namespace of its path; raises 400."""
        metadata = ensure_map(obj, "metadata")
        if not target.resource.namespaced:
            metadata.pop("namespace", None)
        elif metadata.setdefault("namespace", target.namespace) != target.namespace:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the "
                "request"
            )
        if target.name and metadata.setdefault("name", target.name) != target.name:
            raise errors.bad_request(
                f"the name of the object ({metadata['name']}) does not match the name on the URL "
                f"({target.name})"
            )

    def _shape(self, call: Call, obj: Obj) -> None:
        """Bring what webhooks have made into the shape of its schema again."""
        check_shape(obj)
        schema = call.target.version.schema
        if schema:
            prune(obj, schema, root=True)
            apply_defaults(obj, schema)

    def _finish(self, call: Call, obj: Obj, current: Obj | None) -> None:
        """Set what the server sets, after admission."""
        target = call.target
        target.resource.strategy.prepare(obj, current)
        tidy(obj)
        self._count_generation(target, obj, current)
        if not call.applied:
            track_update(target.version.schema, current, obj, manager_of(call))
        if not obj["metadata"].get("managedFields"):
            obj["metadata"].pop("managedFields", None)

    def _count_generation(self, target: Target, obj: Obj, current: Obj | None) -> None:
        if not target.resource.strategy.generation:
            return
        metadata = obj["metadata"]
        if current is None:
            metadata["generation"] = 1
            return
        ignored = {"metadata", "status"} if target.version.status else {"metadata"}
        before = {key: value for key, value in current.items() if key not in ignored}
        after = {key: value for key, value in obj.items() if key not in ignored}
        generation = int(map_at(current, "metadata").get("generation") or 1)
        metadata["generation"] = generation if equal(before, after) else generation + 1

    def _validate(self, call: Call, obj: Obj, current: Obj | None) -> None:
        target = call.target
        causes = check_metadata(obj, current, target.resource)
        if target.version.schema:
            causes += validate(obj, target.version.schema)
        if not causes:
            causes += target.resource.strategy.check(obj, current)
        if causes:
            name = text_at(obj, "metadata", "name")
            raise errors.invalid(target.resource.group, target.resource.kind, name, causes)

    def _attributes(
        self, call: Call, operation: str, name: str, obj: Obj, old: Obj | None
    ) -> Attributes:
        target = call.target
        kind = "CreateOptions" if operation == "CREATE" else "UpdateOptions"
        options: Obj = {
            "kind": kind,
            "apiVersion": "meta.k8s.io/v1",
            "fieldManager": call.options.manager,
        }
        return Attributes(
            operation=operation,
            resource=target.resource,
            version=target.version,
            subresource=target.subresource,
            namespace=target.namespace,
            name=name,
            obj=obj,
            old=old,
            options=options,
            dry_run=call.options.dry_run,
        )

    async def _store(
        self, call: Call, key: Key, obj: Obj, expected: Record | None, *, code: int = 200
    ) -> Written:
        target = call.target
        resource = target.resource
        stored = (await _views.convert(resource, [obj], resource.storage_api_version))[0]
        if len(dumps(stored)) > MAX_OBJECT:
            raise errors.too_large(f"the object is larger than {MAX_OBJECT} bytes")
        if call.options.dry_run:
            return Written(data=dumps(obj), code=code)
        if stored is obj:
            record = await self._put(key, obj, expected, target)
            return Written(data=record.data, code=code, record=record)
        record = await self.store.put(key, clone_map(stored), expected)
        return Written(
            data=await _views.view(record, resource, target.version), code=code, record=record
        )

    async def _put(self, key: Key, obj: Obj, expected: Record | None, target: Target) -> Record:
        staged = self.store.put(key, obj, expected)
        latest = self.store.latest(key)
        if latest:
            # Written with the rules of this version: reading needs not apply them again.
            _views.remember(latest, target.resource, target.version, latest.data)
        return await staged


def _is_held(obj: Obj) -> bool:
    """Tell whether finalizers keep a deleted object; namespaces have theirs in the spec too."""
    if map_at(obj, "metadata").get("finalizers"):
        return True
    return obj.get("kind") == "Namespace" and bool(map_at(obj, "spec").get("finalizers"))


def _is_same(obj: Obj, current: Obj) -> bool:
    return equal(obj, current)
