"""What clients ask before they ask for objects: groups, resources, schemas."""

from ._groups import AGGREGATED, Discovery
from ._openapi import OpenAPI

__all__ = ["AGGREGATED", "Discovery", "OpenAPI"]
