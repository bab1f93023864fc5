"""BMCEventSubscription of metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object

from .zz_generated_baremetalhost import BareMetalHostSpecUserData


class BMCEventSubscriptionSpec(Model):
    """Which events go where. Cannot be changed: delete the object and make a new one."""

    host_name: Annotated[str | None, Field(alias="hostName")] = None
    """BareMetalHost in this namespace whose BMC sends the events."""

    destination: str | None = None
    """URL the BMC posts events to."""

    context: str | None = None
    """Text the BMC repeats in each event."""

    http_headers_ref: Annotated[BareMetalHostSpecUserData | None, Field(alias="httpHeadersRef")] = (
        None
    )
    """Secret with HTTP headers to send along, such as a token."""


class BMCEventSubscriptionStatus(Model):
    """What became of the subscription."""

    subscription_id: Annotated[str | None, Field(alias="subscriptionID")] = None
    """The BMC's identifier of the subscription."""

    error: str | None = None
    """Explanation of the latest failure."""


class BMCEventSubscription(Object):
    """Has a host's BMC send its hardware events to a web address."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind(
        "metal3.io", "v1alpha1", "BMCEventSubscription"
    )
    plural: ClassVar[str] = "bmceventsubscriptions"
    namespaced: ClassVar[bool] = True

    spec: BMCEventSubscriptionSpec = Field(default_factory=BMCEventSubscriptionSpec)
    """Which events go where. Cannot be changed: delete the object and make a new one."""

    status: BMCEventSubscriptionStatus = Field(default_factory=BMCEventSubscriptionStatus)
    """What became of the subscription."""
