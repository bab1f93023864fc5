"""What the controllers of this operator share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import Client, Reader
from metal3.runtime.recorder import EventRecorder

from .ledger import Ledger
from .reservations import Reservations


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """``client`` reads the cache; ``live`` the server."""

    client: Client
    live: Reader
    recorder: EventRecorder
    ledger: Ledger
    now: Callable[[], datetime]
    watch_filter: str = ""

    def is_watched(self, obj: metav1.Object) -> bool:
        """Whether this manager is the one to look after the object."""
        return not self.watch_filter or (
            obj.metadata.labels.get(clusterv1.WATCH_FILTER_LABEL) == self.watch_filter
        )

    @property
    def reservations(self) -> Reservations:
        """Where addresses are made somebody's."""
        return Reservations(client=self.client, live=self.live, ledger=self.ledger, now=self.now)
