"""Conversion of custom resources between the versions of their definition."""

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from metal3.apiserver import errors
from metal3.apiserver.jsonvalue import Obj, is_map, map_at, maps_at, strings, text_at
from metal3.apiserver.resources import Conversion

from ._client import WebhookClient, WebhookError

_TIMEOUT: Final = 30.0
_BATCH: Final = 200


class NoneConversion:
    """The strategy None: only the apiVersion changes."""

    async def convert(self, objects: Sequence[Obj], api_version: str) -> list[Obj]:
        """Return the objects with another apiVersion."""
        return [{**obj, "apiVersion": api_version} for obj in objects]


class WebhookConversion:
    """The strategy Webhook: a ConversionReview v1 for every batch."""

    def __init__(self, client: WebhookClient, config: Obj, name: str) -> None:
        """Convert by the webhook of ``config``, on behalf of the definition ``name``."""
        self._client = client
        self._config = config
        self._name = name

    async def convert(self, objects: Sequence[Obj], api_version: str) -> list[Obj]:
        """Return what the webhook made of the objects; raises StatusError if it fails."""
        converted: list[Obj] = []
        for start in range(0, len(objects), _BATCH):
            converted += await self._batch(objects[start : start + _BATCH], api_version)
        return converted

    async def _batch(self, objects: Sequence[Obj], api_version: str) -> list[Obj]:
        uid = str(uuid4())
        review: Obj = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "ConversionReview",
            "request": {"uid": uid, "desiredAPIVersion": api_version, "objects": list(objects)},
        }
        try:
            answer = await self._client.post(self._config, review, _TIMEOUT)
        except WebhookError as e:
            raise self._failed(str(e)) from e
        response = map_at(answer, "response")
        if text_at(response, "uid") != uid:
            raise self._failed("the answer has another uid")
        if text_at(response, "result", "status") != "Success":
            raise self._failed(text_at(response, "result", "message") or "no reason given")
        return self._accepted(objects, maps_at(response, "convertedObjects"), api_version)

    def _accepted(
        self, objects: Sequence[Obj], converted: list[Obj], api_version: str
    ) -> list[Obj]:
        """Take over what a webhook may change: anything but what identifies the object."""
        if len(converted) != len(objects):
            raise self._failed(f"{len(objects)} objects asked for, {len(converted)} received")
        for before, after in zip(objects, converted, strict=True):
            if after.get("apiVersion") != api_version or after.get("kind") != before.get("kind"):
                raise self._failed(f"an object did not come back as {api_version}")
            metadata = map_at(after, "metadata")
            for field in _IDENTITY:
                if metadata.get(field) != map_at(before, "metadata").get(field):
                    raise self._failed(f"returned an object with another {field}")
            kept = {k: v for k, v in map_at(before, "metadata").items() if k not in _MUTABLE}
            for field in _MUTABLE:
                if is_map(metadata.get(field)) and metadata[field]:
                    kept[field] = metadata[field]
            after["metadata"] = kept
        return converted

    def _failed(self, why: str) -> errors.StatusError:
        return errors.internal(f"conversion webhook for {self._name} failed: {why}")


_IDENTITY: Final = ("name", "namespace", "uid")
_MUTABLE: Final = ("labels", "annotations")


def conversion_of(client: WebhookClient, crd: Obj) -> Conversion:
    """Return the conversion a definition asks for."""
    conversion = map_at(crd, "spec", "conversion")
    if conversion.get("strategy") != "Webhook":
        return NoneConversion()
    name = ", Kind=".join(
        (
            text_at(crd, "spec", "group"),
            text_at(crd, "spec", "names", "kind"),
        )
    )
    versions = strings(map_at(conversion, "webhook").get("conversionReviewVersions") or ("v1",))
    config = map_at(conversion, "webhook", "clientConfig")
    if "v1" not in versions:
        config = {}
    return WebhookConversion(client, config, name)
