"""Builds the operator onto a manager."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from typing import Any, Final, cast

from metal3 import bmc, ctrl
from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import Backend, ClusterUser
from metal3.runtime.cache import ByObject
from metal3.runtime.handler import EnqueueRequestForObject
from metal3.runtime.manager import RunnableFunc
from metal3.runtime.predicate import (
    GenerationChangedPredicate,
    LabelChangedPredicate,
    Predicate,
    or_,
)
from metal3.runtime.source import Channel

from . import webhooks
from .baremetalhost_controller import BareMetalHostReconciler
from .baremetalswitch_controller import add_switches
from .bmceventsubscription_controller import (
    HOST_INDEX,
    BMCEventSubscriptionReconciler,
    host_names,
    subscriptions_of_host,
)
from .dataimage_controller import DataImageReconciler
from .host.agent_images import AgentImages
from .host.capacity import CapacityQueue
from .host.environment import Environment
from .host.hardware import LEAVING_INDEX, leaving
from .host.writer import HostWriter
from .hostclaim_controller import add_host_claims
from .hostfirmwarecomponents_controller import HostFirmwareComponentsReconciler
from .hostfirmwaresettings_controller import (
    SCHEMA_INDEX,
    HostFirmwareSettingsReconciler,
    schema_names,
)
from .options import BaremetalOptions
from .orphans import OrphanWatch
from .preprovisioningimage_controller import PreprovisioningImageReconciler
from .switches.settings import SwitchSettings
from .wakeups import (
    SECRET_INDEX,
    UnmarkedSecret,
    any_change,
    firmware_may_have_changed,
    header_secret_names,
    host_changed,
    identity_only,
    is_late_arrival,
    is_new,
    is_news,
    is_news_of_hardware,
    network_secret_names,
    registration_changed,
    secret_names,
    users_of_secret,
)

PROVISIONERS: Final = "metal3.provisioners"
RECORDER: Final = "metal3-baremetal-controller"
BUILD_IMAGES: Final = "BUILD_PREPROVISIONING_IMAGE"
"""How a backend is told that each host gets an agent image of its own."""
Extract = Callable[[Any], list[str]]
INDEXES: Mapping[type[metav1.Object], Mapping[str, Extract]] = {
    metal3api.BareMetalHost: {SECRET_INDEX: secret_names},
    metal3api.HardwareData: {LEAVING_INDEX: leaving},
    metal3api.HostFirmwareSettings: {SCHEMA_INDEX: schema_names},
    metal3api.BMCEventSubscription: {HOST_INDEX: host_names, SECRET_INDEX: header_secret_names},
    metal3api.PreprovisioningImage: {SECRET_INDEX: network_secret_names},
}
"""Indexes the operator's reader must have."""


class BrokenProvisionerError(ValueError):
    """The backend that ``--provisioner`` names is installed and cannot be loaded."""


class UnknownProvisionerError(ValueError):
    """``--provisioner`` names no backend that is installed."""


def cache_by_object() -> dict[type[metav1.Object], ByObject]:
    """What the manager's cache must hold: of the Secrets, only those the operator marked.

    Of all others it knows the names, so that one that was missing is seen when it comes.
    """
    label, value = metal3api.ENVIRONMENT_LABEL, metal3api.ENVIRONMENT_LABEL_VALUE
    return {
        corev1.Secret: ByObject(labels={label: value}),
        UnmarkedSecret: ByObject(labels=f"{label}!={value}", transform=identity_only),
    }


