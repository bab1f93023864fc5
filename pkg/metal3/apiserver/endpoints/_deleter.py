"""Deletes: at once, or by a mark that finalizers keep until the last of them is gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from metal3.apiserver import errors
from metal3.apiserver.jsonvalue import Obj, clone_map, dumps, ensure_map, list_at, map_at, text_at
from metal3.apiserver.resources import CLEANUP_FINALIZER, CRD_RESOURCE, Resource
from metal3.apiserver.storage import Key, Record, StaleError, Store
from metal3.apiserver.webhooks import Admission, Attributes

from . import _views
from ._call import Call, Written
from ._metadata import now, tidy
from ._request import Target

ORPHAN: Final = "orphan"
FOREGROUND: Final = "foregroundDeletion"
_POLICIES: Final = {"Orphan", "Background", "Foreground"}
_IMMORTAL: Final = frozenset({"default", "kube-system", "kube-public"})
_ATTEMPTS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """What a client may ask of a deletion."""

    policy: str = ""
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


def parse_delete_options(query: Any, body: Obj) -> DeleteOptions:
    """Read the options from query and body; the body wins. Raises 400 for an unknown policy."""
    policy = text_at(body, "propagationPolicy") or query.get("propagationPolicy", "")
    if not policy and (
        body.get("orphanDependents") is True or query.get("orphanDependents") == "true"
    ):
        policy = ORPHAN.title()
    if policy and policy not in _POLICIES:
        raise errors.bad_request(
            f'propagationPolicy: Unsupported value: "{policy}": supported values: '
            '"Background", "Foreground", "Orphan"'
        )
    dry_run = query.get("dryRun") == "All" or "All" in list_at(body, "dryRun")
    return DeleteOptions(
        policy=policy,
        uid=text_at(body, "preconditions", "uid"),
        resource_version=text_at(body, "preconditions", "resourceVersion"),
        dry_run=dry_run,
    )


class Deleter:
    """Deletes objects one by one; collections are deleted object by object."""

    def __init__(self, store: Store, admission: Admission) -> None:
        self.store = store
        self.admission = admission

    async def delete(self, call: Call, options: DeleteOptions) -> Written:
        """Delete an object, or mark it; raises 404, and 409 when a precondition fails."""
        target = call.target
        if target.resource.id == "/namespaces" and target.name in _IMMORTAL:
            raise errors.forbidden(
                f'namespaces "{target.name}" is forbidden: this namespace may not be deleted'
            )
        key = Key(target.resource.id, target.namespace, target.name)
        for _ in range(_ATTEMPTS):
            record = self.store.latest(key)
            if record is None:
                raise target.not_found()
            try:
                return await self._delete(call, options, record)
            except StaleError:
                continue
        raise target.conflict()

    async def delete_all(
        self, call: Call, options: DeleteOptions, records: Sequence[Record]
    ) -> list[Obj]:
        """Delete what a list has found; what is gone meanwhile is passed over."""
        deleted: list[Obj] = []
        resource = call.target.resource
        for record in records:
            target = Target(
                resource=resource,
                version=call.target.version,
                namespace=record.key.namespace,
                name=record.key.name,
            )
            deleted.append(await _views.load(record, resource, call.target.version))
            one = Call(target=target, options=call.options, warnings=call.warnings)
            try:
                await self.delete(one, options)
            except errors.StatusError as e:
                if e.reason != "NotFound":
                    raise
        return deleted

    async def _delete(self, call: Call, options: DeleteOptions, record: Record) -> Written:
        target = call.target
        current = await _views.load(record, target.resource, target.version)
        _check_preconditions(target, options, current)
        await self._admit(call, options, current)
        marked = _marked(target.resource, clone_map(current), options)
        if not _is_held(marked):
            return await self._remove(call, options, record, current)
        if marked == current:
            return Written(data=dumps(current), record=record)
        if options.dry_run:
            return Written(data=dumps(marked))
        stored = await _views.convert(
            target.resource, [marked], target.resource.storage_api_version
        )
        changed = await self.store.put(record.key, clone_map(stored[0]), record)
        data = await _views.view(changed, target.resource, target.version)
        return Written(data=data, record=changed)

    async def _remove(
        self, call: Call, options: DeleteOptions, record: Record, current: Obj
    ) -> Written:
        target = call.target
        if not options.dry_run:
            await self.store.remove(record.key, record)
        details: Obj = {
            "name": target.name,
            "kind": target.resource.plural,
            "uid": text_at(current, "metadata", "uid"),
        }
        if target.resource.group:
            details["group"] = target.resource.group
        status: Obj = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
        }
        return Written(data=dumps(status))

    async def _admit(self, call: Call, options: DeleteOptions, current: Obj) -> None:
        target = call.target
        sent: Obj = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"}
        if options.policy:
            sent["propagationPolicy"] = options.policy
        attributes = Attributes(
            operation="DELETE",
            resource=target.resource,
            version=target.version,
            subresource="",
            namespace=target.namespace,
            name=target.name,
            obj=None,
            old=current,
            options=sent,
            dry_run=options.dry_run,
        )
        await self.admission.mutate(attributes, call.warn)
        await self.admission.validate(attributes, call.warn)


def _check_preconditions(target: Target, options: DeleteOptions, current: Obj) -> None:
    metadata = map_at(current, "metadata")
    for wanted, field, label in (
        (options.uid, "uid", "UID"),
        (options.resource_version, "resourceVersion", "ResourceVersion"),
    ):
        if wanted and wanted != metadata.get(field):
            raise target.conflict(
                f"Precondition failed: {label} in precondition: {wanted}, "
                f"{label} in object meta: {metadata.get(field)}"
            )


def _marked(resource: Resource, obj: Obj, options: DeleteOptions) -> Obj:
    """Return the object as its deletion leaves it if something keeps it."""
    metadata = ensure_map(obj, "metadata")
    finalizers = [str(item) for item in list_at(metadata, "finalizers")]
    if options.policy:
        finalizers = [item for item in finalizers if item not in {ORPHAN, FOREGROUND}]
    if options.policy == "Orphan":
        finalizers.append(ORPHAN)
    elif options.policy == "Foreground":
        finalizers.append(FOREGROUND)
    if resource.id == CRD_RESOURCE and CLEANUP_FINALIZER not in finalizers:
        # Its objects have to go first; a definition already marked has had this done.
        finalizers += [] if "deletionTimestamp" in metadata else [CLEANUP_FINALIZER]
    metadata["finalizers"] = finalizers
    tidy(obj)
    if "deletionTimestamp" not in metadata:
        metadata["deletionTimestamp"] = now()
        metadata["deletionGracePeriodSeconds"] = 0
        if "generation" in metadata:
            metadata["generation"] = int(metadata["generation"]) + 1
        if resource.id == "/namespaces":
            ensure_map(obj, "status")["phase"] = "Terminating"
    return obj


def _is_held(obj: Obj) -> bool:
    if list_at(obj, "metadata", "finalizers"):
        return True
    return obj.get("kind") == "Namespace" and bool(list_at(obj, "spec", "finalizers"))
