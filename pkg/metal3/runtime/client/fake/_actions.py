"""What was asked of the fake, and failures that are to come."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from metal3.runtime.types import NamespacedName


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One request. ``body`` is what was sent: the object or the patch, None for reads.

    ``verb`` is the API's: get, list, watch, create, update, patch, delete, deletecollection.
    """

    verb: str
    kind: str
    key: NamespacedName
    subresource: str = ""
    body: Any = None
    dry_run: bool = False

    @property
    def is_write(self) -> bool:
        """False for get, list and watch."""
        return self.verb not in {"get", "list", "watch"}

    def __str__(self) -> str:
        kind = f"{self.kind}/{self.subresource}" if self.subresource else self.kind
        return f"{self.verb} {kind} {self.key}"


Interceptor = Callable[[Action], None]
"""Sees each request before it has an effect; what it raises is what the caller gets."""


@dataclass(slots=True)
class _Failure:
    verb: str
    kind: str
    subresource: str | None
    error: Exception
    left: int


@dataclass(slots=True)
class Failures:
    """Errors waiting for the request they are meant for."""

    _planned: list[_Failure] = field(default_factory=list[_Failure])

    def plan(
        self, verb: str, kind: str, error: Exception, *, subresource: str | None, times: int
    ) -> None:
        """Fail the next ``times`` requests that match; ``*`` matches any verb or kind."""
        self._planned.append(_Failure(verb, kind, subresource, error, times))

    def clear(self) -> None:
        """Forget them."""
        self._planned.clear()

    def check(self, action: Action) -> None:
        """Raise the first planned error that is meant for this request."""
        for failure in self._planned:
            if failure.left > 0 and _is_meant(failure, action):
                failure.left -= 1
                raise failure.error


def _is_meant(failure: _Failure, action: Action) -> bool:
    return (
        failure.verb in {"*", action.verb}
        and failure.kind in {"*", action.kind}
        and failure.subresource in {None, action.subresource}
    )
