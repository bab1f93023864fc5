"""HardwareData of metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from typing import ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object

from .zz_generated_baremetalhost import BareMetalHostStatusHardware


class HardwareDataSpec(Model):
    """The findings."""

    hardware: BareMetalHostStatusHardware | None = None
    """Hardware of the server."""


class HardwareData(Object):
    """Hardware of one server as inspection found it; bears the name of its BareMetalHost."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind("metal3.io", "v1alpha1", "HardwareData")
    plural: ClassVar[str] = "hardwaredata"
    namespaced: ClassVar[bool] = True

    spec: HardwareDataSpec = Field(default_factory=HardwareDataSpec)
    """The findings."""
