"""Accepts or refuses IPAddresses: what an address is, and whose, never changes."""

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


@dataclass(frozen=True, slots=True)
class IPAddressValidator:
    """The operator makes them; people seldom do."""

    async def validate_create(self, obj: ipamv1.IPAddress, request: RequestInfo) -> Warnings:
        """Claim, pool and address are named."""
        spec = obj.spec
        errors: list[FieldError] = []
        for path, value in (
            ("spec.pool.name", spec.pool.name),
            ("spec.claim.name", spec.claim.name),
            ("spec.address", spec.address),
        ):
            if not value:
                errors.append(required(path, "an address is one of a pool, for a claim"))
        if spec.address:
            try:
                parse_address(spec.address)
            except ValueError as e:
                errors.append(invalid("spec.address", spec.address, str(e)))
        deny_if(errors)
        return ()

    async def validate_update(
        self, old: ipamv1.IPAddress, new: ipamv1.IPAddress, request: RequestInfo
    ) -> Warnings:
        """Address, pool and claim stay."""
        was, is_now = old.spec.to_dict(), new.spec.to_dict()
        deny_if(
            [
                forbidden(f"spec.{field}", f"cannot change from {was.get(field)!r}")
                for field in ("address", "pool", "claim")
                if was.get(field) != is_now.get(field)
            ]
        )
        return ()

    async def validate_delete(self, obj: ipamv1.IPAddress, request: RequestInfo) -> Warnings:
        """Always: it stays until its claim goes."""
        return ()
