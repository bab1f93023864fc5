"""What is sent to Ironic in the whole life of a host, by the operator and the backend together."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import INDEXES
from metal3.controllers.baremetal.baremetalhost_controller import BareMetalHostReconciler
from metal3.controllers.baremetal.host.environment import Environment
from metal3.controllers.baremetal.host.writer import HostWriter
from metal3.provisioner import ProvisionerError
from metal3.runtime.client import ConflictError, NotFoundError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request
from metal3.runtime.recorder import FakeRecorder

from .conftest import ADDRESS

State = metal3api.ProvisioningState
IMAGE = {"url": "http://images/a.qcow2", "checksum": "abc", "checksumType": "sha256"}
NO_STATUS = (metal3api.HardwareData, metal3api.FirmwareSchema, corev1.Secret)
KEY = Request("metal3", "host-0")

pytestmark = pytest.mark.looptime(start=0)


def _clock() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=asyncio.get_running_loop().time())


class Life:
    """A host and its operator in front of the made-up Ironic."""

    def __init__(self, bench, host, *objects):
        self.ironic = bench.ironic
        self.client = FakeClient(host, *objects, without_status=NO_STATUS, clock=_clock)
        for kind, indexes in INDEXES.items():
            for name, extract in indexes.items():
                self.client.index_field(kind, name, extract)
        self.recorder = FakeRecorder()
        env = Environment(
            client=self.client,
            live=self.client,
            recorder=self.recorder,
            backend=bench.backend,
            clock=_clock,
            rng=random.Random(1),  # noqa: S311 - spreads retries
        )
        self.reconciler = BareMetalHostReconciler(env=env, writer=HostWriter(client=self.client))

    async def host(self) -> Any:
        """The host, None when it is gone."""
        try:
            return await self.client.get(metal3api.BareMetalHost, KEY)
        except NotFoundError:
            return None

    async def edit(self, **spec) -> None:
        """What a user does."""
        host = await self.host()
        fields = host.spec.to_dict() | spec
        host.spec = type(host.spec).from_dict({k: v for k, v in fields.items() if v is not None})
        await self.client.update(host)

    async def rest(self) -> list[str]:
        """Let the operator work until nothing is to be done; what it asked Ironic for meanwhile."""
        self.ironic.calls.clear()
        for _ in range(300):
            if await self.host() is None:
                break
            try:
                wait = (await self.reconciler.reconcile(KEY)).requeue_after
            except (ProvisionerError, ConflictError):
                wait = timedelta(seconds=1)
            if wait is None or wait >= timedelta(minutes=5):
                break
            await asyncio.sleep(wait.total_seconds())
        return [_short(*call) for call in self.ironic.writes()]


def _short(method: str, path: str, body: Any) -> str:
    """Method, what kind of thing, and what it was asked for."""
    parts = path.strip("/").split("/")[1:]
    what = "/".join(parts[:1] + parts[2:])
    target = body.get("target", "") if isinstance(body, dict) else ""
    return f"{method} {what} {target}".strip()


REGISTERED = ["POST nodes", "POST ports", "PUT nodes/states/provision manage"]


@pytest.fixture
def life(bench, make_host, make_secret):
    """Makes a host in front of the made-up Ironic."""

    def make(**spec) -> Life:
        spec.setdefault("bmc", {"address": ADDRESS, "credentialsName": "bmc"})
        return Life(bench, make_host(**spec), make_secret())

    return make


async def test_a_normal_life(life, ironic):
    """Registered and inspected; cleaned and deployed; taken off; switched off and forgotten."""
    host = life()
    assert await host.rest() == [
        *REGISTERED,
        "PUT nodes/states/provision inspect",
        "PUT nodes/states/power power on",
    ]
    (node,) = ironic.nodes.values()
    # It is made available for Ironic only with the image, which is when it is cleaned.
    assert node["provision_state"] == "manageable"
    await host.edit(image=IMAGE)
    assert await host.rest() == [
        "PUT nodes/states/provision provide",
        "PATCH nodes",
        "PUT nodes/states/provision active",
    ]
    assert (await host.host()).status.provisioning.state == State.PROVISIONED
    assert await host.rest() == []
    await host.edit(image=None)
    assert await host.rest() == [
        "PUT nodes/states/provision deleted",
        "PUT nodes/states/power power on",
    ]
    await host.client.delete(await host.host())
    assert await host.rest() == ["PUT nodes/states/power power off", "DELETE nodes"]
    assert await host.host() is None
    assert ironic.nodes == {}


async def test_a_life_without_inspection(life):
    """Straight to available."""
    host = life(inspectionMode="disabled", online=False)
    assert await host.rest() == REGISTERED
    assert (await host.host()).status.provisioning.state == State.AVAILABLE


async def test_an_external_host_is_adopted(life):
    """Nothing is booted or cleaned."""
    host = life(externallyProvisioned=True)
    assert await host.rest() == [
        *REGISTERED,
        "PUT nodes/states/provision adopt",
        "PUT nodes/states/power power on",
    ]


async def test_volumes_are_made_while_preparing(life):
    """Described first, then made by cleaning."""
    host = life(raid={"softwareRAIDVolumes": [{"level": "1"}]}, online=False)
    assert await host.rest() == [
        *REGISTERED,
        "PUT nodes/states/provision inspect",
        "PATCH nodes",
        "PUT nodes/states/raid",
        "PUT nodes/states/provision clean",
    ]


LOST = [
    (State.AVAILABLE, {"online": False}, []),
    (
        State.PROVISIONED,
        {"image": IMAGE},
        ["PUT nodes/states/provision adopt", "PUT nodes/states/power power on"],
    ),
    (
        State.EXTERNALLY_PROVISIONED,
        {"externallyProvisioned": True},
        ["PUT nodes/states/provision adopt", "PUT nodes/states/power power on"],
    ),
]


@pytest.mark.parametrize(("state", "spec", "then"), LOST)
async def test_after_ironic_lost_its_database(life, ironic, state, spec, then):
    """The node is made again and taken where it was; nothing is inspected, cleaned or written."""
    host = life(**spec)
    await host.rest()
    before = await host.host()
    assert before.status.provisioning.state == state
    ironic.nodes.clear()
    ironic.ports.clear()
    asked = [call for call in await host.rest() if call != "PATCH nodes"]
    assert asked == [*REGISTERED, *then]
    after = await host.host()
    assert after.status.provisioning.state == state
    assert after.status.provisioning.id != before.status.provisioning.id


async def test_ironic_loses_its_database_while_an_image_is_taken_off(life, ironic):
    """What runs is of no interest any more: it is cleaned without being adopted."""
    host = life(image=IMAGE)
    await host.rest()
    await host.edit(image=None, online=False)
    while (await host.host()).status.provisioning.state != State.DEPROVISIONING:
        await host.reconciler.reconcile(KEY)
    ironic.nodes.clear()
    ironic.ports.clear()
    assert await host.rest() == [*REGISTERED, "PUT nodes/states/provision provide"]
    assert (await host.host()).status.provisioning.state == State.AVAILABLE


async def test_how_often_ironic_is_asked_at_rest(life, ironic):
    """One look at a resting host reads its node and ports once, and writes nothing."""
    host = life(image=IMAGE)
    await host.rest()
    await asyncio.sleep(60)
    await host.rest()
    asked = [_short(*call) for call in ironic.calls]
    assert set(asked) == {"GET", "GET drivers", "GET nodes", "GET ports"}
    assert asked.count("GET nodes") == 1
