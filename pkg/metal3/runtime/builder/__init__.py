"""Wiring a reconciler: which kinds it is for, which it owns, what else wakes it."""

from ._builder import Builder, new_controller_managed_by

__all__ = ["Builder", "new_controller_managed_by"]
