"""BareMetalHost of metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import Condition, GroupVersionKind, Model, Object, Time


class BareMetalHostSpecBmc(Model):
    """How the baseboard management controller (BMC) is reached. A host without these details
    stays unmanaged.
    """

    required_fields: ClassVar[frozenset[str]] = frozenset({"address", "credentials_name"})

    address: str = ""
    """URL of the BMC; its scheme picks the driver, as in
    redfish-virtualmedia://198.51.100.7/redfish/v1/Systems/1.
    """

    credentials_name: Annotated[str, Field(alias="credentialsName")] = ""
    """Secret in the host's namespace with the keys username and password."""

    disable_certificate_verification: Annotated[
        bool | None, Field(alias="disableCertificateVerification")
    ] = None
    """Accept any certificate from the BMC. Only for BMCs that can have no proper one: whoever
    sits in between can read the password.
    """


class BareMetalHostSpecBootMode(StrEnum):
    """Known values of bootMode."""

    UEFI = "UEFI"
    UEFI_SECURE_BOOT = "UEFISecureBoot"
    LEGACY = "legacy"


class BareMetalHostSpecRootDeviceHints(Model):
    """Which disk the image is written to. All hints given must match; the first disk that does
    is taken.
    """

    device_name: Annotated[str | None, Field(alias="deviceName")] = None
    """Linux name of the disk, such as /dev/vda, or its link under /dev/disk/by-path. Compared
    literally.
    """

    hctl: str | None = None
    """SCSI address as host:channel:target:lun. Compared literally."""

    model: str | None = None
    """Text that the device's model must contain."""

    vendor: str | None = None
    """Text that the device's vendor must contain."""

    serial_number: Annotated[str | None, Field(alias="serialNumber")] = None
    """Serial number of the disk. Compared literally."""

    min_size_gigabytes: Annotated[int | None, Field(alias="minSizeGigabytes")] = None
    """Smallest acceptable size, in gigabytes."""

    wwn: str | None = None
    """World wide name of the disk. Compared literally."""

    wwn_with_extension: Annotated[str | None, Field(alias="wwnWithExtension")] = None
    """World wide name followed by the vendor's extension. Compared literally."""

    wwn_vendor_extension: Annotated[str | None, Field(alias="wwnVendorExtension")] = None
    """Only the vendor's extension of the world wide name. Compared literally."""

    rotational: bool | None = None
    """Accept only spinning disks (true) or only solid-state ones (false)."""


class BareMetalHostSpecRaidHardwareRAIDVolumesLevel(StrEnum):
    """Known values of level."""

    VALUE_0 = "0"
    VALUE_1 = "1"
    VALUE_2 = "2"
    VALUE_5 = "5"
    VALUE_6 = "6"
    VALUE_1_PLUS_0 = "1+0"
    VALUE_5_PLUS_0 = "5+0"
    VALUE_6_PLUS_0 = "6+0"


class BareMetalHostSpecRaidHardwareRAIDVolumes(Model):
    """One logical disk of a RAID controller."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"level"})

    level: str = ""
    """RAID level of the volume; which ones work depends on the controller."""

    name: str | None = None
    """Name of the volume, different from all others of the host. Made up by the controller when
    unset.
    """

    size_gibibytes: Annotated[int | None, Field(alias="sizeGibibytes")] = None
    """Size in GiB. The largest possible volume is made when unset."""

    rotational: bool | None = None
    """Use only spinning disks (true) or only solid-state ones (false)."""

    number_of_physical_disks: Annotated[int | None, Field(alias="numberOfPhysicalDisks")] = None
    """How many disks to build the volume from; by default as few as the level allows."""

    controller: str | None = None
    """Name of the RAID controller; needed when the disks are listed."""

    physical_disks: Annotated[list[str], Field(alias="physicalDisks")] = Field(default_factory=list)
    """Disks to build the volume from, named as the controller names them."""


class BareMetalHostSpecRaidSoftwareRAIDVolumesLevel(StrEnum):
    """Known values of level."""

    VALUE_0 = "0"
    VALUE_1 = "1"
    VALUE_1_PLUS_0 = "1+0"


class BareMetalHostSpecRaidSoftwareRAIDVolumes(Model):
    """One volume made by the operating system."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"level"})

    level: str = ""
    """RAID level of the volume."""

    root_volume: Annotated[bool, Field(alias="rootVolume")] = False
    """Write the image to this volume. At most one volume may say so, its level must be 1, and
    rootDeviceHints must then be unset.
    """

    size_gibibytes: Annotated[int | None, Field(alias="sizeGibibytes")] = None
    """Size in GiB. All that is left of the disks is used when unset."""

    physical_disks: Annotated[
        list[BareMetalHostSpecRootDeviceHints], Field(alias="physicalDisks")
    ] = Field(default_factory=list)
    """Hints that pick the member disks, one entry a disk."""


