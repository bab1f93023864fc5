"""Namespace and name, the identity of an object within its kind."""

from typing import NamedTuple, Self

from metal3.api.meta import v1 as metav1


class NamespacedName(NamedTuple):
    """Identity within one kind; the namespace of a cluster-scoped object is empty."""

    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``namespace/name`` or ``name``, as :meth:`__str__` writes it."""
        namespace, _, name = text.rpartition("/")
        return cls(namespace, name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def key_of(obj: metav1.Object) -> NamespacedName:
    """The identity of ``obj`` within its kind."""
    return NamespacedName(obj.metadata.namespace, obj.metadata.name)
