"""Metadata and network data of a machine: asked for with a Metal3DataClaim, and given back.

The claim bears the machine's name, as may that of an earlier machine whose request landed late, or
of a later one while our view is old: whose it is, its owner's uid tells.
"""

from dataclasses import dataclass

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import AlreadyExistsError
from metal3.runtime.patch import drop_finalizer
from metal3.runtime.types import NamespacedName, key_of

from . import conditions
from .conditions import Reason, Type
from .environment import Environment
from .letgo import let_go
from .related import find, is_current
from .wakeups import is_unanswered


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineData:
    """The Metal3DataClaim bears the name of its machine."""

    env: Environment

    async def is_ready(self, m3m: infrav1.Metal3Machine, bootstrap_secret: str) -> bool:
        """Fill the references in ``status``; False while they are waited for.

        The user's own references always win over what is rendered, each for itself.
        """
        status, spec = m3m.status, m3m.spec
        if status.user_data is None:
            given = spec.user_data if spec.user_data is not None and spec.user_data.name else None
            status.user_data = given or self._reference(m3m, bootstrap_secret)
        status.meta_data = spec.meta_data or status.meta_data
        status.network_data = spec.network_data or status.network_data
        now = self.env.now()
        if spec.data_template is None:
            reason = Reason.DATA_SECRETS_SET_EXTERNALLY
            conditions.mark_true(m3m, Type.DATA_READY, reason, now=now)
            return True
        waiting = await self._rendered(m3m)
        if waiting:
            conditions.mark_false(m3m, Type.DATA_READY, Reason.WAITING_FOR_DATA, waiting, now=now)
            return False
        conditions.mark_true(m3m, Type.DATA_READY, Reason.DATA_SECRETS_READY, now=now)
        return True

    async def _rendered(self, m3m: infrav1.Metal3Machine) -> str:
        """Empty when all is there; otherwise what is waited for."""
        claim = await self._claim(m3m)
        if claim is None:
            return f"waiting for the Metal3DataClaim of an earlier {m3m.metadata.name} to go"
        waiting = f"waiting for Metal3DataClaim {claim.metadata.name} to be served"
        if is_unanswered(claim) or claim.status.rendered_data is None:
            return claim.status.error_message or waiting
        name = claim.status.rendered_data.name
        data = await find(self.env.client, infrav1.Metal3Data, m3m.metadata.namespace, name)
        if data is None or not (data.status.ready or data.status.error_message):
            return waiting  # it soon says more, and wakes us: nothing is written for so short
        m3m.status.rendered_data = infrav1.ObjectRef(name=name, namespace=m3m.metadata.namespace)
        if not data.status.ready:
            return data.status.error_message or waiting
        spec, status = m3m.spec, m3m.status
        if spec.meta_data is None and data.spec.meta_data is not None:
            status.meta_data = self._reference(m3m, data.spec.meta_data.name or "")
        if spec.network_data is None and data.spec.network_data is not None:
            status.network_data = self._reference(m3m, data.spec.network_data.name or "")
        return ""

    async def _claim(self, m3m: infrav1.Metal3Machine) -> infrav1.Metal3DataClaim | None:
        """Found or made; None while there is one that the machine must not use."""
        client, meta = self.env.client, m3m.metadata
        found = await find(client, infrav1.Metal3DataClaim, meta.namespace, meta.name)
        if found is not None:
            if not (_is_of(found, m3m) or _has_used_data(m3m)):
                await self._let_go(found, m3m)
                return None
            if found.metadata.deletion_timestamp and is_unanswered(found):
                await drop_finalizer(client, found, infrav1.MACHINE_FINALIZER)  # then a new one
            return found
        wanted = m3m.spec.data_template
        name = wanted.name if wanted is not None else None
        claim = infrav1.Metal3DataClaim.named(meta.name, meta.namespace)
        claim.metadata.labels = dict(meta.labels)
        claim.metadata.finalizers = [infrav1.MACHINE_FINALIZER]
        template = await find(client, infrav1.Metal3DataTemplate, meta.namespace, name)
        if template is not None and metav1.has_finalizer(template, infrav1.DATA_TEMPLATE_FINALIZER):
            # What the template would add first: it stays for as long as it has claims.
            claim.metadata.finalizers.append(infrav1.DATA_CLAIM_FINALIZER)
        claim.metadata.owner_references = [metav1.owner_reference(m3m, controller=True)]
        claim.spec.template = infrav1.ObjectRef(name=name, namespace=meta.namespace)
        try:
            return await client.create(claim)
        except AlreadyExistsError:
            return claim  # the cache is behind; its arrival wakes us

    async def give_back(self, m3m: infrav1.Metal3Machine) -> None:
        """Let the claim go, and with it the index, the addresses and the Secrets."""
        claim = await find(self.env.live, infrav1.Metal3DataClaim, *key_of(m3m))
        if claim is not None:
            await self._let_go(claim, m3m)

    async def _let_go(self, claim: infrav1.Metal3DataClaim, m3m: infrav1.Metal3Machine) -> None:
        """The machine's own, or that of an earlier one; never that of a later one."""
        if _is_of(claim, m3m) or await is_current(self.env.live, m3m):
            await let_go(self.env, claim, infrav1.MACHINE_FINALIZER)

    async def release_orphan(self, machine: NamespacedName) -> None:
        """Let the claim go that is being deleted after its machine.

        It was made while the machine went, by another manager or by a process that is dead.
        """
        claim = await find(self.env.client, infrav1.Metal3DataClaim, *machine)
        if claim is None or not claim.metadata.deletion_timestamp:
            return
        if await find(self.env.live, infrav1.Metal3Machine, *machine) is None:
            await drop_finalizer(self.env.client, claim, infrav1.MACHINE_FINALIZER)

    def _reference(self, m3m: infrav1.Metal3Machine, name: str) -> infrav1.SecretReference | None:
        if not name:
            return None
        return infrav1.SecretReference(name=name, namespace=m3m.metadata.namespace)


def _is_of(claim: infrav1.Metal3DataClaim, m3m: infrav1.Metal3Machine) -> bool:
    """Whether it was made for this machine, not for another of its name; or nobody says so."""
    owner = metav1.controller_of(claim)
    is_machine = owner is not None and owner.kind == "Metal3Machine"
    return owner is None or not is_machine or owner.uid == m3m.metadata.uid


def _has_used_data(m3m: infrav1.Metal3Machine) -> bool:
    """Then it stays with what it has: a restored backup has claims with owners of old uids."""
    return m3m.status.rendered_data is not None or bool(m3m.spec.provider_id)
