"""DataImage of metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object, Time


class DataImageSpec(Model):
    """What to attach."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"url"})

    url: str = ""
    """Where the image is fetched from."""


class DataImageStatusAttachedImage(Model):
    """Image that is in the drive now."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"url"})

    url: str = ""
    """Where it came from."""


class DataImageStatusError(Model):
    """Failures of attaching or detaching."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"count", "message"})

    count: int = 0
    """Failures since the last success."""

    message: str = ""
    """Explanation of the latest failure."""


class DataImageStatus(Model):
    """What is attached."""

    last_reconciled: Annotated[Time | None, Field(alias="lastReconciled")] = None
    """When this object was last looked at."""

    attached_image: Annotated[DataImageStatusAttachedImage | None, Field(alias="attachedImage")] = (
        None
    )
    """Image that is in the drive now."""

    error: DataImageStatusError | None = None
    """Failures of attaching or detaching."""


class DataImage(Object):
    """A read-only disk to put into the virtual drive of the BareMetalHost of the same name."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind("metal3.io", "v1alpha1", "DataImage")
    plural: ClassVar[str] = "dataimages"
    namespaced: ClassVar[bool] = True

    spec: DataImageSpec = Field(default_factory=DataImageSpec)
    """What to attach."""

    status: DataImageStatus = Field(default_factory=DataImageStatus)
    """What is attached."""
