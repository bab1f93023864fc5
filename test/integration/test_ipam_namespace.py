"""A namespace that is deleted as a whole ends, whatever goes first."""

import asyncio
import random

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import ApiError, NotFoundError
from metal3.runtime.types import NamespacedName

from .ipam_stage import (
    ADDRESS_KINDS,
    CLAIM_KINDS,
    NAMESPACE,
    Stage,
    capi_claim,
    claim,
    need_cluster_api,
    pool,
    running,
)

KINDS: tuple[type[metav1.Object], ...] = (ipamv1.IPPool, *CLAIM_KINDS, *ADDRESS_KINDS)


async def furnish(stage: Stage) -> None:
    """Pools with and without quarantine, served claims of both kinds, and claims that wait."""
    need_cluster_api(stage)
    await stage.create(
        pool("quick", {"start": "10.3.0.1", "end": "10.3.0.6"}),
        pool("slow", {"start": "10.4.0.1", "end": "10.4.0.6"}, quarantineSeconds=3600),
    )
    for of in ("quick", "slow"):
        for number in range(3):
            await stage.create(claim(f"{of}-{number}", of), capi_claim(f"{of}-{number}", of))
    for of in ("quick", "slow"):
        for number in range(3):
            await stage.served(ipamv1.IPClaim, f"{of}-{number}")
            await stage.served(capiipamv1.IPAddressClaim, f"{of}-{number}")
    await stage.create(claim("one-too-many", "quick"), claim("nowhere", "no-pool"))


async def test_a_namespace_with_pools_claims_and_addresses_ends(start_environment):
    """Deleted as users do it; the server's own controller takes one kind after the other."""
    async with running(
        lambda **options: start_environment(controller_manager=True, **options)
    ) as stage:
        await furnish(stage)
        namespace = corev1.Namespace.named(NAMESPACE)
        await stage.client.delete(namespace)

        async def ended():
            try:
                await stage.client.get(type(namespace), NamespacedName("", NAMESPACE))
            except NotFoundError:
                return True
            return False

        await stage.until(ended)


@pytest.mark.parametrize("seed", range(3))
async def test_all_objects_go_in_whatever_order_they_are_deleted(start_environment, seed):
    """Each of them once, shuffled: addresses before their claims, pools before both."""
    order = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    async with running(start_environment, webhooks=False) as stage:
        await furnish(stage)
        found = [
            obj
            for kind in KINDS
            for obj in (await stage.client.list(kind, namespace=NAMESPACE)).items
        ]
        order.shuffle(found)
        for obj in found:
            try:
                await stage.client.delete(obj)
            except NotFoundError:
                continue  # gone with its claim
            except ApiError as error:
                pytest.fail(f"{obj.metadata.name}: {error}")
            await asyncio.sleep(order.random() * 0.02)
        for kind in KINDS:
            await stage.gone(kind)
