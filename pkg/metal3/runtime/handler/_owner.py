"""The owners of the object."""

from metal3.api.meta import v1 as metav1
from metal3.runtime.reconcile import Request

from ._requests import RequestsHandler


class EnqueueRequestForOwner(RequestsHandler):
    """Reconcile the owners of kind ``owner_type``; what ``owns`` uses.

    Any version of the owner's group counts. With ``is_controller`` only the owner that manages
    the object does.
    """

    def __init__(self, owner_type: type[metav1.Object], *, is_controller: bool = False) -> None:
        self._group = owner_type.gvk.group
        self._kind = owner_type.gvk.kind
        self._is_namespaced = owner_type.namespaced
        self._is_controller = is_controller

    def requests_for(self, obj: metav1.Object) -> list[Request]:
        """One for each owner; an owner lives in the object's namespace, or in none."""
        namespace = obj.metadata.namespace if self._is_namespaced else ""
        return [Request(namespace, o.name) for o in self._owners(obj) if self._matches(o)]

    def _owners(self, obj: metav1.Object) -> list[metav1.OwnerReference]:
        if not self._is_controller:
            return obj.metadata.owner_references
        controller = metav1.controller_of(obj)
        return [controller] if controller else []

    def _matches(self, owner: metav1.OwnerReference) -> bool:
        group = owner.api_version.rpartition("/")[0]
        return (group, owner.kind) == (self._group, self._kind)
