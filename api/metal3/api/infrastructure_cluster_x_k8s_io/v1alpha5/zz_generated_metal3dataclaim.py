"""Metal3DataClaim of infrastructure.cluster.x-k8s.io/v1alpha5, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object

from .zz_generated_metal3data import Metal3DataSpecClaim


class Metal3DataClaimSpec(Model):
    """What is asked for."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"template"})

    template: Metal3DataSpecClaim = Field(default_factory=Metal3DataSpecClaim)
    """Metal3DataTemplate to make the data from."""


class Metal3DataClaimStatus(Model):
    """What was given."""

    rendered_data: Annotated[Metal3DataSpecClaim | None, Field(alias="renderedData")] = None
    """Metal3Data made for this claim."""

    error_message: Annotated[str | None, Field(alias="errorMessage")] = None
    """What keeps the claim from being served."""


class Metal3DataClaim(Object):
    """A machine's request for data from a template."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "infrastructure.cluster.x-k8s.io", "v1alpha5", "Metal3DataClaim"
    )
    plural: ClassVar[str] = "metal3dataclaims"
    namespaced: ClassVar[bool] = True

    spec: Metal3DataClaimSpec = Field(default_factory=Metal3DataClaimSpec)
    """What is asked for."""

    status: Metal3DataClaimStatus = Field(default_factory=Metal3DataClaimStatus)
    """What was given."""
