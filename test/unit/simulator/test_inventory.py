"""What hosts are made of."""

import pytest

from metal3.simulator import SimulatedHost
from metal3.simulator._hosts import host_name, macs, system_uuid
from metal3.simulator._inventory import inspection_data


def make_host(index=0):
    """A host by its number."""
    return SimulatedHost(
        index=index,
        name=host_name(index),
        system_uuid=system_uuid(index),
        macs=macs(index),
        bmc_address="redfish+http://127.0.0.1:1/redfish/v1/Systems/x",
        username="admin",
        password="hidden",
    )


def test_the_same_host_is_the_same_everywhere():
    """Tests and demos can name MAC addresses and serial numbers."""
    assert inspection_data(make_host(4)) == inspection_data(make_host(4))
    assert make_host(1).boot_mac == "52:54:00:00:00:02"


def test_no_two_hosts_share_an_identity():
    """Ironic finds nodes by MAC address, users by serial number."""
    hosts = [make_host(index) for index in range(300)]
    everything = [mac for host in hosts for mac in host.macs]
    serials = [
        disk["serial"] for host in hosts for disk in inspection_data(host)["inventory"]["disks"]
    ]
    assert len(set(everything)) == len(everything)
    assert len(set(serials)) == len(serials)


def test_disks_are_of_three_kinds():
    """Root device hints have something to choose from."""
    disks = inspection_data(make_host())["inventory"]["disks"]
    kinds = [(disk["rotational"], disk["name"].startswith("/dev/nvme")) for disk in disks]
    assert kinds == [(True, False), (False, False), (False, True)]


def test_a_password_is_not_in_what_is_printed():
    """Hosts end up in logs."""
    assert "hidden" not in repr(make_host())


def test_ironic_reads_the_switch_out_of_lldp():
    """Ironic's own parser finds the switch, the port and the VLANs of each NIC."""
    parsers = pytest.importorskip("ironic.drivers.modules.inspector.lldp_parsers")
    for nic in inspection_data(make_host(25))["inventory"]["interfaces"]:
        parser = parsers.LLDPBasicMgmtParser("node")
        for kind, value in nic["lldp"]:
            assert parser.parse_tlv(kind, bytearray.fromhex(value))
        found = parser.nv_dict
        assert found["switch_system_name"] == f"rack1-switch{nic['name'][-1]}"
        assert found["switch_port_id"] == "Ethernet1/2"
        assert found["switch_port_untagged_vlan_id"] == 100
        assert [vlan["id"] for vlan in found["switch_port_vlans"]] == [100, 200, 300]
        assert found["switch_port_mtu"] == 9216