class BareMetalHostSpecRaid(Model):
    """RAID volumes to make before the server is provisioned. Untouched when unset; hardware and
    software volumes exclude each other.
    """

    nullable_fields: ClassVar[frozenset[str]] = frozenset(
        {"hardware_raid_volumes", "software_raid_volumes"}
    )

    hardware_raid_volumes: Annotated[
        list[BareMetalHostSpecRaidHardwareRAIDVolumes] | None, Field(alias="hardwareRAIDVolumes")
    ] = None
    """Logical disks to make on the RAID controllers. An empty list removes every volume, null or
    no value leaves the controllers as they are. Cannot be combined with software volumes.
    """

    software_raid_volumes: Annotated[
        list[BareMetalHostSpecRaidSoftwareRAIDVolumes] | None, Field(alias="softwareRAIDVolumes")
    ] = None
    """Volumes made of whole disks by the operating system. The first one, which the image is
    written to, must be RAID 1. An empty list removes all volumes, null or no value leaves
    them alone.
    """


class BareMetalHostSpecFirmware(Model):
    """No longer supported and refused when set: use a HostFirmwareSettings object of the host's
    name.
    """

    virtualization_enabled: Annotated[bool | None, Field(alias="virtualizationEnabled")] = None
    """Hardware support for virtual machines."""

    simultaneous_multithreading_enabled: Annotated[
        bool | None, Field(alias="simultaneousMultithreadingEnabled")
    ] = None
    """Several hardware threads on each core."""

    sriov_enabled: Annotated[bool | None, Field(alias="sriovEnabled")] = None
    """Single-root I/O virtualization."""


class BareMetalHostSpecAutomatedCleaningMode(StrEnum):
    """Known values of automatedCleaningMode."""

    METADATA = "metadata"
    DISABLED = "disabled"


class BareMetalHostSpecInspectionMode(StrEnum):
    """Known values of inspectionMode."""

    DISABLED = "disabled"
    AGENT = "agent"
    FAST = "fast"


class BareMetalHostSpecImageChecksumType(StrEnum):
    """Known values of checksumType."""

    MD5 = "md5"
    SHA256 = "sha256"
    SHA512 = "sha512"
    AUTO = "auto"


class BareMetalHostSpecImageFormat(StrEnum):
    """Known values of format."""

    RAW = "raw"
    QCOW2 = "qcow2"
    VDI = "vdi"
    VMDK = "vmdk"
    LIVE_ISO = "live-iso"


class BareMetalHostSpecImage(Model):
    """Disk image to write. Setting it starts provisioning, removing it or changing its URL
    starts deprovisioning.
    """

    required_fields: ClassVar[frozenset[str]] = frozenset({"url"})

    url: str = ""
    """Where the image is fetched from; an empty value counts as no image."""

    checksum: str | None = None
    """Digest of the image, or the URL of a file that holds it. Needed unless the format is
    live-iso or the URL starts with oci://.
    """

    checksum_type: Annotated[str | None, Field(alias="checksumType")] = None
    """Algorithm of the digest. With auto, or when unset, it is recognised from the digest
    itself.
    """

    format: str | None = None
    """Disk format of the image. A live-iso is booted from virtual media or the network and never
    written to a disk.
    """

    oci_auth_secret_name: Annotated[str | None, Field(alias="ociAuthSecretName")] = None
    """Secret in the host's namespace with registry logins (type kubernetes.io/dockerconfigjson
    or kubernetes.io/dockercfg). Looked at for oci:// URLs only.
    """


