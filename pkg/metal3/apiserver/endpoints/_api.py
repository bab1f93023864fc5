"""Requests for resources: find the target, do what the verb says, encode the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from metal3.apiserver import errors
from metal3.apiserver.jsonvalue import Obj, dumps, load_object
from metal3.apiserver.resources import Registry
from metal3.apiserver.storage import Hub, Key, Store
from metal3.apiserver.webhooks import Admission

from . import _views
from ._call import Call, Written, report_unknown
from ._deleter import DeleteOptions, Deleter, parse_delete_options
from ._metadata import check_shape
from ._negotiate import Form, negotiate
from ._patching import APPLY_PATCH, make_change
from ._reader import find_page, parse_revision, render_list, render_object
from ._request import Options, Path, Target, decode, media_type, parse_options
from ._reviews import answer_review
from ._watching import Watch
from ._writer import Writer

_ITEM_METHODS: Final = {"GET", "PUT", "PATCH", "DELETE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, read completely."""

    method: str
    path: Path
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True, kw_only=True)
class Answer:
    """What goes back: a body, or a watch to stream."""

    body: bytes = b""
    code: int = 200
    warnings: list[str] = field(default_factory=list[str])
    watch: Watch | None = None


class API:
    """Serves the resources of a registry from a store."""

    def __init__(
        self, store: Store, hub: Hub, registry: Registry, admission: Admission, *, token: str
    ) -> None:
        self.store, self.hub, self.registry = store, hub, registry
        self.writer = Writer(store, admission)
        self.deleter = Deleter(store, admission)
        self._token = token

    def target(self, path: Path) -> Target:
        """Find the resource of a path; raises 404."""
        resource = self.registry.find(path.group, path.plural)
        version = resource.version(path.version) if resource else None
        if resource is None or version is None or (path.namespace and not resource.namespaced):
            raise errors.no_such_path()
        if path.name and resource.namespaced and not path.namespace:
            raise errors.no_such_path()
        known = {"": True, "status": version.status, "finalize": resource.id == "/namespaces"}
        if not known.get(path.subresource):
            raise errors.no_such_path()
        return Target(
            resource=resource,
            version=version,
            namespace=path.namespace,
            name=path.name,
            subresource=path.subresource,
        )

    async def answer(self, asked: Asked) -> Answer:
        """Serve one request; raises StatusError."""
        target = self.target(asked.path)
        form = negotiate(asked.headers.get("Accept", ""), asked.query.get("includeObject", ""))
        if target.resource.virtual:
            return self._review(asked, target)
        if target.name and asked.method in _ITEM_METHODS:
            answer = await self._item(asked, target, form)
        elif not target.name and asked.method in {"GET", "POST", "DELETE"}:
            answer = await self._collection(asked, target, form)
        else:
            raise errors.method_not_allowed()
        if target.version.warning:
            answer.warnings.insert(0, target.version.warning)
        return answer

    async def _item(self, asked: Asked, target: Target, form: Form) -> Answer:
        if asked.method == "GET":
            if asked.query.get("watch") in {"true", "1"}:
                return self._watch(asked, target, form)
            return Answer(body=render_object(await self.get(target, asked.query), target, form))
        if asked.method == "DELETE":
            return await self._delete(asked, target, form)
        call = Call(target=target, options=self._options(asked))
        written = await (self._put if asked.method == "PUT" else self._patch)(asked, call)
        return _written(written, call, form)

    async def get(self, target: Target, query: Mapping[str, str]) -> bytes:
        """Return one object; raises 404."""
        if parse_revision(query.get("resourceVersion", "")) > self.store.revision:
            raise errors.timed_out("Too large resource version")
        record = self.store.get(Key(target.resource.id, target.namespace, target.name))
        if record is None:
            raise target.not_found()
        return await _views.view(record, target.resource, target.version)

    async def _collection(self, asked: Asked, target: Target, form: Form) -> Answer:
        if asked.method == "GET":
            if asked.query.get("watch") in {"true", "1"}:
                return self._watch(asked, target, form)
            page = find_page(self.store, target, asked.query)
            return Answer(body=await render_list(page, target, form))
        if asked.method == "DELETE":
            return await self._delete_all(asked, target)
        return await self._post(asked, target, form)

    def _watch(self, asked: Asked, target: Target, form: Form) -> Answer:
        return Answer(watch=Watch(self.store, self.hub, target, form, asked.query))

    async def _post(self, asked: Asked, target: Target, form: Form) -> Answer:
        if target.resource.namespaced and not target.namespace:
            raise errors.method_not_allowed()
        call = Call(target=target, options=self._options(asked))
        written = await self.writer.create(call, self._body(asked, call))
        return _written(written, call, form)

    async def _put(self, asked: Asked, call: Call) -> Written:
        body = self._body(asked, call)
        self.writer.check_header(call.target, body)
        check_shape(body)
        self.writer.check_place(call.target, body)
        metadata = body.get("metadata")
        sent = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        if call.target.resource.custom and not sent:
            field = "metadata.resourceVersion"
            message = "Invalid value: 0x0: must be specified for an update"
            target = call.target
            causes = [errors.cause("FieldValueInvalid", field, message)]
            raise errors.invalid(target.resource.group, target.resource.kind, target.name, causes)

        async def replace(_current: Obj) -> Obj:
            return load_object(dumps(body))

        return await self.writer.update(call, replace)

    async def _patch(self, asked: Asked, call: Call) -> Written:
        content_type = asked.headers.get("Content-Type", "")
        if media_type(content_type) == APPLY_PATCH:
            return await self.writer.apply(call, self._apply_body(asked, call))
        change = make_change(call.target, content_type, asked.body)
        return await self.writer.update(call, change)

    def _apply_body(self, asked: Asked, call: Call) -> Obj:
        if not asked.query.get("fieldManager"):
            message = "Required value: is required for apply patch"
            causes = [errors.cause("FieldValueRequired", "fieldManager", message)]
            raise errors.invalid("meta.k8s.io", "PatchOptions", "", causes)
        body, duplicates = decode(asked.body, "application/yaml")
        report_unknown(call, [f'duplicate field "{name}"' for name in duplicates])
        return body

    async def _delete(self, asked: Asked, target: Target, form: Form) -> Answer:
        if target.subresource:
            raise errors.method_not_allowed()
        call = Call(target=target, options=self._options(asked))
        written = await self.deleter.delete(call, self._delete_options(asked))
        return _written(written, call, form)

    async def _delete_all(self, asked: Asked, target: Target) -> Answer:
        if target.resource.namespaced and not target.namespace:
            raise errors.method_not_allowed()
        if target.resource.id == "/namespaces":
            raise errors.method_not_allowed()
        call = Call(target=target, options=self._options(asked))
        page = find_page(self.store, target, asked.query)
        deleted = await self.deleter.delete_all(call, self._delete_options(asked), page.records)
        body: Obj = {
            "kind": target.resource.list_kind,
            "apiVersion": target.api_version,
            "metadata": {"resourceVersion": str(self.store.revision)},
            "items": deleted,
        }
        return Answer(body=dumps(body), warnings=call.warnings)

    def _review(self, asked: Asked, target: Target) -> Answer:
        if asked.method != "POST" or target.name:
            raise errors.method_not_allowed()
        body, _ = decode(asked.body, asked.headers.get("Content-Type", ""))
        header: Obj = {"apiVersion": target.api_version, "kind": target.resource.kind}
        answered = answer_review(target.resource.kind, {**body, **header}, self._token)
        return Answer(body=dumps(answered), code=201)

    def _options(self, asked: Asked) -> Options:
        return parse_options(asked.query, asked.headers.get("User-Agent", ""))

    def _delete_options(self, asked: Asked) -> DeleteOptions:
        body: Obj = {}
        if asked.body:
            body, _ = decode(asked.body, asked.headers.get("Content-Type", ""))
        return parse_delete_options(asked.query, body)

    def _body(self, asked: Asked, call: Call) -> Obj:
        strict = call.options.validation != "Ignore"
        content_type = asked.headers.get("Content-Type", "")
        body, duplicates = decode(
            asked.body, content_type, strict=strict and len(asked.body) < 1 << 16
        )
        report_unknown(call, [f'duplicate field "{name}"' for name in duplicates])
        return body


def _written(written: Written, call: Call, form: Form) -> Answer:
    return Answer(
        body=render_object(written.data, call.target, form),
        code=written.code,
        warnings=call.warnings,
    )
