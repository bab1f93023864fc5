"""Accepts or refuses BMCEventSubscriptions: complete, own namespace, never changed."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.webhook import (
    FieldError,
    RequestInfo,
    Warnings,
    deny_if,
    forbidden,
    invalid,
    required,
)


@dataclass(frozen=True, slots=True)
class BMCEventSubscriptionValidator:
    """The BMC keeps the subscription as it was made, so the object must not change either.

    Specs are compared by content; the Go operator compares a pointer and so refuses every update
    of a subscription with headers, its own finalizer among them.
    """

    async def validate_create(
        self, obj: metal3api.BMCEventSubscription, request: RequestInfo
    ) -> Warnings:
        """Host and destination are needed."""
        deny_if(_errors(obj))
        return ()

    async def validate_update(
        self,
        old: metal3api.BMCEventSubscription,
        new: metal3api.BMCEventSubscription,
        request: RequestInfo,
    ) -> Warnings:
        """Metadata only."""
        if old.spec.to_dict() != new.spec.to_dict():
            deny_if(
                [forbidden("spec", "cannot change; delete the subscription and make a new one")]
            )
        return ()

    async def validate_delete(
        self, obj: metal3api.BMCEventSubscription, request: RequestInfo
    ) -> Warnings:
        """Always."""
        return ()


def _errors(obj: metal3api.BMCEventSubscription) -> list[FieldError]:
    errors: list[FieldError] = []
    if not obj.spec.host_name:
        errors.append(required("spec.hostName", "name the BareMetalHost to subscribe at"))
    if not obj.spec.destination:
        errors.append(required("spec.destination", "give the URL that events are sent to"))
    else:
        errors += _destination_errors(obj.spec.destination)
    headers = obj.spec.http_headers_ref
    if headers is not None and headers.namespace not in {None, "", obj.metadata.namespace}:
        why = "must be the subscription's own namespace"
        errors.append(forbidden("spec.httpHeadersRef.namespace", why))
    return errors


def _destination_errors(destination: str) -> list[FieldError]:
    try:
        parts = urlsplit(destination)
    except ValueError as error:
        return [invalid("spec.destination", destination, f"is no URL: {error}")]
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return [invalid("spec.destination", destination, "must be an http or https URL")]
    if not parts.path:
        why = "needs a path; add a slash when only a host is meant"
        return [invalid("spec.destination", destination, why)]
    return []