class BareMetalHostSpecCustomDeploy(Model):
    """Deploy with a step that a site's own ramdisk offers, in place of or together with image.
    Setting it starts provisioning.
    """

    required_fields: ClassVar[frozenset[str]] = frozenset({"method"})

    method: str = ""
    """Name of the deploy step, as the ramdisk calls it."""


class BareMetalHostSpecUserData(Model):
    """Secret whose key userData goes to the config drive for the first boot (cloud-init,
    Ignition).
    """

    name: str | None = None
    """Name of the Secret."""

    namespace: str | None = None
    """Namespace of the Secret; must be the host's own when set."""


class BareMetalHostSpecConsumerRef(Model):
    """Who uses this host. A host with a consumer is taken and left alone by everybody else who
    looks for one.
    """

    api_version: Annotated[str | None, Field(alias="apiVersion")] = None
    """API group and version of the object pointed at."""

    kind: str | None = None
    """Kind of the object pointed at."""

    name: str | None = None
    """Name of the object pointed at."""

    namespace: str | None = None
    """Namespace of the object pointed at."""

    uid: str | None = None
    """UID of the object, to tell apart two objects that had the same name."""

    resource_version: Annotated[str | None, Field(alias="resourceVersion")] = None
    """Revision of the object, when one particular revision is meant."""

    field_path: Annotated[str | None, Field(alias="fieldPath")] = None
    """Path to the part of the object that is meant, when it is not the whole."""


class BareMetalHostSpecTaints(Model):
    """One taint."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"effect", "key"})

    key: str = ""
    """Key of the taint."""

    value: str | None = None
    """Value that goes with the key."""

    effect: str = ""
    """What happens to pods that do not tolerate it: NoSchedule, PreferNoSchedule or NoExecute."""

    time_added: Annotated[Time | None, Field(alias="timeAdded")] = None
    """When the taint was added."""


class BareMetalHostSpecNetworkInterfacesHostNetworkAttachment(Model):
    """HostNetworkAttachment to apply to the switch port."""

    name: str | None = None
    """Name of the HostNetworkAttachment."""

    namespace: str | None = None
    """Namespace of the HostNetworkAttachment; the host's own when unset."""


