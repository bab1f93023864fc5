"""Gives each Metal3DataClaim of a template an index, and a Metal3Data of that number.

Watches: Metal3DataTemplate, Metal3DataClaim, Metal3Data, Cluster (pauses).
Writes:  Metal3Data (creates and deletes), status of claims, ``status.indexes`` of the template.
Looks again: never; everything it reads wakes it.

The name of a Metal3Data is made of its index, so of two that want one number only one is created;
that also holds for templates that share their numbers (:mod:`.templatereference`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import AlreadyExistsError, NotFoundError
from metal3.runtime.patch import drop_finalizer, ensure_finalizer, patching

from .environment import Environment
from .related import cluster_of, owner_name
from .templatereference import index_space
from .wakeups import TEMPLATE_INDEX


@dataclass(slots=True, kw_only=True)
class _Ledger:
    """What is given out: one look at all data of a template."""

    by_claim: dict[str, infrav1.Metal3Data] = field(default_factory=dict[str, infrav1.Metal3Data])
    used: set[int] = field(default_factory=set[int])

    @classmethod
    def of(cls, datas: list[infrav1.Metal3Data]) -> "_Ledger":
        """Data that is going keeps its index until it is gone."""
        ledger = cls()
        for data in datas:
            ledger.note(data)
        return ledger

    def note(self, data: infrav1.Metal3Data) -> None:
        """Remember one."""
        self.used.add(data.spec.index or 0)
        if data.spec.claim is not None and data.spec.claim.name:
            self.by_claim[data.spec.claim.name] = data

    def entries(self) -> list[infrav1.IndexEntry]:
        """For the status, in order of the numbers."""
        pairs = sorted((d.spec.index or 0, name) for name, d in self.by_claim.items())
        return [infrav1.IndexEntry(name=name, index=index) for index, name in pairs]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3DataTemplateReconciler:
    """One pass serves all claims of the template; its cost grows with their number only."""

    env: Environment

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Drive one template; unexpected errors go up, to be retried with backoff."""
        client = self.env.client
        try:
            template = await client.get(infrav1.Metal3DataTemplate, req)
        except NotFoundError:
            return ctrl.Result()
        if clusterv1.is_paused(template):
            return ctrl.Result()
        if not template.metadata.deletion_timestamp:
            await ensure_finalizer(client, template, infrav1.DATA_TEMPLATE_FINALIZER)
        fields = {TEMPLATE_INDEX: req.name}
        claims = await client.list(infrav1.Metal3DataClaim, namespace=req.namespace, fields=fields)
        datas = await client.list(infrav1.Metal3Data, namespace=req.namespace, fields=fields)
        ledger = _Ledger.of(datas.items)
        async with patching(client, template):
            await self._serve(template, claims.items, ledger)
            self._report(template, ledger)
            done = not claims.items and not datas.items
            if template.metadata.deletion_timestamp and done:
                metav1.remove_finalizer(template, infrav1.DATA_TEMPLATE_FINALIZER)
        return ctrl.Result()

    async def _serve(
        self,
        template: infrav1.Metal3DataTemplate,
        claims: list[infrav1.Metal3DataClaim],
        ledger: _Ledger,
    ) -> None:
        numbers = (index for index in count() if index not in ledger.used)
        for claim in sorted(
            claims, key=lambda c: (c.metadata.creation_timestamp or "", c.metadata.name)
        ):
            cluster = await cluster_of(self.env.client, claim)
            if clusterv1.is_paused(claim, cluster):
                continue
            if claim.metadata.deletion_timestamp:
                await self._release(claim, ledger)
            elif not template.metadata.deletion_timestamp and _is_waiting(claim):
                await self._give(template, claim, ledger, numbers)

    async def _give(
        self,
        template: infrav1.Metal3DataTemplate,
        claim: infrav1.Metal3DataClaim,
        ledger: _Ledger,
        numbers: Iterator[int],
    ) -> None:
        await ensure_finalizer(self.env.client, claim, infrav1.DATA_CLAIM_FINALIZER)
        async with patching(self.env.client, claim):
            machine = owner_name(claim, infrav1.Metal3Machine)
            if machine is None:
                claim.status.error_message = "Metal3Machine associated with the claim is not known"
                return
            data = ledger.by_claim.get(claim.metadata.name)
            if data is None:
                data = await self._create(template, claim, numbers)
                ledger.note(data)
            claim.status.error_message = None
            claim.status.rendered_data = infrav1.ObjectRef(
                name=data.metadata.name, namespace=data.metadata.namespace
            )

    async def _create(
        self,
        template: infrav1.Metal3DataTemplate,
        claim: infrav1.Metal3DataClaim,
        numbers: Iterator[int],
    ) -> infrav1.Metal3Data:
        for index in numbers:
            try:
                return await self.env.client.create(_new_data(template, claim, index))
            except AlreadyExistsError:
                continue  # somebody's, whom the cache has not shown yet
        raise AssertionError("there is always a next number")

    async def _release(self, claim: infrav1.Metal3DataClaim, ledger: _Ledger) -> None:
        """The machine lets go first: until then its host still uses the data."""
        client = self.env.client
        if metav1.has_finalizer(claim, infrav1.MACHINE_FINALIZER):
            return
        data = ledger.by_claim.get(claim.metadata.name)
        if data is not None:
            if not data.metadata.deletion_timestamp:
                try:
                    await client.delete(data)
                    data = await client.get(infrav1.Metal3Data, ctrl.key_of(data))
                except NotFoundError:
                    data = None
            if data is not None:
                await drop_finalizer(client, data, infrav1.DATA_CLAIM_FINALIZER)
        await drop_finalizer(client, claim, infrav1.DATA_CLAIM_FINALIZER)

    def _report(self, template: infrav1.Metal3DataTemplate, ledger: _Ledger) -> None:
        wanted = ledger.entries()
        if [e.to_dict() for e in wanted] != [e.to_dict() for e in template.status.indexes]:
            template.status.indexes = wanted
            template.status.last_updated = metav1.format_time(self.env.now())


def _is_waiting(claim: infrav1.Metal3DataClaim) -> bool:
    return claim.status.rendered_data is None or not claim.status.rendered_data.name


def _new_data(
    template: infrav1.Metal3DataTemplate, claim: infrav1.Metal3DataClaim, index: int
) -> infrav1.Metal3Data:
    namespace = template.metadata.namespace
    data = infrav1.Metal3Data.named(f"{index_space(template)}-{index}", namespace)
    data.metadata.labels = dict(claim.metadata.labels)
    data.metadata.finalizers = [infrav1.DATA_CLAIM_FINALIZER]
    machines = [r for r in claim.metadata.owner_references if r.kind == "Metal3Machine"]
    others = [
        metav1.OwnerReference(api_version=r.api_version, kind=r.kind, name=r.name, uid=r.uid)
        for r in machines
    ]
    data.metadata.owner_references = [metav1.owner_reference(claim, controller=True), *others]
    data.spec.index = index
    data.spec.template = infrav1.ObjectRef(name=template.metadata.name, namespace=namespace)
    data.spec.claim = infrav1.ObjectRef(name=claim.metadata.name, namespace=namespace)
    return data
