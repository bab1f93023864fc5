"""Inspection and the translation of its inventory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metal3.provisioner import BackendError, InspectData, Result
from metal3.provisioner.ironic._hardware import hardware_details

from .conftest import POLL

INVENTORY = {
    "inventory": {
        "hostname": "agent-1",
        "memory": {"physical_mb": 4096, "total": 1},
        "system_vendor": {
            "manufacturer": "ACME",
            "product_name": "Box",
            "serial_number": "S1",
            "firmware": {"vendor": "BV", "version": "1.2", "build_date": "01/02/2026"},
        },
        "cpu": {
            "architecture": "x86_64",
            "model_name": "CPU",
            "frequency": "2599.6",
            "count": 4,
            "flags": ["vmx", "aes"],
        },
        "interfaces": [
            {
                "name": "eth0",
                "vendor": "0x8086",
                "product": "0x1572",
                "mac_address": "52:54:00:00:00:01",
                "ipv4_address": "192.0.2.5",
                "ipv6_address": "2001:db8::5",
                "speed_mbps": 10000,
                "pci_address": "0000:00:01.0",
            },
            {"name": "eth1", "mac_address": "52:54:00:00:00:02", "vendor": None},
        ],
        "disks": [
            {"name": "/dev/sda", "by_path": "/dev/disk/by-path/a", "rotational": True, "size": 10},
            {"name": "/dev/nvme0n1", "rotational": False, "size": 20, "serial": "D2"},
            {"name": "/dev/sdb", "rotational": False, "hctl": "1:0:0:0"},
        ],
    },
    "plugin_data": {
        "all_interfaces": {"eth0": {"pxe_enabled": True}, "eth1": {"pxe_enabled": False}},
        "parsed_lldp": {
            "eth1": {
                "switch_chassis_id": "aa:bb",
                "switch_port_id": "Eth1/1",
                "switch_system_name": "leaf-1",
                "switch_port_untagged_vlan_id": 100,
                "switch_port_vlans": [{"id": 100, "name": "prov"}, {"id": "200"}, {"id": 9999}],
            }
        },
    },
}


async def inspect(bench, *, retry=False, refresh=False, force=False, **data):
    """One call of the step."""
    return await (await bench.provisioner()).inspect_hardware(
        InspectData(boot_mode="UEFI", **data),
        restart_on_failure=retry,
        refresh=refresh,
        force_reboot=force,
    )


@pytest.mark.looptime
class TestSteps:
    """Which state leads to which request."""

    async def test_the_agent_is_started_once(self, bench, ironic):
        """A managed node is inspected, and the call says that it started it."""
        node = ironic.add(inspect_interface="redfish")
        result, started, details = await inspect(bench, cpu_architecture="aarch64")
        assert (result, started, details) == (Result.again(POLL), True, None)
        assert node["inspect_interface"] == "agent"
        assert node["properties"] == {"capabilities": "boot_mode:uefi", "cpu_arch": "aarch64"}
        assert bench.reasons == ["InspectionStarted"]
        result, started, details = await inspect(bench)
        assert (result, started, details) == (Result.again(POLL), False, None)
        assert ironic.targets() == ["inspect"]

    async def test_a_fast_inspection_goes_through_the_bmc(self, bench, ironic):
        """The driver's own interface, no agent."""
        node = ironic.add()
        await inspect(bench, inspection_mode="fast")
        assert node["inspect_interface"] == "redfish"

    async def test_the_result_is_handed_over(self, bench, ironic):
        """Complete, with the hardware and an event."""
        node = ironic.add(inspection_finished_at="2026-01-01T00:00:00")
        ironic.inventories[node["uuid"]] = INVENTORY
        result, started, details = await inspect(bench)
        assert (result, started) == (Result.complete(), False)
        assert details is not None
        assert details.hostname == "agent-1"
        assert bench.reasons == ["InspectionComplete"]

    async def test_a_refresh_inspects_again(self, bench, ironic):
        """What is known does not count then."""
        node = ironic.add(inspection_finished_at="2026-01-01T00:00:00")
        ironic.inventories[node["uuid"]] = INVENTORY
        _, started, details = await inspect(bench, refresh=True)
        assert (started, details) == (True, None)

    async def test_an_ironic_that_keeps_no_inventory_is_told(self, bench, ironic):
        """Inspecting again and again would never end."""
        ironic.add(inspection_finished_at="2026-01-01T00:00:00")
        result, _, _ = await inspect(bench)
        assert "data_backend" in result.error_message
        assert ironic.targets() == []

    @pytest.mark.parametrize(
        ("state", "options", "error", "target"),
        [
            ("available", {}, None, "manage"),
            ("inspecting", {}, None, None),
            ("inspect wait", {}, None, None),
            ("inspect wait", {"force": True}, None, "abort"),
            ("inspect failed", {"retry": True}, "x", "inspect"),
            ("inspect failed", {}, "Inspection was aborted by request.", "inspect"),
        ],
    )
    async def test_other_states(self, bench, ironic, state, options, error, target):
        """Each asks for one thing at most and is looked at again."""
        ironic.add(provision_state=state, last_error=error)
        result, _, _ = await inspect(bench, **options)
        assert result == Result.again(POLL)
        assert ironic.targets() == ([target] if target else [])

    async def test_a_failure_is_told(self, bench, ironic):
        """With the cause when it is known."""
        error = "Timeout reached while inspecting the node. Please check if the ramdisk is up."
        ironic.add(provision_state="inspect failed", last_error=error)
        result, _, _ = await inspect(bench)
        assert "inspection failed: the deploy agent never reported back" in result.error_message

    async def test_a_running_host_is_not_inspected(self, bench, ironic):
        """It would be rebooted."""
        ironic.add(provision_state="active")
        with pytest.raises(BackendError):
            await inspect(bench)