class BareMetalHostSpecNetworkInterfacesSwitchPort(Model):
    """Where the interface is plugged in, when LLDP cannot tell."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"port_id", "switch_id"})

    switch_id: Annotated[str, Field(alias="switchID")] = ""
    """MAC address that identifies the switch."""

    port_id: Annotated[str, Field(alias="portID")] = ""
    """Name of the port, as the switch calls it."""


class BareMetalHostSpecNetworkInterfaces(Model):
    """One network interface; named either by name or by MAC address."""

    name: str | None = None
    """Name of the interface as inspection shows it."""

    mac_address: Annotated[str | None, Field(alias="macAddress")] = None
    """MAC address of the interface."""

    host_network_attachment: Annotated[
        BareMetalHostSpecNetworkInterfacesHostNetworkAttachment | None,
        Field(alias="hostNetworkAttachment"),
    ] = None
    """HostNetworkAttachment to apply to the switch port."""

    switch_port: Annotated[
        BareMetalHostSpecNetworkInterfacesSwitchPort | None, Field(alias="switchPort")
    ] = None
    """Where the interface is plugged in, when LLDP cannot tell."""


class BareMetalHostSpec(Model):
    """What the server shall be."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"online"})

    online: bool = False
    """Whether the server shall be switched on. Followed whenever no work is going on with it."""

    bmc: BareMetalHostSpecBmc | None = None
    """How the baseboard management controller (BMC) is reached. A host without these details
    stays unmanaged.
    """

    boot_mac_address: Annotated[str | None, Field(alias="bootMACAddress")] = None
    """MAC address of the interface the server boots from. Tells servers apart when they boot
    over the network; cannot be changed once set.
    """

    boot_mode: Annotated[str | None, Field(alias="bootMode")] = None
    """How the firmware boots. UEFI when unset."""

    architecture: str | None = None
    """Processor architecture, such as x86_64 or aarch64. Taken from the inspection when unset."""

    root_device_hints: Annotated[
        BareMetalHostSpecRootDeviceHints | None, Field(alias="rootDeviceHints")
    ] = None
    """Which disk the image is written to. All hints given must match; the first disk that does
    is taken.
    """

    raid: BareMetalHostSpecRaid | None = None
    """RAID volumes to make before the server is provisioned. Untouched when unset; hardware and
    software volumes exclude each other.
    """

    firmware: BareMetalHostSpecFirmware | None = None
    """No longer supported and refused when set: use a HostFirmwareSettings object of the host's
    name.
    """

    hardware_profile: Annotated[str | None, Field(alias="hardwareProfile")] = None
    """Superseded by rootDeviceHints. Name of a set of default hints; the value empty stands for
    no default at all.
    """

    automated_cleaning_mode: Annotated[str, Field(alias="automatedCleaningMode")] = "metadata"
    """Whether the disks' partition tables are wiped before and after each use."""

    inspection_mode: Annotated[str | None, Field(alias="inspectionMode")] = None
    """How the hardware is looked at: by a ramdisk (agent, also when unset), through the BMC
    alone (fast), or not at all (disabled).
    """

    image: BareMetalHostSpecImage | None = None
    """Disk image to write. Setting it starts provisioning, removing it or changing its URL
    starts deprovisioning.
    """

    custom_deploy: Annotated[BareMetalHostSpecCustomDeploy | None, Field(alias="customDeploy")] = (
        None
    )
    """Deploy with a step that a site's own ramdisk offers, in place of or together with image.
    Setting it starts provisioning.
    """

    user_data: Annotated[BareMetalHostSpecUserData | None, Field(alias="userData")] = None
    """Secret whose key userData goes to the config drive for the first boot (cloud-init,
    Ignition).
    """

    network_data: Annotated[BareMetalHostSpecUserData | None, Field(alias="networkData")] = None
    """Secret whose key networkData goes to the config drive as the server's network
    configuration.
    """

    meta_data: Annotated[BareMetalHostSpecUserData | None, Field(alias="metaData")] = None
    """Secret whose key metaData is laid over the metadata the operator makes for the config
    drive.
    """

    preprovisioning_network_data_name: Annotated[
        str | None, Field(alias="preprovisioningNetworkDataName")
    ] = None
    """Secret in the host's namespace with the network configuration of the ramdisk. Also given
    to the config drive when networkData is unset.
    """

    consumer_ref: Annotated[BareMetalHostSpecConsumerRef | None, Field(alias="consumerRef")] = None
    """Who uses this host. A host with a consumer is taken and left alone by everybody else who
    looks for one.
    """

    externally_provisioned: Annotated[bool | None, Field(alias="externallyProvisioned")] = None
    """Something else has installed the server: watch it and switch its power, but never inspect,
    clean or write it.
    """

    disable_power_off: Annotated[bool | None, Field(alias="disablePowerOff")] = None
    """Never switch the server off; it is rebooted instead. Needs online to be true."""

    description: str | None = None
    """Free text for people."""

    taints: list[BareMetalHostSpecTaints] = Field(default_factory=list)
    """Reserved, without effect: taints for the node that will run on this host."""

    network_interfaces: Annotated[
        list[BareMetalHostSpecNetworkInterfaces], Field(alias="networkInterfaces")
    ] = Field(default_factory=list)
    """Wishes for the ports of the switches behind the server's network interfaces."""


