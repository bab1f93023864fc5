"""AdmissionReview v1 in, AdmissionReview v1 out."""

import base64
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import orjson
from pydantic import ValidationError

from metal3.api.meta import v1 as metav1

from ._errors import FORBIDDEN, DeniedError, FieldError, forbidden
from ._interface import AdmissionWebhook, RequestInfo, Warnings

API_VERSION: Final = "admission.k8s.io/v1"
BAD_REQUEST: Final = 400
MAX_WARNINGS: Final = 20
MAX_WARNING: Final = 256  # the API server cuts longer ones

T = TypeVar("T", bound=metav1.Object)
Json = dict[str, Any]


class MalformedReviewError(ValueError):
    """The body is no AdmissionReview or ConversionReview this server understands."""


async def validate(webhook: AdmissionWebhook[T], review: Mapping[str, Any]) -> Json:
    """Answer a validating review."""
    request = request_of(review)
    try:
        warnings = await _validate(webhook, request)
    except DeniedError as denied:
        return _review(request, _denied(denied))
    except ValidationError as error:
        return _review(request, _undecodable(webhook.kind, error))
    return _review(request, {"allowed": True}, warnings)


async def mutate(webhook: AdmissionWebhook[T], review: Mapping[str, Any]) -> Json:
    """Answer a mutating review; the patch holds only what the defaulter changed."""
    request = request_of(review)
    if webhook.defaulter is None or request.get("operation") == "DELETE":
        return _review(request, {"allowed": True})
    try:
        obj = _decode(webhook.kind, request.get("object"))
        before = obj.to_dict()
        await webhook.defaulter.default(obj, _info(request))
    except DeniedError as denied:
        return _review(request, _denied(denied))
    except ValidationError as error:
        return _review(request, _undecodable(webhook.kind, error))
    operations = _top_level_patch(before, obj.to_dict())
    if not operations:
        return _review(request, {"allowed": True})
    patch = base64.b64encode(orjson.dumps(operations)).decode()
    return _review(request, {"allowed": True, "patchType": "JSONPatch", "patch": patch})


def request_of(review: Mapping[str, Any]) -> Json:
    """The request inside a review; raises MalformedReviewError."""
    if review.get("apiVersion") != API_VERSION or review.get("kind") != "AdmissionReview":
        raise MalformedReviewError(f"expected an AdmissionReview of {API_VERSION}")
    request = review.get("request")
    if not isinstance(request, dict) or not request.get("uid"):
        raise MalformedReviewError("the AdmissionReview has no request with a uid")
    return request


async def _validate(webhook: AdmissionWebhook[T], request: Json) -> Warnings:
    validator, info = webhook.validator, _info(request)
    if validator is None:
        return ()
    match request.get("operation"):
        case "CREATE":
            return await validator.validate_create(
                _decode(webhook.kind, request.get("object")), info
            )
        case "UPDATE":
            old = _decode(webhook.kind, request.get("oldObject"))
            new = _decode(webhook.kind, request.get("object"))
            return await validator.validate_update(old, new, info)
        case "DELETE":
            return await validator.validate_delete(
                _decode(webhook.kind, request.get("oldObject")), info
            )
        case _:
            return ()


def _info(request: Json) -> RequestInfo:
    user = request.get("userInfo") or {}
    return RequestInfo(
        uid=str(request["uid"]),
        operation=str(request.get("operation") or ""),
        name=str(request.get("name") or ""),
        namespace=str(request.get("namespace") or ""),
        username=str(user.get("username") or ""),
        groups=tuple(user.get("groups") or ()),
        dry_run=bool(request.get("dryRun")),
        sub_resource=str(request.get("subResource") or ""),
    )


def _decode(kind: type[T], raw: object) -> T:
    if not isinstance(raw, dict):
        raise MalformedReviewError("the AdmissionRequest carries no object")
    return kind.from_dict(raw)


def _top_level_patch(before: Json, after: Json) -> list[Json]:
    """JSON patch (RFC 6902) one or two levels deep: enough, and never touches what did not change."""
    operations: list[Json] = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            operations += [
                {**step, "path": f"/{_escaped(key)}{step['path']}"}
                for step in _top_level_patch(old, new)
            ]
        elif key not in after:
            operations.append({"op": "remove", "path": f"/{_escaped(key)}"})
        elif key not in before or old != new:
            operations.append({"op": "add", "path": f"/{_escaped(key)}", "value": new})
    return operations


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _denied(denied: DeniedError) -> Json:
    return _refusal(str(denied), denied.code, denied.errors)


def _undecodable(kind: type[metav1.Object], error: ValidationError) -> Json:
    """Values are left out: they may be secret."""
    errors = [
        forbidden(".".join(str(part) for part in item["loc"]), item["msg"])
        for item in error.errors(include_input=False, include_url=False)
    ]
    message = f"not a {kind.gvk.kind}: " + "; ".join(str(one) for one in errors)
    return _refusal(message, BAD_REQUEST, errors)


def _refusal(message: str, code: int, errors: tuple[FieldError, ...] | list[FieldError]) -> Json:
    causes = [
        {"reason": str(error.type), "message": str(error), "field": error.field} for error in errors
    ]
    status: Json = {
        "code": code,
        "reason": "Forbidden" if code == FORBIDDEN else "BadRequest",
        "message": message,
    }
    if causes:
        status["details"] = {"causes": causes}
    return {"allowed": False, "status": status}


def _review(request: Json, response: Json, warnings: Warnings = ()) -> Json:
    if warnings:
        response["warnings"] = [text[:MAX_WARNING] for text in warnings][:MAX_WARNINGS]
    return {
        "apiVersion": API_VERSION,
        "kind": "AdmissionReview",
        "response": {"uid": request["uid"], **response},
    }
