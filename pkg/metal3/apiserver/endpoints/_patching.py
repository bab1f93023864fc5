"""Patches by content type. Each becomes a function from the current object to the new one."""

from typing import Any, Final

from metal3.apiserver import errors
from metal3.apiserver.jsonvalue import Obj, is_list, is_map, loads
from metal3.apiserver.patch import PatchError, json_patch, merge_patch, strategic_merge_patch
from metal3.apiserver.schema import Node

from ._request import Target, media_type
from ._writer import Change

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"


def patch_types(target: Target) -> tuple[str, ...]:
    """Return the content types of patches an object takes."""
    if target.resource.custom:
        return (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)
    return (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)


def make_change(target: Target, content_type: str, body: bytes) -> Change:
    """Return the change a patch makes; raises 415 for types this kind does not take."""
    kind = media_type(content_type)
    if kind not in patch_types(target) or kind == APPLY_PATCH:
        raise errors.unsupported_media_type(content_type, patch_types(target))
    try:
        patch = loads(body)
    except ValueError as e:
        raise errors.bad_request(f"the patch is no JSON: {e}") from e
    if kind == JSON_PATCH:
        return _json_change(patch)
    if not is_map(patch):
        raise errors.bad_request("the patch must be an object")
    return _map_change(patch, target.version.schema if kind == STRATEGIC_PATCH else None)


def _json_change(patch: Any) -> Change:
    if not is_list(patch):
        raise errors.bad_request("the patch must be a list of operations")

    async def change(current: Obj) -> Obj:
        try:
            return json_patch(current, patch)
        except PatchError as e:
            raise errors.StatusError(
                422,
                "Invalid",
                f"the server rejected our request due to an error in our request: {e}",
            ) from e

    return change


def _map_change(patch: Obj, schema: Node | None) -> Change:
    async def change(current: Obj) -> Obj:
        if schema is None:
            return merge_patch(current, patch)
        try:
            return strategic_merge_patch(current, patch, schema)
        except PatchError as e:
            raise errors.bad_request(str(e)) from e

    return change