class BareMetalHostStatusOperationalStatus(StrEnum):
    """Known values of operationalStatus."""

    EMPTY = ""
    OK = "OK"
    DISCOVERED = "discovered"
    ERROR = "error"
    DELAYED = "delayed"
    DETACHED = "detached"
    SERVICING = "servicing"


class BareMetalHostStatusErrorType(StrEnum):
    """Known values of errorType."""

    PROVISIONED_REGISTRATION_ERROR = "provisioned registration error"
    REGISTRATION_ERROR = "registration error"
    INSPECTION_ERROR = "inspection error"
    PREPARATION_ERROR = "preparation error"
    PROVISIONING_ERROR = "provisioning error"
    POWER_MANAGEMENT_ERROR = "power management error"
    SERVICING_ERROR = "servicing error"
    DETACH_ERROR = "detach error"


class BareMetalHostStatusProvisioning(Model):
    """How far the host has come, and with what settings."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"id", "state"})

    state: str = ""
    """State of the host's life cycle, such as available or provisioned."""

    id: Annotated[str, Field(alias="ID")] = ""
    """The backend's own identifier of the server."""

    image: BareMetalHostSpecImage | None = None
    """Image that is on the server."""

    root_device_hints: Annotated[
        BareMetalHostSpecRootDeviceHints | None, Field(alias="rootDeviceHints")
    ] = None
    """Hints that were used to pick the disk."""

    boot_mode: Annotated[str | None, Field(alias="bootMode")] = None
    """Boot mode that was last applied."""

    raid: BareMetalHostSpecRaid | None = None
    """RAID volumes that were last applied."""

    firmware: BareMetalHostSpecFirmware | None = None
    """Not used any more; kept for old objects."""

    custom_deploy: Annotated[BareMetalHostSpecCustomDeploy | None, Field(alias="customDeploy")] = (
        None
    )
    """Deploy step that was run on the server."""


class BareMetalHostStatusHardwareSystemVendor(Model):
    """Who made the machine."""

    manufacturer: str | None = None
    """Name of the manufacturer."""

    product_name: Annotated[str | None, Field(alias="productName")] = None
    """Name of the product, sometimes with its order number."""

    serial_number: Annotated[str | None, Field(alias="serialNumber")] = None
    """Serial number of the machine."""


class BareMetalHostStatusHardwareFirmwareBios(Model):
    """The system firmware."""

    vendor: str | None = None
    """Who wrote the firmware."""

    version: str | None = None
    """Version of the firmware."""

    date: str | None = None
    """When this version was released, as the firmware prints it."""


class BareMetalHostStatusHardwareFirmware(Model):
    """Firmware found on the machine."""

    bios: BareMetalHostStatusHardwareFirmwareBios | None = None
    """The system firmware."""


class BareMetalHostStatusHardwareNicsVlans(Model):
    """One VLAN."""

    id: int | None = None
    """Number of the VLAN (IEEE 802.1Q)."""

    name: str | None = None
    """Name the switch gives the VLAN."""


class BareMetalHostStatusHardwareNicsLldp(Model):
    """What the switch said about itself (IEEE 802.1AB)."""

    switch_id: Annotated[str | None, Field(alias="switchID")] = None
    """Chassis ID of the switch."""

    port_id: Annotated[str | None, Field(alias="portID")] = None
    """Port of the switch this interface is plugged into."""

    switch_system_name: Annotated[str | None, Field(alias="switchSystemName")] = None
    """Name of the switch."""


