"""The four ways to patch: JSON patch, merge patch, strategic merge patch, server-side apply."""

from ._apply import Applier, apply
from ._json import PatchError, json_patch
from ._managed import track_update
from ._merge import merge_patch
from ._strategic import strategic_merge_patch

__all__ = [
    "Applier",
    "PatchError",
    "apply",
    "json_patch",
    "merge_patch",
    "strategic_merge_patch",
    "track_update",
]
