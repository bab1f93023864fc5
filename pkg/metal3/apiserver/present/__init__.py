"""How objects are shown: JSONPath, tables for kubectl, metadata only."""

from ._jsonpath import JSONPath
from ._table import age, partial, table_of

__all__ = ["JSONPath", "age", "partial", "table_of"]
