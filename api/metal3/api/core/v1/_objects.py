"""Secrets, config maps, namespaces, and references."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from metal3.api.meta import v1 as metav1


class ObjectReference(metav1.Model):
    """Points at an object, or at a part of one."""

    api_version: Annotated[str, Field(alias="apiVersion")] = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    resource_version: Annotated[str, Field(alias="resourceVersion")] = ""
    field_path: Annotated[str, Field(alias="fieldPath")] = ""


class SecretReference(metav1.Model):
    """Names a Secret; an empty namespace means that of the object that refers."""

    name: str = ""
    namespace: str = ""


class Secret(metav1.Object):
    """Confidential values; read them with :func:`secret_data`. Neither repr nor str shows them."""

    gvk: ClassVar = metav1.GroupVersionKind("", "v1", "Secret")
    plural: ClassVar[str] = "secrets"

    type: str = ""
    immutable: bool | None = None
    data: Annotated[dict[str, str], Field(repr=False)] = Field(default_factory=dict)
    string_data: Annotated[dict[str, str], Field(alias="stringData", repr=False)] = Field(
        default_factory=dict
    )

    def __repr_args__(self) -> Any:
        """Only the identity: annotations may hold the last applied values."""
        yield "name", self.metadata.name
        yield "namespace", self.metadata.namespace
        yield "keys", sorted(self.data)


def secret_data(secret: Secret) -> dict[str, bytes]:
    """The decoded values; raises ValueError naming the key (not the value) that is no base64."""
    return {key: _decode(key, value) for key, value in secret.data.items()}


def _decode(key: str, value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"data.{key} is not base64") from None


def new_secret(name: str, namespace: str, data: Mapping[str, bytes | str], **fields: Any) -> Secret:
    """A Secret holding ``data``; text is stored as UTF-8."""
    encoded = {
        key: base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        for key, value in data.items()
    }
    return Secret.named(name, namespace, data=encoded, **fields)


class ConfigMap(metav1.Object):
    """Values that are no secret."""

    gvk: ClassVar = metav1.GroupVersionKind("", "v1", "ConfigMap")
    plural: ClassVar[str] = "configmaps"

    immutable: bool | None = None
    data: dict[str, str] = Field(default_factory=dict)
    binary_data: Annotated[dict[str, str], Field(alias="binaryData")] = Field(default_factory=dict)


class NamespaceStatus(metav1.Model):
    """How far a namespace has come."""

    phase: str = ""
    conditions: list[metav1.Condition] = Field(default_factory=list[metav1.Condition])


class Namespace(metav1.Object):
    """A scope of names."""

    gvk: ClassVar = metav1.GroupVersionKind("", "v1", "Namespace")
    plural: ClassVar[str] = "namespaces"
    namespaced: ClassVar[bool] = False

    status: NamespaceStatus = Field(default_factory=NamespaceStatus)
