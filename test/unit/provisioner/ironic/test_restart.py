"""The operator starts again in front of many provisioned hosts: it looks, and lets them be."""

import asyncio
import json
import uuid
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import BaremetalOptions, build, cache_by_object
from metal3.runtime.cache import CacheOptions
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName

from .fake_ironic import FakeIronic

pytestmark = pytest.mark.looptime(start=0)

TICK = 1.0
"""The shortest pause between two listings of all nodes."""
REQUESTS_A_TICK = 20
HOUR = 3_600
TEMPLATE = "host-0000"
IMAGE = {"url": "http://images/a.qcow2", "checksum": "http://images/a.sha256"}
NO_STATUS = (metal3api.HardwareData, metal3api.FirmwareSchema, corev1.Secret)
KINDS = (
    metal3api.HostFirmwareSettings,
    metal3api.HostFirmwareComponents,
    metal3api.HardwareData,
    metal3api.FirmwareSchema,
)


@asynccontextmanager
async def operator(client, backend):
    """An operator with an empty memory, while the block runs."""
    options = ctrl.ManagerOptions(
        cache=CacheOptions(by_object=cache_by_object()), metrics=ctrl.MetricsOptions(addr="0")
    )
    mgr = ctrl.Manager(client, options)
    build(mgr, BaremetalOptions(), backend, unique_names=False)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(mgr.start(stop))
        try:
            yield
        finally:
            stop.set()


async def provisioned(client, name):
    """Until the host is provisioned and nothing is written any more."""
    key = NamespacedName("metal3", name)
    async with asyncio.timeout(600):
        while True:
            host = await client.get(metal3api.BareMetalHost, key)
            if host.status.provisioning.state == "provisioned":
                break
            await asyncio.sleep(1)
    await asyncio.sleep(30)
    return await client.get(metal3api.BareMetalHost, key)


def copies(obj, count):
    """The template's object for each host; names, UIDs and MAC addresses are their own."""
    text = obj.to_json().decode()
    found = []
    for i in range(count):
        mine = text.replace(TEMPLATE, name_of(i)).replace("52:54:00:00:00:01", mac_of(i))
        for template in templates(obj):
            mine = mine.replace(template, str(uuid.uuid5(uuid.NAMESPACE_OID, f"{template} {i}")))
        found.append(type(obj).from_json(mine))
    return found


def templates(obj):
    """UIDs in an object: its own, its owners', its node's."""
    owners = {reference.uid for reference in obj.metadata.owner_references}
    node = {obj.status.provisioning.id} if isinstance(obj, metal3api.BareMetalHost) else set()
    return sorted({obj.metadata.uid} | owners | node)


def name_of(i):
    """The i-th host's name."""
    return f"host-{i:04}"


def mac_of(i):
    """The i-th host's boot MAC address."""
    return f"52:54:00:01:{i // 256:02x}:{i % 256:02x}"


async def fleet(ironic, bench, make_host, make_secret, count):
    """As many hosts as the operator would have left them; gives the API and Ironic with them."""
    login = make_secret(f"{TEMPLATE}-bmc", username="admin", password="secret-0")
    bmc = {"address": "redfish-virtualmedia://bmc/redfish/v1/Systems/1"}
    bmc["credentialsName"] = login.metadata.name
    ironic.inventories = AnyInventory()
    client = FakeClient(make_host(TEMPLATE, bmc=bmc, image=IMAGE), login, without_status=NO_STATUS)
    async with operator(client, bench.backend):
        host = await provisioned(client, TEMPLATE)
    secrets = copies(
        await client.get(corev1.Secret, NamespacedName("metal3", f"{TEMPLATE}-bmc")), count
    )
    hosts = copies(host, count)
    for i, found in enumerate(hosts):
        # A new API gives revisions from one on, in the order of what is put into it.
        found.status.good_credentials.credentials_version = str(i + 1)
        found.status.tried_credentials.credentials_version = str(i + 1)
    others: list[metav1.Object] = []
    for kind in KINDS:
        for item in (await client.list(kind)).items:
            alone = kind is metal3api.FirmwareSchema
            others += [item] if alone else copies(item, count)
    populate(ironic, hosts)
    return FakeClient(*secrets, *hosts, *others, without_status=NO_STATUS)


def populate(ironic, hosts):
    """Ironic has a node and a port for each host."""
    (template,) = ironic.nodes.values()
    (port,) = ironic.ports.values()
    ironic.nodes, ironic.ports = {}, {}
    for i, host in enumerate(hosts):
        text = json.dumps(template).replace(TEMPLATE, name_of(i))
        text = text.replace(port["address"], mac_of(i))
        node = json.loads(text) | {"uuid": host.status.provisioning.id}
        if node["instance_uuid"]:
            node["instance_uuid"] = host.metadata.uid
        ironic.nodes[node["uuid"]] = node
        ironic.add_port(mac_of(i), node["uuid"])


class AnyInventory(dict[str, object]):
    """Every node has been inspected."""

    def __contains__(self, _key):
        """Has it."""
        return True

    def __missing__(self, _key):
        """What was found."""
        return {"inventory": {"cpu": {"architecture": "x86_64", "count": 4}}, "plugin_data": {}}


class CountingIronic(FakeIronic):
    """Counts requests in each tick."""

    def __init__(self) -> None:
        super().__init__()
        self.ticks: Counter[int] = Counter()

    async def send(self, method, path, *, headers, body):
        """Count, and serve."""
        self.ticks[int(asyncio.get_running_loop().time() / TICK)] += 1
        return await super().send(method, path, headers=headers, body=body)


@pytest.fixture
def ironic():
    """An Ironic without nodes that counts."""
    return CountingIronic()


@pytest.fixture
def restarted(ironic, bench, make_host, make_secret):
    """Makes an operator that starts in front of so many provisioned hosts."""

    @asynccontextmanager
    async def start(count):
        ironic.bios = [{"name": "ProcVirtualization", "value": "Enabled"}]
        client = await fleet(ironic, bench, make_host, make_secret, count)
        ironic.calls.clear()
        ironic.ticks.clear()
        bench.configure()
        async with operator(client, bench.backend):
            yield client

    return start


async def test_a_restart_looks_at_everything_and_touches_nothing(ironic, restarted):
    """No power action, no write here or there, and Ironic hardly notices."""
    async with restarted(1_000) as client:
        before = client.resource_version
        await asyncio.sleep(200)
        assert ironic.writes() == []
        assert client.resource_version == before
        assert max(ironic.ticks.values()) <= REQUESTS_A_TICK
        assert asked_of_nodes(ironic) == {"bios": 1_000, "firmware": 0}


@pytest.mark.parametrize("components", [[], [{"component": "bmc", "current_version": "1"}]])
async def test_hosts_at_rest_ask_for_little(ironic, restarted, components):
    """A thousand would make less than a request a second, listings included."""
    ironic.firmware = components
    async with restarted(20) as client:
        before = client.resource_version
        await asyncio.sleep(2 * HOUR)
        a_host = sum(asked_of_nodes(ironic).values()) / 20
        listings = ironic.ticks.total() - a_host * 20
        assert listings + 1_000 * a_host < 2 * HOUR
        assert (ironic.writes(), client.resource_version) == ([], before)


def asked_of_nodes(ironic):
    """How often parts of single nodes were read, and nothing else of them was."""
    parts = Counter(path.split("/")[4:][0] for _, path, _ in ironic.calls if path.count("/") > 3)
    single = [path for _, path, _ in ironic.calls if path.count("/") == 3]
    assert single == []
    return {"bios": parts["bios"], "firmware": parts["firmware"]}
