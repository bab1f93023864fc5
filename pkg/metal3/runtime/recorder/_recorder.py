"""What a reconciler holds."""

from typing import Protocol

from metal3.api.meta import v1 as metav1


class EventRecorder(Protocol):
    """Says what happened to an object. May be called as often as one likes: repetitions count up.

    ``reason`` is a stable word in camel case for programs, ``message`` a sentence for people (at
    most 1,024 bytes are kept). ``related`` is a second object that had to do with it. ``action``
    is what was done; the reason stands in for it.
    """

    def normal(
        self,
        obj: metav1.Object,
        reason: str,
        message: str,
        *,
        related: metav1.Object | None = None,
        action: str = "",
    ) -> None:
        """Something went as it should."""
        ...

    def warning(
        self,
        obj: metav1.Object,
        reason: str,
        message: str,
        *,
        related: metav1.Object | None = None,
        action: str = "",
    ) -> None:
        """Something went wrong that a user should know of."""
        ...
