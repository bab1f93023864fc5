"""The few kinds of the core group that are used; imported as ``corev1``."""

from ._events import Event, EventSource
from ._nodes import (
    Node,
    NodeAddress,
    NodeCondition,
    NodeSpec,
    NodeStatus,
    NodeSystemInfo,
    Taint,
)
from ._objects import (
    ConfigMap,
    Namespace,
    ObjectReference,
    Secret,
    SecretReference,
    new_secret,
    secret_data,
)

__all__ = [
    "ConfigMap",
    "Event",
    "EventSource",
    "Namespace",
    "Node",
    "NodeAddress",
    "NodeCondition",
    "NodeSpec",
    "NodeStatus",
    "NodeSystemInfo",
    "ObjectReference",
    "Secret",
    "SecretReference",
    "Taint",
    "new_secret",
    "secret_data",
]
