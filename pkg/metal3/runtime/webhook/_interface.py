"""What an operator's webhook implements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from metal3.api.meta import v1 as metav1

T = TypeVar("T", bound=metav1.Object)
T_contra = TypeVar("T_contra", bound=metav1.Object, contravariant=True)

Warnings = Sequence[str]
"""Texts that kubectl shows to the user while the request goes through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestInfo:
    """The circumstances of an admission request (admission.k8s.io/v1 AdmissionRequest)."""

    uid: str
    operation: str
    name: str
    namespace: str
    username: str
    dry_run: bool = False
    sub_resource: str = ""
    groups: Sequence[str] = field(default=())


class Defaulter(Protocol[T_contra]):
    """Fills fields in before an object is validated and stored."""

    async def default(self, obj: T_contra, request: RequestInfo) -> None:
        """Change ``obj`` in place; may be called twice for one request."""
        ...


class Validator(Protocol[T_contra]):
    """Accepts or refuses a change; raises DeniedError with every problem at once."""

    async def validate_create(self, obj: T_contra, request: RequestInfo) -> Warnings:
        """Check a new object."""
        ...

    async def validate_update(self, old: T_contra, new: T_contra, request: RequestInfo) -> Warnings:
        """Check a change."""
        ...

    async def validate_delete(self, obj: T_contra, request: RequestInfo) -> Warnings:
        """Check a deletion."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionWebhook(Generic[T]):
    """The webhooks of one kind; the paths follow the field's custom, worked out from the kind."""

    kind: type[T]
    validator: Validator[T] | None = None
    defaulter: Defaulter[T] | None = None

    @property
    def validate_path(self) -> str:
        """``/validate-<group with dashes>-<version>-<kind>``."""
        return f"/validate-{self._suffix}"

    @property
    def mutate_path(self) -> str:
        """``/mutate-<group with dashes>-<version>-<kind>``."""
        return f"/mutate-{self._suffix}"

    @property
    def _suffix(self) -> str:
        group, version, kind = self.kind.gvk
        return f"{group.replace('.', '-')}-{version}-{kind.lower()}"


class ConverterFunc(Protocol):
    """Turns an object of one version, as JSON, into the same object of another."""

    def __call__(self, obj: dict[str, Any], /) -> dict[str, Any]:
        """Raise ValueError with a message for the user when it cannot be done."""
        ...
