"""What wakes a host: changes of the object itself, of what goes with it, and of its Secrets."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar, cast

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Reader
from metal3.runtime.event import CreateEvent, DeleteEvent, Event, UpdateEvent
from metal3.runtime.handler import EventHandler, enqueue_requests_from_map_func
from metal3.runtime.predicate import (
    AnnotationChangedPredicate,
    Funcs,
    GenerationChangedPredicate,
    Predicate,
    or_,
)
from metal3.runtime.types import NamespacedName, key_of

from .host.access import is_reachable

T = TypeVar("T", bound=metav1.Object)

SECRET_INDEX: Final = "metal3.io/secret-names"  # noqa: S105 - the name of an index
"""Index on kinds that name Secrets: the names of all that the spec mentions."""

UnmarkedSecret = metav1.PartialObjectMetadata.of(corev1.Secret)
"""Secrets without the operator's label: only that they are there is watched, not what they hold."""


_INTERRUPTIONS: Final = frozenset(
    {metal3api.OperationalStatus.DETACHED, metal3api.OperationalStatus.SERVICING}
)
_FIRMWARE_NEWS: Final = frozenset(
    {
        metal3api.ProvisioningState.INSPECTING,
        metal3api.ProvisioningState.AVAILABLE,
        metal3api.ProvisioningState.EXTERNALLY_PROVISIONED,
    }
)


def secret_names(host: metal3api.BareMetalHost) -> list[str]:
    """Secrets whose change concerns the host."""
    spec = host.spec
    names = [
        spec.bmc.credentials_name if spec.bmc else "",
        spec.user_data.name if spec.user_data else "",
        spec.network_data.name if spec.network_data else "",
        spec.meta_data.name if spec.meta_data else "",
        spec.preprovisioning_network_data_name,
        spec.image.oci_auth_secret_name if spec.image else "",
    ]
    return sorted({name for name in names if name})


def header_secret_names(subscription: metal3api.BMCEventSubscription) -> list[str]:
    """The Secret with the headers of a subscription."""
    reference = subscription.spec.http_headers_ref
    return [reference.name] if reference and reference.name else []


def network_secret_names(image: metal3api.PreprovisioningImage) -> list[str]:
    """The Secret with network data for an image."""
    return [image.spec.network_data_name] if image.spec.network_data_name else []


def users_of_secret(reader: Reader, kind: type[T]) -> EventHandler:
    """From a Secret to the objects of a kind that mention it; the reader needs SECRET_INDEX."""

    async def find(secret: metav1.Object) -> Iterable[NamespacedName]:
        users = await reader.list(
            kind,
            namespace=secret.metadata.namespace,
            fields={SECRET_INDEX: secret.metadata.name},
        )
        return [key_of(user) for user in users.items]

    return enqueue_requests_from_map_func(find)


def identity_only(obj: dict[str, Any]) -> dict[str, Any]:
    """All that is kept of an object that is only to be known to exist."""
    meta = obj["metadata"]
    kept = ("namespace", "name", "uid", "resourceVersion", "labels")
    return {**obj, "metadata": {name: meta[name] for name in kept if name in meta}}


def host_changed() -> Predicate:
    """Spec, annotations or finalizers changed; the status is only ever written by ourselves."""
    return or_(
        GenerationChangedPredicate(),
        AnnotationChangedPredicate(),
        _funcs(update=_finalizers_changed),
    )


def is_news() -> Predicate:
    """Changes and deletions; what exists at the start, or was just created by us, is no news."""
    return _funcs(create=_never, update=_changed)


def is_new() -> Predicate:
    """Creations after the start, nothing else."""
    return _funcs(create=_is_new, update=_never, delete=_never)


def is_late_arrival() -> Predicate:
    """Also creations, but not what exists at the start: every host is looked at then anyway."""
    return _funcs(create=_is_new, update=_changed)


def is_news_of_hardware() -> Predicate:
    """As ``is_news``, and HardwareData that somebody else makes; ours carries our finalizer."""
    return _funcs(create=_is_foreign, update=_changed)


def any_change() -> Predicate:
    """Everything but resyncs."""
    return _funcs(update=_changed)


def registration_changed() -> Predicate:
    """The host became reachable, or stopped being so."""
    return _funcs(create=_never, update=_registration_changed)


def firmware_may_have_changed() -> Predicate:
    """The host was just registered, or came out of a step that changes or re-reads firmware."""
    return _funcs(create=_never, update=_firmware_may_have_changed)


def _funcs(
    *,
    create: Callable[[CreateEvent[Any]], bool] = lambda _: True,
    update: Callable[[UpdateEvent[Any]], bool],
    delete: Callable[[DeleteEvent[Any]], bool] = lambda _: True,
) -> Predicate:
    return cast("Predicate", Funcs(create=create, update=update, delete=delete))


def _never(_event: Event[Any]) -> bool:
    return False


def _is_new(event: CreateEvent[Any]) -> bool:
    return not event.is_in_initial_list


def _is_foreign(event: CreateEvent[Any]) -> bool:
    ours = metal3api.HARDWARE_DATA_FINALIZER in event.object.metadata.finalizers
    return _is_new(event) and not ours


def _changed(event: UpdateEvent[Any]) -> bool:
    return _version(event.object_old) != _version(event.object_new)


def _version(obj: metav1.Object) -> str:
    return obj.metadata.resource_version


def _finalizers_changed(event: UpdateEvent[Any]) -> bool:
    before, after = event.object_old.metadata, event.object_new.metadata
    return bool(before.finalizers != after.finalizers)


def _registration_changed(event: UpdateEvent[Any]) -> bool:
    before, after = event.object_old.status, event.object_new.status
    if before.provisioning.id != after.provisioning.id:
        return True
    if is_reachable(event.object_old) != is_reachable(event.object_new):
        return True
    statuses = {before.operational_status, after.operational_status}
    return len(statuses) > 1 and bool(statuses & _INTERRUPTIONS)


def _firmware_may_have_changed(event: UpdateEvent[Any]) -> bool:
    before, after = event.object_old.status, event.object_new.status
    moved = before.provisioning.state != after.provisioning.state
    return _registration_changed(event) or (moved and after.provisioning.state in _FIRMWARE_NEWS)
