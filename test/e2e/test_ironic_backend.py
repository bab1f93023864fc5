"""The Ironic backend against real Ironic and simulated machines: what the operator would see."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import (
    Credentials,
    HostConfig,
    HostData,
    InspectData,
    ManagementAccessData,
    NotReadyError,
    PrepareData,
    ProvisionData,
    RebootMode,
    Result,
)
from metal3.provisioner.ironic import IronicBackend, IronicProvisioner, new_factory
from metal3.runtime.types import NamespacedName
from metal3.simulator import DeployStepFails, Lab, LabConfig

pytestmark = pytest.mark.e2e

LIMIT = timedelta(minutes=2)
MODE = "metadata"

type_step = Callable[[IronicProvisioner], Awaitable[Result]]


@dataclass
class Host:
    """A host the way the operator drives it: call, wait to be woken, call again."""

    backend: IronicBackend
    data: HostData
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[str] = field(default_factory=list)
    hardware: metal3api.HardwareDetails | None = None
    state: str = "registering"
    image: metal3api.Image | None = None

    async def provisioner(self) -> IronicProvisioner:
        """What the operator gets for one reconcile."""
        return await self.backend.provisioner(
            self.data, lambda reason, _: self.events.append(reason)
        )

    async def until_done(self, step: type_step) -> Result:
        """Repeat a step until it is complete or failed; waiting only as long as it says."""
        async with asyncio.timeout(LIMIT.total_seconds()):
            while True:
                self.woken.clear()
                try:
                    result = await step(await self.provisioner())
                except NotReadyError:
                    result = Result.again(LIMIT)
                if not result.dirty:
                    return result
                try:
                    async with asyncio.timeout(result.requeue_after.total_seconds()):
                        await self.woken.wait()
                except TimeoutError:
                    pass

    def access(self) -> ManagementAccessData:
        """Data for registering in the host's state."""
        return ManagementAccessData(
            boot_mode="UEFI",
            automated_cleaning_mode=MODE,
            state=self.state,
            cpu_architecture="x86_64",
            hardware=self.hardware,
            current_image=self.image,
        )

    async def register(self, *, credentials_changed=False, retry=False) -> Result:
        """Until the BMC answered or refused."""

        async def step(provisioner):
            result, identity = await provisioner.register(
                self.access(),
                credentials_changed=credentials_changed,
                restart_on_failure=retry,
            )
            self.data = replace(self.data, provisioner_id=identity or self.data.provisioner_id)
            return result

        return await self.until_done(step)

    async def inspect(self) -> Result:
        """Until there are hardware details."""

        async def step(provisioner):
            result, _, self.hardware = await provisioner.inspect_hardware(
                InspectData(boot_mode="UEFI", cpu_architecture="x86_64"),
                restart_on_failure=False,
                refresh=False,
                force_reboot=False,
            )
            return result

        return await self.until_done(step)

    async def prepare(self) -> Result:
        """With nothing to change."""

        async def step(provisioner):
            result, _ = await provisioner.prepare(
                PrepareData(), unprepared=True, restart_on_failure=False
            )
            return result

        return await self.until_done(step)

    async def provision(self, image: metal3api.Image) -> Result:
        """With a config drive and a root device hint."""
        data = ProvisionData(
            image=image,
            host_config=HostConfig(
                user_data="#cloud-config\n", network_data="links: []", meta_data="role: test"
            ),
            boot_mode="UEFI",
            root_device_hints=metal3api.RootDeviceHints.from_dict({"deviceName": "/dev/sda"}),
        )
        return await self.until_done(lambda p: p.provision(data, force_reboot=False))

    async def deprovision(self) -> Result:
        """Back to available."""
        return await self.until_done(
            lambda p: p.deprovision(restart_on_failure=False, automated_cleaning_mode=MODE)
        )

    async def power(self, *, on: bool) -> Result:
        """Until the machine is as asked."""
        if on:
            return await self.until_done(lambda p: p.power_on(force=False))
        return await self.until_done(
            lambda p: p.power_off(RebootMode.HARD, force=False, automated_cleaning_mode=MODE)
        )

    async def available(self) -> None:
        """Everything before provisioning."""
        for step in (self.register, self.inspect, self.prepare):
            assert await step() == Result.complete(), step


