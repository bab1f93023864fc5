"""Letting one object go, and no other that bears its name."""

import pytest

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.controllers.capm3.environment import Environment
from metal3.controllers.capm3.letgo import let_go
from metal3.runtime.client import ConflictError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.recorder import FakeRecorder
from metal3.runtime.types import NamespacedName


def new_claim(uid):
    """A claim that a finalizer of ours holds."""
    claim = ipamv1.IPClaim.named("c", "metal3")
    claim.metadata.uid, claim.metadata.finalizers = uid, [infrav1.DATA_FINALIZER]
    return claim


class Replaces(FakeClient):
    """A server on which another object of the name is made as soon as the first is deleted."""

    async def delete(self, obj, **kwargs):
        """The first had lost its finalizer."""
        await super().delete(obj, **kwargs)
        await self.create(new_claim(""))


@pytest.fixture
def make_env(make_workload):
    """Makes what controllers share."""

    def make(client):
        return Environment(
            client=client, live=client, recorder=FakeRecorder(), workload=make_workload()
        )

    return make


async def there(client):
    """The claim as the server has it."""
    return await client.get(ipamv1.IPClaim, NamespacedName("metal3", "c"))


async def test_it_goes_though_our_finalizer_held_it(make_env):
    """May be repeated: what is gone is gone."""
    client = FakeClient(new_claim("a"))
    claim = await there(client)
    for _ in range(2):
        await let_go(make_env(client), claim.deep_copy(), infrav1.DATA_FINALIZER)
    assert not (await client.list(ipamv1.IPClaim)).items


async def test_one_that_was_read_before_another_came_is_left_to_a_later_look(make_env):
    """The other keeps its life and its finalizer."""
    client = FakeClient(new_claim("b"))
    with pytest.raises(ConflictError):
        await let_go(make_env(client), new_claim("a"), infrav1.DATA_FINALIZER)
    assert (await there(client)).metadata.deletion_timestamp is None


async def test_one_that_comes_right_after_the_deletion_keeps_its_finalizer(make_env):
    """It is not the one that we deleted."""
    first = new_claim("a")
    first.metadata.finalizers = []
    client = Replaces(first)
    await let_go(make_env(client), await there(client), infrav1.DATA_FINALIZER)
    assert (await there(client)).metadata.finalizers == [infrav1.DATA_FINALIZER]
