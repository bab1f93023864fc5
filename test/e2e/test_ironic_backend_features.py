"""The less common ways of a host through real Ironic."""

import asyncio
import socket
from dataclasses import replace
from datetime import timedelta

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import (
    HostConfig,
    InspectData,
    NeedsRegistrationError,
    NotReadyError,
    PrepareData,
    ProvisionData,
    Result,
    ServicingData,
)
from metal3.simulator import CleanStepFails, Lab, LabConfig

from .test_ironic_backend import image_of, running

pytestmark = pytest.mark.e2e


async def test_a_running_host_is_adopted_without_being_touched():
    """Externally provisioned: from nothing to active, no step on the machine."""
    async with Lab(LabConfig(hosts=1)) as lab, running(lab) as make:
        host = make(lab.hosts[0])
        host.state = "externally provisioned"
        assert await host.register() == Result.complete()
        adopted = await host.until_done(
            lambda p: p.adopt(state=host.state, restart_on_failure=False)
        )
        assert adopted == Result.complete()
        node = await (await host.provisioner()).session.require()
        assert node.state == "active"
        assert await host.power(on=True) == Result.complete()
        assert await host.until_done(lambda p: p.delete()) == Result.complete()


async def test_a_provisioned_host_survives_the_loss_of_ironics_database():
    """Registered anew and adopted with its image; then it can be deprovisioned as ever."""
    async with Lab(LabConfig(hosts=1)) as lab, running(lab) as make:
        host = make(lab.hosts[0])
        await host.available()
        assert await host.provision(image_of(lab)) == Result.complete()
        old = host.data.provisioner_id
        await lab.wipe_ironic_database()
        await _noticed(host)
        with pytest.raises(NeedsRegistrationError):
            await (await host.provisioner()).update_hardware_state()
        host.state, host.image = "provisioned", image_of(lab)
        assert await host.register() == Result.complete()
        assert host.data.provisioner_id != old
        adopted = await host.until_done(
            lambda p: p.adopt(state=host.state, restart_on_failure=False)
        )
        assert adopted == Result.complete()
        assert await host.deprovision() == Result.complete()


async def _noticed(host) -> None:
    """Until the informer, asked to look now and not within a minute, woke the host."""
    host.woken.clear()
    host.backend.informer.nudge()
    async with asyncio.timeout(40):
        await host.woken.wait()


async def test_a_live_iso_is_booted():
    """The ramdisk deploy interface is used, and given back afterwards."""
    async with Lab(LabConfig(hosts=1)) as lab, running(lab) as make:
        host = make(lab.hosts[0])
        await host.available()
        live = metal3api.Image.from_dict({"url": lab.live_iso_url, "format": "live-iso"})
        assert await host.provision(live) == Result.complete()
        assert await host.deprovision() == Result.complete()
        assert await host.provision(image_of(lab)) == Result.complete()
        node = await (await host.provisioner()).session.require()
        assert node.text("deploy_interface") == "direct"


async def test_a_custom_deploy_method_runs():
    """The agent's own step in place of Ironic's."""
    async with Lab(LabConfig(hosts=1)) as lab, running(lab) as make:
        host = make(lab.hosts[0])
        await host.available()
        data = ProvisionData(
            image=None,
            host_config=HostConfig(),
            boot_mode="UEFI",
            custom_deploy=metal3api.CustomDeploy.from_dict({"method": "custom_deploy"}),
        )
        done = await host.until_done(lambda p: p.provision(data, force_reboot=False))
        assert done == Result.complete()


async def test_firmware_settings_are_read_changed_and_serviced():
    """In preparing, and on a running host."""
    async with Lab(LabConfig(hosts=1)) as lab, running(lab) as make:
        host = make(lab.hosts[0])
        assert await host.register() == Result.complete()
        assert await host.inspect() == Result.complete()
        provisioner = await host.provisioner()
        found = await provisioner.firmware_settings(include_schema=True)
        assert found.schema["ProcTurboMode"].attribute_type == "Enumeration"
        data = PrepareData(
            target_firmware_settings={"ProcTurboMode": "Disabled"},
            actual_firmware_settings=found.settings,
        )
        started: list[bool] = []

        async def prepare(provisioner):
            result, flag = await provisioner.prepare(
                data, unprepared=not started, restart_on_failure=False
            )
            started.extend([flag] if flag else [])
            return result

        assert await host.until_done(prepare) == Result.complete()
        found = await (await host.provisioner()).firmware_settings(include_schema=False)
        assert found.settings["ProcTurboMode"] == "Disabled"
        assert await host.provision(image_of(lab)) == Result.complete()

        service = ServicingData(
            target_firmware_settings={"ProcTurboMode": "Enabled"},
            actual_firmware_settings=found.settings,
            has_firmware_spec=True,
        )
        started.clear()

        async def serve(provisioner):
            result, flag = await provisioner.service(
                service, unprepared=not started, restart_on_failure=False
            )
            started.extend([flag] if flag else [])
            return result

        assert await host.until_done(serve) == Result.complete()
        found = await (await host.provisioner()).firmware_settings(include_schema=False)
        assert found.settings["ProcTurboMode"] == "Enabled"


