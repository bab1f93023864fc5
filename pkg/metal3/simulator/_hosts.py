"""The simulated hosts: everything about them follows from their number."""

import uuid
from dataclasses import dataclass

NAMESPACE = uuid.UUID("7d4f2c1e-9a35-4b0e-8a6d-3c5e0f1b2a97")
NICS_PER_HOST = 2


@dataclass(frozen=True, kw_only=True)
class SimulatedHost:
    """One simulated server, and how an operator reaches its BMC.

    ``boot_mac`` is the first of ``macs``. ``disable_certificate_verification`` is true where the
    BMC's certificate is signed by the lab's own authority.
    """

    index: int
    name: str
    system_uuid: str
    macs: tuple[str, ...]
    bmc_address: str
    username: str
    password: str
    disable_certificate_verification: bool = False

    @property
    def boot_mac(self) -> str:
        """MAC address of the NIC that the host boots from."""
        return self.macs[0]

    def __repr__(self) -> str:
        """Without the password."""
        return f"SimulatedHost({self.name}, {self.bmc_address})"


def host_name(index: int) -> str:
    """Name of host number ``index``, counted from 0."""
    return f"node-{index}"


def system_uuid(index: int) -> str:
    """The system's UUID: the same in every lab."""
    return str(uuid.uuid5(NAMESPACE, host_name(index)))


def macs(index: int) -> tuple[str, ...]:
    """MAC addresses, in the range that QEMU uses for its guests."""
    first = index * NICS_PER_HOST
    return tuple(
        f"52:54:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        for number in range(first, first + NICS_PER_HOST)
    )
