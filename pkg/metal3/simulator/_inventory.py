"""What the agent finds in a host: the same for the same host, in every lab.

The shape is the Ironic Python Agent's inventory. Hosts differ a little, so that selectors and
hints have something to choose from: by number modulo three, see :data:`MODELS`.
"""

from dataclasses import dataclass
from typing import Any

from . import _lldp
from ._hosts import SimulatedHost
from ._lldp import SwitchPort

GIB = 1 << 30
PORTS_PER_SWITCH = 24
CPU_FLAGS = ("aes", "avx2", "fpu", "lm", "nx", "pse", "sse4_2", "tsc", "vmx")
VLANS = ((100, "provisioning"), (200, "tenant"), (300, "storage"))


@dataclass(frozen=True, kw_only=True)
class Model:
    """What one kind of host has: memory in GiB, sizes of its HDD, SSD and NVMe in GiB."""

    product: str
    cores: int
    memory: int
    hdd: int
    ssd: int
    nvme: int


MODELS = (
    Model(product="Simulated R1", cores=32, memory=128, hdd=4000, ssd=480, nvme=960),
    Model(product="Simulated R2", cores=64, memory=256, hdd=8000, ssd=960, nvme=1920),
    Model(product="Simulated R3", cores=16, memory=64, hdd=2000, ssd=240, nvme=480),
)


def inspection_data(host: SimulatedHost) -> dict[str, Any]:
    """All that the agent sends when it is inspected."""
    disks = _disks(host)
    return {
        "inventory": _inventory(host, disks),
        "root_disk": disks[1],
        "boot_interface": host.boot_mac,
        "configuration": {
            "collectors": ["default"],
            "managers": [{"name": "generic_hardware_manager", "version": "1.2"}],
        },
        "error": None,
    }


def _inventory(host: SimulatedHost, disks: list[dict[str, Any]]) -> dict[str, Any]:
    model = MODELS[host.index % len(MODELS)]
    return {
        "interfaces": [_nic(host, number) for number in range(len(host.macs))],
        "cpu": {
            "model_name": "Simulated CPU",
            "frequency": "2400.0000",
            "count": model.cores,
            "architecture": "x86_64",
            "flags": list(CPU_FLAGS),
            "socket_count": 2,
        },
        "disks": disks,
        "memory": {"total": model.memory * GIB, "physical_mb": model.memory * 1024},
        # The agent's words for a BMC it cannot see.
        "bmc_address": "0.0.0.0",  # noqa: S104  # reported, not bound
        "bmc_v6address": "::/0",
        "bmc_mac": None,
        "hostname": host.name,
        "boot": {"current_boot_mode": "uefi", "pxe_interface": host.boot_mac},
        "system_vendor": {
            "product_name": model.product,
            "serial_number": host.system_uuid,
            "manufacturer": "Simulator",
            "firmware": {"vendor": "Simulator", "version": "1.0.0", "build_date": "01/02/2026"},
        },
    }


def _nic(host: SimulatedHost, number: int) -> dict[str, Any]:
    high, low = divmod(host.index, 250)
    first = number == 0
    return {
        "name": f"eno{number + 1}",
        "mac_address": host.macs[number],
        "ipv4_address": f"10.77.{high}.{low + 1}" if first else None,
        "ipv6_address": f"fd00:77::{host.index + 1:x}" if first else None,
        "has_carrier": True,
        "vendor": "0x8086",
        "product": "0x1572",
        "client_id": None,
        "biosdevname": None,
        "speed_mbps": 25000,
        "pci_address": f"0000:18:00.{number}",
        "driver": "i40e",
        "lldp": [list(tlv) for tlv in _lldp.announce(_switch_port(host, number))],
    }


def _switch_port(host: SimulatedHost, nic: int) -> SwitchPort:
    """NIC 1 is wired to the first switch of a pair, NIC 2 to the second."""
    rack, place = divmod(host.index, PORTS_PER_SWITCH)
    return SwitchPort(
        switch_mac=f"02:00:00:00:{rack & 255:02x}:{nic:02x}",
        switch_name=f"rack{rack}-switch{nic + 1}",
        port=f"Ethernet1/{place + 1}",
        untagged_vlan=VLANS[0][0],
        vlans=VLANS,
    )


def _disks(host: SimulatedHost) -> list[dict[str, Any]]:
    model = MODELS[host.index % len(MODELS)]
    return [
        _disk(host, "/dev/sda", "Spinner", model.hdd, path="pci-0000:00:17.0-ata-1"),
        _disk(host, "/dev/sdb", "Solid", model.ssd, path="pci-0000:00:17.0-ata-2"),
        _disk(host, "/dev/nvme0n1", "Express", model.nvme, path="pci-0000:5e:00.0-nvme-1"),
    ]


def _disk(host: SimulatedHost, name: str, kind: str, size: int, *, path: str) -> dict[str, Any]:
    letter = name[-1] if name.startswith("/dev/sd") else "n"
    hctl = None if letter == "n" else f"{ord(letter) - ord('a')}:0:0:0"
    wwn = f"0x5000c5{host.index:08x}{ord(letter):02x}"
    return {
        "name": name,
        "model": f"{kind} {size}",
        "size": size * GIB,
        "rotational": kind == "Spinner",
        "wwn": wwn,
        "wwn_with_extension": wwn,
        "wwn_vendor_extension": None,
        "serial": f"SIM{host.index:05d}{letter.upper()}",
        "vendor": "NVMe" if letter == "n" else "ATA",
        "hctl": hctl,
        "by_path": f"/dev/disk/by-path/{path}",
        "logical_sectors": 512,
        "physical_sectors": 4096,
    }
