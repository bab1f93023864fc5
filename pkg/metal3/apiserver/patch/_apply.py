"""Server-side apply: a manager says what it wants of an object, and owns exactly that.

What others own and want otherwise is a conflict, unless forced. What the manager wanted before
and no longer does is removed, unless others own it too.
"""

from dataclasses import dataclass
from typing import Any, Final

from metal3.apiserver import errors
from metal3.apiserver.errors import StatusError
from metal3.apiserver.jsonvalue import (
    Obj,
    clone,
    clone_map,
    equal,
    is_list,
    is_map,
    loads,
    maps_at,
    text_at,
)
from metal3.apiserver.schema import Node

from ._fields import Path, all_paths, changed, item_key, leaves, remove, spelled, value_key
from ._managed import Owner, disown, find_owner, read_owners, write_owners

_KUBECTL: Final = "kubectl"
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applier:
    """Who applies, and how: ``header`` is its entry in managedFields, with the time."""

    header: Obj
    force: bool
    status_only: bool = False
    with_status: bool = True


def apply(current: Obj | None, config: Obj, schema: Node | None, applier: Applier) -> Obj:
    """Return the object with a configuration applied; raises 409 with a cause per conflict."""
    owners = read_owners(maps_at(current, "metadata", "managedFields"))
    header = {key: value for key, value in applier.header.items() if key != "time"}
    owner = find_owner(owners, header)
    wanted = set(leaves(_owned_part(config, applier), schema))
    before = set(owner.fields)
    merged = config if current is None else _merge(current, config, schema)
    obj = clone_map(merged)
    owner.fields = set(wanted)
    others = [item for item in owners if item is not owner]
    _drop_unwanted(obj, before - wanted, wanted, others, schema)
    _settle(current, obj, schema, others, applier)
    if current is None or not _is_same(owners):
        write_owners(obj, owners, str(applier.header["time"]))
    else:
        obj["metadata"]["managedFields"] = clone(maps_at(current, "metadata", "managedFields"))
    return obj


def _is_same(owners: list[Owner]) -> bool:
    return all(frozenset(owner.fields) == owner.was for owner in owners)


def _owned_part(config: Obj, applier: Applier) -> Obj:
    """Leave out what the endpoint does not write: it is not owned by asking for it there."""
    if applier.status_only:
        return {key: value for key, value in config.items() if key == "status"}
    if not applier.with_status:
        return {key: value for key, value in config.items() if key != "status"}
    return config


def _settle(
    current: Obj | None, obj: Obj, schema: Node | None, others: list[Owner], applier: Applier
) -> None:
    force, manager = applier.force, applier.header["manager"]
    before = all_paths(current, schema) if current is not None else {}
    written, gone = changed(before, all_paths(obj, schema))
    conflicts = [(owner, path) for owner in others for path in sorted(owner.fields & written)]
    if conflicts and not force:
        excused = _excused(current, schema) if manager == _KUBECTL else set[Path]()
        conflicts = [(owner, path) for owner, path in conflicts if path not in excused]
        if conflicts:
            raise _conflict(conflicts)
    disown(others, written | gone)


def _excused(current: Obj | None, schema: Node | None) -> set[Path]:
    """Return what kubectl applied on the client side before, and nobody has changed since.

    The real server lets kubectl go over to the server side without conflicts with itself.
    """
    note = text_at(current, "metadata", "annotations", _LAST_APPLIED)
    try:
        applied = loads(note) if note else None
    except ValueError:
        return set()
    if not is_map(applied) or current is None:
        return set()
    live = leaves(current, schema)
    return {
        p for p, value in leaves(applied, schema).items() if p in live and equal(live[p], value)
    }


def _conflict(conflicts: list[tuple[Owner, Path]]) -> StatusError:
    causes = [
        errors.cause("FieldManagerConflict", spelled(path), f"conflict with {_who(owner)}")
        for owner, path in conflicts
    ]
    noun = "conflict" if len(causes) == 1 else "conflicts"
    lines = "; ".join(f"{item['message']}: {item['field']}" for item in causes)
    return errors.apply_conflict(causes, f"Apply failed with {len(causes)} {noun}: {lines}")


def _who(owner: Owner) -> str:
    text = f'"{owner.name}"'
    if owner.header.get("subresource"):
        text += f' with subresource "{owner.header["subresource"]}"'
    if owner.header.get("operation") == "Update":
        text += f" using {text_at(owner.header, 'apiVersion')}"
    return text


def _drop_unwanted(
    obj: Obj, unwanted: set[Path], wanted: set[Path], others: list[Owner], schema: Node | None
) -> None:
    kept = wanted.union(*(owner.fields for owner in others))
    # Whoever owns something inside keeps what it is in.
    inside = {path[:end] for path in kept for end in range(1, len(path) + 1)}
    # Outer paths first: a list item goes as a whole, or it keeps the keys that name it.
    for path in sorted(unwanted, key=len):
        if path not in inside and not _is_key(path):
            remove(obj, path, schema)


def _is_key(path: Path) -> bool:
    if len(path) < 2 or not path[-2].startswith("k:"):  # noqa: PLR2004 - an item and its field
        return False
    return path[-1].removeprefix("f:") in loads(path[-2][2:])


def _merge(live: Any, config: Any, node: Node | None) -> Any:
    if is_map(live) and is_map(config) and (node is None or node.map_type != "atomic"):
        return _merge_maps(live, config, node)
    if is_list(live) and is_list(config) and node and node.list_type == "map":
        return _merge_items(live, config, node)
    if is_list(live) and is_list(config) and node and node.list_type == "set":
        known = {value_key(item) for item in live}
        return live + [item for item in config if value_key(item) not in known]
    return config


def _merge_maps(live: Obj, config: Obj, node: Node | None) -> Obj:
    merged = dict(live)
    for name, value in config.items():
        if value is None:
            merged.pop(name, None)
        elif name in merged:
            merged[name] = _merge(merged[name], value, node.child(name) if node else None)
        else:
            merged[name] = value
    return merged


def _merge_items(live: list[Any], config: list[Any], node: Node) -> list[Any]:
    merged = {item_key(item, node): item for item in live}
    for item in config:
        key = item_key(item, node)
        merged[key] = _merge(merged[key], item, node.items) if key in merged else item
    return list(merged.values())
