"""Which changes of an object matter to whom: what is compared is all that is read of it.

A change that is left out here wakes nobody, so whoever reads another field adds it.
"""

from collections.abc import Callable
from typing import Any, cast

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.event import CreateEvent, UpdateEvent
from metal3.runtime.predicate import Funcs, Predicate

Face = Callable[[Any], object]


def changes_of(face: Face) -> Predicate:
    """Of updates those after which ``face`` is different; everything else passes."""

    def is_different(event: UpdateEvent[Any]) -> bool:
        return face(event.object_old) != face(event.object_new)

    return cast("Predicate", Funcs(update=is_different))


def answers() -> Predicate:
    """Of claims and data what their machine reads: not their creation, which is its own doing."""

    def is_different(event: UpdateEvent[Any]) -> bool:
        return _answer(event.object_old) != _answer(event.object_new)

    def says_something(event: CreateEvent[Any]) -> bool:
        return any(_answer(event.object))

    return cast("Predicate", Funcs(create=says_something, update=is_different))


def _answer(obj: infrav1.Metal3DataClaim | infrav1.Metal3Data) -> tuple[object, ...]:
    status = obj.status
    if isinstance(obj, infrav1.Metal3Data):
        is_ready = obj.status.ready
        refs = (obj.spec.meta_data, obj.spec.network_data) if is_ready else ()
        return is_ready, status.error_message, obj.metadata.deletion_timestamp, *refs
    return obj.status.rendered_data, status.error_message, obj.metadata.deletion_timestamp


def host(obj: metal3api.BareMetalHost) -> object:
    """Not the hourly touch of a host, only what its machine and its data read."""
    status, meta = obj.status, obj.metadata
    return (
        obj.spec,
        meta.labels,
        meta.annotations,
        meta.deletion_timestamp,
        status.provisioning.state,
        status.error_message,
        status.operational_status,
        status.powered_on,
        status.hardware,
    )


def machine(obj: clusterv1.Machine) -> object:
    """What a Metal3Machine reads of its Machine."""
    spec, meta = obj.spec, obj.metadata
    return (
        spec.bootstrap,
        spec.failure_domain,
        spec.infrastructure_ref,
        obj.status.node_ref,
        meta.owner_references,
        meta.deletion_timestamp,
    )


def cluster(obj: clusterv1.Cluster) -> object:
    """What a Metal3Machine reads of its Cluster; counts of machines change all the time."""
    return (
        obj.spec.paused,
        obj.spec.infrastructure_ref,
        obj.status.initialization.infrastructure_provisioned,
        obj.metadata.deletion_timestamp,
    )


def metal3_cluster(obj: infrav1.Metal3Cluster) -> object:
    """What a Metal3Machine reads of its Metal3Cluster."""
    return obj.spec.cloud_provider_enabled, obj.metadata.owner_references


def pausing(obj: clusterv1.Cluster) -> object:
    """For whoever only stops while a Cluster is paused."""
    return obj.spec.paused


def rendered(obj: infrav1.Metal3Machine) -> object:
    """What of a Metal3Machine can be rendered, and which host it has."""
    meta = obj.metadata
    return meta.labels, meta.annotations, meta.owner_references
