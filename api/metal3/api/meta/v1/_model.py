"""The base of every typed API structure: lenient decoding, lossless encoding.

In: JSON as an API server sends it. Out: the same JSON, plus what the program changed.
Decoding keeps unknown fields and never fails on a value that only a schema forbids, because a
reconciler must be able to read, and repair, objects older than today's rules.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

type_json = dict[str, Any]

_SCALARS: Final = frozenset({str, int, bool, float})


class _Field(NamedTuple):
    name: str
    alias: str
    required: bool
    nullable: bool
    fillable: bool
    """Its default may be filled in place, so that it counts although nobody assigned it."""


class Model(BaseModel):
    """One structure of the API.

    A field is emitted when it was decoded or assigned, when the schema requires it of an emitted
    parent, or when it is a list, map or structure that was filled in place. ``None`` means absent,
    except for the fields in ``nullable_fields``, where an assigned ``None`` is emitted as null.
    """

    model_config = ConfigDict(
        extra="allow",
        populate_by_name=True,
        validate_assignment=False,
        protected_namespaces=(),
    )

    required_fields: ClassVar[frozenset[str]] = frozenset()
    """Attributes the schema requires: emitted with their zero value if never set."""

    nullable_fields: ClassVar[frozenset[str]] = frozenset()
    """Attributes for which null and absent mean different things."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Decode a JSON object; raises ``pydantic.ValidationError`` on a wrong JSON type."""
        # By alias only: an unknown field may be named like one of our attributes.
        return cls.model_validate(data, by_alias=True, by_name=False)

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """Decode JSON text; raises ``pydantic.ValidationError`` on a wrong JSON type."""
        return cls.model_validate_json(data, by_alias=True, by_name=False)

    def to_dict(self) -> type_json:
        """Encode to plain JSON values that share nothing with this object."""
        return _dump(self, forced=True) or {}

    def to_json(self) -> bytes:
        """Encode to compact JSON text."""
        return to_json(self.to_dict())

    def deep_copy(self) -> Self:
        """An equal object that shares nothing with this one."""
        return type(self).from_dict(self.to_dict())

    def is_empty(self) -> bool:
        """True when nothing was decoded into, assigned to, or filled in this structure."""
        return _dump(self, forced=False) is None

    @classmethod
    def emission_plan(cls) -> tuple[_Field, ...]:
        """How each declared field is written; worked out once per class."""
        plan = _PLANS.get(cls)
        if plan is None:
            plan = _PLANS[cls] = tuple(
                _Field(
                    name,
                    info.serialization_alias or info.alias or name,
                    name in cls.required_fields,
                    name in cls.nullable_fields,
                    info.default_factory is not None or _is_container(info.default),
                )
                for name, info in cls.__pydantic_fields__.items()
            )
        return plan


_PLANS: Final[dict[type[Model], tuple[_Field, ...]]] = {}


def unknown_fields(model: Model, prefix: str = "") -> set[str]:
    """Wire names, as dotted paths, of what was decoded although no schema declares it."""
    found = {f"{prefix}{name}" for name in model.__pydantic_extra__ or ()}
    for field in model.emission_plan():
        found |= _unknown_in(getattr(model, field.name), f"{prefix}{field.alias}")
    return found


def _unknown_in(value: object, path: str) -> set[str]:
    if isinstance(value, Model):
        return unknown_fields(value, f"{path}.")
    if isinstance(value, list):
        return {
            found for i, item in enumerate(value) for found in _unknown_in(item, f"{path}[{i}]")
        }
    return set()


def to_dict(obj: Model) -> type_json:
    """Encode any structure to plain JSON values."""
    return obj.to_dict()


def _dump(model: Model, *, forced: bool) -> type_json | None:
    """Encode ``model``; None when it is untouched and nobody insists on it."""
    out: type_json = {}
    touched = forced
    values = model.__dict__
    assigned = model.__pydantic_fields_set__
    kind = type(model)
    for name, alias, required, nullable, fillable in _PLANS.get(kind) or kind.emission_plan():
        if name in assigned:
            value = values[name]
            if value is not None:
                out[alias] = value if type(value) in _SCALARS else _plain(value)
                touched = True
            elif nullable:
                out[alias] = None
                touched = True
        elif required or fillable:
            value = values[name]
            held = _holds_something(value)
            if held or (required and value is not None):
                out[alias] = _plain(value)
                touched = touched or held
    extra = model.__pydantic_extra__
    if extra:
        for key, value in extra.items():
            out[key] = _plain(value)
        touched = True
    return out if touched else None


def _holds_something(value: object) -> bool:
    """Whether a field that was never assigned was filled in place."""
    if isinstance(value, Model):
        return not value.is_empty()
    return _is_container(value) and bool(value)


def _is_container(value: object) -> bool:
    return isinstance(value, (Model, list, dict))


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return _dump(value, forced=True)
    if isinstance(value, list):
        return [item if type(item) in _SCALARS else _plain(item) for item in value]
    if isinstance(value, dict):
        return {
            key: item if type(item) in _SCALARS else _plain(item) for key, item in value.items()
        }
    return value
