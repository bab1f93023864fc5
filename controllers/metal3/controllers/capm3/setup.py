"""Builds the provider onto a manager."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.cache import ByObject
from metal3.runtime.client import NotFoundError, Reader
from metal3.runtime.handler import EventHandler, enqueue_requests_from_map_func
from metal3.runtime.manager import RunnableFunc
from metal3.runtime.source import Channel

from . import matters, nodenews, related, wakeups, webhooks
from .addressclaims import CLAIM_KINDS, AddressClaims, AnyClaim
from .dataledger import DataLedger
from .environment import Environment
from .hostreservation_controller import add_host_reservations
from .hosts import Hosts
from .matters import changes_of
from .metal3cluster_controller import Metal3ClusterReconciler
from .metal3data_controller import Metal3DataReconciler
from .metal3datatemplate_controller import Metal3DataTemplateReconciler
from .metal3labelsync_controller import add_label_sync
from .metal3machine_controller import Metal3MachineReconciler
from .metal3machinetemplate_controller import Metal3MachineTemplateReconciler
from .metal3remediation_controller import add_remediation
from .nodenews import NodeNews
from .options import Capm3Options, is_fast_track
from .ownwrites import OwnWrites
from .seekers import attended
from .storagemigration import StorageMigration
from .watchfilter import filtered
from .workload import SharedConnections, WorkloadClusters

RECORDER: Final = "metal3-capm3-controller"
INDEXES: Final[Mapping[type[metav1.Object], Mapping[str, Callable[[Any], list[str]]]]] = {
    metal3api.BareMetalHost: {
        related.CONSUMER_INDEX: related.consumer_key,
        nodenews.UID_INDEX: nodenews.uid_of,
    },
    infrav1.Metal3Machine: {
        wakeups.CLUSTER_INDEX: wakeups.cluster_name,
        nodenews.HOSTNAME_INDEX: nodenews.hostnames,
        wakeups.CLONED_FROM_INDEX: wakeups.cloned_from,
    },
    infrav1.Metal3DataClaim: {
        wakeups.TEMPLATE_INDEX: wakeups.template_name,
        wakeups.TODO_INDEX: wakeups.todo,
    },
    infrav1.Metal3Data: {
        wakeups.TEMPLATE_INDEX: wakeups.template_name,
        wakeups.MACHINE_INDEX: wakeups.machine_name,
        wakeups.DATA_CLAIM_INDEX: wakeups.data_claim_name,
        wakeups.CLUSTER_INDEX: wakeups.cluster_name,
    },
}
"""Indexes the operator's reader must have."""


def cache_by_object() -> dict[type[metav1.Object], ByObject]:
    """What the manager's cache must hold: everything of its kinds. Secrets are read live."""
    return {}


async def setup(
    mgr: ctrl.Manager, options: Capm3Options, environment: Mapping[str, str] | None = None
) -> None:
    """Add all controllers and (if the manager serves them) the webhooks."""
    variables = os.environ if environment is None else environment
    if is_fast_track(variables):
        options = replace(options, fast_track=True)
    served = [kind for kind in CLAIM_KINDS if await _is_served(mgr.api_reader, kind)]
    env = build(mgr, options, claim_kinds=tuple(served)).environment
    if options.storage_migration:
        mgr.add(StorageMigration(client=mgr.client, live=mgr.api_reader, recorder=env.recorder))


async def _is_served(reader: Reader, kind: type[metav1.Object]) -> bool:
    """Whether the API has the kind: a watch of one that is missing would hold everything up."""
    try:
        await reader.list(kind, limit=1)
    except NotFoundError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """What was built, for tests and benchmarks."""

    environment: Environment