class BareMetalHostStatusHardwareNics(Model):
    """One address of one network interface."""

    name: str | None = None
    """Name Linux gives the interface, such as eth0."""

    model: str | None = None
    """PCI vendor and device numbers, such as 0x8086 0x1572."""

    mac: str | None = None
    """MAC address of the interface."""

    ip: str | None = None
    """IPv4 or IPv6 address the interface had during inspection."""

    speed_gbps: Annotated[int | None, Field(alias="speedGbps")] = None
    """Link speed in gigabits per second."""

    vlans: list[BareMetalHostStatusHardwareNicsVlans] = Field(default_factory=list)
    """VLANs the switch offers on this port."""

    vlan_id: Annotated[int | None, Field(alias="vlanId")] = None
    """Number of the VLAN whose frames come untagged."""

    pxe: bool | None = None
    """True when the machine booted from this interface."""

    lldp: BareMetalHostStatusHardwareNicsLldp | None = None
    """What the switch said about itself (IEEE 802.1AB)."""

    pci_address: Annotated[str | None, Field(alias="pciAddress")] = None
    """Where the interface sits on the PCI bus."""


class BareMetalHostStatusHardwareStorageType(StrEnum):
    """Known values of type."""

    HDD = "HDD"
    SSD = "SSD"
    NVME = "NVME"


class BareMetalHostStatusHardwareStorage(Model):
    """One disk."""

    name: str | None = None
    """Linux name of the disk, the most stable one that exists."""

    alternate_names: Annotated[list[str], Field(alias="alternateNames")] = Field(
        default_factory=list
    )
    """Other Linux names of the same disk; they may change at the next boot."""

    rotational: bool | None = None
    """True for spinning disks. Superseded by type."""

    type: str | None = None
    """Technology of the disk."""

    size_bytes: Annotated[int | None, Field(alias="sizeBytes")] = None
    """Size in bytes."""

    vendor: str | None = None
    """Who made the disk."""

    model: str | None = None
    """Model of the disk."""

    serial_number: Annotated[str | None, Field(alias="serialNumber")] = None
    """Serial number of the disk."""

    wwn: str | None = None
    """World wide name of the disk."""

    wwn_vendor_extension: Annotated[str | None, Field(alias="wwnVendorExtension")] = None
    """The vendor's extension of the world wide name."""

    wwn_with_extension: Annotated[str | None, Field(alias="wwnWithExtension")] = None
    """World wide name followed by the vendor's extension."""

    hctl: str | None = None
    """SCSI address as host:channel:target:lun."""


class BareMetalHostStatusHardwareCpu(Model):
    """Processors, taken together."""

    arch: str | None = None
    """Architecture, such as x86_64 or aarch64."""

    model: str | None = None
    """Model of the processors."""

    clock_megahertz: Annotated[float | int | None, Field(alias="clockMegahertz")] = None
    """Clock rate in MHz."""

    flags: list[str] = Field(default_factory=list)
    """Features the processors have, by their Linux names."""

    count: int | None = None
    """Number of hardware threads."""


class BareMetalHostStatusHardware(Model):
    """Hardware found by inspection. Superseded by the HardwareData object of the host's name,
    which says the same.
    """

    system_vendor: Annotated[
        BareMetalHostStatusHardwareSystemVendor | None, Field(alias="systemVendor")
    ] = None
    """Who made the machine."""

    firmware: BareMetalHostStatusHardwareFirmware | None = None
    """Firmware found on the machine."""

    ram_mebibytes: Annotated[int | None, Field(alias="ramMebibytes")] = None
    """Memory in MiB."""

    nics: list[BareMetalHostStatusHardwareNics] = Field(default_factory=list)
    """Network interfaces, one entry an address: an interface with an IPv4 and an IPv6 address is
    listed twice.
    """

    storage: list[BareMetalHostStatusHardwareStorage] = Field(default_factory=list)
    """Disks of the machine."""

    cpu: BareMetalHostStatusHardwareCpu | None = None
    """Processors, taken together."""

    hostname: str | None = None
    """Name the machine had while it was inspected."""


class BareMetalHostStatusGoodCredentials(Model):
    """BMC credentials that were seen to work."""

    credentials: BareMetalHostSpecUserData | None = None
    """Secret they came from."""

    credentials_version: Annotated[str | None, Field(alias="credentialsVersion")] = None
    """The Secret's resourceVersion at that time."""


