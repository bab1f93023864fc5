"""Structural schemas: compiled once per version of a kind, then used on every write.

``compile_schema`` turns OpenAPI v3 (the dialect of CustomResourceDefinitions) into nodes;
``prune``, ``apply_defaults`` and ``validate`` walk an object and its nodes together.
"""

from ._compile import MISSING, Node, compile_schema
from ._default import apply_defaults
from ._prune import prune
from ._validate import validate

__all__ = ["MISSING", "Node", "apply_defaults", "compile_schema", "prune", "validate"]
