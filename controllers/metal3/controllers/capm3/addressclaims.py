"""One address of each pool for a machine: asked for with claims, which go with its Metal3Data."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import AlreadyExistsError
from metal3.runtime.patch import drop_finalizer

from .environment import Environment
from .letgo import let_go
from .related import find
from .rendering import Objects, PoolAddress, PoolKey, RenderError
from .wakeups import DATA_INDEX

T = TypeVar("T", bound=metav1.Object)
AnyClaim = ipamv1.IPClaim | capiipamv1.IPAddressClaim
LONGEST_NAME: Final = 253
LONGEST_LABEL: Final = 63
CLAIM_KINDS: tuple[type[AnyClaim], ...] = (ipamv1.IPClaim, capiipamv1.IPAddressClaim)


@dataclass(slots=True, kw_only=True)
class Addresses:
    """What is there, and what is waited for."""

    found: dict[PoolKey, PoolAddress] = field(default_factory=dict[PoolKey, PoolAddress])
    waiting: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressClaims:
    """Claims bear the name of the Metal3Data and the pool, or of the host and the pool."""

    env: Environment
    kinds: tuple[type[AnyClaim], ...] = CLAIM_KINDS

    async def addresses(self, objects: Objects, pools: Iterable[PoolKey]) -> Addresses:
        """Ask for all that is missing; raises RenderError for what can never be had."""
        out = Addresses()
        for pool in pools:
            if pool.is_metal3:
                await self._metal3(objects, pool, out)
            else:
                await self._capi(objects, pool, out)
        return out

    async def _metal3(self, objects: Objects, pool: PoolKey, out: Addresses) -> None:
        claim = await self._ip_claim(objects, pool)
        if claim is None or not await self._is_current(claim, objects.data):
            out.waiting.append(f"pool {pool}: an older claim is being released")
            return
        if claim.status.error_message:
            out.waiting.append(f"pool {pool}: {claim.status.error_message}")
            return
        ref = claim.status.address
        found = await self._named(ipamv1.IPAddress, objects, ref.name if ref is not None else None)
        if found is None:
            out.waiting.append(f"pool {pool}: waiting for an address")
            return
        spec = found.spec
        out.found[pool] = PoolAddress(
            address=spec.address,
            prefix=spec.prefix,
            gateway=spec.gateway or "",
            dns_servers=tuple(spec.dns_servers),
        )

    async def _named(self, kind: type[T], objects: Objects, name: str | None) -> T | None:
        """The address a claim names.

        The server is asked if the cache does not show it: the watch of addresses may be behind that
        of claims, and its coming wakes nobody.
        """
        namespace = objects.data.metadata.namespace
        found = await find(self.env.client, kind, namespace, name)
        return found or await find(self.env.live, kind, namespace, name)

    async def _ip_claim(self, objects: Objects, pool: PoolKey) -> ipamv1.IPClaim | None:
        data = objects.data
        namespace = data.metadata.namespace
        own, by_host = (
            f"{data.metadata.name}-{pool.name}",
            f"{objects.host.metadata.name}-{pool.name}",
        )
        for name in (own, by_host):
            found = await find(self.env.client, ipamv1.IPClaim, namespace, name)
            if found is not None:
                return found
        by_name = self.env.options.name_based_preallocation
        claim = ipamv1.IPClaim.named(_checked(by_host if by_name else own), namespace)
        _adorn(claim, data)
        if by_name:
            told = {infrav1.DATA_NAME_LABEL: data.metadata.name, infrav1.POOL_NAME_LABEL: pool.name}
            fitting = {k: v for k, v in told.items() if len(v) <= LONGEST_LABEL}
            claim.metadata.labels.update(fitting)
        claim.spec.pool = ipamv1.ObjectReference(name=pool.name, namespace=namespace)
        try:
            return await self.env.client.create(claim)
        except AlreadyExistsError:
            return None  # the cache is behind, or it belongs to another; its change wakes us

    async def _capi(self, objects: Objects, pool: PoolKey, out: Addresses) -> None:
        claim = await self._ip_address_claim(objects, pool)
        if claim is None or not await self._is_current(claim, objects.data):
            out.waiting.append(f"pool {pool}: an older claim is being released")
            return
        ref = claim.status.address_ref
        found = await self._named(
            capiipamv1.IPAddress, objects, ref.name if ref is not None else None
        )
        if found is None:
            out.waiting.append(f"pool {pool}: {_why(claim) or 'waiting for an address'}")
            return
        out.found[pool] = PoolAddress(
            address=found.spec.address,
            prefix=found.spec.prefix,
            gateway=found.spec.gateway or "",
        )

    async def _ip_address_claim(
        self, objects: Objects, pool: PoolKey
    ) -> capiipamv1.IPAddressClaim | None:
        data = objects.data
        namespace, name = data.metadata.namespace, f"{data.metadata.name}-{pool.name}"
        wanted = capiipamv1.PoolReference(name=pool.name, kind=pool.kind, api_group=pool.api_group)
        found = await find(self.env.client, capiipamv1.IPAddressClaim, namespace, name)
        if found is not None:
            if found.spec.pool_ref.to_dict() != wanted.to_dict():
                raise RenderError(f"pools of two kinds are both named {pool.name}")
            return found
        claim = capiipamv1.IPAddressClaim.named(_checked(name), namespace)
        _adorn(claim, data)
        cluster = data.metadata.labels.get(clusterv1.CLUSTER_NAME_LABEL)
        if cluster:
            claim.spec.cluster_name = cluster
        claim.spec.pool_ref = wanted
        try:
            return await self.env.client.create(claim)
        except AlreadyExistsError:
            return None

    async def _is_current(self, claim: AnyClaim, data: infrav1.Metal3Data) -> bool:
        """A claim that is on its way out, or of another Metal3Data, has to go first.

        What was answered is held as long as the data: it may be in use.
        """
        owner = metav1.controller_of(claim)
        is_ours = owner is not None and owner.uid == data.metadata.uid
        is_going = bool(claim.metadata.deletion_timestamp)
        if is_going and not (is_ours and _is_answered(claim)):
            await drop_finalizer(self.env.client, claim, infrav1.DATA_FINALIZER)
        return is_ours and not is_going

    async def release(self, data: infrav1.Metal3Data) -> None:
        """Give all addresses back; whatever the template says by now."""
        for kind in self.kinds:
            found = await self.env.client.list(
                kind, namespace=data.metadata.namespace, fields={DATA_INDEX: data.metadata.name}
            )
            for claim in found.items:
                await let_go(self.env, claim, infrav1.DATA_FINALIZER)

    async def release_orphans(self, namespace: str, data: str) -> None:
        """Let those go that are being deleted with a Metal3Data that is gone.

        They were asked for while it went, by another manager or by a process that is dead.
        """
        for kind in self.kinds:
            found = await self.env.client.list(kind, namespace=namespace, fields={DATA_INDEX: data})
            for claim in found.items:
                if claim.metadata.deletion_timestamp:
                    await drop_finalizer(self.env.client, claim, infrav1.DATA_FINALIZER)


def _checked(name: str) -> str:
    """Raises RenderError for what the API server would refuse."""
    if len(name) > LONGEST_NAME:
        raise RenderError(f"the claim's name would be longer than {LONGEST_NAME}: {name[:60]}...")
    return name


def _adorn(claim: AnyClaim, data: infrav1.Metal3Data) -> None:
    claim.metadata.labels = dict(data.metadata.labels)
    claim.metadata.finalizers = [infrav1.DATA_FINALIZER]
    claim.metadata.owner_references = [metav1.owner_reference(data, controller=True)]


def _is_answered(claim: AnyClaim) -> bool:
    if isinstance(claim, ipamv1.IPClaim):
        return claim.status.address is not None
    return claim.status.address_ref is not None


def _why(claim: capiipamv1.IPAddressClaim) -> str:
    ready = metav1.find_condition(claim.status.conditions, "Ready")
    return ready.message or ready.reason if ready is not None and ready.status == "False" else ""
