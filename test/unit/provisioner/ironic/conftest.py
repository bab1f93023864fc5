"""An Ironic that is made up, a backend in front of it, and hosts to ask it about."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from metal3.provisioner import Credentials, HostData, ManagementAccessData
from metal3.provisioner.ironic import IronicBackend, IronicProvisioner
from metal3.provisioner.ironic._config import Config, DeployImages
from metal3.runtime.types import NamespacedName

from .fake_ironic import FakeIronic

MAC = "52:54:00:00:00:01"
ADDRESS = "redfish-virtualmedia+http://192.0.2.1/redfish/v1/Systems/1"


@dataclass
class Bench:
    """The made-up Ironic together with the backend under test."""

    ironic: FakeIronic
    config: Config
    events: list[tuple[str, str]] = field(default_factory=list)
    backend: IronicBackend = field(init=False)

    def __post_init__(self) -> None:
        """Connect the two."""
        self.backend = IronicBackend(self.config, self.ironic)

    def configure(self, **changes) -> None:
        """Start over with other settings."""
        self.config = replace(self.config, **changes)
        self.backend = IronicBackend(self.config, self.ironic)

    def host(self, name="host-0", **changes) -> HostData:
        """A host; its node is known by ID when there is one of its name."""
        key = NamespacedName("metal3", name)
        known = [n["uuid"] for n in self.ironic.nodes.values() if n["name"] == f"metal3~{name}"]
        data = HostData(
            key=key,
            uid="9b2a6d4e-0000-4000-8000-000000000001",
            bmc_address=ADDRESS,
            credentials=Credentials("admin", "s3cret-pass"),
            credentials_name=f"{name}-bmc",
            boot_mac_address=MAC,
            provisioner_id=known[0] if known else "",
        )
        return replace(data, **changes)

    async def provisioner(self, **changes) -> IronicProvisioner:
        """What the operator gets for one reconcile of the host."""
        return await self.backend.provisioner(
            self.host(**changes), lambda reason, text: self.events.append((reason, text))
        )

    @property
    def reasons(self) -> list[str]:
        """Reasons of the events so far."""
        return [reason for reason, _ in self.events]


@pytest.fixture
def ironic() -> FakeIronic:
    """An Ironic without nodes."""
    return FakeIronic()


@pytest.fixture
def bench(ironic) -> Bench:
    """Nobody runs the informer: every call looks for itself."""
    images = DeployImages(
        kernel_url="http://images/ipa.kernel",
        ramdisk_url="http://images/ipa.initramfs",
        iso_url="http://images/ipa.iso",
    )
    return Bench(ironic, Config(endpoint="http://ironic", images=images))


@pytest.fixture
def access() -> Callable[..., ManagementAccessData]:
    """What registering is told, apart from what a test cares about."""

    def make(**changes) -> ManagementAccessData:
        data = ManagementAccessData(
            boot_mode="UEFI",
            automated_cleaning_mode="metadata",
            state="registering",
            cpu_architecture="x86_64",
        )
        return replace(data, **changes)

    return make


POLL = timedelta(seconds=10)
