"""Builds the operator onto a manager."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.cache import ByObject
from metal3.runtime.client import NotFoundError
from metal3.runtime.log import get_logger

from . import webhooks
from .claim_events import claim_matters
from .claim_reconciler import ClaimReconciler
from .claims import ClaimType, IPAddressClaimType, IPClaimType
from .environment import Environment
from .feed import Feed
from .ipaddress_controller import IPAddressReconciler
from .ippool_controller import IPPoolReconciler
from .ledger import Ledger
from .options import IPAMOptions
from .pool_events import pool_matters
from .wakeups import Gate, Gates

RECORDER: Final = "ipam-metal3-controller"
CLUSTER_API_KINDS: Final[tuple[type[metav1.Object], ...]] = (
    clusterv1.Cluster,
    capiipamv1.IPAddressClaim,
    capiipamv1.IPAddress,
)

log = get_logger(__name__)


def cache_by_object() -> dict[type[metav1.Object], ByObject]:
    """What the manager's cache must hold: all objects of the kinds that are read."""
    return {}


async def setup(mgr: ctrl.Manager, options: IPAMOptions) -> None:
    """Add all controllers and (if the manager serves them) the webhooks.

    Whether Cluster API is there is found out now, unless the options say; raises the API's errors.
    """
    cluster_api = options.cluster_api
    if cluster_api is None:
        cluster_api = await has_cluster_api(mgr)
    await build(mgr, replace(options, cluster_api=cluster_api))


async def has_cluster_api(mgr: ctrl.Manager) -> bool:
    """Whether the server knows Cluster API's kinds; a manager looks once, at its start."""
    for kind in CLUSTER_API_KINDS:
        try:
            await mgr.api_reader.list(kind, limit=1)
        except NotFoundError:
            log.warning("Cluster API is not installed: only IPClaims are served", kind=kind.plural)
            return False
    return True


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
    """As :func:`setup`, with everything known.

    ``unique_names`` False allows several operators in one process, as tests need it.
    """
    types: list[ClaimType[Any]] = [IPClaimType()]
    if options.cluster_api:
        types.append(IPAddressClaimType())
    gates = Gates(
        pools=Gate(),
        addresses=Gate(),
        claims={claim_type.claim_kind: Gate() for claim_type in types},
        pool_delay=options.status_delay,
    )
    ledger = Ledger(wakeups=gates)
    feed = Feed(cache=mgr.cache, ledger=ledger, cluster_api=bool(options.cluster_api))
    await feed.connect()
    env = Environment(
        client=mgr.client,
        live=mgr.api_reader,
        recorder=mgr.get_event_recorder_for(RECORDER),
        ledger=ledger,
        now=now,
        watch_filter=options.watch_filter,
    )
    for gate in (gates.pools, gates.addresses, *gates.claims.values()):
        gate.ready = feed.wait_told
    controllers = _Controllers(mgr=mgr, env=env, options=options, unique_names=unique_names)
    controllers.add_pools(gates.pools, gates.addresses)
    for claim_type in types:
        controllers.add_claims(claim_type, gates.claims[claim_type.claim_kind])
    if mgr.options.webhook_server is not None:
        for hook in webhooks.webhooks(ledger):
            mgr.webhook_server.register(hook)
    return Operator(environment=env, feed=feed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Controllers:
    mgr: ctrl.Manager
    env: Environment
    options: IPAMOptions
    unique_names: bool

    def add_pools(self, pools: Gate, addresses: Gate) -> None:
        workers = self._options(self.options.pool_concurrency)
        (
            ctrl.new_controller_managed_by(self.mgr)
            .for_(ipamv1.IPPool, predicates=(pool_matters(),))
            .watches_raw_source(pools)
            .with_options(workers)
            .complete(IPPoolReconciler(env=self.env))
        )
        (
            ctrl.new_controller_managed_by(self.mgr)
            .named("ipaddress-quarantine")
            .watches_raw_source(addresses)
            .with_options(workers)
            .complete(IPAddressReconciler(env=self.env))
        )

    def add_claims(self, claim_type: ClaimType[Any], gate: Gate) -> None:
        (
            ctrl.new_controller_managed_by(self.mgr)
            .for_(claim_type.kind, predicates=(claim_matters(),))
            .watches_raw_source(gate)
            .with_options(self._options(self.options.claim_concurrency))
            .complete(ClaimReconciler(env=self.env, type=claim_type))
        )

    def _options(self, workers: int) -> ctrl.ControllerOptions:
        given = self.mgr.options
        return ctrl.ControllerOptions(
            max_concurrent_reconciles=workers,
            reconcile_timeout=given.reconcile_timeout,
            cache_sync_timeout=given.cache_sync_timeout,
            graceful_shutdown_timeout=given.graceful_shutdown_timeout,
            skip_name_validation=not self.unique_names,
        )
