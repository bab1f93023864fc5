"""Admission: mutating webhooks change an object, validating webhooks may refuse it."""

import asyncio
import base64
import binascii
import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Final
from uuid import uuid4

from metal3.apiserver import errors
from metal3.apiserver.jsonvalue import (
    Obj,
    clone,
    equal,
    is_list,
    loads,
    map_at,
    maps_at,
    strings,
    text_at,
)
from metal3.apiserver.patch import PatchError, json_patch
from metal3.apiserver.resources import Resource, Version
from metal3.apiserver.storage import Key, Record, Store

from ._client import WebhookClient, WebhookError
from ._matching import Attributes, matching_version, selected

log = logging.getLogger(__name__)

USER: Final[Obj] = {
    "username": "kubernetes-admin",
    "uid": "kubernetes-admin",
    "groups": ["system:masters", "system:authenticated"],
}
_MUTATING: Final = "admissionregistration.k8s.io/mutatingwebhookconfigurations"
_VALIDATING: Final = "admissionregistration.k8s.io/validatingwebhookconfigurations"
# Webhooks never see the objects that configure them: a broken one could not be removed.
_EXEMPT: Final = "admissionregistration.k8s.io"
Warn = Callable[[str], None]


class Admission:
    """Asks the webhooks that are configured in the store."""

    def __init__(self, store: Store, client: WebhookClient) -> None:
        """Read configurations from ``store`` and call through ``client``."""
        self._store = store
        self._client = client
        self._parsed: dict[Key, tuple[Record, list[Obj]]] = {}

    async def mutate(self, attributes: Attributes, warn: Warn) -> Obj | None:
        """Return the object as the mutating webhooks leave it; raises StatusError."""
        obj = attributes.obj
        again: list[Obj] = []
        for webhook in self._webhooks(_MUTATING, attributes):
            changed = await self._mutate_once(webhook, attributes, obj, warn)
            if webhook.get("reinvocationPolicy") == "IfNeeded":
                again.append(webhook)
            if not equal(changed, obj):
                obj = changed
        if again and not equal(obj, attributes.obj):
            for webhook in again:
                obj = await self._mutate_once(webhook, attributes, obj, warn)
        return obj

    async def validate(self, attributes: Attributes, warn: Warn) -> None:
        """Ask the validating webhooks, all at once; raises StatusError when one refuses."""
        webhooks = list(self._webhooks(_VALIDATING, attributes))
        if not webhooks:
            return
        try:
            async with asyncio.TaskGroup() as group:
                for webhook in webhooks:
                    group.create_task(self._ask(webhook, attributes, attributes.obj, warn))
        except* errors.StatusError as refusals:
            first = refusals.exceptions[0]
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first from None

    def _webhooks(self, resource: str, attributes: Attributes) -> Iterable[Obj]:
        if attributes.resource.group == _EXEMPT or not self._store.count(resource):
            return
        labels = self._namespace_labels(attributes)
        for record in self._store.records(resource):
            for webhook in self._hooks(record):
                matches = matching_version(webhook, attributes) is not None
                if matches and selected(webhook, attributes, labels):
                    yield webhook

    def _hooks(self, record: Record) -> list[Obj]:
        known = self._parsed.get(record.key)
        if known is None or known[0] is not record:
            known = self._parsed[record.key] = (record, maps_at(record.load(), "webhooks"))
        return known[1]

    def _namespace_labels(self, attributes: Attributes) -> dict[str, str]:
        if attributes.resource.kind == "Namespace" and not attributes.resource.group:
            return dict(map_at(attributes.obj or attributes.old, "metadata", "labels"))
        record = self._store.latest(Key("/namespaces", "", attributes.namespace))
        return dict(record.labels) if record else {}

    async def _mutate_once(
        self, webhook: Obj, attributes: Attributes, obj: Obj | None, warn: Warn
    ) -> Obj | None:
        version = matching_version(webhook, attributes) or attributes.version
        response = await self._ask(webhook, attributes, obj, warn)
        patch = text_at(response, "patch")
        if not patch or obj is None:
            return obj
        try:
            operations = loads(base64.b64decode(patch))
            shown = await _as_version(attributes.resource, obj, version)
            changed = json_patch(shown, operations if is_list(operations) else [])
        except (PatchError, ValueError, binascii.Error) as e:
            raise _call_failed(webhook, f"the patch cannot be applied: {e}") from e
        return await _as_version(attributes.resource, changed, attributes.version)

    async def _ask(self, webhook: Obj, attributes: Attributes, obj: Obj | None, warn: Warn) -> Obj:
        """Return the response of an allowed request, empty when the webhook is passed over."""
        version = matching_version(webhook, attributes) or attributes.version
        review = await _review(attributes, obj, version)
        timeout = webhook.get("timeoutSeconds")
        try:
            answer = await self._client.post(
                map_at(webhook, "clientConfig"),
                review,
                float(timeout if isinstance(timeout, int) else 10),
            )
        except WebhookError as e:
            return _unreachable(webhook, e)
        return _verdict(webhook, map_at(answer, "response"), review["request"]["uid"], warn)


