"""Renders the metadata and network data of a machine into Secrets.

Watches: Metal3Data, its claims of addresses, its Metal3DataTemplate, Metal3DataClaim, Metal3Machine,
         BareMetalHost and Cluster (pauses).
Writes:  Metal3Data, Secrets ``<machine>-metadata`` and ``<machine>-networkdata``, claims.
Looks again: after ``resync`` while something is waited for, though all of it wakes it.

Secrets that exist are never written again: a machine boots twice with the same data.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import AlreadyExistsError, NotFoundError, Preconditions
from metal3.runtime.patch import PatchHelper, ensure_finalizer, patching

from .addressclaims import AddressClaims
from .dataledger import entry_of
from .environment import Environment
from .ownwrites import OwnWrites
from .related import (
    annotated_host,
    cluster_of,
    find,
    host_now,
    host_of,
    machine_of,
    name_secrets,
    owner_name,
)
from .rendering import Objects, RenderError, as_yaml, pools_of, render_metadata, render_networkdata

LONGEST_MESSAGE: Final = 512
SECRET_WAIT: Final = timedelta(seconds=5)


class NotYetError(Exception):
    """Something is waited for; the message says what."""


class SecretInUseError(NotYetError):
    """An earlier machine of the same name had it; it goes soon, and nobody tells us when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3DataReconciler:
    """Each call goes as far as it can; an error heals when its cause does."""

    env: Environment
    claims: AddressClaims
    own_writes: OwnWrites = field(default_factory=OwnWrites)

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Drive one Metal3Data; unexpected errors go up, to be retried with backoff."""
        client = self.env.client
        try:
            data = await client.get(infrav1.Metal3Data, req)
        except NotFoundError:
            self.own_writes.forget(req)
            if await find(self.env.live, infrav1.Metal3Data, *req) is None:
                await self.claims.release_orphans(*req)
            return ctrl.Result()
        return await self.own_writes.drive(data, self._drive)

    async def _drive(self, data: infrav1.Metal3Data) -> ctrl.Result:
        client = self.env.client
        if clusterv1.is_paused(data, await cluster_of(client, data)):
            return ctrl.Result()
        standing = await self._standing(data)
        is_going = bool(data.metadata.deletion_timestamp)
        if standing is Standing.ABANDONED and is_going:
            return await self._let_go(data)
        if standing is Standing.ABANDONED:
            await client.delete(data, preconditions=Preconditions(uid=data.metadata.uid))
            return ctrl.Result()
        if standing in {Standing.UNANSWERED, Standing.LEAVING}:
            return ctrl.Result()  # a change of the claim wakes us
        if data.status.ready and (is_going or self.own_writes.is_last(data)):
            return ctrl.Result()  # all of it was made; that the claim goes wakes us
        if not is_going:  # else it is rendered all the same: the machine waits for it
            await ensure_finalizer(client, data, infrav1.DATA_FINALIZER)
        async with patching(client, data, optimistic_lock=True) as helper:
            return await self._render(data, helper)

    async def _render(
        self, data: infrav1.Metal3Data, helper: PatchHelper[infrav1.Metal3Data]
    ) -> ctrl.Result:
        try:
            await self._make_secrets(data)
        except (NotYetError, RenderError) as error:
            data.status.ready = False
            data.status.error_message = str(error)[:LONGEST_MESSAGE]
            is_brief = isinstance(error, SecretInUseError)
            wait = SECRET_WAIT if is_brief else self.env.options.resync
            return ctrl.Result(requeue_after=wait)
        await helper.patch(status=False)  # who sees that it is ready must see the names, too
        data.status.ready = True
        data.status.error_message = None
        return ctrl.Result()

    async def _make_secrets(self, data: infrav1.Metal3Data) -> None:
        namespace = data.metadata.namespace
        wanted = data.spec.template
        name = wanted.name if wanted is not None else None
        if not name:
            raise NotYetError("spec.template names no Metal3DataTemplate")
        template = await find(self.env.client, infrav1.Metal3DataTemplate, namespace, name)
        if template is None:
            raise NotYetError(f"Metal3DataTemplate {name} is not there")
        m3m = await self._metal3_machine(data)
        is_new = data.status.ready is None and data.status.error_message is None
        name_secrets(data, template, m3m.metadata.name)
        missing = [
            (key, secret)
            for key, secret in _secrets_of(data, template)
            if is_new or not await self._is_there(data, secret)
        ]
        if missing:
            texts = await self._texts(template, await self._objects(data, m3m))
            for key, secret in missing:
                await self._create(data, secret, key, texts[key])

    async def _texts(
        self, template: infrav1.Metal3DataTemplate, objects: Objects
    ) -> dict[str, str]:
        got = await self.claims.addresses(objects, pools_of(template, objects))
        if got.waiting:
            raise NotYetError("; ".join(got.waiting))
        out: dict[str, str] = {}
        if template.spec.meta_data is not None:
            out[metal3api.META_DATA_KEY] = as_yaml(
                render_metadata(template.spec.meta_data, objects, got.found)
            )
        if template.spec.network_data is not None:
            out[metal3api.NETWORK_DATA_KEY] = as_yaml(
                render_networkdata(template.spec.network_data, objects, got.found)
            )
        return out

    async def _metal3_machine(self, data: infrav1.Metal3Data) -> infrav1.Metal3Machine:
        name = owner_name(data, infrav1.Metal3Machine)
        if name is None:
            claim = data.spec.claim
            found = await find(
                self.env.client,
                infrav1.Metal3DataClaim,
                data.metadata.namespace,
                claim.name if claim is not None else None,
            )
            name = owner_name(found, infrav1.Metal3Machine) if found is not None else None
        m3m = await find(self.env.client, infrav1.Metal3Machine, data.metadata.namespace, name)
        if m3m is None:
            raise NotYetError("metal3Machine associated with Metal3DataTemplate is not found")
        return m3m

    async def _objects(self, data: infrav1.Metal3Data, m3m: infrav1.Metal3Machine) -> Objects:
        machine = await machine_of(self.env.client, m3m)
        if machine is None:
            raise NotYetError(f"Metal3Machine {m3m.metadata.name} has no Machine yet")
        host = await host_of(self.env.client, m3m) or await self._claimed_now(m3m)
        if host is None:
            raise NotYetError(f"Metal3Machine {m3m.metadata.name} has no host yet")
        return Objects(data=data, machine=machine, metal3_machine=m3m, host=host)

    async def _claimed_now(self, m3m: infrav1.Metal3Machine) -> metal3api.BareMetalHost | None:
        """A machine asks for data when it has its host, which the cache may show later."""
        namespace, name = m3m.metadata.namespace, m3m.metadata.name
        wished = annotated_host(m3m)
        if not wished:
            now = await find(self.env.live, infrav1.Metal3Machine, namespace, name)
            wished = annotated_host(now) if now is not None else ""
        return await host_now(self.env.live, m3m, wished)

    async def _is_there(self, data: infrav1.Metal3Data, name: str) -> bool:
        secret = await find(self.env.live, corev1.Secret, data.metadata.namespace, name)
        if secret is None:
            return False
        owner = metav1.controller_of(secret)
        if owner is not None and owner.kind == "Metal3Data" and owner.uid != data.metadata.uid:
            raise SecretInUseError(f"Secret {name} still belongs to Metal3Data {owner.name}")
        return True

    async def _create(self, data: infrav1.Metal3Data, name: str, key: str, text: str) -> None:
        secret = corev1.new_secret(name, data.metadata.namespace, {key: text})
        secret.type = infrav1.SECRET_TYPE
        cluster = data.metadata.labels.get(clusterv1.CLUSTER_NAME_LABEL)
        # With its own label the bare-metal operator watches it from the start.
        secret.metadata.labels = {metal3api.ENVIRONMENT_LABEL: metal3api.ENVIRONMENT_LABEL_VALUE}
        if cluster:
            secret.metadata.labels[clusterv1.CLUSTER_NAME_LABEL] = cluster
        secret.metadata.owner_references = [metav1.owner_reference(data, controller=True)]
        try:
            await self.env.client.create(secret)
        except AlreadyExistsError:
            await self._is_there(data, name)

    async def _standing(self, data: infrav1.Metal3Data) -> "Standing":
        """Only the server is believed when it says that nobody wants the data."""
        name = data.spec.claim.name if data.spec.claim is not None else None
        if not name:
            return Standing.WANTED if not data.metadata.deletion_timestamp else Standing.ABANDONED
        for reader in (self.env.client, self.env.live):
            claim = await find(reader, infrav1.Metal3DataClaim, data.metadata.namespace, name)
            standing = _standing(data, claim)
            if standing is not Standing.ABANDONED:
                break
        return standing

    async def _let_go(self, data: infrav1.Metal3Data) -> ctrl.Result:
        """To be called when the claim is gone: until then the machine uses the data."""
        await self.claims.release(data)
        async with patching(self.env.client, data, optimistic_lock=True):
            metav1.remove_finalizer(data, infrav1.DATA_FINALIZER)
            metav1.remove_finalizer(data, infrav1.DATA_CLAIM_FINALIZER)
        return ctrl.Result()


class Standing(StrEnum):
    """How a Metal3Data and its claim are to each other."""

    WANTED = "wanted"
    UNANSWERED = "unanswered"
    """The claim does not say yet which data it gets."""
    LEAVING = "leaving"
    """Both are being deleted: what is there stays until the claim is gone, and nothing is made."""
    ABANDONED = "abandoned"
    """The claim is gone, or got other data: two managers answered at the same time."""


def _standing(data: infrav1.Metal3Data, claim: infrav1.Metal3DataClaim | None) -> Standing:
    if claim is None or not entry_of(data).is_for(claim):
        return Standing.ABANDONED
    answer = claim.status.rendered_data
    if answer is None or not answer.name:
        return Standing.UNANSWERED
    if answer.name != data.metadata.name:
        return Standing.ABANDONED
    is_leaving = data.metadata.deletion_timestamp and claim.metadata.deletion_timestamp
    return Standing.LEAVING if is_leaving else Standing.WANTED


def _secrets_of(
    data: infrav1.Metal3Data, template: infrav1.Metal3DataTemplate
) -> list[tuple[str, str]]:
    """Which key of which Secret the template fills."""
    spec, out = data.spec, list[tuple[str, str]]()
    if template.spec.meta_data is not None and spec.meta_data is not None:
        out.append((metal3api.META_DATA_KEY, spec.meta_data.name or ""))
    if template.spec.network_data is not None and spec.network_data is not None:
        out.append((metal3api.NETWORK_DATA_KEY, spec.network_data.name or ""))
    return out
