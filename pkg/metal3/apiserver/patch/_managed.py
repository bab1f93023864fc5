"""Who owns which field (managedFields), and how plain writes change that."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from metal3.apiserver.jsonvalue import Obj, is_map, map_at, maps_at, text_at
from metal3.apiserver.schema import Node

from ._fields import Path, all_paths, changed, from_fields_v1, normal, to_fields_v1

MOST_UPDATERS: Final = 10
_ANCIENT: Final = "ancient-changes"
_KEY: Final = ("manager", "operation", "apiVersion", "subresource")


@dataclass(slots=True, kw_only=True)
class Owner:
    """One entry of managedFields; ``header`` is the entry without its fields."""

    header: Obj
    fields: set[Path]
    was: frozenset[Path]

    @property
    def key(self) -> tuple[str, ...]:
        """Identifies the entry among those of an object."""
        return tuple(text_at(self.header, name) for name in _KEY)

    @property
    def name(self) -> str:
        """The manager."""
        return text_at(self.header, "manager")


def read_owners(entries: Iterable[Obj]) -> list[Owner]:
    """Read managedFields; entries that make no sense are dropped."""
    owners: list[Owner] = []
    for entry in entries:
        fields = entry.get("fieldsV1")
        if not is_map(fields) or not entry.get("manager"):
            continue
        paths = normal(from_fields_v1(fields))
        header = {key: value for key, value in entry.items() if key != "fieldsV1"}
        owners.append(Owner(header=header, fields=paths, was=frozenset(paths)))
    return owners


def find_owner(owners: list[Owner], header: Obj) -> Owner:
    """Return the entry of a manager, a new and empty one if there is none."""
    wanted = tuple(text_at(header, name) for name in _KEY)
    for owner in owners:
        if owner.key == wanted:
            return owner
    made = Owner(header={**header, "fieldsType": "FieldsV1"}, fields=set(), was=frozenset())
    owners.append(made)
    return made


def write_owners(obj: Obj, owners: list[Owner], time: str) -> None:
    """Write managedFields; only entries that changed get the time."""
    entries: list[Obj] = []
    for owner in _few(owners):
        if not owner.fields:
            continue
        header = dict(owner.header)
        if frozenset(owner.fields) != owner.was:
            header["time"] = time
        entries.append({**header, "fieldsV1": to_fields_v1(owner.fields)})
    entries.sort(key=lambda entry: (entry["operation"], text_at(entry, "time"), entry["manager"]))
    obj["metadata"]["managedFields"] = entries


def _few(owners: list[Owner]) -> list[Owner]:
    """Fold the oldest updaters into one when there are many."""
    updaters = [owner for owner in owners if owner.header.get("operation") == "Update"]
    surplus = len(updaters) - MOST_UPDATERS
    if surplus <= 0:
        return owners
    updaters.sort(key=lambda owner: text_at(owner.header, "time"))
    oldest = updaters[: surplus + 1]
    fields = set[Path]().union(*(owner.fields for owner in oldest))
    header = {**oldest[-1].header, "manager": _ANCIENT}
    ancient = Owner(header=header, fields=fields, was=frozenset(fields))
    return [ancient, *(owner for owner in owners if owner not in oldest)]


def current_owners(current: Obj | None, obj: Obj) -> list[Owner]:
    """Return the owners a write starts from.

    A client may rewrite managedFields; when it sends none, those of the object stay.
    """
    sent = map_at(obj, "metadata").get("managedFields")
    if sent is not None and current is not None:
        return read_owners(maps_at(obj, "metadata", "managedFields"))
    return read_owners(maps_at(current, "metadata", "managedFields"))


def track_update(schema: Node | None, current: Obj | None, obj: Obj, manager: Obj) -> None:
    """Note that a manager wrote what differs between the current object and ``obj``."""
    sent = map_at(obj, "metadata").get("managedFields")
    if current is not None and sent is not None and not any(sent):
        # The client asks to forget all owners; this write leaves no trace either.
        obj["metadata"]["managedFields"] = []
        return
    owners = current_owners(current, obj)
    before = all_paths(current, schema) if current is not None else {}
    written, gone = changed(before, all_paths(obj, schema))
    if written or gone:
        disown(owners, written | gone)
        header = {key: value for key, value in manager.items() if key != "time"}
        find_owner(owners, header).fields.update(written)
    write_owners(obj, owners, str(manager["time"]))


def disown(owners: Iterable[Owner], paths: set[Path]) -> None:
    """Take paths from all owners."""
    for owner in owners:
        owner.fields -= paths
