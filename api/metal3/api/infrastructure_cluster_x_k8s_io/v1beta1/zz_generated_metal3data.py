"""Metal3Data of infrastructure.cluster.x-k8s.io/v1beta1, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object


class Metal3DataSpecClaim(Model):
    """Metal3DataClaim this was made for."""

    api_version: Annotated[str | None, Field(alias="apiVersion")] = None
    """API version of the object."""

    field_path: Annotated[str | None, Field(alias="fieldPath")] = None
    """Part of the object that is meant."""

    kind: str | None = None
    """Kind of the object."""

    name: str | None = None
    """Name of the object."""

    namespace: str | None = None
    """Namespace of the object."""

    resource_version: Annotated[str | None, Field(alias="resourceVersion")] = None
    """Revision of the object."""

    uid: str | None = None
    """Unique ID of the object."""


class Metal3DataSpecMetaData(Model):
    """Secret with the rendered metadata."""

    name: str | None = None
    """Name of the Secret."""

    namespace: str | None = None
    """Namespace of the Secret; empty means that of the object."""


class Metal3DataSpec(Model):
    """The data of one machine."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"claim", "template"})

    index: int | None = None
    """Number of the machine within its template."""

    claim: Metal3DataSpecClaim = Field(default_factory=Metal3DataSpecClaim)
    """Metal3DataClaim this was made for."""

    template: Metal3DataSpecClaim = Field(default_factory=Metal3DataSpecClaim)
    """Metal3DataTemplate this was made from."""

    meta_data: Annotated[Metal3DataSpecMetaData | None, Field(alias="metaData")] = None
    """Secret with the rendered metadata."""

    network_data: Annotated[Metal3DataSpecMetaData | None, Field(alias="networkData")] = None
    """Secret with the rendered network data."""

    template_reference: Annotated[str | None, Field(alias="templateReference")] = None
    """Name shared by templates that number their machines together."""


class Metal3DataStatus(Model):
    """How far rendering has come."""

    ready: bool | None = None
    """True once the Secrets are there."""

    error_message: Annotated[str | None, Field(alias="errorMessage")] = None
    """What keeps it from being ready."""


class Metal3Data(Object):
    """Metadata and network data of one machine."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "infrastructure.cluster.x-k8s.io", "v1beta1", "Metal3Data"
    )
    plural: ClassVar[str] = "metal3datas"
    namespaced: ClassVar[bool] = True

    spec: Metal3DataSpec = Field(default_factory=Metal3DataSpec)
    """The data of one machine."""

    status: Metal3DataStatus = Field(default_factory=Metal3DataStatus)
    """How far rendering has come."""
