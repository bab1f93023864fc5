"""What a machine writes into its host: claiming it, asking for a deployment, and letting go."""

import json
from enum import StrEnum
from typing import Final

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api

State = metal3api.ProvisioningState
MOST_ADDRESSES: Final = 128
"""The schema of Metal3Machine allows no more."""
AT_REST: Final = frozenset(
    {
        State.NONE,
        State.UNMANAGED,
        State.REGISTERING,
        State.MATCH_PROFILE,
        State.INSPECTING,
        State.READY,
        State.AVAILABLE,
    }
)
"""States in which nothing of a machine is on a host."""


class Release(StrEnum):
    """How far a host is from being given back."""

    NOW = "now"
    WAIT = "wait"


def claim(host: metal3api.BareMetalHost, machine: infrav1.Metal3Machine) -> None:
    """Make the host the machine's; to be written with its resourceVersion, so that one wins."""
    cluster = machine.metadata.labels.get(clusterv1.CLUSTER_NAME_LABEL)
    if cluster:
        host.metadata.labels[clusterv1.CLUSTER_NAME_LABEL] = cluster
    host.metadata.labels.pop(infrav1.NODE_REUSE_LABEL, None)
    host.metadata.annotations[clusterv1.BLOCK_MOVE_ANNOTATION] = ""
    host.spec.consumer_ref = metal3api.ObjectReference(
        api_version=f"{infrav1.GROUP}/{infrav1.VERSION}",
        kind="Metal3Machine",
        name=machine.metadata.name,
        namespace=machine.metadata.namespace,
    )


def deploy(host: metal3api.BareMetalHost, machine: infrav1.Metal3Machine) -> None:
    """Ask for the machine's image with its data; an image that is there already is kept."""
    spec, status = machine.spec, machine.status
    if spec.automated_cleaning_mode:
        host.spec.automated_cleaning_mode = spec.automated_cleaning_mode
    host.spec.online = True
    if host.spec.image is not None or host.spec.custom_deploy is not None:
        return
    if spec.image is not None:
        host.spec.image = image_of(spec.image)
    if spec.custom_deploy is not None and spec.custom_deploy.method:
        host.spec.custom_deploy = metal3api.CustomDeploy(method=spec.custom_deploy.method)
    namespace = machine.metadata.namespace
    host.spec.user_data = _secret(status.user_data, namespace)
    host.spec.meta_data = _secret(status.meta_data, namespace) or host.spec.meta_data
    host.spec.network_data = _secret(status.network_data, namespace) or host.spec.network_data


def image_of(image: infrav1.Image) -> metal3api.Image:
    """The host's kind of image; what is not said is left out, as the host's schema wants it."""
    out = metal3api.Image(url=image.url)
    if image.checksum:
        out.checksum = image.checksum
    if image.checksum_type:
        out.checksum_type = image.checksum_type
    if image.disk_format:
        out.format = image.disk_format
    return out


def undeploy(
    host: metal3api.BareMetalHost, machine: infrav1.Metal3Machine, *, keep_power: bool
) -> None:
    """Take back what was deployed; data that the user wrote into the host stays."""
    host.spec.image = None
    host.spec.custom_deploy = None
    status, spec = machine.status, machine.spec
    ours = {ref.name for ref in (status.user_data, spec.user_data) if ref is not None}
    if host.spec.user_data is not None and (host.spec.user_data.name in ours):
        host.spec.user_data = None
    if _is_ours(host.spec.meta_data, machine, "metadata", status.meta_data, spec.meta_data):
        host.spec.meta_data = None
    if _is_ours(
        host.spec.network_data, machine, "networkdata", status.network_data, spec.network_data
    ):
        host.spec.network_data = None
    host.spec.online = keep_power or bool(host.spec.disable_power_off)


def release_step(host: metal3api.BareMetalHost) -> Release:
    """Whether the host can be given back in its state."""
    state = host.status.provisioning.state
    if state in AT_REST:
        return Release.NOW
    if state == State.EXTERNALLY_PROVISIONED and not host.status.powered_on:
        return Release.NOW
    return Release.WAIT


def let_go(
    host: metal3api.BareMetalHost,
    *,
    reserve_as: str = "",
    cluster: clusterv1.Cluster | None = None,
) -> None:
    """Give the host back, or reserve it for the next machine of the same owner."""
    host.spec.consumer_ref = None
    host.metadata.labels.pop(clusterv1.CLUSTER_NAME_LABEL, None)
    host.metadata.annotations.pop(clusterv1.BLOCK_MOVE_ANNOTATION, None)
    if host.metadata.annotations.get(metal3api.PAUSED_ANNOTATION) == metal3api.PAUSED_BY_CAPM3:
        del host.metadata.annotations[metal3api.PAUSED_ANNOTATION]
    if not reserve_as or cluster is None:
        return
    host.metadata.labels[infrav1.NODE_REUSE_LABEL] = reserve_as
    host.spec.consumer_ref = metal3api.ObjectReference(
        api_version=clusterv1.Cluster.gvk.api_version,
        kind="Cluster",
        name=cluster.metadata.name,
        namespace=cluster.metadata.namespace,
    )


def pause(host: metal3api.BareMetalHost) -> None:
    """Stop work on the host for a move between clusters; its status travels in an annotation."""
    annotations = host.metadata.annotations
    if metal3api.PAUSED_ANNOTATION not in annotations:
        status = {k: v for k, v in host.status.to_dict().items() if k != "hardware"}
        annotations[metal3api.STATUS_ANNOTATION] = json.dumps(status, separators=(",", ":"))
        annotations[metal3api.PAUSED_ANNOTATION] = metal3api.PAUSED_BY_CAPM3
    annotations.pop(clusterv1.BLOCK_MOVE_ANNOTATION, None)


def unpause(host: metal3api.BareMetalHost) -> None:
    """Go on; a pause that a user asked for stays."""
    annotations = host.metadata.annotations
    if annotations.get(metal3api.PAUSED_ANNOTATION) == metal3api.PAUSED_BY_CAPM3:
        del annotations[metal3api.PAUSED_ANNOTATION]
    annotations.setdefault(clusterv1.BLOCK_MOVE_ANNOTATION, "")


def addresses_of(host: metal3api.BareMetalHost) -> list[infrav1.MachineAddress]:
    """Addresses of the network cards, and the name the machine gave itself."""
    hardware = host.status.hardware
    if hardware is None:
        return []
    pairs = [(infrav1.AddressType.INTERNAL_IP, nic.ip) for nic in hardware.nics if nic.ip]
    pairs = list(dict.fromkeys(pairs))[: MOST_ADDRESSES - 2]
    if hardware.hostname:
        pairs.append((infrav1.AddressType.HOSTNAME, hardware.hostname))
        pairs.append((infrav1.AddressType.INTERNAL_DNS, hardware.hostname))
    return [infrav1.MachineAddress(type=kind, address=text) for kind, text in pairs]


def _secret(
    reference: infrav1.SecretReference | None, namespace: str
) -> metal3api.SecretReference | None:
    if reference is None or not reference.name:
        return None
    return metal3api.SecretReference(
        name=reference.name, namespace=reference.namespace or namespace
    )


def _is_ours(
    present: metal3api.SecretReference | None,
    machine: infrav1.Metal3Machine,
    suffix: str,
    *references: infrav1.SecretReference | None,
) -> bool:
    if present is None:
        return False
    names = {ref.name for ref in references if ref is not None}
    return present.name in names or present.name == f"{machine.metadata.name}-{suffix}"
