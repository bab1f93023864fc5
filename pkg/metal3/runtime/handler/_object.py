"""The object itself."""

from metal3.api.meta import v1 as metav1
from metal3.runtime.reconcile import Request

from ._requests import RequestsHandler


class EnqueueRequestForObject(RequestsHandler):
    """Reconcile the object the event is about; what ``for_`` uses."""

    def requests_for(self, obj: metav1.Object) -> tuple[Request, ...]:
        """Itself."""
        return (Request(obj.metadata.namespace, obj.metadata.name),)
