"""What is served: built-in kinds and those that CustomResourceDefinitions add."""

from ._builtins import builtin_resources
from ._crds import CLEANUP_FINALIZER, CRD_RESOURCE, crd_strategy, custom_resource, status_of
from ._definition import Column, Conversion, Resource, Strategy, Version
from ._metadata import METADATA, METADATA_NODE
from ._registry import Registry

__all__ = [
    "CLEANUP_FINALIZER",
    "CRD_RESOURCE",
    "METADATA",
    "METADATA_NODE",
    "Column",
    "Conversion",
    "Registry",
    "Resource",
    "Strategy",
    "Version",
    "builtin_resources",
    "crd_strategy",
    "custom_resource",
    "status_of",
]
