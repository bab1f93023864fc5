"""The simulator drives the real Ironic through whole lives of hosts."""

import asyncio
import base64
import json
import ssl
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from metal3.simulator import (
    CleanStepFails,
    DeployStepFails,
    Lab,
    LabConfig,
    PowerStuck,
    SimulatedHost,
    StartError,
    WrongPassword,
)

pytestmark = pytest.mark.e2e
PATIENCE = 120
BUSY = {409, 503}


class Ironic:
    """A plain client: no more than what the tests need."""

    def __init__(self, lab: Lab, session: aiohttp.ClientSession) -> None:
        self.lab = lab
        self.session = session

    async def call(self, method, path, body=None) -> Any:
        """One call; a locked node and a full conductor are asked again."""
        auth = self.lab.ironic_auth
        headers = {"X-OpenStack-Ironic-API-Version": "latest"}
        if auth:
            login = base64.b64encode(f"{auth.username}:{auth.password}".encode()).decode()
            headers["Authorization"] = f"Basic {login}"
        url = f"{self.lab.ironic_url}/v1{path}"
        while True:
            async with self.session.request(method, url, json=body, headers=headers) as reply:
                text = await reply.text()
            if reply.status in BUSY:
                await asyncio.sleep(0.5)
                continue
            assert reply.status < 400, f"{method} {path}: {reply.status} {text}"
            return json.loads(text) if text else {}

    async def node(self, node):
        """The node as it is now."""
        return await self.call("GET", f"/nodes/{node}")

    async def target(self, node, target, **more):
        """Ask for a provision state."""
        await self.call("PUT", f"/nodes/{node}/states/provision", {"target": target, **more})

    async def reach(self, node, *states, failing=False):
        """Wait for one of the states; any failure before is an error unless ``failing``."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.node(node)
                state = found["provision_state"]
                if state in states and not (found["target_provision_state"] and not failing):
                    return found
                assert failing or "fail" not in state, f"{state}: {found['last_error']}"
                await asyncio.sleep(0.2)

    async def enroll(self, host: SimulatedHost, boot_interface: str) -> Any:
        """Create the node as an operator would."""
        lab = self.lab
        address, _, system = host.bmc_address.partition("+")[2].partition("/redfish")
        info: dict[str, Any] = {
            "redfish_address": address,
            "redfish_system_id": f"/redfish{system}",
            "redfish_username": host.username,
            "redfish_password": host.password,
            "deploy_kernel": lab.deploy_kernel_url,
            "deploy_ramdisk": lab.deploy_ramdisk_url,
        }
        if boot_interface == "redfish-virtual-media":
            info["deploy_iso"] = lab.deploy_iso_url
        if host.disable_certificate_verification:
            info["redfish_verify_ca"] = False
        body = {
            "name": f"test~{host.name}",
            "driver": "redfish",
            "driver_info": info,
            "boot_interface": boot_interface,
            "firmware_interface": "redfish",
            "inspect_interface": "agent",
            "raid_interface": "redfish",
            "properties": {"capabilities": "boot_mode:uefi"},
        }
        node = (await self.call("POST", "/nodes", body))["uuid"]
        port = {"node_uuid": node, "address": host.boot_mac, "pxe_enabled": True}
        await self.call("POST", "/ports", port)
        return node

    async def to_available(self, node):
        """From enrolled to available, with an inspection on the way."""
        await self.target(node, "manage")
        await self.reach(node, "manageable")
        await self.target(node, "inspect")
        await self.reach(node, "manageable")
        await self.target(node, "provide")
        await self.reach(node, "available")

    async def set_image(self, node):
        """Name the image to deploy."""
        image = {
            "image_source": self.lab.image_url,
            "image_os_hash_algo": "sha256",
            "image_os_hash_value": self.lab.image_checksum,
            "image_disk_format": "raw",
        }
        patch = [
            {"op": "add", "path": f"/instance_info/{key}", "value": value}
            for key, value in image.items()
        ]
        await self.call("PATCH", f"/nodes/{node}", patch)


CONFIG_DRIVE = {
    "meta_data": {"name": "first", "hostname": "first"},
    "user_data": "#cloud-config\n",
    "network_data": {"links": []},
}


@pytest.fixture
async def lab(request):
    """A lab with two hosts, open or with TLS and a login."""
    secure = getattr(request, "param", "plain") == "tls"
    config = LabConfig(
        hosts=2,
        tls=secure,
        auth="http_basic" if secure else "noauth",
        heartbeat=timedelta(seconds=1),
        ironic_options={"conductor.check_provision_state_interval": "2"},
    )
    async with Lab(config) as running:
        yield running


@pytest.fixture
async def ironic(lab):
    """A client of the lab's Ironic."""
    trust = ssl.create_default_context(cafile=lab.ca_file) if lab.ca_file else True
    connector = aiohttp.TCPConnector(ssl=trust)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Ironic(lab, session)


