"""What inspection finds, under the names people know; hosts and HardwareData share these."""

from .zz_generated_baremetalhost import (
    BareMetalHostStatusHardware,
    BareMetalHostStatusHardwareCpu,
    BareMetalHostStatusHardwareFirmware,
    BareMetalHostStatusHardwareFirmwareBios,
    BareMetalHostStatusHardwareNics,
    BareMetalHostStatusHardwareNicsLldp,
    BareMetalHostStatusHardwareNicsVlans,
    BareMetalHostStatusHardwareStorage,
    BareMetalHostStatusHardwareStorageType,
    BareMetalHostStatusHardwareSystemVendor,
)

HardwareDetails = BareMetalHostStatusHardware
HardwareSystemVendor = BareMetalHostStatusHardwareSystemVendor
Firmware = BareMetalHostStatusHardwareFirmware
BIOS = BareMetalHostStatusHardwareFirmwareBios
NIC = BareMetalHostStatusHardwareNics
VLAN = BareMetalHostStatusHardwareNicsVlans
LLDP = BareMetalHostStatusHardwareNicsLldp
Storage = BareMetalHostStatusHardwareStorage
DiskType = BareMetalHostStatusHardwareStorageType
CPU = BareMetalHostStatusHardwareCpu
