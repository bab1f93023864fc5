"""Accepts or refuses IPClaims: a pool that stays the same, an address that is one."""

from dataclasses import dataclass

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.controllers.ipam.addresses import parse_address
from metal3.runtime.webhook import (
    FieldError,
    RequestInfo,
    Warnings,
    deny_if,
    forbidden,
    invalid,
    required,
)

ANNOTATION = ipamv1.REQUESTED_ADDRESS_ANNOTATION


@dataclass(frozen=True, slots=True)
class IPClaimValidator:
    """Whether the pool exists is no question here: it may come later."""

    async def validate_create(self, obj: ipamv1.IPClaim, request: RequestInfo) -> Warnings:
        """A pool is named, and the requested address is one."""
        errors = _requested_errors(obj)
        if not obj.spec.pool.name:
            errors.append(required("spec.pool.name", "names the IPPool to take an address from"))
        deny_if(errors)
        namespace = obj.spec.pool.namespace
        if namespace and namespace != obj.metadata.namespace:
            return [f"spec.pool.namespace: {namespace} is not the claim's; it will get no address"]
        return ()

    async def validate_update(
        self, old: ipamv1.IPClaim, new: ipamv1.IPClaim, request: RequestInfo
    ) -> Warnings:
        """The pool stays."""
        was, is_now = old.spec.pool, new.spec.pool
        errors = [
            forbidden(f"spec.pool.{field}", f"cannot change from {before!r}")
            for field, before, after in (
                ("name", was.name, is_now.name),
                ("namespace", was.namespace, is_now.namespace),
                ("kind", was.kind, is_now.kind),
            )
            if (before or "") != (after or "")
        ]
        if _requested(old) != _requested(new):
            errors += _requested_errors(new)
        deny_if(errors)
        return ()

    async def validate_delete(self, obj: ipamv1.IPClaim, request: RequestInfo) -> Warnings:
        """Always."""
        return ()


def _requested(claim: ipamv1.IPClaim) -> str:
    return claim.metadata.annotations.get(ANNOTATION, "").strip()


def _requested_errors(claim: ipamv1.IPClaim) -> list[FieldError]:
    text = _requested(claim)
    if not text:
        return []
    try:
        parse_address(text)
    except ValueError as e:
        return [invalid(f"metadata.annotations[{ANNOTATION}]", text, str(e))]
    return []