@pytest.mark.parametrize("lab", ["plain", "tls"], indirect=True)
@pytest.mark.parametrize("boot_interface", ["redfish-virtual-media", "ipxe"])
async def test_a_host_goes_from_enrolled_to_active_and_back(lab, ironic, boot_interface):
    """A deploy runs through Ironic's own steps, and the host can be used again afterwards."""
    host = lab.hosts[0]
    node = await ironic.enroll(host, boot_interface)
    await ironic.to_available(node)
    inventory = await ironic.call("GET", f"/nodes/{node}/inventory")
    await ironic.set_image(node)
    await ironic.target(node, "active", configdrive=CONFIG_DRIVE)
    active = await ironic.reach(node, "active")

    assert active["power_state"] == "power on"
    macs = [nic["mac_address"] for nic in inventory["inventory"]["interfaces"]]
    assert macs == list(host.macs)
    lldp = inventory["plugin_data"]["parsed_lldp"]["eno1"]
    assert lldp["switch_port_vlans"][0] == {"id": 100, "name": "provisioning"}

    await ironic.target(node, "deleted")
    await ironic.reach(node, "available")


async def test_a_wrong_password_is_named_and_can_be_healed(lab, ironic):
    """The node stays enrolled with the BMC's refusal, and registers once that is over."""
    host = lab.hosts[0]
    await lab.fault(host, WrongPassword())
    node = await ironic.enroll(host, "redfish-virtual-media")
    await ironic.target(node, "manage")
    refused = await ironic.reach(node, "enroll")
    assert "401" in refused["last_error"]
    assert host.password not in refused["last_error"]

    await lab.heal(host)
    await ironic.target(node, "manage")
    await ironic.reach(node, "manageable")

    await lab.fault(host, PowerStuck())
    power = {"target": "power on", "timeout": 3}
    await ironic.call("PUT", f"/nodes/{node}/states/power", power)
    async with asyncio.timeout(PATIENCE):
        while (stuck := await ironic.node(node))["target_power_state"]:  # noqa: ASYNC110  # a remote state
            await asyncio.sleep(0.2)
    assert stuck["power_state"] == "power off"
    assert "Failed to change power state" in stuck["last_error"]


async def test_failing_steps_are_told_and_the_host_recovers(lab, ironic):
    """A failed cleaning is on the node, a failed deploy at least in its history."""
    host = lab.hosts[0]
    node = await ironic.enroll(host, "redfish-virtual-media")
    await ironic.target(node, "manage")
    await ironic.reach(node, "manageable")
    await lab.fault(host, CleanStepFails("disk /dev/sda: I/O error"))
    await ironic.target(node, "provide")
    failed = await ironic.reach(node, "clean failed", failing=True)
    assert failed["fault"] == "clean failure"
    assert "I/O error" in failed["last_error"]

    await ironic.call("DELETE", f"/nodes/{node}/maintenance")
    await ironic.target(node, "manage")
    await ironic.reach(node, "manageable", failing=True)
    await ironic.target(node, "provide")
    await ironic.reach(node, "available")
    await ironic.set_image(node)
    await lab.fault(host, DeployStepFails("checksum mismatch"))
    await ironic.target(node, "active")
    await ironic.reach(node, "deploy failed", failing=True)
    history = await ironic.call("GET", f"/nodes/{node}/history?detail=true")
    assert any("checksum mismatch" in entry["event"] for entry in history["history"])


