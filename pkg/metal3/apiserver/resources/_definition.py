"""The definition of a resource: its names, versions, and what is special about writing it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from metal3.apiserver.jsonvalue import Obj
from metal3.apiserver.schema import Node

Prepare = Callable[[Obj, Obj | None], None]
Check = Callable[[Obj, Obj | None], list[Obj]]

VERBS = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
)


class Conversion(Protocol):
    """Turns objects of one version into another."""

    async def convert(self, objects: Sequence[Obj], api_version: str) -> list[Obj]:
        """Return the objects in another version, in order; raises StatusError if that fails."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table. ``priority`` above zero shows only in wide output."""

    name: str
    type: str
    read: Callable[[Obj], object]
    description: str = ""
    format: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Version:
    """One version of a resource. The object's identity changes whenever its rules may have."""

    name: str
    schema: Node | None = None
    columns: tuple[Column, ...] = ()
    served: bool = True
    status: bool = False
    selectable: tuple[str, ...] = ()
    warning: str = ""


def _nothing(_obj: Obj, _old: Obj | None) -> None:
    """Prepare nothing."""


def _no_causes(_obj: Obj, _old: Obj | None) -> list[Obj]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """What is special about one kind. ``prepare`` changes the object, ``check`` gives causes."""

    prepare: Prepare = _nothing
    check: Check = _no_causes
    selectable: tuple[str, ...] = ()
    generation: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resource:
    """A kind as it is served under one group."""

    group: str
    plural: str
    singular: str
    kind: str
    list_kind: str
    namespaced: bool
    versions: tuple[Version, ...]
    storage: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    custom: bool = False
    virtual: bool = False
    conversion: Conversion | None = None
    strategy: Strategy = field(default_factory=Strategy)
    stored_group: str | None = None

    @property
    def id(self) -> str:
        """The first part of its objects' keys; kinds served under two groups share it."""
        return f"{self.group if self.stored_group is None else self.stored_group}/{self.plural}"

    @property
    def storage_api_version(self) -> str:
        """The apiVersion its objects are kept in."""
        group = self.group if self.stored_group is None else self.stored_group
        return f"{group}/{self.storage}" if group else self.storage

    def api_version(self, version: Version) -> str:
        """Return ``group/version``, or the version alone for the core group."""
        return f"{self.group}/{version.name}" if self.group else version.name

    def version(self, name: str) -> Version | None:
        """Return a version if it is served."""
        return next((v for v in self.versions if v.name == name and v.served), None)

    def stored_version(self) -> Version | None:
        """Return the version its objects are kept in; None when another group keeps them."""
        return next((v for v in self.versions if v.name == self.storage), None)

    def verbs(self) -> tuple[str, ...]:
        """Return what discovery says can be done."""
        return ("create",) if self.virtual else VERBS
