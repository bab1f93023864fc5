"""Cluster API that is not there when the operator starts."""

import asyncio
from typing import Any

import pytest

from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.meta import v1 as metav1
from metal3.controllers.ipam import IPAMOptions
from metal3.runtime.client import NotFoundError, ServiceUnavailableError
from metal3.runtime.types import NamespacedName

pytestmark = pytest.mark.looptime(start=0)


class WithoutClusterApi:
    """A server on which Cluster API may be installed later, and which has bad moments."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.is_installed = False
        self.errors: list[Exception] = []

    def __getattr__(self, name: str) -> Any:
        """Everything that has nothing to do with it."""
        return getattr(self.client, name)

    async def list(self, kind, **selection):
        """Not the kinds that are not there."""
        if self.errors:
            raise self.errors.pop()
        if not self.is_installed and kind.gvk.group.endswith("cluster.x-k8s.io"):
            raise NotFoundError(f"no {kind.gvk.kind}")
        return await self.client.list(kind, **selection)


async def test_cluster_api_may_be_installed_later(
    make_client, start_operator, make_pool, make_capi_claim, make_cluster
):
    """Its claims, and the pools of its clusters, are served without a restart."""
    client = make_client(make_pool("pool", clusterName="cluster"))
    server = WithoutClusterApi(client)
    async with start_operator(server, IPAMOptions()):
        await asyncio.sleep(5)
        await client.create(make_cluster("cluster"))
        await client.create(make_capi_claim("claim"))
        await asyncio.sleep(60)
        claim = await client.get(capiipamv1.IPAddressClaim, NamespacedName("metal3", "claim"))
        assert claim.status.conditions == []

        server.is_installed, server.errors = True, [ServiceUnavailableError("try again")]
        await asyncio.sleep(60)
        claim = await client.get(capiipamv1.IPAddressClaim, NamespacedName("metal3", "claim"))
        assert metav1.is_condition_true(claim.status.conditions, "Ready")
        await client.delete(claim)
        await asyncio.sleep(5)
        assert not (await client.list(capiipamv1.IPAddress)).items
