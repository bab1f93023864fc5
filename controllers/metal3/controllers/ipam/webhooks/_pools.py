"""What the webhooks ask of the operator's ledger."""

from collections.abc import Iterable
from typing import Protocol

from metal3.controllers.ipam.pool_state import PoolState
from metal3.runtime.types import NamespacedName


class Pools(Protocol):
    """Knows the pools and what is in use of each."""

    def pool(self, key: NamespacedName) -> PoolState:
        """One pool, also one that does not exist."""
        ...

    @property
    def pools(self) -> Iterable[PoolState]:
        """All pools that exist."""
        ...
