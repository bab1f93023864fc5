"""Finds out whether Cluster API is there, now or later."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import ApiError, NotFoundError, Reader
from metal3.runtime.log import get_logger

KINDS: Final[tuple[type[metav1.Object], ...]] = (
    clusterv1.Cluster,
    capiipamv1.IPAddressClaim,
    capiipamv1.IPAddress,
)

log = get_logger(__name__)


async def missing_kind(reader: Reader, namespace: str | None) -> str:
    """The first of Cluster API's kinds that the server does not know; empty if it knows all.

    Asks in one namespace, where it may have no right to ask in all. Raises the API's errors.
    """
    for kind in KINDS:
        try:
            await reader.list(kind, namespace=namespace, limit=1)
        except NotFoundError:
            return kind.gvk.kind
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterApiLookout:
    """A Runnable that waits for Cluster API to be installed, and then calls ``begin`` once.

    It asks every ``interval``: a watch would bring the schemas of all CRDs there are, and a right
    to read them.
    """

    reader: Reader
    namespace: str | None
    interval: timedelta
    begin: Callable[[], Awaitable[None]]
    needs_leader_election: bool = False

    async def run(self) -> None:
        """Until it is there."""
        while True:
            await asyncio.sleep(self.interval.total_seconds())
            if await self._is_there():
                break
        log.info("Cluster API is installed: its claims are served from now on")
        await self.begin()

    async def _is_there(self) -> bool:
        try:
            return not await missing_kind(self.reader, self.namespace)
        except ApiError as error:
            log.warning("cannot look for Cluster API", error=error)
            return False


async def is_installed(reader: Reader, namespace: str | None) -> bool:
    """Whether the server knows Cluster API's kinds; it is logged if not. Raises the API's errors."""
    kind = await missing_kind(reader, namespace)
    if kind:
        log.warning("Cluster API is not installed: only IPClaims are served", kind=kind)
    return not kind
