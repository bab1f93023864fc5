"""The seam between the operator and the machinery.

Every method may be called again at any time with the same arguments, by another process, after a
crash in the middle: it looks at the machine's state first and moves it one step at most. All raise
``BackendError`` for passing trouble, and ``NeedsRegistrationError`` when the host is unknown.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Reader
from metal3.runtime.types import NamespacedName

from ._data import (
    FirmwareSettings,
    HardwareState,
    HostData,
    InspectData,
    Machine,
    ManagementAccessData,
    PrepareData,
    ProvisionData,
    RebootMode,
    ServicingData,
)
from ._results import Result

Publisher = Callable[[str, str], None]
"""Takes an event's reason and message for the host in hand."""

Wake = Callable[[NamespacedName], None]
"""Called when something about this host changed in the backend."""


class Provisioner(Protocol):
    """One host at one backend; lives for one reconcile."""

    async def register(
        self,
        data: ManagementAccessData,
        *,
        credentials_changed: bool,
        restart_on_failure: bool,
    ) -> tuple[Result, str]:
        """Make the host known and reachable; also gives the backend's ID for it.

        Raises NeedsPreprovisioningImageError.
        """
        ...

    async def preprovisioning_image_formats(self) -> Sequence[str] | None:
        """Formats the host can boot, best first; None when images are not built per host."""
        ...

    async def inspect_hardware(
        self, data: InspectData, *, restart_on_failure: bool, refresh: bool, force_reboot: bool
    ) -> tuple[Result, bool, metal3api.HardwareDetails | None]:
        """Look at the hardware; the flag tells that a new inspection was started by this call."""
        ...

    async def update_hardware_state(self) -> HardwareState:
        """What the backend last saw, without touching the machine."""
        ...

    async def adopt(self, *, state: str, restart_on_failure: bool) -> Result:
        """Take over a machine that is already provisioned."""
        ...

    async def prepare(
        self, data: PrepareData, *, unprepared: bool, restart_on_failure: bool
    ) -> tuple[Result, bool]:
        """Apply RAID and firmware; the flag tells that changing was started by this call."""
        ...

    async def service(
        self, data: ServicingData, *, unprepared: bool, restart_on_failure: bool
    ) -> tuple[Result, bool]:
        """Apply firmware changes to a provisioned host; flag as for prepare."""
        ...

    async def provision(self, data: ProvisionData, *, force_reboot: bool) -> Result:
        """Write the image and boot it."""
        ...

    async def deprovision(
        self, *, restart_on_failure: bool, automated_cleaning_mode: str
    ) -> Result:
        """Take the image off and clean."""
        ...

    async def delete(self) -> Result:
        """Forget the host; complete when the backend no longer knows it."""
        ...

    async def detach(self, *, force: bool) -> Result:
        """Forget the host and leave the machine as it is."""
        ...

    async def power_on(self, *, force: bool) -> Result:
        """Switch on."""
        ...

    async def power_off(
        self, mode: RebootMode, *, force: bool, automated_cleaning_mode: str
    ) -> Result:
        """Switch off. With power-off disabled on the host this is a reboot instead.

        Such a reboot is complete once it was accepted; while it could not be asked for (the machine
        is locked, say) the result is dirty, and it is still owed.
        """
        ...

    def is_limited(self) -> bool:
        """Whether the backend limits how many hosts such as this one are worked on at once."""
        ...

    async def has_capacity(self) -> bool:
        """Whether the backend can take this host's long step now."""
        ...

    async def firmware_settings(self, *, include_schema: bool) -> FirmwareSettings:
        """Current BIOS settings."""
        ...

    async def firmware_components(self) -> Sequence[metal3api.FirmwareComponentStatus]:
        """Components that have a firmware version."""
        ...

    async def add_bmc_event_subscription(
        self, subscription: metal3api.BMCEventSubscription, headers: Mapping[str, str]
    ) -> tuple[Result, str]:
        """Subscribe at the BMC; gives the subscription's ID."""
        ...

    async def remove_bmc_event_subscription(
        self, subscription: metal3api.BMCEventSubscription
    ) -> Result:
        """Unsubscribe; complete when it is gone."""
        ...

    async def is_data_image_attached(self) -> bool:
        """Whether a data image is inserted; raises NodeBusyError."""
        ...

    async def attach_data_image(self, url: str) -> None:
        """Insert; raises NodeBusyError."""
        ...

    async def detach_data_image(self) -> None:
        """Eject; raises NodeBusyError."""
        ...

    async def has_power_failure(self) -> bool:
        """Whether the backend lost power control of the host."""
        ...

    async def health(self) -> str:
        """``OK``, ``Warning``, ``Critical``, or empty when unknown."""
        ...


@runtime_checkable
class ClusterUser(Protocol):
    """What a backend may offer besides, when it keeps something of its own in the cluster."""

    def use_cluster(self, reader: Reader) -> None:
        """Called once, before ``run``; the reader asks the API server itself."""
        ...


class Backend(Protocol):
    """One way to run machines, shared by all hosts of a manager."""

    async def run(self, wake: Wake) -> None:
        """Watch the machinery until cancelled and wake each host whose machine changed."""
        ...

    async def provisioner(self, host: HostData, publish: Publisher) -> Provisioner:
        """Work on one host; raises NotReadyError."""
        ...

    def machines(self) -> Sequence[Machine] | None:
        """All machines it knows, without asking anybody; None while that may be out of date."""
        ...