@asynccontextmanager
async def running(lab: Lab, **variables: str) -> AsyncIterator[Callable[..., Host]]:
    """A backend at the lab's Ironic; gives what makes hosts."""
    backend = new_factory(lab.environment() | variables)
    hosts: dict[NamespacedName, Host] = {}

    def make(simulated, **changes):
        key = NamespacedName("metal3", simulated.name)
        data = HostData(
            key=key,
            uid=simulated.system_uuid,
            bmc_address=simulated.bmc_address,
            credentials=Credentials(simulated.username, simulated.password),
            disable_certificate_verification=simulated.disable_certificate_verification,
            boot_mac_address=simulated.boot_mac,
        )
        hosts[key] = Host(backend, replace(data, **changes))
        return hosts[key]

    def wake(key: NamespacedName) -> None:
        if key in hosts:
            hosts[key].woken.set()

    async with asyncio.TaskGroup() as group:
        informer = group.create_task(backend.run(wake))
        try:
            yield make
        finally:
            informer.cancel()


def image_of(lab: Lab) -> metal3api.Image:
    """The lab's image with its checksum."""
    return metal3api.Image.from_dict(
        {
            "url": lab.image_url,
            "checksum": lab.image_checksum,
            "checksumType": "sha256",
            "format": "raw",
        }
    )


@pytest.mark.parametrize(
    ("bmc", "boot"), [("redfish", "vmedia"), ("redfish", "ipxe"), ("ipmi", "ipxe")]
)
async def test_a_host_lives_from_registering_to_deleted(bmc, boot):
    """Every step ends, the machine follows, and at the end Ironic knows no node."""
    async with Lab(LabConfig(hosts=1, bmc=bmc, boot=boot)) as lab, running(lab) as make:
        host = make(lab.hosts[0])
        await host.available()
        assert host.hardware is not None
        assert host.hardware.ram_mebibytes
        assert await host.provision(image_of(lab)) == Result.complete()
        provisioner = await host.provisioner()
        assert (await provisioner.update_hardware_state()).powered_on is True

        before = host.backend.client.requests.total()
        for _ in range(20):
            assert (await host.register()) == Result.complete()
            assert (
                await (await host.provisioner()).adopt(
                    state="provisioned", restart_on_failure=False
                )
            ) == Result.complete()
        assert host.backend.client.requests.total() - before <= 3

        assert await host.deprovision() == Result.complete()
        assert await host.power(on=True) == Result.complete()
        assert await host.power(on=False) == Result.complete()
        assert (await (await host.provisioner()).update_hardware_state()).powered_on is False
        assert await host.until_done(lambda p: p.delete()) == Result.complete()
        assert (await host.backend.client.get("nodes"))["nodes"] == []
        assert host.events == [
            "Registered", "InspectionStarted", "InspectionComplete", "ProvisioningStarted",
            "ProvisioningComplete", "DeprovisioningStarted", "DeprovisioningComplete", "PowerOn", "PowerOff",
        ]  # fmt: skip


async def test_a_wrong_password_is_told_and_healed():
    """The message names the cause; the right password heals the host without anything else."""
    async with Lab(LabConfig(hosts=1)) as lab, running(lab) as make:
        wrong = Credentials("root", "wr0ng-pass")
        host = make(lab.hosts[0], credentials=wrong)
        failed = await host.register()
        assert "refused the credentials" in failed.error_message
        assert lab.hosts[0].bmc_address in failed.error_message
        assert "wr0ng-pass" not in failed.error_message
        right = Credentials(lab.hosts[0].username, lab.hosts[0].password)
        host.data = replace(host.data, credentials=right)
        assert await host.register(credentials_changed=True) == Result.complete()


async def test_a_failed_deployment_tells_why():
    """Ironic forgets the reason over virtual media; its history has it, and so has the message."""
    async with Lab(LabConfig(hosts=1)) as lab, running(lab) as make:
        host = make(lab.hosts[0])
        await host.available()
        await lab.fault(lab.hosts[0], DeployStepFails("the disk is on fire", times=1))
        failed = await host.provision(image_of(lab))
        assert "the disk is on fire" in failed.error_message
        assert lab.image_url in failed.error_message
        assert await host.deprovision() == Result.complete()
        assert await host.provision(image_of(lab)) == Result.complete()
