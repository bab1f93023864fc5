"""Sending only what changed: merge patches, the deferred patch of a reconciler, finalizers."""

from ._diff import Difference, apply_merge_patch, diff, diff_merge_patch
from ._finalizers import drop_finalizer, ensure_finalizer
from ._keyed import merge_keyed
from ._patching import PatchHelper, patching

__all__ = [
    "Difference",
    "PatchHelper",
    "apply_merge_patch",
    "diff",
    "diff_merge_patch",
    "drop_finalizer",
    "ensure_finalizer",
    "merge_keyed",
    "patching",
]
