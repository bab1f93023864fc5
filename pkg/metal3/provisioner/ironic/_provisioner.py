"""The seam's face: each method opens the host's session and hands over to the step."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from metal3 import bmc
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import (
    FirmwareSettings,
    HardwareState,
    InspectData,
    ManagementAccessData,
    NeedsRegistrationError,
    PrepareData,
    ProvisionData,
    RebootMode,
    Result,
    ServicingData,
)

from . import _media as media
from ._adopting import adopt
from ._capacity import has_capacity, is_limited
from ._deleting import remove
from ._deploying import deprovision, provision
from ._errors import (
    BadRequestError,
    ConflictError,
    LockedError,
    NotFoundError,
    OverloadedError,
    WrongStateError,
)
from ._firmware import firmware_components, firmware_settings
from ._inspecting import inspect_hardware
from ._power import power_off, power_on
from ._preparing import prepare, service
from ._registration import register
from ._session import LOCKED, OVERLOADED, POWER_FAULT, Session

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class IronicProvisioner:
    """One host at Ironic, for one reconcile."""

    session: Session

    async def register(
        self,
        data: ManagementAccessData,
        *,
        credentials_changed: bool,
        restart_on_failure: bool,
    ) -> tuple[Result, str]:
        """See the seam."""
        step = register(
            self.session,
            data,
            credentials_changed=credentials_changed,
            restart_on_failure=restart_on_failure,
        )
        return await self._pair(step, self.session.host.provisioner_id)

    async def preprovisioning_image_formats(self) -> Sequence[str] | None:
        """See the seam."""
        if not self.session.config.build_preprovisioning_images:
            return None
        access = bmc.parse(self.session.host.bmc_address)
        return ("iso", "initrd") if access.supports_iso_preprovisioning_image else ("initrd",)

    async def inspect_hardware(
        self, data: InspectData, *, restart_on_failure: bool, refresh: bool, force_reboot: bool
    ) -> tuple[Result, bool, metal3api.HardwareDetails | None]:
        """See the seam."""
        step = inspect_hardware(
            self.session,
            data,
            restart_on_failure=restart_on_failure,
            refresh=refresh,
            force_reboot=force_reboot,
        )
        try:
            return await self._known(step)
        except _PASSING as error:
            return self._answer(error), False, None

    async def update_hardware_state(self) -> HardwareState:
        """See the seam."""
        return HardwareState(powered_on=(await self.session.require()).powered_on)

    async def adopt(self, *, state: str, restart_on_failure: bool) -> Result:
        """See the seam."""
        return await self._step(
            adopt(self.session, state=state, restart_on_failure=restart_on_failure)
        )

    async def prepare(
        self, data: PrepareData, *, unprepared: bool, restart_on_failure: bool
    ) -> tuple[Result, bool]:
        """See the seam."""
        step = prepare(
            self.session, data, unprepared=unprepared, restart_on_failure=restart_on_failure
        )
        return await self._pair(step, other=False)

    async def service(
        self, data: ServicingData, *, unprepared: bool, restart_on_failure: bool
    ) -> tuple[Result, bool]:
        """See the seam."""
        step = service(
            self.session, data, unprepared=unprepared, restart_on_failure=restart_on_failure
        )
        return await self._pair(step, other=False)

    async def provision(self, data: ProvisionData, *, force_reboot: bool) -> Result:
        """See the seam."""
        return await self._step(provision(self.session, data, force_reboot=force_reboot))

    async def deprovision(
        self, *, restart_on_failure: bool, automated_cleaning_mode: str
    ) -> Result:
        """See the seam."""
        return await self._step(
            deprovision(
                self.session,
                restart_on_failure=restart_on_failure,
                automated_cleaning_mode=automated_cleaning_mode,
            )
        )

    async def delete(self) -> Result:
        """See the seam."""
        return await self._step(remove(self.session, force=True))

    async def detach(self, *, force: bool) -> Result:
        """See the seam."""
        return await self._step(remove(self.session, force=force))

    async def power_on(self, *, force: bool) -> Result:
        """See the seam; a failure is always told before the next attempt, so force adds nothing."""
        return await self._step(power_on(self.session))

    async def power_off(
        self, mode: RebootMode, *, force: bool, automated_cleaning_mode: str
    ) -> Result:
        """See the seam; a reboot in place of power-off is complete once Ironic accepted it."""
        return await self._step(
            power_off(
                self.session, mode, force=force, automated_cleaning_mode=automated_cleaning_mode
            )
        )

    def is_limited(self) -> bool:
        """See the seam."""
        return is_limited(self.session)

    async def has_capacity(self) -> bool:
        """See the seam."""
        return await has_capacity(self.session)

    async def firmware_settings(self, *, include_schema: bool) -> FirmwareSettings:
        """See the seam."""
        return await self._known(firmware_settings(self.session, include_schema=include_schema))

    async def firmware_components(self) -> Sequence[metal3api.FirmwareComponentStatus]:
        """See the seam."""
        return await self._known(firmware_components(self.session))

    async def add_bmc_event_subscription(
        self, subscription: metal3api.BMCEventSubscription, headers: Mapping[str, str]
    ) -> tuple[Result, str]:
        """See the seam."""
        return await self._pair(media.subscribe(self.session, subscription, headers), "")

    async def remove_bmc_event_subscription(
        self, subscription: metal3api.BMCEventSubscription
    ) -> Result:
        """See the seam."""
        return await self._step(media.unsubscribe(self.session, subscription))

    async def is_data_image_attached(self) -> bool:
        """See the seam."""
        return await self._known(media.is_data_image_attached(self.session))

    async def attach_data_image(self, url: str) -> None:
        """See the seam."""
        await self._known(media.attach_data_image(self.session, url))

    async def detach_data_image(self) -> None:
        """See the seam."""
        await self._known(media.detach_data_image(self.session))

    async def has_power_failure(self) -> bool:
        """See the seam."""
        return (await self.session.require()).fault == POWER_FAULT

    async def health(self) -> str:
        """See the seam."""
        return (await self.session.require()).text("health")

    async def _step(self, step: Awaitable[Result]) -> Result:
        try:
            return await self._known(step)
        except _PASSING as error:
            return self._answer(error)

    async def _pair(self, step: Awaitable[tuple[Result, T]], other: T) -> tuple[Result, T]:
        try:
            return await self._known(step)
        except _PASSING as error:
            return self._answer(error), other

    async def _known(self, step: Awaitable[T]) -> T:
        """A node that went away in the middle needs to be registered again."""
        try:
            return await step
        except NotFoundError as error:
            raise NeedsRegistrationError(str(error)) from error

    def _answer(self, error: Exception) -> Result:
        """What an error of Ironic means for the step."""
        match error:
            case LockedError() | WrongStateError():
                return Result.again(LOCKED)
            case OverloadedError():
                return Result.again(OVERLOADED)
            case _:
                return Result.failed(self.session.explain("Ironic refused", str(error)))


_PASSING = (ConflictError, OverloadedError, BadRequestError)