async def setup(
    mgr: ctrl.Manager, options: BaremetalOptions, environment: Mapping[str, str] | None = None
) -> None:
    """Add all controllers, the backend and (if the manager serves them) the webhooks.

    Raises UnknownProvisionerError, BrokenProvisionerError, BrokenPluginError (of a BMC plugin), and
    ValueError for environment variables that make no sense.
    """
    bmc.known_schemes()  # better now than at the first host
    variables = dict(os.environ if environment is None else environment)
    if options.build_preprovisioning_images:
        variables[BUILD_IMAGES] = "true"
    switches = SwitchSettings.from_environment(variables)
    backend = load_backend(options.provisioner, variables)
    operator = build(mgr, options, backend, AgentImages(variables))
    if switches is not None:
        controllers = _controller_options(mgr, 1, unique_names=True)
        add_switches(mgr, operator.environment, switches, controllers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """What was built, for tests and benchmarks."""

    environment: Environment
    channel: Channel


def build(
    mgr: ctrl.Manager,
    options: BaremetalOptions,
    backend: Backend,
    images: AgentImages | None = None,
    *,
    unique_names: bool = True,
) -> Operator:
    """As :func:`setup`, with a backend (and the agent's images) at hand.

    ``unique_names`` False allows several operators in one process, as tests need it.
    """
    channel = Channel()
    env = Environment(
        client=mgr.client,
        live=mgr.api_reader,
        recorder=mgr.get_event_recorder_for(RECORDER),
        backend=backend,
        options=options,
        capacity=CapacityQueue(wake=channel.wake, limits=options.limits_per_label),
    )
    for kind, indexes in INDEXES.items():
        for name, extract in indexes.items():
            mgr.cache.index_field(kind, name, extract)
    controllers = _controller_options(mgr, options.workers, unique_names=unique_names)
    _add_host_controller(mgr, env, channel, controllers)
    _add_companions(mgr, env, controllers)
    if options.build_preprovisioning_images and images is not None and images.is_configured():
        _add_image_controller(mgr, env, images, controllers)
    if options.host_claims:
        add_host_claims(mgr, env, controllers)
    _add_webhooks(mgr, options)
    if isinstance(backend, ClusterUser):
        backend.use_cluster(mgr.api_reader)
    mgr.add(RunnableFunc(fn=lambda: backend.run(channel.wake)))
    mgr.add(RunnableFunc(fn=OrphanWatch(env=env).run))
    return Operator(environment=env, channel=channel)


def load_backend(name: str, environment: Mapping[str, str]) -> Backend:
    """The backend of this name; raises UnknownProvisionerError, BrokenProvisionerError."""
    known = {entry.name: entry for entry in entry_points(group=PROVISIONERS)}
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise UnknownProvisionerError(f"no provisioner {name!r} is installed; there are: {names}")
    try:
        factory = cast("Callable[[Mapping[str, str]], Backend]", known[name].load())
    except (ImportError, AttributeError) as error:
        raise BrokenProvisionerError(
            f"the provisioner {name!r} ({known[name].value}) cannot be loaded: {error}"
        ) from error
    return factory(environment)


def _add_host_controller(
    mgr: ctrl.Manager, env: Environment, channel: Channel, options: ctrl.ControllerOptions
) -> None:
    same_name = EnqueueRequestForObject()
    users = users_of_secret(mgr.client, metal3api.BareMetalHost)
    # Labels only matter where they decide about slots.
    own = (host_changed(), LabelChangedPredicate()) if env.capacity.limits else (host_changed(),)
    reconciler = BareMetalHostReconciler(env=env, writer=HostWriter(client=mgr.client))
    (
        ctrl.new_controller_managed_by(mgr)
        .named("baremetalhost")
        .for_(metal3api.BareMetalHost, predicates=(or_(*own),))
        .watches(corev1.Secret, users, predicates=(is_late_arrival(),))
        .watches(UnmarkedSecret, users, predicates=(is_new(),))
        .watches(metal3api.HostFirmwareSettings, same_name, predicates=(is_news(),))
        .watches(metal3api.HostFirmwareComponents, same_name, predicates=(is_news(),))
        .watches(metal3api.HostUpdatePolicy, same_name, predicates=(is_late_arrival(),))
        .watches(metal3api.DataImage, same_name, predicates=(is_late_arrival(),))
        .watches(metal3api.PreprovisioningImage, same_name, predicates=(is_news(),))
        .watches(metal3api.HardwareData, same_name, predicates=(is_news_of_hardware(),))
        .watches_raw_source(channel)
        .with_options(options)
        .complete(reconciler)
    )


def _add_companions(mgr: ctrl.Manager, env: Environment, options: ctrl.ControllerOptions) -> None:
    same_name = EnqueueRequestForObject()
    changed = GenerationChangedPredicate()
    firmware, registration = firmware_may_have_changed(), registration_changed()
    reconcilers: tuple[tuple[type[metav1.Object], ctrl.Reconciler, Predicate, Predicate], ...] = (
        (
            metal3api.HostFirmwareSettings,
            HostFirmwareSettingsReconciler(env=env),
            changed,
            firmware,
        ),
        (
            metal3api.HostFirmwareComponents,
            HostFirmwareComponentsReconciler(env=env),
            changed,
            firmware,
        ),
        # Its status is written by the host's controller, so that is news here.
        (metal3api.DataImage, DataImageReconciler(env=env), any_change(), registration),
    )
    for kind, reconciler, own, hosts in reconcilers:
        (
            ctrl.new_controller_managed_by(mgr)
            .for_(kind, predicates=(own,))
            .watches(metal3api.BareMetalHost, same_name, predicates=(hosts,))
            .with_options(options)
            .complete(reconciler)
        )
    users = users_of_secret(mgr.client, metal3api.BMCEventSubscription)
    (
        ctrl.new_controller_managed_by(mgr)
        .for_(metal3api.BMCEventSubscription, predicates=(changed,))
        .watches(
            metal3api.BareMetalHost,
            subscriptions_of_host(mgr.client),
            predicates=(registration,),
        )
        .watches(UnmarkedSecret, users, predicates=(is_new(),))
        .with_options(options)
        .complete(BMCEventSubscriptionReconciler(env=env))
    )


def _add_image_controller(
    mgr: ctrl.Manager, env: Environment, images: AgentImages, options: ctrl.ControllerOptions
) -> None:
    (
        ctrl.new_controller_managed_by(mgr)
        .for_(metal3api.PreprovisioningImage, predicates=(any_change(),))
        .owns(corev1.Secret, match_every_owner=True)
        .watches(
            UnmarkedSecret,
            users_of_secret(mgr.client, metal3api.PreprovisioningImage),
            predicates=(is_new(),),
        )
        .with_options(options)
        .complete(PreprovisioningImageReconciler(env=env, images=images))
    )


def _controller_options(
    mgr: ctrl.Manager, workers: int, *, unique_names: bool
) -> ctrl.ControllerOptions:
    given = mgr.options
    return replace(
        ctrl.ControllerOptions(),
        max_concurrent_reconciles=workers,
        reconcile_timeout=given.reconcile_timeout,
        cache_sync_timeout=given.cache_sync_timeout,
        graceful_shutdown_timeout=given.graceful_shutdown_timeout,
        skip_name_validation=not unique_names,
    )


def _add_webhooks(mgr: ctrl.Manager, options: BaremetalOptions) -> None:
    if mgr.options.webhook_server is None:
        return
    for name, extract in webhooks.INDEXES.items():
        mgr.cache.index_field(metal3api.BareMetalHost, name, extract)
    refuse = options.refuse_duplicate_hosts
    for webhook in webhooks.webhooks(mgr.client, refuse_duplicates=refuse):
        hook: Any = webhook
        mgr.webhook_server.register(hook)
