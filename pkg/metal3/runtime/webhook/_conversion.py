"""ConversionReview v1: any served version of a kind into any other, through the hub."""

from collections.abc import Mapping
from typing import Any, Final

from ._admission import MalformedReviewError
from ._interface import ConverterFunc

API_VERSION: Final = "apiextensions.k8s.io/v1"
Json = dict[str, Any]


class Converters:
    """Which kinds can be converted, and how; filled while an operator is set up."""

    def __init__(self) -> None:
        self._spokes: dict[tuple[str, str], tuple[ConverterFunc, ConverterFunc]] = {}
        self._hubs: dict[str, str] = {}

    def add_hub(self, group_kind: str, version: str) -> None:
        """Name the version in the middle; ``group_kind`` is ``Kind.group``."""
        self._hubs[group_kind] = version

    def add_spoke(
        self, group_kind: str, version: str, *, to_hub: ConverterFunc, from_hub: ConverterFunc
    ) -> None:
        """Teach one version the way to the hub and back."""
        self._spokes[group_kind, version] = (to_hub, from_hub)

    def convert(self, obj: Json, wanted: str) -> Json:
        """``obj`` in API version ``wanted``; raises ValueError when there is no way."""
        group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
        wanted_group, _, wanted_version = wanted.rpartition("/")
        group_kind = f"{obj.get('kind')}.{group}"
        hub = self._hubs.get(group_kind)
        if hub is None or group != wanted_group:
            raise ValueError(
                f"no conversion from {obj.get('apiVersion')} {obj.get('kind')} to {wanted}"
            )
        if version == wanted_version:
            return obj
        middle = obj if version == hub else self._spoke(group_kind, version)[0](obj)
        done = (
            middle if wanted_version == hub else self._spoke(group_kind, wanted_version)[1](middle)
        )
        return {**done, "apiVersion": wanted, "kind": obj["kind"]}

    def _spoke(self, group_kind: str, version: str) -> tuple[ConverterFunc, ConverterFunc]:
        try:
            return self._spokes[group_kind, version]
        except KeyError:
            raise ValueError(f"{group_kind} has no version {version!r}") from None


def convert(converters: Converters, review: Mapping[str, Any]) -> Json:
    """Answer a review: all objects or a failure, never a part."""
    request = _request_of(review)
    wanted = str(request.get("desiredAPIVersion") or "")
    try:
        done = [_convert_one(converters, obj, wanted) for obj in request.get("objects") or ()]
    except ValueError as error:
        return _answer(request, {"result": {"status": "Failure", "message": str(error)}})
    return _answer(request, {"convertedObjects": done, "result": {"status": "Success"}})


def _convert_one(converters: Converters, obj: Json, wanted: str) -> Json:
    """Only labels and annotations of the metadata may change (the API server insists)."""
    done = converters.convert(obj, wanted)
    meta = {**(obj.get("metadata") or {})}
    for key in ("labels", "annotations"):
        value = (done.get("metadata") or {}).get(key)
        meta.pop(key, None)
        if value:
            meta[key] = value
    return {**done, "metadata": meta}


def _request_of(review: Mapping[str, Any]) -> Json:
    if review.get("apiVersion") != API_VERSION or review.get("kind") != "ConversionReview":
        raise MalformedReviewError(f"expected a ConversionReview of {API_VERSION}")
    request = review.get("request")
    if not isinstance(request, dict) or not request.get("uid"):
        raise MalformedReviewError("the ConversionReview has no request with a uid")
    return request


def _answer(request: Json, response: Json) -> Json:
    return {
        "apiVersion": API_VERSION,
        "kind": "ConversionReview",
        "response": {"uid": request["uid"], **response},
    }
