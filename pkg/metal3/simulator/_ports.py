"""Which loopback ports a lab uses."""

import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ._errors import PortError

LOOPBACK = "127.0.0.1"
# Below the range from which the kernel takes the local ends of outgoing connections, so that a
# port found free stays free until a child has bound it.
LOWEST, HIGHEST = 20000, 32000
ATTEMPTS = 200
# Distances from the base port; 6000 gives Ironic its customary 6385.
OFFSETS = {"ironic": 385, "redfish": 800, "agent": 999, "control": 1000, "files": 80}
IPMI_OFFSET = 1100


@dataclass(frozen=True, kw_only=True)
class Ports:
    """TCP ports, and the first of the UDP ports of the IPMI BMCs (one a host, in order)."""

    base: int
    ironic: int
    redfish: int
    agent: int
    control: int
    files: int
    ipmi: int


def choose(base_port: int, *, ipmi_hosts: int = 0) -> Ports:
    """Ports at fixed distances from ``base_port``, or free ones if it is 0.

    Raises :class:`PortError` if the ports of ``base_port`` are taken, or none are found.
    """
    if base_port:
        ports = _at(base_port)
        taken = [port for port in _tcp(ports) if not _is_free(port, socket.SOCK_STREAM)]
        if taken:
            raise PortError(f"taken already: {', '.join(map(str, sorted(taken)))}")
        return ports
    for base in _candidates():
        ports = _at(base)
        udp = range(ports.ipmi, ports.ipmi + ipmi_hosts)
        if all(_is_free(port, socket.SOCK_STREAM) for port in _tcp(ports)) and all(
            _is_free(port, socket.SOCK_DGRAM) for port in udp
        ):
            return ports
    raise PortError(f"no free ports between {LOWEST} and {HIGHEST}")


def _at(base: int) -> Ports:
    return Ports(
        base=base,
        **{name: base + offset for name, offset in OFFSETS.items()},
        ipmi=base + IPMI_OFFSET,
    )


def remembered(file: Path) -> int:
    """The base port that was used before in the same folder, or 0."""
    return int(file.read_text()) if file.exists() else 0


def _tcp(ports: Ports) -> tuple[int, ...]:
    return (ports.ironic, ports.redfish, ports.agent, ports.control, ports.files)


def _candidates() -> Iterator[int]:
    for _ in range(ATTEMPTS):
        yield random.randrange(LOWEST, HIGHEST - 2000)  # noqa: S311  # not a secret


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        # As servers do: a connection that is only waiting out its end does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