def build(
    mgr: ctrl.Manager,
    options: Capm3Options,
    workload: WorkloadClusters | None = None,
    *,
    claim_kinds: tuple[type[AnyClaim], ...] = CLAIM_KINDS,
    unique_names: bool = True,
) -> Operator:
    """As :func:`setup`; with workload clusters at hand, and several in a process if told so."""
    machines = Channel()
    if workload is None:
        workload = _connections(mgr, machines)
    env = Environment(
        client=mgr.client,
        live=mgr.api_reader,
        recorder=mgr.get_event_recorder_for(RECORDER),
        workload=workload,
        options=options,
    )
    for kind, indexes in INDEXES.items():
        for name, extract in indexes.items():
            index: Any = extract
            mgr.cache.index_field(kind, name, index)
    for claim_kind in claim_kinds:
        mgr.cache.index_field(claim_kind, wakeups.DATA_INDEX, wakeups.data_name)
    given = _controller_options(mgr, options, unique_names=unique_names)
    _add_cluster_controller(mgr, env, given)
    hosts = _hosts(mgr, machines)
    _add_machine_controller(mgr, env, machines, hosts, given)
    _add_template_controllers(mgr, env, given)
    _add_data_controller(mgr, env, given, claim_kinds)
    add_remediation(mgr, env, given)
    add_label_sync(mgr, env, given)
    add_host_reservations(mgr, env, hosts, given)
    _add_webhooks(mgr)
    return Operator(environment=env)


def _hosts(mgr: ctrl.Manager, machines: Channel) -> Hosts:
    hosts = Hosts(wake=machines.wake)
    mgr.add(RunnableFunc(fn=lambda: hosts.follow(mgr.cache)))
    return hosts


def _add_webhooks(mgr: ctrl.Manager) -> None:
    if mgr.options.webhook_server is None:
        return
    for webhook in webhooks.webhooks(mgr.api_reader):
        hook: Any = webhook
        mgr.webhook_server.register(hook)
    webhooks.add_converters(mgr.webhook_server.converters)


def _connections(mgr: ctrl.Manager, machines: Channel) -> SharedConnections:
    news = NodeNews(client=mgr.client, machines=machines)
    connections = SharedConnections(secrets=mgr.api_reader, on_node=news.tell)
    mgr.add(RunnableFunc(fn=connections.run))
    (
        ctrl.new_controller_managed_by(mgr)
        .named("workloadnodes")
        .watches_raw_source(news.bell)
        .complete(news)
    )
    return connections


def _add_cluster_controller(
    mgr: ctrl.Manager, env: Environment, options: ctrl.ControllerOptions
) -> None:
    to_cluster = enqueue_requests_from_map_func(wakeups.infrastructure_of("Metal3Cluster"))
    from_machine = enqueue_requests_from_map_func(wakeups.cluster_of_machine(mgr.client))
    (
        ctrl.new_controller_managed_by(mgr)
        .for_(infrav1.Metal3Cluster)
        .watches(clusterv1.Cluster, to_cluster)
        .watches(clusterv1.Machine, from_machine, predicates=(wakeups.only_deletions(),))
        .with_options(options)
        .complete(filtered(env, infrav1.Metal3Cluster, Metal3ClusterReconciler(env=env)))
    )


def _add_machine_controller(
    mgr: ctrl.Manager,
    env: Environment,
    woken: Channel,
    hosts: Hosts,
    options: ctrl.ControllerOptions,
) -> None:
    mapped = enqueue_requests_from_map_func
    client = mgr.client
    own = OwnWrites()
    reconciler = filtered(
        env,
        infrav1.Metal3Machine,
        Metal3MachineReconciler(env=env, hosts=hosts, own_writes=own),
    )
    (
        ctrl.new_controller_managed_by(mgr)
        .for_(infrav1.Metal3Machine, predicates=(own.news(),))
        .watches(
            clusterv1.Machine,
            mapped(wakeups.infrastructure_of("Metal3Machine")),
            predicates=(changes_of(matters.machine),),
        )
        .watches(
            clusterv1.Cluster,
            mapped(wakeups.machines_of_cluster(client)),
            predicates=(changes_of(matters.cluster),),
        )
        .watches(
            infrav1.Metal3Cluster,
            mapped(wakeups.machines_of_cluster(client)),
            predicates=(changes_of(matters.metal3_cluster),),
        )
        .watches(
            infrav1.Metal3DataClaim,
            mapped(wakeups.owning_machine),
            predicates=(matters.answers(),),
        )
        .watches(
            infrav1.Metal3Data, mapped(wakeups.owning_machine), predicates=(matters.answers(),)
        )
        .watches(
            metal3api.BareMetalHost,
            mapped(wakeups.machine_of_host),
            predicates=(hosts.own_writes.news(), changes_of(matters.host)),
        )
        .watches_raw_source(woken)
        .with_options(options)
        .complete(attended(hosts.seekers, reconciler))
    )


