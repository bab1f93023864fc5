"""Which events matter: filters between a source and its handler.

A filter that is too strict loses a wake-up, and the object is stuck until the next one. So:
whatever ``reconcile`` reads must be able to pass.
"""

from ._changed import (
    AnnotationChangedPredicate,
    GenerationChangedPredicate,
    LabelChangedPredicate,
    ResourceVersionChangedPredicate,
)
from ._predicate import Funcs, Predicate, and_, new_predicate_funcs, not_, or_, passes

__all__ = [
    "AnnotationChangedPredicate",
    "Funcs",
    "GenerationChangedPredicate",
    "LabelChangedPredicate",
    "Predicate",
    "ResourceVersionChangedPredicate",
    "and_",
    "new_predicate_funcs",
    "not_",
    "or_",
    "passes",
]
