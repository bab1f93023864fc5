"""Labels of hosts on their nodes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.capm3 import labelsync
from metal3.controllers.capm3.environment import Environment
from metal3.controllers.capm3.hostspec import claim
from metal3.controllers.capm3.metal3labelsync_controller import Metal3LabelSyncReconciler
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request
from metal3.runtime.recorder import FakeRecorder

NS = "metal3"
HOST = Request(NS, "host-0")
NODE = Request("", "n-0")


class Case:
    """A host with a node, and the annotation that says which labels are synced."""

    def __init__(self, objects, workload):
        self.client = FakeClient(*objects)
        self.workload = workload
        self.recorder = FakeRecorder()
        env = Environment(
            client=self.client, live=self.client, recorder=self.recorder, workload=workload
        )
        self.reconciler = Metal3LabelSyncReconciler(env=env)

    async def sync(self):
        """One look."""
        return await self.reconciler.reconcile(HOST)

    async def edit(self, kind, key, change):
        """What a user does."""
        obj = await self.client.get(kind, key)
        change(obj.metadata)
        await self.client.update(obj)

    async def prefixes(self, text):
        """Set the annotation, or remove it."""

        def change(meta):
            meta.annotations.pop(infrav1.LABEL_SYNC_ANNOTATION, None)
            if text:
                meta.annotations[infrav1.LABEL_SYNC_ANNOTATION] = text

        await self.edit(infrav1.Metal3Cluster, Request(NS, "c"), change)

    async def host_labels(self, **labels):
        """Replace those of the host; two underscores stand for the slash, one for a dot."""
        wanted = {k.replace("__", "/").replace("_", "."): v for k, v in labels.items()}
        await self.edit(metal3api.BareMetalHost, HOST, lambda meta: setattr(meta, "labels", wanted))

    async def node_labels(self):
        """Those of the node."""
        return (await self.workload.remote.get(corev1.Node, NODE)).metadata.labels


@pytest.fixture
def case(make_machine, make_host, make_cluster, make_workload):
    """A node that has joined, with labels of its own."""
    machine, m3m, _ = make_machine()
    machine.status.node_ref = clusterv1.NodeReference(name="n-0")
    host = make_host()
    claim(host, m3m)
    node = corev1.Node.named("n-0")
    node.metadata.labels = {"own": "x", "kubernetes.io/hostname": "n-0"}
    workload = make_workload(remote=FakeClient(node))
    return Case([machine, m3m, host, *make_cluster()], workload)


OWN = {"own": "x", "kubernetes.io/hostname": "n-0"}


async def test_labels_of_chosen_prefixes_follow_the_host(case):
    """Copied, changed, removed; labels of other prefixes stay where they are."""
    await case.prefixes("rack.io, zone.io")
    await case.host_labels(rack_io__a="1", zone_io__b="2", other_io__c="3", plain="4")
    await case.sync()
    assert await case.node_labels() == OWN | {"rack.io/a": "1", "zone.io/b": "2"}
    await case.host_labels(rack_io__a="5")
    await case.sync()
    assert await case.node_labels() == OWN | {"rack.io/a": "5"}


async def test_nothing_is_sent_when_nothing_differs(case):
    """A thousand hosts that are as they should be cost no requests."""
    await case.prefixes("rack.io")
    await case.host_labels(rack_io__a="1")
    await case.sync()
    case.workload.remote.actions.clear()
    case.client.actions.clear()
    result = await case.sync()
    assert case.workload.remote.actions == []
    assert case.client.actions == []
    assert result.requeue_after == case.reconciler.env.options.node_poll


async def test_labels_go_when_their_prefix_is_no_longer_synced(case):
    """What came from the host is remembered, and taken away again; nothing is left to look at."""
    await case.prefixes("rack.io,zone.io")
    await case.host_labels(rack_io__a="1", zone_io__b="2")
    await case.sync()
    await case.prefixes("rack.io")
    await case.sync()
    assert await case.node_labels() == OWN | {"rack.io/a": "1"}
    await case.prefixes("")
    await case.sync()
    assert await case.node_labels() == OWN
    assert (await case.sync()).requeue_after is None


async def test_labels_kubernetes_knows_a_node_by_are_safe(case):
    """A host without such labels must not take them from its node; what it gave, it may take."""
    await case.prefixes("kubernetes.io")
    await case.host_labels(kubernetes_io__role="db")
    await case.sync()
    assert await case.node_labels() == OWN | {"kubernetes.io/role": "db"}
    await case.host_labels()
    await case.sync()
    assert await case.node_labels() == OWN


async def test_words_that_are_no_prefixes_are_told_and_skipped(case):
    """One mistake does not stop the others."""
    await case.prefixes("Rack_io, rack.io,, -x")
    await case.host_labels(rack_io__a="1")
    await case.sync()
    assert await case.node_labels() == OWN | {"rack.io/a": "1"}
    (event,) = [e for e in case.recorder.events if e.reason == "InvalidLabelSyncPrefix"]
    assert "Rack_io, -x" in event.message


async def test_a_paused_or_free_host_is_left_alone(case):
    """Neither the host's pause nor the cluster's is overlooked."""
    await case.prefixes("rack.io")
    await case.host_labels(rack_io__a="1")
    pause = {metal3api.PAUSED_ANNOTATION: ""}
    await case.edit(metal3api.BareMetalHost, HOST, lambda meta: meta.annotations.update(pause))
    await case.sync()
    await case.edit(metal3api.BareMetalHost, HOST, lambda meta: meta.annotations.clear())
    cluster = await case.client.get(clusterv1.Cluster, Request(NS, "c"))
    cluster.spec.paused = True
    await case.client.update(cluster)
    await case.sync()
    cluster = await case.client.get(clusterv1.Cluster, Request(NS, "c"))
    cluster.spec.paused = False
    await case.client.update(cluster)
    host = await case.client.get(metal3api.BareMetalHost, HOST)
    consumer, host.spec.consumer_ref = host.spec.consumer_ref, None
    await case.client.update(host)
    await case.sync()
    assert await case.node_labels() == OWN
    host = await case.client.get(metal3api.BareMetalHost, HOST)
    host.spec.consumer_ref = consumer
    await case.client.update(host)
    await case.sync()
    assert await case.node_labels() == OWN | {"rack.io/a": "1"}


async def test_a_cluster_that_does_not_answer_is_asked_again(case):
    """No error, no loss: the labels come when it answers."""
    await case.prefixes("rack.io")
    await case.host_labels(rack_io__a="1")
    case.workload.reachable = False
    result = await case.sync()
    assert result.requeue_after == case.reconciler.env.options.node_poll
    case.workload.reachable = True
    await case.sync()
    assert await case.node_labels() == OWN | {"rack.io/a": "1"}


KEYS = st.sampled_from(
    ["a", "rack.io/a", "rack.io/b", "zone.io/a", "kubernetes.io/os", infrav1.NODE_UUID_LABEL]
)
LABELS = st.dictionaries(KEYS, st.sampled_from(["1", "2"]))
PREFIXES = st.frozensets(st.sampled_from(["rack.io", "zone.io", "kubernetes.io", "metal3.io"]))


@given(host=LABELS, node=LABELS, prefixes=PREFIXES, then=PREFIXES)
def test_syncing_ends_and_undoes_itself(host, node, prefixes, then):
    """Twice is as good as once; what the host gave goes with its prefix; all else stays."""

    def apply(labels, prefixes, ours):
        wanted = labelsync.labels_under(host, prefixes)
        change = labelsync.change_of(labels, wanted, prefixes, ours)
        kept = {k: v for k, v in labels.items() if k not in change.patch}
        return kept | {k: v for k, v in change.patch.items() if v is not None}, change

    first, change = apply(node, prefixes, ())
    again, nothing = apply(first, prefixes, change.synced)
    assert (again, nothing.patch) == (first, {})
    for key, value in labelsync.labels_under(host, prefixes).items():
        assert first[key] == value
    second, _ = apply(first, then, change.synced)
    for key in change.synced:
        assert (key in second) is (key in labelsync.labels_under(host, then))
    for key in node.keys() - change.patch.keys() - change.synced:
        assert first[key] == node[key]


@pytest.mark.looptime(start=0)
async def test_a_change_of_either_side_wakes_the_sync(
    world, make_cluster, make_machine, make_host, make_secret, make_workload
):
    """With real controllers: a node that joins, a label, a prefix; none waits for a poll."""
    workload = make_workload(remote=FakeClient(corev1.Node.named("n-0")))
    objects = [*make_cluster(), *make_machine(), make_host(), make_secret()]
    async with world(*objects, workload=workload) as w:

        async def labels():
            return (await workload.remote.get(corev1.Node, NODE)).metadata.labels

        async def shows(value):
            async def look():
                return (await labels()).get("rack.io/a") == value

            await w.until(look, limit=5)

        await w.machine("m-0", lambda m: m.metadata.annotations.get(infrav1.HOST_ANNOTATION))
        note = {infrav1.LABEL_SYNC_ANNOTATION: "rack.io"}
        await w.edit(infrav1.Metal3Cluster, "c", lambda c: c.metadata.annotations.update(note))
        label = {"rack.io/a": "1"}
        await w.edit(metal3api.BareMetalHost, "host-0", lambda h: h.metadata.labels.update(label))
        machine = await w.get(clusterv1.Machine, "m-0")
        machine.status.node_ref = clusterv1.NodeReference(name="n-0")
        await w.client.status.update(machine)
        await shows("1")
        await w.edit(
            metal3api.BareMetalHost,
            "host-0",
            lambda h: h.metadata.labels.update({"rack.io/a": "2"}),
        )
        await shows("2")
        await w.edit(infrav1.Metal3Cluster, "c", lambda c: c.metadata.annotations.clear())
        await shows(None)
