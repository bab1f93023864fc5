"""Finalizers and owner references: small pure functions on metadata."""

from ._object import Object, OwnerReference


def has_finalizer(obj: Object, name: str) -> bool:
    """True when the object waits for ``name`` before it goes."""
    return name in obj.metadata.finalizers


def add_finalizer(obj: Object, name: str) -> bool:
    """Add once; True when it was missing."""
    if has_finalizer(obj, name):
        return False
    obj.metadata.finalizers = [*obj.metadata.finalizers, name]
    return True


def remove_finalizer(obj: Object, name: str) -> bool:
    """Take away; True when it was there."""
    if not has_finalizer(obj, name):
        return False
    obj.metadata.finalizers = [f for f in obj.metadata.finalizers if f != name]
    return True


def owner_reference(owner: Object, *, controller: bool = False) -> OwnerReference:
    """A reference to ``owner``; only one owner may be the controller."""
    reference = OwnerReference(
        api_version=owner.gvk.api_version,
        kind=owner.gvk.kind,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
    )
    if controller:
        reference.controller = True
        reference.block_owner_deletion = True
    return reference


def set_owner_reference(obj: Object, reference: OwnerReference) -> bool:
    """Add or refresh the reference (same owner: same kind, group and name); True when changed."""
    others = [r for r in obj.metadata.owner_references if not is_same_owner(r, reference)]
    mine = [r for r in obj.metadata.owner_references if is_same_owner(r, reference)]
    if len(mine) == 1 and (mine[0] == reference or mine[0].to_dict() == reference.to_dict()):
        return False
    obj.metadata.owner_references = [*others, reference]
    return True


def is_same_owner(one: OwnerReference, other: OwnerReference) -> bool:
    """Whether both name one object, whatever the API version or incarnation."""
    return (_group(one.api_version), one.kind, one.name) == (
        _group(other.api_version),
        other.kind,
        other.name,
    )


def controller_of(obj: Object) -> OwnerReference | None:
    """The one owner that manages this object, if any."""
    return next((r for r in obj.metadata.owner_references if r.controller), None)


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]