class TestHardware:
    """The inventory as HardwareDetails."""

    def test_everything_that_is_known(self):
        """Each part in its place, nothing that says nothing."""
        assert hardware_details(INVENTORY).to_dict() == {
            "hostname": "agent-1",
            "ramMebibytes": 4096,
            "systemVendor": {"manufacturer": "ACME", "productName": "Box", "serialNumber": "S1"},
            "firmware": {"bios": {"vendor": "BV", "version": "1.2", "date": "01/02/2026"}},
            "cpu": {
                "arch": "x86_64",
                "model": "CPU",
                "clockMegahertz": 2600,
                "flags": ["aes", "vmx"],
                "count": 4,
            },
            "nics": [
                {
                    "name": "eth0",
                    "model": "0x8086 0x1572",
                    "mac": "52:54:00:00:00:01",
                    "ip": address,
                    "speedGbps": 10,
                    "pxe": True,
                    "pciAddress": "0000:00:01.0",
                }
                for address in ("192.0.2.5", "2001:db8::5")
            ]
            + [
                {
                    "name": "eth1",
                    "mac": "52:54:00:00:00:02",
                    "vlans": [{"id": 100, "name": "prov"}, {"id": 200}],
                    "vlanId": 100,
                    "lldp": {
                        "switchID": "aa:bb",
                        "portID": "Eth1/1",
                        "switchSystemName": "leaf-1",
                    },
                }
            ],
            "storage": [
                {
                    "name": "/dev/disk/by-path/a",
                    "alternateNames": ["/dev/disk/by-path/a", "/dev/sda"],
                    "rotational": True,
                    "type": "HDD",
                    "sizeBytes": 10,
                },
                {
                    "name": "/dev/nvme0n1",
                    "alternateNames": ["/dev/nvme0n1"],
                    "type": "NVME",
                    "sizeBytes": 20,
                    "serialNumber": "D2",
                },
                {
                    "name": "/dev/sdb",
                    "alternateNames": ["/dev/sdb"],
                    "type": "SSD",
                    "hctl": "1:0:0:0",
                },
            ],
        }

    JSON = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=10,
    )

    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "inventory": JSON
                | st.fixed_dictionaries(
                    {},
                    optional={
                        "interfaces": JSON,
                        "disks": JSON,
                        "memory": JSON,
                        "system_vendor": JSON,
                    },
                ),
                "plugin_data": JSON,
            },
        )
    )
    def test_an_odd_inventory_is_no_crash(self, answer):
        """Agents are many; what cannot be understood is left out."""
        hardware_details(answer)
