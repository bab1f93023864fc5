"""What a controller wrote itself: neither news when it comes back, nor to be done twice.

A cache shows a write some time after it was made. Whoever reconciles in between sees an object that
is known to be old, and every write on top of it is refused. So that is left until the write shows;
and when it shows and nobody was sent away meanwhile, it tells nothing new. All this only saves
work: writes carry the resourceVersion, which decides.

Only for controllers whose every write of the kind carries it: then a revision of their own holds
no change by others that they have not seen.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from metal3.api.meta import v1 as metav1
from metal3.runtime.event import UpdateEvent
from metal3.runtime.predicate import Funcs, Predicate
from metal3.runtime.reconcile import Result
from metal3.runtime.types import NamespacedName, key_of

T = TypeVar("T", bound=metav1.Object)


@dataclass(slots=True)
class OwnWrites:
    """The last write to each object of one kind by one controller."""

    _last: dict[NamespacedName, tuple[str, int]] = field(
        default_factory=dict[NamespacedName, tuple[str, int]], init=False
    )
    _owed: set[NamespacedName] = field(default_factory=set[NamespacedName], init=False)
    """Somebody was sent away and has to be called back."""

    def note(self, obj: metav1.Object) -> None:
        """Remember the object's revision as our own; to be called after each write."""
        number = _number(obj)
        if number is not None and number > self._number(obj):
            self._last[key_of(obj)] = obj.metadata.uid, number

    def is_behind(self, obj: metav1.Object) -> bool:
        """Whether the object, as it was read, is older than what we wrote.

        If so, the event of that write passes :meth:`news`; there is nothing else to wait for.
        """
        number = _number(obj)
        if number is None or number >= self._number(obj):
            return False
        self._owed.add(key_of(obj))
        return True

    def is_last(self, obj: metav1.Object) -> bool:
        """Whether the object is as we wrote it: nobody changed it since."""
        number = _number(obj)
        return number is not None and number == self._number(obj)

    async def drive(self, obj: T, work: Callable[[T], Awaitable[Result]]) -> Result:
        """Reconcile with ``work``, unless the object is behind; what was written last is noted."""
        if self.is_behind(obj):
            return Result()  # our own last write will wake us
        try:
            return await work(obj)
        finally:
            self.note(obj)

    def forget(self, key: NamespacedName) -> None:
        """The object is gone."""
        self._last.pop(key, None)
        self._owed.discard(key)

    def news(self) -> Predicate:
        """Of updates: what is newer than our last write, that if it is owed, and resyncs."""
        return cast("Predicate", Funcs(update=self._is_news))

    def _is_news(self, event: UpdateEvent[Any]) -> bool:
        new: metav1.Object = event.object_new
        if event.object_old.metadata.resource_version == new.metadata.resource_version:
            return True
        number, last = _number(new), self._number(new)
        if number is not None and number < last:
            return False
        is_owed = key_of(new) in self._owed
        self._owed.discard(key_of(new))
        return number != last or is_owed

    def _number(self, obj: metav1.Object) -> int:
        uid, number = self._last.get(key_of(obj), ("", -1))
        return number if uid == obj.metadata.uid else -1


def _number(obj: metav1.Object) -> int | None:
    """Revisions of one kind are numbers that grow (KEP 5504); of a server without that, nothing."""
    text = obj.metadata.resource_version
    return int(text) if text.isdecimal() else None
