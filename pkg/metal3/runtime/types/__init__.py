"""Names of objects, shared by every layer of the runtime."""

from ._names import NamespacedName, key_of

__all__ = ["NamespacedName", "key_of"]
