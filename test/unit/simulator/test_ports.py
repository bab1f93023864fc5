"""Labs find ports for themselves, or take those they are told."""

import socket
from dataclasses import asdict

import pytest

from metal3.simulator import PortError
from metal3.simulator._ports import LOOPBACK, choose, remembered


def test_ports_are_free_and_apart_from_each_other():
    """Every server of the lab can listen, each host's BMC among them."""
    ports = choose(0, hosts=3)
    numbers = {number for name, number in asdict(ports).items() if name not in {"base", "ipmi"}}
    assert len(numbers) == 5
    for number in (*numbers, ports.redfish + 2):
        with socket.socket() as server:
            server.bind((LOOPBACK, number))


def test_a_base_port_of_6000_gives_ironic_its_own_port():
    """People know 6385."""
    assert choose(6000, hosts=0).ironic == 6385


def test_a_taken_port_is_named():
    """The user has to know which one."""
    ports = choose(0, hosts=2)
    with socket.socket() as other:
        other.bind((LOOPBACK, ports.redfish + 1))
        other.listen()
        with pytest.raises(PortError, match=str(ports.redfish + 1)):
            choose(ports.base, hosts=2)
        assert choose(ports.base, hosts=1) == ports


def test_ports_are_remembered_by_folder(tmp_path):
    """Ironic's database holds addresses with ports in them."""
    file = tmp_path / "base-port"
    assert remembered(file) == 0
    file.write_text("21000")
    assert remembered(file) == 21000
