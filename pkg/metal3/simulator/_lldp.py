"""What a switch announces to a NIC, as the agent reports it: IEEE 802.1AB TLVs.

Each TLV is its type and its value in hexadecimal, without the two bytes of type and length.
"""

import struct
from dataclasses import dataclass

TLV = tuple[int, str]
CHASSIS_ID, PORT_ID, TTL, PORT_DESCRIPTION, SYSTEM_NAME, CAPABILITIES = 1, 2, 3, 4, 5, 7
ORGANIZATION, END = 127, 0
BY_MAC, BY_INTERFACE_NAME = 4, 5
BRIDGE_AND_ROUTER = 0x0014
IEEE_802_1 = bytes.fromhex("0080c2")
IEEE_802_3 = bytes.fromhex("00120f")
PORT_VLAN, VLAN_NAME, MTU = 1, 3, 4


@dataclass(frozen=True, kw_only=True)
class SwitchPort:
    """A switch port: ``untagged_vlan`` and the tagged ones by id."""

    switch_mac: str
    switch_name: str
    port: str
    untagged_vlan: int
    vlans: tuple[tuple[int, str], ...]
    mtu: int = 9216


def announce(port: SwitchPort) -> list[TLV]:
    """All TLVs of one announcement, in the order the standard wants."""
    mac = bytes.fromhex(port.switch_mac.replace(":", ""))
    tlvs = [
        (CHASSIS_ID, bytes([BY_MAC]) + mac),
        (PORT_ID, bytes([BY_INTERFACE_NAME]) + port.port.encode()),
        (TTL, struct.pack("!H", 120)),
        (PORT_DESCRIPTION, f"port {port.port}".encode()),
        (SYSTEM_NAME, port.switch_name.encode()),
        (CAPABILITIES, struct.pack("!HH", BRIDGE_AND_ROUTER, BRIDGE_AND_ROUTER)),
        (ORGANIZATION, IEEE_802_1 + struct.pack("!BH", PORT_VLAN, port.untagged_vlan)),
        *((ORGANIZATION, _vlan(number, name)) for number, name in port.vlans),
        (ORGANIZATION, IEEE_802_3 + struct.pack("!BH", MTU, port.mtu)),
        (END, b""),
    ]
    return [(kind, value.hex()) for kind, value in tlvs]


def _vlan(number: int, name: str) -> bytes:
    return IEEE_802_1 + struct.pack("!BHB", VLAN_NAME, number, len(name)) + name.encode()
