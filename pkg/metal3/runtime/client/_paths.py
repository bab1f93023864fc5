"""What a request says beside its body: path, selectors, options."""

from collections.abc import Mapping
from datetime import timedelta

from metal3.api.meta import v1 as metav1
from metal3.runtime.rest import BadRequestError, Resource, RESTMapper
from metal3.runtime.types import NamespacedName

from ._selectors import label_selector
from ._watch import Selection

Query = dict[str, str]


async def resource_of(
    kind: type[metav1.Object], mapper: RESTMapper, obj: metav1.Object | None = None
) -> Resource:
    """Where objects of a kind are; asks discovery only for kinds that do not say.

    Raises ValueError for a class that names no kind, NotFoundError when the server has none.
    """
    gvk = kind.gvk
    if not gvk.kind and obj is not None:
        group, _, version = obj.api_version.rpartition("/")
        gvk = metav1.GroupVersionKind(group, version, obj.kind)
    if not gvk.kind or not gvk.version:
        raise ValueError(f"{kind.__name__} does not say which kind it is; see Unstructured.of")
    if kind.plural:
        return Resource(gvk=gvk, plural=kind.plural, namespaced=kind.namespaced)
    return await mapper.resource_for(gvk)


def accepts(kind: type[metav1.Object], *, many: bool = False) -> str:
    """The form a server is asked to answer in; ``many`` for a list."""
    if not kind.metadata_only:
        return "application/json"
    form = "PartialObjectMetadataList" if many else "PartialObjectMetadata"
    return f"application/json;as={form};g=meta.k8s.io;v=v1"


def object_path(resource: Resource, key: NamespacedName, subresource: str = "") -> str:
    """The path of one object; raises BadRequestError when its identity is incomplete."""
    if not key.name:
        raise BadRequestError(f"{resource.gvk.kind}: a name is required")
    _check_scope(resource, key.namespace, one=True)
    return resource.path(key.namespace, key.name, subresource)


def collection_path(resource: Resource, namespace: str | None, *, one: bool = False) -> str:
    """The path of a collection, ``one`` if it is to be that of a single namespace."""
    _check_scope(resource, namespace, one=one)
    return resource.path(namespace or "")


def _check_scope(resource: Resource, namespace: str | None, *, one: bool) -> None:
    if not resource.namespaced and namespace:
        raise BadRequestError(f"{resource.gvk.kind} has no namespaces, but got {namespace!r}")
    if resource.namespaced and one and not namespace:
        raise BadRequestError(f"{resource.gvk.kind}: an empty namespace may not be set")


def selection_query(selection: Selection) -> Query:
    """Selectors as the server reads them; raises ValueError for a malformed label selector."""
    query: Query = {}
    labels = str(label_selector(selection.labels))
    if labels:
        query["labelSelector"] = labels
    if selection.fields:
        query["fieldSelector"] = ",".join(
            f"{name}={_escaped(value)}" for name, value in selection.fields.items()
        )
    return query


def _escaped(value: str) -> str:
    for character in "\\,=":
        value = value.replace(character, "\\" + character)
    return value


def watch_query(
    selection: Selection,
    *,
    resource_version: str | None,
    lasts: timedelta,
    initial_events: bool,
) -> Query:
    """A watch with bookmarks, or a streaming list that goes over into one."""
    query = selection_query(selection) | {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": str(int(lasts.total_seconds())),
    }
    if resource_version:
        query["resourceVersion"] = resource_version
    if initial_events:
        query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    return query


def write_query(*, dry_run: bool, extra: Mapping[str, str | None] | None = None) -> Query:
    """Options of a write; those that are None are left out."""
    query: Query = {"dryRun": "All"} if dry_run else {}
    for name, value in (extra or {}).items():
        if value:
            query[name] = value
    return query
