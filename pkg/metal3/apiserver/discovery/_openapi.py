"""OpenAPI v3 documents, one per group and version, as kubectl reads them."""

import hashlib
from typing import Final

from metal3.apiserver.jsonvalue import Obj, dumps, map_at
from metal3.apiserver.resources import METADATA, Registry, Resource, Version

_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."
_PREFIX: Final = "#/components/schemas/"
_PATCHES: Final = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
)
_STRATEGIC: Final = "application/strategic-merge-patch+json"


def _query(name: str, kind: str, description: str) -> Obj:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {"type": kind, "uniqueItems": True},
    }


_WRITE: Final = [
    _query("dryRun", "string", "All: go through everything, store nothing."),
    _query("fieldManager", "string", "Who owns the fields that are written."),
    _query("fieldValidation", "string", "Ignore, Warn or Strict: what unknown fields mean."),
]
_FORCE: Final = _query("force", "boolean", "Take fields from other managers on apply.")
_LIST: Final = [
    _query("continue", "string", "Where the previous page ended."),
    _query("fieldSelector", "string", "Restricts by fields."),
    _query("labelSelector", "string", "Restricts by labels."),
    _query("limit", "integer", "The most objects to return."),
    _query("resourceVersion", "string", "The moment to show or to start from."),
    _query("watch", "boolean", "Stream changes instead."),
]


class OpenAPI:
    """Documents made on demand and kept until a resource changes."""

    def __init__(self, registry: Registry) -> None:
        """Describe ``registry``."""
        self._registry = registry
        self._made: dict[str, bytes] = {}
        self._made_at = -1

    def index(self) -> Obj:
        """Answer ``/openapi/v3``."""
        paths: Obj = {}
        for group, versions in self._registry.groups().items():
            for version in versions:
                path = f"apis/{group}/{version}" if group else f"api/{version}"
                mark = hashlib.sha256(self.document(path) or b"").hexdigest()[:32].upper()
                paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={mark}"}
        return {"paths": paths}

    def document(self, path: str) -> bytes | None:
        """Answer ``/openapi/v3/<path>``; None when there is no such group and version."""
        if self._made_at != self._registry.revision:
            self._made.clear()
            self._made_at = self._registry.revision
        if path not in self._made:
            made = self._make(path)
            if made is None:
                return None
            self._made[path] = dumps(made)
        return self._made[path]

    def legacy(self) -> Obj:
        """Answer ``/openapi/v2``: valid, and empty, since all clients prefer version 3."""
        return {
            "swagger": "2.0",
            "info": {"title": "metal3", "version": "v1"},
            "paths": {},
            "definitions": {},
        }

    def _make(self, path: str) -> Obj | None:
        match path.split("/"):
            case ["api", version]:
                group = ""
            case ["apis", group, version]:
                pass
            case _:
                return None
        served = self._registry.served(group, version)
        if not served:
            return None
        schemas: Obj = {
            _META + "ObjectMeta": _inner(METADATA),
            _META + "ListMeta": {"type": "object"},
        }
        paths: Obj = {}
        for resource, which in served:
            schemas[_name(resource, which)] = _schema(resource, which)
            paths.update(_paths(resource, which, f"/{path}"))
        return {
            "openapi": "3.0.0",
            "info": {"title": "metal3", "version": "v1"},
            "paths": paths,
            "components": {"schemas": schemas},
        }


def _name(resource: Resource, version: Version) -> str:
    group = ".".join(reversed((resource.group or "core").split(".")))
    return f"{group}.{version.name}.{resource.kind}"


def _gvk(resource: Resource, version: Version) -> Obj:
    return {"group": resource.group, "version": version.name, "kind": resource.kind}


def _inner(schema: Obj) -> Obj:
    return {key: value for key, value in schema.items() if key != "nullable"}


def _schema(resource: Resource, version: Version) -> Obj:
    raw: Obj = version.schema.raw if version.schema else {"type": "object"}
    metadata: Obj = {
        "description": "Standard metadata of an object.",
        "allOf": [{"$ref": f"{_PREFIX}{_META}ObjectMeta"}],
    }
    properties = {**map_at(raw, "properties"), "metadata": metadata}
    return {
        **raw,
        "properties": properties,
        "x-kubernetes-group-version-kind": [_gvk(resource, version)],
    }


def _paths(resource: Resource, version: Version, prefix: str) -> Obj:
    where = f"{prefix}/namespaces/{{namespace}}" if resource.namespaced else prefix
    collection = f"{where}/{resource.plural}"
    if resource.virtual:
        return {collection: {"post": _operation(resource, version, "post", _WRITE)}}
    paths: Obj = {
        collection: {
            "get": _operation(resource, version, "list", _LIST),
            "post": _operation(resource, version, "post", _WRITE),
            "delete": _operation(resource, version, "deletecollection", _LIST),
            "parameters": _path_parameters(resource, named=False),
        },
        collection + "/{name}": _item(resource, version),
    }
    if resource.namespaced:
        paths[f"{prefix}/{resource.plural}"] = {"get": _operation(resource, version, "list", _LIST)}
    if version.status:
        paths[collection + "/{name}/status"] = _item(resource, version, delete=False)
    return paths


def _item(resource: Resource, version: Version, *, delete: bool = True) -> Obj:
    item: Obj = {
        "get": _operation(resource, version, "get", []),
        "put": _operation(resource, version, "put", _WRITE),
        "patch": _operation(resource, version, "patch", [*_WRITE, _FORCE]),
        "parameters": _path_parameters(resource, named=True),
    }
    if delete:
        item["delete"] = _operation(resource, version, "delete", _WRITE[:1])
    return item


def _path_parameters(resource: Resource, *, named: bool) -> list[Obj]:
    names = (["name"] if named else []) + (["namespace"] if resource.namespaced else [])
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ]


def _operation(resource: Resource, version: Version, action: str, parameters: list[Obj]) -> Obj:
    reference: Obj = {"schema": {"$ref": _PREFIX + _name(resource, version)}}
    operation: Obj = {
        "operationId": f"{action}{resource.kind}",
        "parameters": parameters,
        "responses": {"200": {"description": "OK", "content": {"application/json": reference}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(resource, version),
    }
    if action in {"post", "put"}:
        operation["requestBody"] = {"content": {"application/json": reference}}
    elif action == "patch":
        kinds = _PATCHES if resource.custom else (*_PATCHES, _STRATEGIC)
        body: Obj = {"schema": {"type": "object"}}
        operation["requestBody"] = {"content": dict.fromkeys(kinds, body)}
    return operation
