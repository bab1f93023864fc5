"""What a remediation reads of a workload cluster beside its nodes."""

from typing import Annotated, ClassVar, Final, Protocol, runtime_checkable

from pydantic import Field

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import Client, ServerVersion

POD_NODE_FIELD: Final = "spec.nodeName"
_OUT_OF_SERVICE_SINCE: Final = (1, 28)  # the release in which the taint became stable


class PodSpec(metav1.Model):
    """Where a pod runs."""

    node_name: Annotated[str, Field(alias="nodeName")] = ""


class Pod(metav1.Object):
    """Containers on a node."""

    gvk: ClassVar = metav1.GroupVersionKind("", "v1", "Pod")
    plural: ClassVar[str] = "pods"

    spec: PodSpec = Field(default_factory=PodSpec)


class VolumeAttachmentSpec(metav1.Model):
    """Where a volume is attached."""

    node_name: Annotated[str, Field(alias="nodeName")] = ""


class VolumeAttachment(metav1.Object):
    """A volume that is, or shall be, attached to a node."""

    gvk: ClassVar = metav1.GroupVersionKind("storage.k8s.io", "v1", "VolumeAttachment")
    plural: ClassVar[str] = "volumeattachments"
    namespaced: ClassVar[bool] = False

    spec: VolumeAttachmentSpec = Field(default_factory=VolumeAttachmentSpec)


@runtime_checkable
class Versioned(Protocol):
    """A client that can ask the server what it is."""

    async def server_version(self) -> ServerVersion:
        """What the server says of itself."""
        ...


async def supports_out_of_service(client: Client) -> bool:
    """Whether this workload cluster frees the pods and volumes of a node so tainted.

    What the management cluster runs says nothing about it. Raises ApiError.
    """
    if not isinstance(client, Versioned):
        return False
    return _release(await client.server_version()) >= _OUT_OF_SERVICE_SINCE


def _release(version: ServerVersion) -> tuple[int, int]:
    """Some distributions say ``28+`` for the minor release."""
    try:
        return int(version.major), int("".join(c for c in version.minor if c.isdigit()))
    except ValueError:
        return 0, 0


async def is_in_use(client: Client, node: corev1.Node) -> bool:
    """Whether pods are still leaving the node, or volumes are attached to it."""
    name = node.metadata.name
    pods = await client.list(Pod, fields={POD_NODE_FIELD: name})
    if any(pod.metadata.deletion_timestamp for pod in pods.items):
        return True
    attachments = await client.list(VolumeAttachment)
    return any(attachment.spec.node_name == name for attachment in attachments.items)
