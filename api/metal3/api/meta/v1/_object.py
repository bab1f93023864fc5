"""What every kind has: type, metadata, owner references, conditions."""

from typing import Annotated, Any, ClassVar, NamedTuple, Protocol, Self

from pydantic import Field

from ._model import Model
from ._time import Time


class GroupVersionKind(NamedTuple):
    """Names one kind of one API version; the core group is the empty string."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """``group/version``, or only the version for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


class OwnerReference(Model):
    """Points at an object whose deletion deletes this one."""

    required_fields = frozenset({"api_version", "kind", "name", "uid"})
    api_version: Annotated[str, Field(alias="apiVersion")] = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None
    block_owner_deletion: Annotated[bool | None, Field(alias="blockOwnerDeletion")] = None


class ObjectMeta(Model):
    """Identity and bookkeeping of an object; an empty string means "not known yet"."""

    name: str = ""
    generate_name: Annotated[str, Field(alias="generateName")] = ""
    namespace: str = ""
    uid: str = ""
    resource_version: Annotated[str, Field(alias="resourceVersion")] = ""
    generation: int = 0
    creation_timestamp: Annotated[Time | None, Field(alias="creationTimestamp")] = None
    deletion_timestamp: Annotated[Time | None, Field(alias="deletionTimestamp")] = None
    deletion_grace_period_seconds: Annotated[
        int | None, Field(alias="deletionGracePeriodSeconds")
    ] = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    owner_references: Annotated[list[OwnerReference], Field(alias="ownerReferences")] = Field(
        default_factory=list
    )
    finalizers: list[str] = Field(default_factory=list)
    managed_fields: Annotated[list[dict[str, Any]], Field(alias="managedFields")] = Field(
        default_factory=list
    )


class ListMeta(Model):
    """Bookkeeping of a list: where a watch starts and how the next page is asked for."""

    resource_version: Annotated[str, Field(alias="resourceVersion")] = ""
    continue_: Annotated[str, Field(alias="continue")] = ""
    remaining_item_count: Annotated[int | None, Field(alias="remainingItemCount")] = None


class Object(Model):
    """Base of all kinds. Subclasses say what they are in ``gvk``, ``plural``, ``namespaced``."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind("", "", "")
    plural: ClassVar[str] = ""
    namespaced: ClassVar[bool] = True
    metadata_only: ClassVar[bool] = False
    """Whether a server is asked for the metadata alone."""

    required_fields = frozenset({"api_version", "kind"})
    api_version: Annotated[str, Field(alias="apiVersion")] = ""
    kind: str = ""
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)

    def model_post_init(self, context: Any, /) -> None:
        """Fill the type in, as items of a list come without it."""
        if not self.kind:
            self.kind = self.gvk.kind
        if not self.api_version:
            self.api_version = self.gvk.api_version

    @classmethod
    def named(cls, name: str, namespace: str = "", **fields: Any) -> Self:
        """An object of this kind with its identity set."""
        meta = ObjectMeta(name=name, namespace=namespace) if namespace else ObjectMeta(name=name)
        return cls(metadata=meta, **fields)


class KindRegistry(Protocol):
    """Learns which class stands for which group, version and kind; a scheme is one."""

    def register(self, kind: type[Object], /) -> object:
        """Remember one kind; remembering it again changes nothing."""
        ...


class Unstructured(Object):
    """A kind known only by name: every field beside metadata is kept as plain JSON."""

    @classmethod
    def of(
        cls, gvk: GroupVersionKind, plural: str, *, namespaced: bool = True
    ) -> "type[Unstructured]":
        """A class for ``gvk``, to be used wherever a typed kind is."""
        body = {
            "gvk": gvk,
            "plural": plural,
            "namespaced": namespaced,
            "__module__": __name__,
            "__annotations__": {},
            "__doc__": f"{gvk.kind} as plain JSON.",
        }
        return type(gvk.kind, (cls,), body)


class PartialObjectMetadata(Object):
    """The metadata of a kind: for watching objects whose contents are nobody's business here."""

    metadata_only: ClassVar[bool] = True

    @classmethod
    def of(cls, kind: type[Object]) -> "type[PartialObjectMetadata]":
        """A class for the metadata of ``kind``; reads only, and cached apart from ``kind``."""
        body = {
            "gvk": kind.gvk,
            "plural": kind.plural,
            "namespaced": kind.namespaced,
            "__module__": __name__,
            "__annotations__": {},
            "__doc__": f"The metadata of a {kind.gvk.kind}.",
        }
        return type(f"{kind.gvk.kind}Metadata", (cls,), body)


class Condition(Model):
    """One aspect of an object's state, in the shape all Kubernetes tools read."""

    required_fields = frozenset({"type", "status", "reason", "message", "last_transition_time"})
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: Annotated[Time, Field(alias="lastTransitionTime")] = ""
    observed_generation: Annotated[int | None, Field(alias="observedGeneration")] = None