class BareMetalHostStatusOperationHistoryRegister(Model):
    """Latest registration."""

    nullable_fields: ClassVar[frozenset[str]] = frozenset({"end", "start"})

    start: Time | None = None
    """When it began; null before the first one."""

    end: Time | None = None
    """When it ended; null while it is going on."""


class BareMetalHostStatusOperationHistory(Model):
    """When the latest operation of each kind began and ended."""

    register_: Annotated[
        BareMetalHostStatusOperationHistoryRegister | None, Field(alias="register")
    ] = None
    """Latest registration."""

    inspect: BareMetalHostStatusOperationHistoryRegister | None = None
    """Latest inspection."""

    provision: BareMetalHostStatusOperationHistoryRegister | None = None
    """Latest provisioning."""

    deprovision: BareMetalHostStatusOperationHistoryRegister | None = None
    """Latest deprovisioning."""


class BareMetalHostStatus(Model):
    """What is known about the server."""

    required_fields: ClassVar[frozenset[str]] = frozenset(
        {
            "error_count",
            "error_message",
            "operational_status",
            "powered_on",
            "provisioning",
            "provisioning_fail_count",
        }
    )

    operational_status: Annotated[str, Field(alias="operationalStatus")] = ""
    """Overall health of the host's management."""

    error_type: Annotated[str | None, Field(alias="errorType")] = None
    """Which kind of work failed last; empty while all is well."""

    error_message: Annotated[str, Field(alias="errorMessage")] = ""
    """Explanation of the failure; empty while all is well."""

    error_count: Annotated[int, Field(alias="errorCount")] = 0
    """Failures since the last success; the wait before the next attempt grows with it."""

    provisioning_fail_count: Annotated[int, Field(alias="provisioningFailCount")] = 0
    """Failed attempts to provision the present image; no more are made when it reaches the
    limit.
    """

    last_attempted_image: Annotated[
        BareMetalHostSpecImage | None, Field(alias="lastAttemptedImage")
    ] = None
    """Image of the latest attempt to provision. A different one in the spec resets the count of
    failures.
    """

    last_updated: Annotated[Time | None, Field(alias="lastUpdated")] = None
    """When this status was last written."""

    powered_on: Annotated[bool, Field(alias="poweredOn")] = False
    """Whether the server was on when last looked at."""

    provisioning: BareMetalHostStatusProvisioning = Field(
        default_factory=BareMetalHostStatusProvisioning
    )
    """How far the host has come, and with what settings."""

    hardware_profile: Annotated[str | None, Field(alias="hardwareProfile")] = None
    """Name of the set of default hints that was picked."""

    hardware: BareMetalHostStatusHardware | None = None
    """Hardware found by inspection. Superseded by the HardwareData object of the host's name,
    which says the same.
    """

    good_credentials: Annotated[
        BareMetalHostStatusGoodCredentials | None, Field(alias="goodCredentials")
    ] = None
    """BMC credentials that were seen to work."""

    tried_credentials: Annotated[
        BareMetalHostStatusGoodCredentials | None, Field(alias="triedCredentials")
    ] = None
    """BMC credentials that were last handed to the backend, whether they worked or not."""

    operation_history: Annotated[
        BareMetalHostStatusOperationHistory | None, Field(alias="operationHistory")
    ] = None
    """When the latest operation of each kind began and ended."""

    conditions: list[Condition] = Field(default_factory=list)
    """Aspects of the host's state that programs can wait for."""


class BareMetalHost(Object):
    """A physical server: how its BMC is reached, what shall run on it, and what is known about
    it.
    """

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind("metal3.io", "v1alpha1", "BareMetalHost")
    plural: ClassVar[str] = "baremetalhosts"
    namespaced: ClassVar[bool] = True

    spec: BareMetalHostSpec = Field(default_factory=BareMetalHostSpec)
    """What the server shall be."""

    status: BareMetalHostStatus = Field(default_factory=BareMetalHostStatus)
    """What is known about the server."""
