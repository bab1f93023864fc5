"""What one kind of BMC needs and offers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ._address import Address
from ._credentials import Credentials

DriverInfo = Callable[[Address, Credentials, bool], Mapping[str, Any]]
"""Builds the driver's connection data; the flag switches certificate verification off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One way to talk to a BMC, shared by all schemes in ``schemes``.

    Interface names are Ironic's; an empty one leaves the choice to Ironic. ``inspect_interface``
    is the out-of-band one: empty when the driver cannot inspect without booting the machine.
    """

    schemes: tuple[str, ...]
    driver: str
    build_driver_info: DriverInfo
    address_key: str
    boot_interface: str = "ipxe"
    management_interface: str = ""
    power_interface: str = ""
    raid_interface: str = ""
    bios_interface: str = ""
    firmware_interface: str = ""
    vendor_interface: str = ""
    inspect_interface: str = ""
    needs_mac: bool = False
    supports_secure_boot: bool = False
    supports_iso_preprovisioning_image: bool = False
    requires_provisioning_network: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessDetails:
    """A parsed address together with the driver that serves it."""

    address: Address
    definition: Driver
    disable_certificate_verification: bool = False

    def driver_info(self, credentials: Credentials) -> dict[str, Any]:
        """Connection data for the backend; holds the password: never log it."""
        return dict(
            self.definition.build_driver_info(
                self.address, credentials, self.disable_certificate_verification
            )
        )

    @property
    def bmc_type(self) -> str:
        """The scheme as the user wrote it."""
        return self.address.scheme

    @property
    def driver(self) -> str:
        """Name of the hardware type."""
        return self.definition.driver

    @property
    def address_key(self) -> str:
        """Which key of ``driver_info`` holds the address."""
        return self.definition.address_key

    @property
    def boot_interface(self) -> str:
        """How the machine is made to boot what it should."""
        return self.definition.boot_interface

    @property
    def management_interface(self) -> str:
        """Boot device and boot mode control."""
        return self.definition.management_interface

    @property
    def power_interface(self) -> str:
        """Power control."""
        return self.definition.power_interface

    @property
    def raid_interface(self) -> str:
        """Hardware RAID; ``no-raid`` when there is none."""
        return self.definition.raid_interface

    @property
    def bios_interface(self) -> str:
        """BIOS settings."""
        return self.definition.bios_interface

    @property
    def firmware_interface(self) -> str:
        """Firmware versions and updates."""
        return self.definition.firmware_interface

    @property
    def vendor_interface(self) -> str:
        """Vendor calls, event subscriptions among them."""
        return self.definition.vendor_interface

    @property
    def inspect_interface(self) -> str:
        """Inspection through the BMC alone; empty when not possible."""
        return self.definition.inspect_interface

    @property
    def needs_mac(self) -> bool:
        """Whether a boot MAC address is needed even for an inspected host."""
        return self.definition.needs_mac

    @property
    def supports_secure_boot(self) -> bool:
        """Whether UEFI secure boot can be switched."""
        return self.definition.supports_secure_boot

    @property
    def supports_iso_preprovisioning_image(self) -> bool:
        """Whether the machine can boot an ISO image without a provisioning network."""
        return self.definition.supports_iso_preprovisioning_image

    @property
    def requires_provisioning_network(self) -> bool:
        """Whether DHCP and network boot are needed."""
        return self.definition.requires_provisioning_network