def _add_template_controllers(
    mgr: ctrl.Manager, env: Environment, options: ctrl.ControllerOptions
) -> None:
    mapped = enqueue_requests_from_map_func
    ledger = DataLedger()
    mgr.add(RunnableFunc(fn=lambda: ledger.follow(mgr.cache)))
    (
        ctrl.new_controller_managed_by(mgr)
        .for_(infrav1.Metal3DataTemplate)
        .watches(
            infrav1.Metal3DataClaim,
            mapped(wakeups.template_of),
            predicates=(wakeups.something_to_do(),),
        )
        .watches(
            infrav1.Metal3Data, mapped(wakeups.template_of), predicates=(wakeups.no_updates(),)
        )
        .watches(
            clusterv1.Cluster,
            mapped(wakeups.templates_of_cluster(mgr.client)),
            predicates=(changes_of(matters.pausing),),
        )
        .with_options(options)
        .complete(
            filtered(
                env,
                infrav1.Metal3DataTemplate,
                Metal3DataTemplateReconciler(env=env, ledger=ledger),
            )
        )
    )
    (
        ctrl.new_controller_managed_by(mgr)
        .for_(infrav1.Metal3MachineTemplate)
        .watches(
            infrav1.Metal3Machine,
            mapped(wakeups.template_of_machine),
            predicates=(wakeups.only_creations(),),
        )
        .with_options(options)
        .complete(
            filtered(env, infrav1.Metal3MachineTemplate, Metal3MachineTemplateReconciler(env=env))
        )
    )


def _add_data_controller(
    mgr: ctrl.Manager,
    env: Environment,
    options: ctrl.ControllerOptions,
    claim_kinds: tuple[type[AnyClaim], ...],
) -> None:
    def data_by(index: str, name: Callable[[Any], str | None]) -> EventHandler:
        return enqueue_requests_from_map_func(wakeups.data_by(mgr.client, index, name))

    own = OwnWrites()
    claims = AddressClaims(env=env, kinds=claim_kinds)
    reconciler = Metal3DataReconciler(env=env, claims=claims, own_writes=own)
    builder = ctrl.new_controller_managed_by(mgr)
    builder = builder.for_(infrav1.Metal3Data, predicates=(own.news(),))
    for kind in claim_kinds:
        builder = builder.owns(kind)
    (
        builder.watches(
            infrav1.Metal3DataTemplate, data_by(wakeups.TEMPLATE_INDEX, wakeups.own_name)
        )
        .watches(infrav1.Metal3DataClaim, data_by(wakeups.DATA_CLAIM_INDEX, wakeups.own_name))
        .watches(
            infrav1.Metal3DataClaim,
            enqueue_requests_from_map_func(wakeups.data_of_claim(mgr.client)),
            predicates=(wakeups.only_deletions(),),
        )
        .watches(
            infrav1.Metal3Machine,
            data_by(wakeups.MACHINE_INDEX, wakeups.own_name),
            predicates=(changes_of(matters.rendered),),
        )
        .watches(
            metal3api.BareMetalHost,
            data_by(wakeups.MACHINE_INDEX, wakeups.consumer_name),
            predicates=(changes_of(matters.host),),
        )
        .watches(
            clusterv1.Cluster,
            data_by(wakeups.CLUSTER_INDEX, wakeups.own_name),
            predicates=(changes_of(matters.pausing),),
        )
        .with_options(options)
        .complete(filtered(env, infrav1.Metal3Data, reconciler))
    )


def _controller_options(
    mgr: ctrl.Manager, options: Capm3Options, *, unique_names: bool
) -> ctrl.ControllerOptions:
    given = mgr.options
    return replace(
        ctrl.ControllerOptions(),
        max_concurrent_reconciles=options.concurrency,
        reconcile_timeout=given.reconcile_timeout,
        cache_sync_timeout=given.cache_sync_timeout,
        graceful_shutdown_timeout=given.graceful_shutdown_timeout,
        skip_name_validation=not unique_names,
    )
