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
# Distances from the base port; 6000 gives Ironic its customary 6385. The BMCs come last: one port
# a host.
OFFSETS = {"ironic": 385, "agent": 999, "control": 1000, "files": 80, "redfish": 2000, "ipmi": 2000}
MAX_HOSTS = 1000


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Ports of one lab; ``redfish`` (TCP) and ``ipmi`` (UDP) are those of the first host."""

    base: int
    ironic: int
    agent: int
    control: int
    files: int
    redfish: int
    ipmi: int


def choose(base_port: int, *, hosts: int) -> Ports:
    """Ports at fixed distances from ``base_port``, or free ones if it is 0.

    Raises :class:`PortError` if the ports of ``base_port`` are taken, or none are found.
    """
    if base_port:
        ports = _at(base_port)
        taken = sorted(number for number, kind in _all(ports, hosts) if not _is_free(number, kind))
        if taken:
            raise PortError(f"taken already: {', '.join(map(str, taken))}")
        return ports
    for base in _candidates():
        ports = _at(base)
        if all(_is_free(number, kind) for number, kind in _all(ports, hosts)):
            return ports
    raise PortError(f"no free ports between {LOWEST} and {HIGHEST}")


def remembered(file: Path) -> int:
    """The base port that was used before in the same folder, or 0."""
    return int(file.read_text()) if file.exists() else 0


def _at(base: int) -> Ports:
    return Ports(base=base, **{name: base + offset for name, offset in OFFSETS.items()})


def _all(ports: Ports, hosts: int) -> Iterator[tuple[int, socket.SocketKind]]:
    for port in (ports.ironic, ports.agent, ports.control, ports.files):
        yield port, socket.SOCK_STREAM
    for index in range(hosts):
        yield ports.redfish + index, socket.SOCK_STREAM
        yield ports.ipmi + index, socket.SOCK_DGRAM


def _candidates() -> Iterator[int]:
    highest = HIGHEST - OFFSETS["redfish"] - MAX_HOSTS
    for _ in range(ATTEMPTS):
        yield random.randrange(LOWEST, highest)  # noqa: S311  # not a secret


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        # As servers do: a connection that is only waiting out its end does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
