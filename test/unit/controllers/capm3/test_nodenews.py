"""From a node of a workload cluster to the machine that waits for it."""

from typing import Any

import pytest

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.capm3 import nodenews
from metal3.controllers.capm3.nodenews import NodeNews
from metal3.controllers.capm3.providerid import NodeIdentity
from metal3.runtime.client import InternalServerError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request
from metal3.runtime.types import NamespacedName

CLUSTER = NamespacedName("metal3", "c")


class Bells:
    """What was woken."""

    def __init__(self) -> None:
        self.rung: list[NamespacedName] = []

    def wake(self, key) -> None:
        """Remember."""
        self.rung.append(key)


def machine(name, hostname):
    """A machine whose system gave itself a name."""
    address = {"type": "Hostname", "address": hostname}
    return infrav1.Metal3Machine.from_dict(
        {
            "metadata": {"name": name, "namespace": "metal3"},
            "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}, address]},
        }
    )


@pytest.fixture
def news():
    """With a machine that has host ``uid-h``, one called ``pear`` and one elsewhere."""
    consumer = {"kind": "Metal3Machine", "name": "m-uuid", "namespace": "metal3"}
    host = metal3api.BareMetalHost.from_dict(
        {
            "metadata": {"name": "h", "namespace": "metal3", "uid": "uid-h"},
            "spec": {"consumerRef": consumer},
        }
    )
    elsewhere = machine("m-else", "pear")
    elsewhere.metadata.namespace = "other"
    client = FakeClient(host, machine("m-name", "pear"), elsewhere)
    client.index_field(metal3api.BareMetalHost, nodenews.UID_INDEX, nodenews.uid_of)
    client.index_field(infrav1.Metal3Machine, nodenews.HOSTNAME_INDEX, nodenews.hostnames)
    machines: Any = Bells()
    bell: Any = Bells()
    return NodeNews(client=client, machines=machines, bell=bell)


@pytest.mark.parametrize(
    ("identity", "woken"),
    [
        (NodeIdentity("metal3://metal3/h/m-id", "", ""), {"m-id"}),
        (NodeIdentity("metal3://only-a-uid", "", ""), set()),
        (NodeIdentity("aws://x", "", ""), set()),
        (NodeIdentity("", "uid-h", ""), {"m-uuid"}),
        (NodeIdentity("", "uid-unknown", ""), set()),
        (NodeIdentity("", "", "pear"), {"m-name"}),
        (NodeIdentity("metal3://metal3/h/m-id", "uid-h", "pear"), {"m-id", "m-uuid", "m-name"}),
        (NodeIdentity("", "", ""), set()),
    ],
)
async def test_every_way_to_know_a_node_wakes_its_machine(news, identity, woken):
    """By provider ID, by what its kubelet was told, or by its name in the cluster's namespace."""
    news.tell(CLUSTER, identity)
    assert news.bell.rung == [CLUSTER]
    await news.reconcile(Request(*CLUSTER))
    assert {key.name for key in news.machines.rung} == woken
    assert {key.namespace for key in news.machines.rung} <= {"metal3"}


async def test_news_are_told_once(news):
    """Many nodes at once, some of them twice, make one look."""
    for _ in range(2):
        news.tell(CLUSTER, NodeIdentity("metal3://metal3/h/m-0", "", ""))
        news.tell(CLUSTER, NodeIdentity("metal3://metal3/h/m-1", "", ""))
    await news.reconcile(Request(*CLUSTER))
    await news.reconcile(Request(*CLUSTER))
    assert sorted(key.name for key in news.machines.rung) == ["m-0", "m-1"]


async def test_news_are_kept_when_looking_fails(news):
    """The next try tells them."""
    news.tell(CLUSTER, NodeIdentity("", "uid-h", ""))
    news.client.fail_next("list", metal3api.BareMetalHost, InternalServerError("no"))
    with pytest.raises(InternalServerError):
        await news.reconcile(Request(*CLUSTER))
    await news.reconcile(Request(*CLUSTER))
    assert [key.name for key in news.machines.rung] == ["m-uuid"]
