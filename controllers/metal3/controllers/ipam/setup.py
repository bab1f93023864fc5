"""Builds the operator onto a manager."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from metal3 import ctrl
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.cache import ByObject

from . import webhooks
from .claim_events import claim_matters
from .claim_reconciler import ClaimReconciler
from .claims import ClaimType, IPAddressClaimType, IPClaimType
from .cluster_api import ClusterApiLookout, is_installed
from .environment import Environment
from .feed import Feed
from .ipaddress_controller import IPAddressReconciler
from .ippool_controller import IPPoolReconciler
from .ledger import Ledger
from .options import IPAMOptions
from .wakeups import Gate, Gates

RECORDER: Final = "ipam-metal3-controller"


def cache_by_object() -> dict[type[metav1.Object], ByObject]:
    """What the manager's cache must hold: all objects of the kinds that are read."""
    return {}


async def setup(mgr: ctrl.Manager, options: IPAMOptions) -> None:
    """Add all controllers and (if the manager serves them) the webhooks.

    Whether Cluster API is there is found out now, and later if it is not; unless the options say.
    Raises the API's errors.
    """
    await build(mgr, options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """What was built, for tests and benchmarks."""

    environment: Environment
    feed: Feed


async def build(
    mgr: ctrl.Manager,
    options: IPAMOptions,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    unique_names: bool = True,
) -> Operator:
    """As :func:`setup`.

    ``unique_names`` False allows several operators in one process, as tests need it.
    """
    gates = Gates(pools=Gate(), addresses=Gate(), claims={}, pool_delay=options.status_delay)
    ledger = Ledger(wakeups=gates)
    feed = Feed(cache=mgr.cache, ledger=ledger)
    await feed.connect()
    env = Environment(
        client=mgr.client,
        live=mgr.api_reader,
        recorder=mgr.get_event_recorder_for(RECORDER),
        ledger=ledger,
        now=now,
        watch_filter=options.watch_filter,
    )
    controllers = _Controllers(
        mgr=mgr, env=env, feed=feed, gates=gates, options=options, unique_names=unique_names
    )
    controllers.add_pools()
    controllers.add_claims(IPClaimType())
    if options.cluster_api is None:
        await controllers.add_cluster_api_if_there()
    elif options.cluster_api:
        await controllers.add_cluster_api()
    if mgr.options.webhook_server is not None:
        for hook in webhooks.webhooks(ledger):
            mgr.webhook_server.register(hook)
    return Operator(environment=env, feed=feed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Controllers:
    mgr: ctrl.Manager
    env: Environment
    feed: Feed
    gates: Gates
    options: IPAMOptions
    unique_names: bool

    def add_pools(self) -> None:
        self.gates.pools.ready = self.gates.addresses.ready = self.feed.wait_told
        workers = self._options(self.options.pool_concurrency)
        (
            ctrl.new_controller_managed_by(self.mgr)
            .for_(ipamv1.IPPool)
            .watches_raw_source(self.gates.pools)
            .with_options(workers)
            .complete(IPPoolReconciler(env=self.env))
        )
        (
            ctrl.new_controller_managed_by(self.mgr)
            .named("ipaddress-quarantine")
            .watches_raw_source(self.gates.addresses)
            .with_options(workers)
            .complete(IPAddressReconciler(env=self.env))
        )

    def add_claims(self, claim_type: ClaimType[Any]) -> None:
        gate = self.gates.claims[claim_type.claim_kind] = Gate(ready=self.feed.wait_told)
        (
            ctrl.new_controller_managed_by(self.mgr)
            .for_(claim_type.kind, predicates=(claim_matters(),))
            .watches_raw_source(gate)
            .with_options(self._options(self.options.claim_concurrency))
            .complete(ClaimReconciler(env=self.env, type=claim_type))
        )

    async def add_cluster_api(self) -> None:
        await self.feed.connect_cluster_api()
        self.add_claims(IPAddressClaimType())

    async def add_cluster_api_if_there(self) -> None:
        namespace = next(iter(self.options.namespaces), None)
        if await is_installed(self.mgr.api_reader, namespace):
            await self.add_cluster_api()
            return
        lookout = ClusterApiLookout(
            reader=self.mgr.api_reader,
            namespace=namespace,
            interval=self.options.cluster_api_interval,
            begin=self.add_cluster_api,
        )
        self.mgr.add(lookout)

    def _options(self, workers: int) -> ctrl.ControllerOptions:
        given = self.mgr.options
        return ctrl.ControllerOptions(
            max_concurrent_reconciles=workers,
            reconcile_timeout=given.reconcile_timeout,
            cache_sync_timeout=given.cache_sync_timeout,
            graceful_shutdown_timeout=given.graceful_shutdown_timeout,
            skip_name_validation=not self.unique_names,
        )
