"""What goes with BMCEventSubscription beside its structures."""

from typing import Final

BMC_EVENT_SUBSCRIPTION_FINALIZER: Final = "bmceventsubscription.metal3.io"
