"""Updates that changed a certain part; creations, deletions and outside events always pass."""

from typing import Any

from metal3.api.meta import v1 as metav1
from metal3.runtime.event import CreateEvent, DeleteEvent, GenericEvent, UpdateEvent


class _ChangedPredicate:
    """Compares one part of the old and the new object."""

    def create(self, event: CreateEvent[Any]) -> bool:
        """Pass."""
        return True

    def update(self, event: UpdateEvent[Any]) -> bool:
        """Pass when the part changed."""
        return self.part_of(event.object_old.metadata) != self.part_of(event.object_new.metadata)

    def delete(self, event: DeleteEvent[Any]) -> bool:
        """Pass."""
        return True

    def generic(self, event: GenericEvent[Any]) -> bool:
        """Pass."""
        return True

    def part_of(self, metadata: metav1.ObjectMeta) -> object:
        """What is compared."""
        raise NotImplementedError


class GenerationChangedPredicate(_ChangedPredicate):
    """Updates of the spec, as the server counts them in ``metadata.generation``.

    Changes of metadata (labels, annotations, finalizers) and of status do not pass, nor do
    resyncs; only the mark of deletion raises the generation, too. Kinds without a status
    subresource may have no generation: do not use it there.
    """

    def part_of(self, metadata: metav1.ObjectMeta) -> object:
        """The generation."""
        return metadata.generation


class ResourceVersionChangedPredicate(_ChangedPredicate):
    """All updates but resyncs."""

    def part_of(self, metadata: metav1.ObjectMeta) -> object:
        """The resource version."""
        return metadata.resource_version


class AnnotationChangedPredicate(_ChangedPredicate):
    """Updates of any annotation."""

    def part_of(self, metadata: metav1.ObjectMeta) -> object:
        """All annotations."""
        return metadata.annotations


class LabelChangedPredicate(_ChangedPredicate):
    """Updates of any label."""

    def part_of(self, metadata: metav1.ObjectMeta) -> object:
        """All labels."""
        return metadata.labels
