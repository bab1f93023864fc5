"""Nodes, as much as somebody who provides machines needs of them."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta import v1 as metav1


class Taint(metav1.Model):
    """Keeps pods away that do not tolerate it."""

    required_fields = frozenset({"key", "effect"})
    key: str = ""
    value: str = ""
    effect: str = ""
    time_added: Annotated[metav1.Time | None, Field(alias="timeAdded")] = None


class NodeSpec(metav1.Model):
    """What is wanted of a node."""

    provider_id: Annotated[str, Field(alias="providerID")] = ""
    unschedulable: bool = False
    taints: list[Taint] = Field(default_factory=list[Taint])


class NodeCondition(metav1.Model):
    """One aspect of a node's state; older than, and unlike, ``metav1.Condition``."""

    required_fields = frozenset({"type", "status"})
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_heartbeat_time: Annotated[metav1.Time | None, Field(alias="lastHeartbeatTime")] = None
    last_transition_time: Annotated[metav1.Time | None, Field(alias="lastTransitionTime")] = None


class NodeAddress(metav1.Model):
    """One way to reach a node."""

    required_fields = frozenset({"type", "address"})
    type: str = ""
    address: str = ""


class NodeSystemInfo(metav1.Model):
    """What the kubelet found out about its machine."""

    machine_id: Annotated[str, Field(alias="machineID")] = ""
    system_uuid: Annotated[str, Field(alias="systemUUID")] = ""
    boot_id: Annotated[str, Field(alias="bootID")] = ""
    kubelet_version: Annotated[str, Field(alias="kubeletVersion")] = ""
    os_image: Annotated[str, Field(alias="osImage")] = ""
    architecture: str = ""


class NodeStatus(metav1.Model):
    """What is known of a node."""

    conditions: list[NodeCondition] = Field(default_factory=list[NodeCondition])
    addresses: list[NodeAddress] = Field(default_factory=list[NodeAddress])
    node_info: Annotated[NodeSystemInfo, Field(alias="nodeInfo")] = Field(
        default_factory=NodeSystemInfo
    )


class Node(metav1.Object):
    """A machine that runs pods."""

    gvk: ClassVar = metav1.GroupVersionKind("", "v1", "Node")
    plural: ClassVar[str] = "nodes"
    namespaced: ClassVar[bool] = False

    spec: NodeSpec = Field(default_factory=NodeSpec)
    status: NodeStatus = Field(default_factory=NodeStatus)