async def test_a_host_is_detached_and_comes_back():
    """The node goes, the machine stays on; registering and adopting bring it back."""
    async with Lab(LabConfig(hosts=1)) as lab, running(lab) as make:
        host = make(lab.hosts[0])
        await host.available()
        assert await host.provision(image_of(lab)) == Result.complete()
        assert await host.until_done(lambda p: p.detach(force=False)) == Result.complete()
        assert (await host.backend.client.get("nodes"))["nodes"] == []
        host.data = replace(host.data, provisioner_id="")
        host.state, host.image = "provisioned", image_of(lab)
        assert await host.register() == Result.complete()
        adopted = await host.until_done(
            lambda p: p.adopt(state=host.state, restart_on_failure=False)
        )
        assert adopted == Result.complete()
        assert (await (await host.provisioner()).update_hardware_state()).powered_on is True


async def test_a_failed_cleaning_step_is_told_and_left_behind():
    """Ironic puts the node into maintenance; a retry frees it."""
    async with Lab(LabConfig(hosts=1)) as lab, running(lab) as make:
        host = make(lab.hosts[0])
        await host.available()
        assert await host.provision(image_of(lab)) == Result.complete()
        await lab.fault(lab.hosts[0], CleanStepFails("the disk cannot be erased", times=1))
        failed = await host.deprovision()
        assert "the disk cannot be erased" in failed.error_message
        healed = await host.until_done(
            lambda p: p.deprovision(restart_on_failure=True, automated_cleaning_mode="metadata")
        )
        assert healed == Result.complete()


async def test_deleting_in_the_middle_of_an_inspection():
    """The agent is waited for no longer."""
    async with Lab(LabConfig(hosts=1)) as lab, running(lab) as make:
        host = make(lab.hosts[0])
        assert await host.register() == Result.complete()
        data = InspectData(boot_mode="UEFI")
        result, started, _ = await (await host.provisioner()).inspect_hardware(
            data, restart_on_failure=False, refresh=False, force_reboot=False
        )
        assert result.dirty
        assert started
        assert await host.until_done(lambda p: p.delete()) == Result.complete()
        assert (await host.backend.client.get("nodes"))["nodes"] == []


async def test_ironic_goes_away_and_comes_back():
    """Hosts are turned away meanwhile, and woken when it serves again; nothing is lost."""
    async with Lab(LabConfig(hosts=1, auth="http_basic")) as lab, running(lab) as make:
        host = make(lab.hosts[0])
        assert await host.register() == Result.complete()
        await lab.stop_ironic()
        host.backend.informer.nudge()
        async with asyncio.timeout(30):
            while True:
                try:
                    await host.provisioner()
                except NotReadyError:
                    break
                await asyncio.sleep(0.1)
        host.woken.clear()
        await lab.start_ironic()
        async with asyncio.timeout(40):
            await host.woken.wait()
        assert await host.inspect() == Result.complete()


async def test_pushed_notifications_replace_most_listings(tmp_path):
    """The same life with slow machines and an Ironic that tells what it does: nothing is missed.

    Without the notifications this takes about forty listings.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    slow = timedelta(seconds=8)
    token = tmp_path / "token"
    token.write_text("s0me-token")
    url = f"http://127.0.0.1:{port}/"
    config = LabConfig(hosts=1, boot_time=slow, notify_url=url, notify_token_file=token)
    more = {
        "IRONIC_NOTIFICATIONS_ADDR": f"127.0.0.1:{port}",
        "IRONIC_NOTIFICATIONS_TOKEN_FILE": str(token),
    }
    async with Lab(config) as lab, running(lab, **more) as make:
        host = make(lab.hosts[0])
        await host.available()
        assert await host.provision(image_of(lab)) == Result.complete()
        assert host.backend.client.requests["GET nodes"] <= 24


async def test_an_ironic_with_tls_and_a_login():
    """CA file and login come from the environment; a wrong login is told, not retried blindly."""
    async with Lab(LabConfig(hosts=1, tls=True, auth="http_basic")) as lab:
        async with running(lab) as make:
            host = make(lab.hosts[0])
            assert await host.register() == Result.complete()
            assert await host.inspect() == Result.complete()
        empty = lab.state_dir / "no-login"
        empty.mkdir()
        async with running(lab, METAL3_AUTH_ROOT_DIR=str(empty)) as make:
            host = make(lab.hosts[0])
            await asyncio.sleep(1)
            with pytest.raises(NotReadyError, match="401"):
                await host.provisioner()