async def test_ironic_may_be_killed_and_forget_everything(lab, ironic):
    """Agents outlive it, and an empty Ironic can adopt a host that runs its instance."""
    host = lab.hosts[1]
    node = await ironic.enroll(host, "redfish-virtual-media")
    await ironic.to_available(node)
    await ironic.set_image(node)
    await ironic.target(node, "active")
    await ironic.reach(node, "wait call-back", failing=True)
    await lab.kill_ironic()
    await lab.start_ironic()
    await ironic.reach(node, "active", "deploy failed", failing=True)

    await lab.wipe_ironic_database()
    assert await ironic.call("GET", "/nodes") == {"nodes": []}
    node = await ironic.enroll(host, "redfish-virtual-media")
    await ironic.target(node, "manage")
    await ironic.reach(node, "manageable")
    await ironic.set_image(node)
    await ironic.target(node, "adopt")
    await ironic.reach(node, "active")


async def test_firmware_is_configured_and_updated(lab, ironic):
    """Through Ironic's own Redfish steps, while the host is being cleaned by hand."""
    node = await ironic.enroll(lab.hosts[0], "redfish-virtual-media")
    await ironic.target(node, "manage")
    await ironic.reach(node, "manageable")
    setting = {"name": "ProcTurboMode", "value": "Disabled"}
    updates = [
        {"component": "bios", "url": lab.firmware_url("bios", "2.3.4")},
        {"component": "bmc", "url": lab.firmware_url("bmc", "7.8")},
    ]
    steps = [
        {"interface": "bios", "step": "apply_configuration", "args": {"settings": [setting]}},
        {"interface": "firmware", "step": "update", "args": {"settings": updates}},
    ]
    await ironic.target(node, "clean", clean_steps=steps)
    await ironic.reach(node, "manageable")
    bios = await ironic.call("GET", f"/nodes/{node}/bios/ProcTurboMode")
    assert bios["ProcTurboMode"]["value"] == "Disabled"
    firmware = (await ironic.call("GET", f"/nodes/{node}/firmware"))["firmware"]
    versions = {part["component"]: part["current_version"] for part in firmware}
    assert versions == {"bios": "2.3.4", "bmc": "7.8"}


async def test_an_ipmi_host_registers_and_is_inspected():
    """Through pyghmi's BMC; ipmitool's stand-in takes over where the program is missing."""
    async with Lab(LabConfig(hosts=1, bmc="ipmi")) as lab, aiohttp.ClientSession() as session:
        ironic, host = Ironic(lab, session), lab.hosts[0]
        scheme, _, place = host.bmc_address.partition("://")
        info = {
            "ipmi_address": place.partition(":")[0],
            "ipmi_port": int(place.partition(":")[2]),
            "ipmi_username": host.username,
            "ipmi_password": host.password,
            "deploy_kernel": lab.deploy_kernel_url,
            "deploy_ramdisk": lab.deploy_ramdisk_url,
        }
        body = {"driver": scheme, "driver_info": info, "inspect_interface": "agent"}
        node = (await ironic.call("POST", "/nodes", body))["uuid"]
        await ironic.call("POST", "/ports", {"node_uuid": node, "address": host.boot_mac})
        await lab.fault(host, WrongPassword())
        await ironic.target(node, "manage")
        assert "IPMI call failed" in (await ironic.reach(node, "enroll"))["last_error"]
        await lab.heal(host)
        await ironic.target(node, "manage")
        await ironic.reach(node, "manageable")
        await ironic.target(node, "inspect")
        assert (await ironic.reach(node, "manageable"))["power_state"] == "power off"


async def test_an_ironic_that_cannot_start_says_why(tmp_path):
    """The error carries the end of the log, and nothing is left running."""
    options = {"DEFAULT.enabled_hardware_types": "coffee-machine"}
    config = LabConfig(state_dir=tmp_path / "lab", hosts=1, ironic_options=options)
    with pytest.raises(StartError, match="coffee-machine") as caught:
        async with Lab(config):
            pass
    assert caught.value.name == "ironic"
    children = await asyncio.create_subprocess_exec(
        "pgrep", "-f", str(tmp_path), stdout=asyncio.subprocess.DEVNULL
    )
    assert await children.wait() == 1
