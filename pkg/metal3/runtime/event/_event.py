"""The four kinds of events. The objects in them are shared: look, do not change."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from metal3.api.meta import v1 as metav1

T_co = TypeVar("T_co", bound=metav1.Object, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateEvent(Generic[T_co]):
    """The object is new, or new to this process."""

    object: T_co
    is_in_initial_list: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateEvent(Generic[T_co]):
    """The object changed, or is shown again (a resync: both resource versions are the same)."""

    object_old: T_co
    object_new: T_co

    @property
    def is_resync(self) -> bool:
        """True when nothing changed."""
        version = self.object_new.metadata.resource_version
        return bool(version) and version == self.object_old.metadata.resource_version


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteEvent(Generic[T_co]):
    """The object is gone.

    ``delete_state_unknown``: the deletion was missed, and ``object`` is the last that was seen.
    """

    object: T_co
    delete_state_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericEvent(Generic[T_co]):
    """Something outside the API happened that concerns the object."""

    object: T_co


Event = CreateEvent[T_co] | UpdateEvent[T_co] | DeleteEvent[T_co] | GenericEvent[T_co]
