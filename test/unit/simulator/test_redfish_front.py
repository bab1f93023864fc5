"""The Redfish BMCs: sushy-tools' own application with our systems behind and our faults before."""

import base64
import json

import pytest
from werkzeug.test import Client

from metal3.simulator import LabConfig, _bmc_faults, _bmc_main
from metal3.simulator._bmc_faults import BMCFaults, FaultFile
from metal3.simulator._bmc_settings import BMCSettings
from metal3.simulator._config import LabPaths
from metal3.simulator._credentials import BMC_LOGIN, write_logins
from metal3.simulator._redfish_driver import RedfishDriver
from metal3.simulator._redfish_front import Front
from metal3.simulator._systems import System, SystemStore

OWN = "5f4b48e8-e54f-5691-9368-f9135df52406"
OTHER = "e0d1d03d-31dc-5c47-856f-33c8aed9d6bb"
SYSTEM = f"/redfish/v1/Systems/{OWN}"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
UPDATE = "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate"


def login(password=BMC_LOGIN.password):
    """The header of a login."""
    token = base64.b64encode(f"{BMC_LOGIN.username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


@pytest.fixture
def events():
    """What the lab was told."""
    return []


@pytest.fixture
def paths(tmp_path):
    """The lab's files."""
    paths = LabPaths(root=tmp_path)
    paths.create()
    write_logins(LabConfig(), paths)
    return paths


@pytest.fixture
def bmc(paths, events):
    """A client of the BMC of one of two systems."""
    faults = FaultFile(paths.faults)
    store = SystemStore(
        systems=[
            System(uuid=uuid, name=uuid[:4], macs=["52:54:00:00:00:00"]) for uuid in (OWN, OTHER)
        ],
        state_file=paths.root / "systems.json",
        faults=faults,
        power_delay=(0.0, 0.0),
        tell=events.append,
    )
    settings = BMCSettings(
        port=1,
        htpasswd=str(paths.bmc_htpasswd),
        state_file=str(paths.root / "systems.json"),
        media_dir=str(paths.root / "media"),
        faults_file=str(paths.faults),
        control_url="http://127.0.0.1:1/x/power",
        control_token="right",
        power_delay=(0.0, 0.0),
        systems=[],
    )
    app = _bmc_main.application(settings, RedfishDriver(store))
    return Client(Front(app, system=OWN, store=store, faults=faults, token="right"))


def test_a_bmc_shows_the_one_system_it_manages(bmc):
    """A client that is given no path finds the only one there is."""
    collection = bmc.get("/redfish/v1/Systems", headers=login()).json
    assert collection["Members"] == [{"@odata.id": SYSTEM}]
    assert bmc.get(f"/redfish/v1/Systems/{OTHER}", headers=login()).status_code == 404


def test_a_login_is_needed(bmc):
    """Only the service root is for everybody."""
    assert bmc.get("/redfish/v1/").status_code == 200
    assert bmc.get(SYSTEM).status_code == 401
    assert bmc.get(SYSTEM, headers=login("wrong")).status_code == 401
    assert bmc.post(UPDATE, json={"ImageURI": "http://x/bmc-2.0.bin"}).status_code == 401


def test_power_can_be_changed(bmc, events):
    """The lab hears of it, and the system says so."""
    assert bmc.post(RESET, json={"ResetType": "On"}, headers=login()).status_code == 204
    assert bmc.get(SYSTEM, headers=login()).json["PowerState"] == "On"
    assert [event.action for event in events] == ["On"]
    assert bmc.post(RESET, json={"ResetType": "Nmi"}, headers=login()).status_code == 400


def test_a_changed_password_locks_out(bmc, paths):
    """Until somebody heals the host; the service root stays open, as on real BMCs."""
    _bmc_faults.write(paths.faults, {OWN: BMCFaults(wrong_password=True)})
    assert bmc.get(SYSTEM, headers=login()).status_code == 401
    assert bmc.get("/redfish/v1/").status_code == 200
    _bmc_faults.write(paths.faults, {})
    assert bmc.get(SYSTEM, headers=login()).status_code == 200


def test_bios_settings_are_shown_and_taken(bmc):
    """They come into force at the next boot; unknown ones are refused."""
    settings = f"{SYSTEM}/BIOS/Settings"
    wanted = {"Attributes": {"ProcTurboMode": "Disabled"}}
    assert bmc.patch(settings, json=wanted, headers=login()).status_code == 204
    assert (
        bmc.get(f"{SYSTEM}/BIOS", headers=login()).json["Attributes"]["ProcTurboMode"] == "Enabled"
    )
    bmc.post(RESET, json={"ResetType": "On"}, headers=login())
    assert (
        bmc.get(f"{SYSTEM}/BIOS", headers=login()).json["Attributes"]["ProcTurboMode"] == "Disabled"
    )
    unknown = {"Attributes": {"Coffee": "Black"}}
    assert bmc.patch(settings, json=unknown, headers=login()).status_code == 400


def test_firmware_can_be_updated(bmc):
    """The answer leads to a task, and the new version is reported."""
    reply = bmc.post(UPDATE, json={"ImageURI": "http://x/bmc-7.8.bin"}, headers=login())
    assert reply.status_code == 202
    task = bmc.get(reply.headers["Location"], headers=login()).json
    assert task["TaskState"] == "Completed"
    manager = bmc.get(f"/redfish/v1/Managers/{OWN}", headers=login()).json
    assert manager["FirmwareVersion"] == "7.8"
    assert bmc.post(UPDATE, json={}, headers=login()).status_code == 400


def test_secure_boot_can_be_switched(bmc):
    """Ironic reads it back."""
    where = f"{SYSTEM}/SecureBoot"
    assert bmc.patch(where, json={"SecureBootEnable": True}, headers=login()).status_code == 204
    assert bmc.get(where, headers=login()).json["SecureBootEnable"] is True


def test_a_machine_switches_itself_off_with_the_labs_token(bmc, events):
    """Without a login, which the operating system does not have."""
    where = "/simulator/powered-off"
    assert bmc.post(where, headers={"X-Simulator-Token": "wrong"}).status_code == 403
    assert events == []
    assert bmc.post(where, headers={"X-Simulator-Token": "right"}).status_code == 204
    assert [event.action for event in events] == ["Off"]


def test_a_dead_bmc_closes_the_connection(paths):
    """The client gets no answer at all."""

    class Socket:
        closed = False

        def shutdown(self, how):
            self.closed = True

    _bmc_faults.write(paths.faults, {OWN: BMCFaults(down=True)})
    front = Front(
        lambda environ, start: [b"an answer"],
        system=OWN,
        store=None,  # type: ignore[arg-type]  # a dead BMC asks nobody
        faults=FaultFile(paths.faults),
        token="t",
    )
    socket = Socket()
    environ = {"PATH_INFO": SYSTEM, "werkzeug.socket": socket}
    body = b"".join(front(environ, lambda *_: None))
    assert socket.closed
    assert body == b""


def test_settings_are_read_as_they_were_written(paths):
    """And only by their owner: there is a token in them."""
    settings = BMCSettings(
        port=1,
        htpasswd="h",
        state_file="s",
        media_dir="m",
        faults_file="f",
        control_url="http://127.0.0.1:1/x/power",
        control_token="token",
        power_delay=(0.25, 0.5),
        systems=[{"uuid": OWN, "name": "node-0", "macs": []}],
    )
    settings.write(paths.emulator_settings)
    assert BMCSettings.read(paths.emulator_settings) == settings
    assert paths.emulator_settings.stat().st_mode & 0o077 == 0
    assert json.loads(paths.emulator_settings.read_text())["port"] == 1
