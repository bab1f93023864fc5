"""Metadata, conditions, owner references and the base of every typed kind.

Imported as ``metav1`` by all layers; hand-written, because every generated model stands on it.
"""

from ._conditions import ConditionStatus, find_condition, is_condition_true, set_condition
from ._model import Model, to_dict, unknown_fields
from ._object import (
    Condition,
    GroupVersionKind,
    KindRegistry,
    ListMeta,
    Object,
    ObjectMeta,
    OwnerReference,
    PartialObjectMetadata,
    Unstructured,
)
from ._owners import (
    add_finalizer,
    controller_of,
    has_finalizer,
    is_same_owner,
    owner_reference,
    remove_finalizer,
    set_owner_reference,
)
from ._time import MicroTime, Time, format_micro_time, format_time, parse_time

__all__ = [
    "Condition",
    "ConditionStatus",
    "GroupVersionKind",
    "KindRegistry",
    "ListMeta",
    "MicroTime",
    "Model",
    "Object",
    "ObjectMeta",
    "OwnerReference",
    "PartialObjectMetadata",
    "Time",
    "Unstructured",
    "add_finalizer",
    "controller_of",
    "find_condition",
    "format_micro_time",
    "format_time",
    "has_finalizer",
    "is_condition_true",
    "is_same_owner",
    "owner_reference",
    "parse_time",
    "remove_finalizer",
    "set_condition",
    "set_owner_reference",
    "to_dict",
    "unknown_fields",
]
