"""What the operator tells a backend, one structure per step."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.bmc import Credentials
from metal3.runtime.types import NamespacedName


@dataclass(frozen=True, slots=True, kw_only=True)
class HostData:
    """Which host, and how its BMC is reached; ``credentials_name`` is only for messages."""

    key: NamespacedName
    uid: str
    bmc_address: str = ""
    credentials: Credentials = field(default_factory=Credentials)
    credentials_name: str = ""
    disable_certificate_verification: bool = False
    boot_mac_address: str = ""
    provisioner_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine as the backend's last look at all of them showed it.

    ``host`` is the host it belongs to by its name or by what was registered; None when its name
    does not tell.
    """

    id: str
    name: str
    state: str
    host: NamespacedName | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprovisioningImage:
    """An image that boots the agent, in one of the formats the backend asked for."""

    image_url: str
    format: str
    kernel_url: str = ""
    extra_kernel_params: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagementAccessData:
    """All that registering a host may need."""

    boot_mode: str
    automated_cleaning_mode: str
    state: str
    operational_status: str = ""
    current_image: metal3api.Image | None = None
    preprovisioning_image: PreprovisioningImage | None = None
    preprovisioning_network_data: str = field(default="", repr=False)
    has_custom_deploy: bool = False
    disable_power_off: bool = False
    cpu_architecture: str = ""
    hardware: metal3api.HardwareDetails | None = None
    inspection_mode: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectData:
    """How to look at the hardware."""

    boot_mode: str
    cpu_architecture: str = ""
    inspection_mode: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareData:
    """RAID, firmware settings and firmware versions as they are wanted and as they are."""

    target_raid: metal3api.RAIDConfig | None = None
    actual_raid: metal3api.RAIDConfig | None = None
    root_device_hints: metal3api.RootDeviceHints | None = None
    target_firmware_settings: Mapping[str, int | str] = field(default_factory=dict)
    actual_firmware_settings: Mapping[str, str] = field(default_factory=dict)
    target_firmware_components: tuple[metal3api.FirmwareUpdate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicingData:
    """Firmware changes on a provisioned host."""

    target_firmware_settings: Mapping[str, int | str] = field(default_factory=dict)
    actual_firmware_settings: Mapping[str, str] = field(default_factory=dict)
    target_firmware_components: tuple[metal3api.FirmwareUpdate, ...] = ()
    has_firmware_spec: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConfig:
    """Data for the instance's config drive; texts as the user gave them, may hold secrets."""

    user_data: str = field(default="", repr=False)
    network_data: str = field(default="", repr=False)
    meta_data: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionData:
    """What to write, how to boot it and what to tell it."""

    image: metal3api.Image | None
    host_config: HostConfig
    boot_mode: str
    root_device_hints: metal3api.RootDeviceHints | None = None
    custom_deploy: metal3api.CustomDeploy | None = None
    image_pull_secret: str = field(default="", repr=False)


RebootMode = metal3api.RebootMode
"""Ask the system to stop, or cut its power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareState:
    """Power as the backend sees it; None when it does not know."""

    powered_on: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareSettings:
    """Current BIOS settings by name, and the schema when it was asked for."""

    settings: Mapping[str, str]
    schema: Mapping[str, metal3api.SettingSchema] = field(default_factory=dict)
    vendor: str = ""
    model: str = ""
