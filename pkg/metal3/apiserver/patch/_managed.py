"""Who owns which field (managedFields)."""

from metal3.apiserver.jsonvalue import Obj
from metal3.apiserver.schema import Node


def track_update(schema: Node | None, current: Obj | None, obj: Obj, manager: Obj) -> None:
    """Note that a manager wrote what differs; filled in with server-side apply."""
