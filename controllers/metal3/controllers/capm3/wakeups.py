"""What wakes the objects of the provider: maps from what changed to what waits for it."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, cast

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Reader
from metal3.runtime.event import UpdateEvent
from metal3.runtime.predicate import Funcs, Predicate
from metal3.runtime.types import NamespacedName, key_of

from .related import owner_name

CLUSTER_INDEX: Final = "capm3.metal3.io/cluster"
"""Index on Metal3Machine and Metal3Data: name of their Cluster."""
CLONED_FROM_INDEX: Final = "capm3.metal3.io/cloned-from"
"""Index on Metal3Machine: name of the template it was made from."""
TEMPLATE_INDEX: Final = "capm3.metal3.io/template"
"""Index on Metal3Data and Metal3DataClaim: name of their Metal3DataTemplate."""
TODO_INDEX: Final = "capm3.metal3.io/todo"
"""Index on Metal3DataClaim: name of its template, while that has something to do for it."""
MACHINE_INDEX: Final = "capm3.metal3.io/metal3machine"
"""Index on Metal3Data: name of its Metal3Machine."""
DATA_CLAIM_INDEX: Final = "capm3.metal3.io/data-claim"
"""Index on Metal3Data: name of its Metal3DataClaim."""
DATA_INDEX: Final = "capm3.metal3.io/metal3data"
"""Index on claims of addresses: name of the Metal3Data that controls them."""

Map = Callable[[Any], Awaitable[Iterable[NamespacedName]]]


def cluster_name(obj: metav1.Object) -> list[str]:
    """For CLUSTER_INDEX."""
    name = obj.metadata.labels.get(clusterv1.CLUSTER_NAME_LABEL)
    return [name] if name else []


def machine_of_host(host: metal3api.BareMetalHost) -> Iterable[NamespacedName]:
    """The machine that has the host; who waits for a free one is woken by Seekers."""
    ref = host.spec.consumer_ref
    if ref is None or ref.kind != "Metal3Machine":
        return []
    return [NamespacedName(ref.namespace or host.metadata.namespace, ref.name or "")]


def infrastructure_of(kind: str) -> Callable[[Any], Iterable[NamespacedName]]:
    """From a Cluster or Machine to what its infrastructureRef names."""

    def find(obj: clusterv1.Cluster | clusterv1.Machine) -> Iterable[NamespacedName]:
        ref = obj.spec.infrastructure_ref
        if ref is None or ref.kind != kind:
            return []
        return [NamespacedName(obj.metadata.namespace, ref.name)]

    return find


def machines_of_cluster(reader: Reader) -> Map:
    """From a Cluster, or from its Metal3Cluster, to all its Metal3Machines."""

    async def find(obj: metav1.Object) -> Iterable[NamespacedName]:
        name: str | None = obj.metadata.name
        if isinstance(obj, infrav1.Metal3Cluster):
            name = owner_name(obj, clusterv1.Cluster)
        found = await reader.list(
            infrav1.Metal3Machine,
            namespace=obj.metadata.namespace,
            fields={CLUSTER_INDEX: name or ""},
        )
        return [key_of(m3m) for m3m in found.items]

    return find


def owning_machine(obj: metav1.Object) -> Iterable[NamespacedName]:
    """From a Metal3Data or Metal3DataClaim to the Metal3Machine it was made for."""
    name = owner_name(obj, infrav1.Metal3Machine)
    return [NamespacedName(obj.metadata.namespace, name)] if name else []


def cluster_of_machine(reader: Reader) -> Map:
    """From a Machine to the Metal3Cluster that may wait for it to go."""

    async def find(machine: clusterv1.Machine) -> Iterable[NamespacedName]:
        found = await reader.list(infrav1.Metal3Cluster, namespace=machine.metadata.namespace)
        name = machine.spec.cluster_name
        return [key_of(m3c) for m3c in found.items if owner_name(m3c, clusterv1.Cluster) == name]

    return find


def only_deletions() -> Predicate:
    """For whoever waits for others to go."""
    return cast("Predicate", Funcs(create=_never, update=_never, generic=_never))


def no_updates() -> Predicate:
    """For whoever counts what there is."""
    return cast("Predicate", Funcs(update=_never))


def only_creations() -> Predicate:
    """For whoever hands something on to what is new."""
    return cast("Predicate", Funcs(update=_never, delete=_never, generic=_never))


def _never(_event: object) -> bool:
    return False


def cloned_from(m3m: infrav1.Metal3Machine) -> list[str]:
    """For CLONED_FROM_INDEX."""
    name = m3m.metadata.annotations.get(clusterv1.CLONED_FROM_NAME_ANNOTATION)
    return [name] if name else []


def template_name(obj: infrav1.Metal3Data | infrav1.Metal3DataClaim) -> list[str]:
    """For TEMPLATE_INDEX."""
    ref = obj.spec.template
    return [ref.name] if ref is not None and ref.name else []


def is_unanswered(claim: infrav1.Metal3DataClaim) -> bool:
    """Whether the claim names no Metal3Data yet."""
    return claim.status.rendered_data is None or not claim.status.rendered_data.name


def todo(claim: infrav1.Metal3DataClaim) -> list[str]:
    """For TODO_INDEX: claims without an answer, and those that their machine let go of."""
    if claim.metadata.deletion_timestamp:
        is_let_go = not metav1.has_finalizer(claim, infrav1.MACHINE_FINALIZER)
        return template_name(claim) if is_let_go else []
    return template_name(claim) if is_unanswered(claim) else []


def something_to_do() -> Predicate:
    """Of a claim: what its template has to do something about."""
    return cast("Predicate", Funcs(update=_is_todo))


def _is_todo(event: UpdateEvent[Any]) -> bool:
    return bool(todo(event.object_new))


def machine_name(data: infrav1.Metal3Data) -> list[str]:
    """For MACHINE_INDEX."""
    name = owner_name(data, infrav1.Metal3Machine)
    return [name] if name else []


def data_claim_name(data: infrav1.Metal3Data) -> list[str]:
    """For DATA_CLAIM_INDEX."""
    ref = data.spec.claim
    return [ref.name] if ref is not None and ref.name else []


def data_name(claim: metav1.Object) -> list[str]:
    """For DATA_INDEX."""
    owner = metav1.controller_of(claim)
    return [owner.name] if owner is not None and owner.kind == "Metal3Data" else []


def template_of(obj: infrav1.Metal3Data | infrav1.Metal3DataClaim) -> Iterable[NamespacedName]:
    """From data or a claim to its template."""
    return [NamespacedName(obj.metadata.namespace, name) for name in template_name(obj)]


def templates_of_cluster(reader: Reader) -> Map:
    """From a Cluster that may have been paused to the templates of its claims."""

    async def find(cluster: clusterv1.Cluster) -> Iterable[NamespacedName]:
        labels = {clusterv1.CLUSTER_NAME_LABEL: cluster.metadata.name}
        found = await reader.list(
            infrav1.Metal3DataClaim, namespace=cluster.metadata.namespace, labels=labels
        )
        return {key for claim in found.items for key in template_of(claim)}

    return find


def data_by(reader: Reader, index: str, name: Callable[[Any], str | None]) -> Map:
    """To the Metal3Data found under a name; those that are ready and stay are left alone."""

    async def find(obj: metav1.Object) -> Iterable[NamespacedName]:
        value = name(obj)
        if not value:
            return []
        found = await reader.list(
            infrav1.Metal3Data, namespace=obj.metadata.namespace, fields={index: value}
        )
        return [
            key_of(data)
            for data in found.items
            if not data.status.ready or data.metadata.deletion_timestamp
        ]

    return find


def data_of_claim(reader: Reader) -> Map:
    """From a claim that is gone to its data, ready or not: nobody else lets it go."""

    async def find(claim: infrav1.Metal3DataClaim) -> Iterable[NamespacedName]:
        key = key_of(claim)
        found = await reader.list(
            infrav1.Metal3Data, namespace=key.namespace, fields={DATA_CLAIM_INDEX: key.name}
        )
        return [key_of(data) for data in found.items]

    return find


def own_name(obj: metav1.Object) -> str | None:
    """The name itself."""
    return obj.metadata.name


def consumer_name(host: metal3api.BareMetalHost) -> str | None:
    """Name of the Metal3Machine that has the host."""
    ref = host.spec.consumer_ref
    return ref.name if ref is not None and ref.kind == "Metal3Machine" else None


def template_of_machine(m3m: infrav1.Metal3Machine) -> Iterable[NamespacedName]:
    """From a machine to the template it was made from."""
    return [NamespacedName(m3m.metadata.namespace, name) for name in cloned_from(m3m)]