def _unreachable(webhook: Obj, error: WebhookError) -> Obj:
    if webhook.get("failurePolicy") == "Ignore":
        log.warning("webhook %s failed and is ignored: %s", webhook.get("name"), error)
        return {}
    raise _call_failed(webhook, str(error)) from error


def _verdict(webhook: Obj, response: Obj, uid: str, warn: Warn) -> Obj:
    if text_at(response, "uid") != uid:
        return _unreachable(webhook, WebhookError("the answer has another uid"))
    for warning in strings(response.get("warnings") or ()):
        warn(warning)
    if response.get("allowed") is True:
        return response
    raise _denied(webhook, map_at(response, "status"))


def _denied(webhook: Obj, status: Obj) -> errors.StatusError:
    name = text_at(webhook, "name")
    why = text_at(status, "message") or text_at(status, "reason")
    text = f'admission webhook "{name}" denied the request'
    text += f": {why}" if why else " without explanation"
    code = status.get("code")
    if not isinstance(code, int) or code < HTTPStatus.BAD_REQUEST:
        code = HTTPStatus.BAD_REQUEST
    return errors.StatusError(
        code,
        text_at(status, "reason") or "BadRequest",
        text,
        details=map_at(status, "details") or None,
    )


def _call_failed(webhook: Obj, why: str) -> errors.StatusError:
    return errors.internal(f'failed calling webhook "{text_at(webhook, "name")}": {why}')


async def _as_version(resource: Resource, obj: Obj, version: Version) -> Obj:
    api_version = resource.api_version(version)
    if obj.get("apiVersion") == api_version or resource.conversion is None:
        return obj
    return (await resource.conversion.convert([clone(obj)], api_version))[0]


async def _review(attributes: Attributes, obj: Obj | None, version: Version) -> Obj:
    resource = attributes.resource
    shown = [
        await _as_version(resource, item, version) if item is not None else None
        for item in (obj, attributes.old)
    ]
    request: Obj = {
        "uid": str(uuid4()),
        **_named(resource, version, "kind", "resource"),
        **_named(resource, attributes.version, "requestKind", "requestResource"),
        "name": attributes.name,
        "operation": attributes.operation,
        "userInfo": USER,
        "object": shown[0],
        "oldObject": shown[1],
        "dryRun": attributes.dry_run,
        "options": attributes.options,
    }
    if attributes.namespace:
        request["namespace"] = attributes.namespace
    if attributes.subresource:
        request["subResource"] = request["requestSubResource"] = attributes.subresource
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def _named(resource: Resource, version: Version, kind: str, plural: str) -> Obj:
    where = {"group": resource.group, "version": version.name}
    return {
        kind: {**where, "kind": resource.kind},
        plural: {**where, "resource": resource.plural},
    }
