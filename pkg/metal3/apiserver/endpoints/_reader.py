"""Reads: get and list, in pages that show one moment."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from metal3.apiserver import errors
from metal3.apiserver.jsonvalue import Obj, dumps, load_object, loads
from metal3.apiserver.present import partial, table_of
from metal3.apiserver.selectors import FieldTerm, LabelTest, field_value, parse_fields, parse_labels
from metal3.apiserver.storage import Key, Record, Store

from . import _views
from ._negotiate import Form
from ._request import Target

_ALWAYS: Final = ("metadata.name", "metadata.namespace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which objects of a collection are meant; ``fields`` need the object, not just its key."""

    namespace: str
    name: str
    labels: LabelTest | None
    keys: tuple[FieldTerm, ...]
    fields: tuple[FieldTerm, ...]
    target: Target

    def matches_key(self, key: Key) -> bool:
        """Test what needs nothing but the key."""
        if self.namespace and key.namespace != self.namespace:
            return False
        if self.name and key.name != self.name:
            return False
        values = {"metadata.name": key.name, "metadata.namespace": key.namespace}
        return all((values[path] == value) is equal for path, value, equal in self.keys)

    def matches(self, record: Record) -> bool:
        """Test a record, as it is kept."""
        if not self.matches_key(record.key):
            return False
        if self.labels and not self.labels(record.labels):
            return False
        if not self.fields:
            return True
        obj = self._shown(record)
        return all((field_value(obj, path) == value) is equal for path, value, equal in self.fields)

    def _shown(self, record: Record) -> Obj:
        cached = record.views.get(self.target.api_version)
        return load_object(cached[1]) if cached else record.load()


def selection(target: Target, query: Mapping[str, str]) -> Selection:
    """Read the selectors of a query; raises 400 when one is wrong or not supported."""
    terms = parse_fields(query.get("fieldSelector", ""))
    allowed = {*target.version.selectable, *target.resource.strategy.selectable}
    for path, _, _ in terms:
        if path not in allowed and path not in _ALWAYS:
            raise errors.bad_request(
                f'Unable to find "{target.api_version}, Resource={target.resource.plural}" that '
                f'match label selector "", field selector "{query.get("fieldSelector")}": '
                f"field label not supported: {path}"
            )
    return Selection(
        namespace=target.namespace,
        name=target.name,
        labels=parse_labels(query.get("labelSelector", "")),
        keys=tuple(term for term in terms if term[0] in _ALWAYS),
        fields=tuple(_stored_term(target, term) for term in terms if term[0] not in _ALWAYS),
        target=target,
    )


def _stored_term(target: Target, term: FieldTerm) -> FieldTerm:
    """Events are kept as core/v1, so selectors of the other group name its fields."""
    path, value, equal = term
    if target.resource.group == "events.k8s.io":
        path = path.replace("regarding.", "involvedObject.", 1)
        path = path.replace("reportingController", "reportingComponent", 1)
    return path, value, equal


def parse_revision(text: str) -> int:
    """Read a resourceVersion; empty is 0. Raises 400 when it is no number."""
    if not text:
        return 0
    if not text.isdecimal() or len(text) > 18:  # noqa: PLR2004 - 63 bits
        raise errors.bad_request(f'Invalid value: "{text}": resourceVersion: must be a number')
    return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Part of a list, and what its metadata says."""

    records: Sequence[Record]
    revision: int
    token: str = ""
    remaining: int | None = None

    def metadata(self) -> Obj:
        """Return the ListMeta."""
        metadata: Obj = {"resourceVersion": str(self.revision)}
        if self.token:
            metadata["continue"] = self.token
        if self.remaining:
            metadata["remainingItemCount"] = self.remaining
        return metadata


def find_page(store: Store, target: Target, query: Mapping[str, str]) -> Page:
    """Select the records of a list request: all, or one page of a moment."""
    chosen = selection(target, query)
    limit, token = _limit(query), query.get("continue", "")
    revision, start = _moment(store, query, token)
    records = store.records_at(target.resource.id, revision, target.namespace)
    found = [record for record in records if chosen.matches(record)]
    if start:
        found = [r for r in found if (r.key.namespace, r.key.name) > start]
    if not limit or len(found) <= limit:
        return Page(records=found, revision=revision)
    last = found[limit - 1].key
    selective = chosen.labels is not None or bool(chosen.keys or chosen.fields)
    return Page(
        records=found[:limit],
        revision=revision,
        token=_token(revision, last),
        remaining=None if selective else len(found) - limit,
    )


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit") or "0"
    if not text.isdecimal():
        raise errors.bad_request(f'Invalid value: "{text}": limit: must be a number')
    return int(text)


def _moment(
    store: Store, query: Mapping[str, str], token: str
) -> tuple[int, tuple[str, str] | None]:
    """Return the revision to show and the place to go on from."""
    asked = parse_revision(query.get("resourceVersion", ""))
    match = query.get("resourceVersionMatch", "")
    if match not in {"", "Exact", "NotOlderThan"}:
        raise errors.bad_request(f'resourceVersionMatch: Unsupported value: "{match}"')
    if match and not query.get("resourceVersion"):
        raise errors.bad_request("resourceVersionMatch is forbidden unless resourceVersion is set")
    if token:
        if asked:
            raise errors.bad_request("specifying resource version is not allowed with continue")
        return _from_token(token)
    if asked > store.revision:
        raise _too_large(asked, store.revision)
    if match == "Exact":
        if not asked:
            raise errors.bad_request('resourceVersionMatch "Exact" is forbidden for "0"')
        return asked, None
    return store.revision, None


def _too_large(asked: int, current: int) -> errors.StatusError:
    error = errors.timed_out(f"Too large resource version: {asked}, current: {current}")
    error.details = {
        "retryAfterSeconds": 1,
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
    }
    return error


def _token(revision: int, last: Key) -> str:
    value = {"v": "meta.k8s.io/v1", "rv": revision, "start": [last.namespace, last.name]}
    return base64.urlsafe_b64encode(dumps(value)).decode().rstrip("=")


def _from_token(token: str) -> tuple[int, tuple[str, str]]:
    try:
        value = loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, name = value["start"]
        return int(value["rv"]), (str(namespace), str(name))
    except (ValueError, KeyError, TypeError, binascii.Error) as e:
        raise errors.bad_request("continue key is not valid") from e


async def render_list(page: Page, target: Target, form: Form) -> bytes:
    """Encode a page in the form its client wants."""
    shown = await _views.views(page.records, target.resource, target.version)
    if form.kind == "Table":
        objects = [load_object(data) for data in shown]
        columns = target.version.columns
        return dumps(table_of(objects, columns, page.metadata(), include=form.include))
    if form.kind:
        shown = [dumps(partial(load_object(data))) for data in shown]
        kind, api_version = "PartialObjectMetadataList", "meta.k8s.io/v1"
    else:
        kind, api_version = target.resource.list_kind, target.api_version
    head = dumps({"kind": kind, "apiVersion": api_version, "metadata": page.metadata()})
    return b"".join((head[:-1], b',"items":[', b",".join(shown), b"]}"))


def render_object(data: bytes, target: Target, form: Form) -> bytes:
    """Encode one object in the form its client wants."""
    if not form.kind:
        return data
    obj = load_object(data)
    if obj.get("kind") == "Status":
        return data
    if form.kind == "Table":
        metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        return dumps(table_of([obj], target.version.columns, metadata, include=form.include))
    return dumps(partial(obj))
