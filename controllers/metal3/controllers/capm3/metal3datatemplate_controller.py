"""Gives each Metal3DataClaim of a template an index, and a Metal3Data of that number.

Watches: Metal3DataTemplate, Metal3DataClaim, Metal3Data, Cluster (pauses).
Writes:  Metal3Data (creates and deletes), status of claims, ``status.indexes`` of the template.
Looks again: after REPORT_EVERY when ``status.indexes`` is behind; everything it reads wakes it.

The name of a Metal3Data is made of its index, so of two that want one number only one is created;
that also holds for templates that share their numbers (:mod:`.templatereference`).
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import AlreadyExistsError, NotFoundError, Preconditions
from metal3.runtime.patch import drop_finalizer, ensure_finalizer, patching

from .dataledger import DataLedger, entry_of
from .environment import Environment
from .related import cluster_of, find, name_secrets, owner_name
from .templatereference import index_space
from .wakeups import TEMPLATE_INDEX, TODO_INDEX, is_unanswered

AT_ONCE: Final = 16
"""Claims that are worked on at the same time."""
REPORT_EVERY: Final = timedelta(seconds=2)
"""The list of indexes is long and for people only."""
MOST_REPORTED: Final = 512
"""As many as the CRD lets the list have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3DataTemplateReconciler:
    """One pass serves the claims of a template that want something; others cost nothing."""

    env: Environment
    ledger: DataLedger
    _reported: dict[ctrl.NamespacedName, float] = field(
        default_factory=dict[ctrl.NamespacedName, float], init=False
    )
    """When the indexes of a template were last written, by the clock of the loop."""

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Drive one template; unexpected errors go up, to be retried with backoff."""
        client = self.env.client
        try:
            template = await client.get(infrav1.Metal3DataTemplate, req)
        except NotFoundError:
            await self._release_orphans(req)
            return ctrl.Result()
        if clusterv1.is_paused(template):
            return ctrl.Result()
        if not template.metadata.deletion_timestamp:
            await ensure_finalizer(client, template, infrav1.DATA_TEMPLATE_FINALIZER)
        await self.ledger.wait_told()
        todo = await client.list(
            infrav1.Metal3DataClaim, namespace=req.namespace, fields={TODO_INDEX: req.name}
        )
        error = await self._serve(template, todo.items)
        wait = await self._finish(template)
        if error is not None:
            raise error
        return ctrl.Result(requeue_after=wait)

    async def _release_orphans(self, req: ctrl.Request) -> None:
        """Claims of a template that was taken away by force: their data goes after them."""
        found = await self.env.client.list(
            infrav1.Metal3DataClaim, namespace=req.namespace, fields={TODO_INDEX: req.name}
        )
        going = [claim for claim in found.items if claim.metadata.deletion_timestamp]
        if going and await find(self.env.live, infrav1.Metal3DataTemplate, *req) is None:
            for claim in going:
                await drop_finalizer(self.env.client, claim, infrav1.DATA_CLAIM_FINALIZER)

    async def _serve(
        self, template: infrav1.Metal3DataTemplate, claims: list[infrav1.Metal3DataClaim]
    ) -> Exception | None:
        """All are tried; the first error is returned."""
        namespace = template.metadata.namespace
        numbers = self.ledger.free_numbers(namespace, index_space(template))
        is_paused = _Pauses(self.env)
        errors: list[Exception] = []

        async def serve(claim: infrav1.Metal3DataClaim) -> None:
            try:
                if not await is_paused(claim):
                    await self._serve_one(template, claim, numbers)
            except Exception as error:  # noqa: BLE001 - one claim must not stop the others
                errors.append(error)

        claims.sort(key=lambda c: (c.metadata.creation_timestamp or "", c.metadata.name))
        await _each(claims, serve)
        return errors[0] if errors else None

    async def _serve_one(
        self,
        template: infrav1.Metal3DataTemplate,
        claim: infrav1.Metal3DataClaim,
        numbers: Iterator[int],
    ) -> None:
        if claim.metadata.deletion_timestamp:
            await self._release(template, claim)
        elif not template.metadata.deletion_timestamp and is_unanswered(claim):
            await self._give(template, claim, numbers)

    async def _give(
        self,
        template: infrav1.Metal3DataTemplate,
        claim: infrav1.Metal3DataClaim,
        numbers: Iterator[int],
    ) -> None:
        client = self.env.client
        known = self.ledger.of_claim(ctrl.key_of(template), claim)
        await ensure_finalizer(client, claim, infrav1.DATA_CLAIM_FINALIZER)
        # Another manager may answer with another number: the second answer must not win.
        async with patching(client, claim, optimistic_lock=True):
            if owner_name(claim, infrav1.Metal3Machine) is None:
                claim.status.error_message = "Metal3Machine associated with the claim is not known"
                return
            key = known[0].key if known else await self._create(template, claim, numbers)
            claim.status.error_message = None
            claim.status.rendered_data = infrav1.ObjectRef(name=key.name, namespace=key.namespace)

    async def _create(
        self,
        template: infrav1.Metal3DataTemplate,
        claim: infrav1.Metal3DataClaim,
        numbers: Iterator[int],
    ) -> ctrl.NamespacedName:
        for index in numbers:
            data = _new_data(template, claim, index)
            self.ledger.note(entry_of(data))  # before it is created: others work at the same time
            try:
                data = await self.env.client.create(data)
            except AlreadyExistsError:
                self.ledger.forget(entry_of(data))
                found = await find(self.env.live, infrav1.Metal3Data, *ctrl.key_of(data))
                if found is None:
                    continue
                data = found
            except BaseException:
                self.ledger.forget(entry_of(data))
                raise
            self.ledger.note(entry_of(data))
            if entry_of(data).is_for(claim):
                return ctrl.key_of(data)
        raise AssertionError("there is always a next number")

    async def _release(
        self, template: infrav1.Metal3DataTemplate, claim: infrav1.Metal3DataClaim
    ) -> None:
        """The machine lets go first: until then its host still uses the data."""
        client = self.env.client
        if metav1.has_finalizer(claim, infrav1.MACHINE_FINALIZER):
            return
        for entry in self.ledger.of_claim(ctrl.key_of(template), claim):
            data = await find(self.env.live, infrav1.Metal3Data, *entry.key)
            if data is not None and entry_of(data).is_for(claim):
                await self._let_go(data)
        await drop_finalizer(client, claim, infrav1.DATA_CLAIM_FINALIZER)

    async def _let_go(self, data: infrav1.Metal3Data) -> None:
        client = self.env.client
        await drop_finalizer(client, data, infrav1.DATA_CLAIM_FINALIZER)
        if not data.metadata.deletion_timestamp:
            try:
                await client.delete(data, preconditions=Preconditions(uid=data.metadata.uid))
            except NotFoundError:
                return

    async def _finish(self, template: infrav1.Metal3DataTemplate) -> timedelta | None:
        """Report what is given out, but not more often than is useful; let the template go."""
        key, now = ctrl.key_of(template), asyncio.get_running_loop().time()
        entries = self.ledger.entries(key)
        wanted = [infrav1.IndexEntry(name=e.claim, index=e.index) for e in entries][:MOST_REPORTED]
        is_going = bool(template.metadata.deletion_timestamp)
        is_behind = template.status.indexes != wanted
        age = now - self._reported.get(key, -math.inf)
        if is_behind and not is_going and age < REPORT_EVERY.total_seconds():
            return REPORT_EVERY
        async with patching(self.env.client, template):
            if is_behind:
                self._reported[key] = now
                template.status.indexes = wanted
                template.status.last_updated = metav1.format_time(self.env.now())
            if is_going and not entries and not await self._has_claims(template):
                metav1.remove_finalizer(template, infrav1.DATA_TEMPLATE_FINALIZER)
        return None

    async def _has_claims(self, template: infrav1.Metal3DataTemplate) -> bool:
        key = ctrl.key_of(template)
        found = await self.env.client.list(
            infrav1.Metal3DataClaim,
            namespace=key.namespace,
            fields={TEMPLATE_INDEX: key.name},
            limit=1,
        )
        return bool(found.items)


@dataclass(slots=True)
class _Pauses:
    """Whether claims are paused; each Cluster is looked up once."""

    env: Environment
    _clusters: dict[str, clusterv1.Cluster | None] | None = None

    async def __call__(self, claim: infrav1.Metal3DataClaim) -> bool:
        known = self._clusters if self._clusters is not None else {}
        self._clusters = known
        name = claim.metadata.labels.get(clusterv1.CLUSTER_NAME_LABEL) or ""
        if name not in known:
            known[name] = await cluster_of(self.env.client, claim)
        return clusterv1.is_paused(claim, known[name])


async def _each(
    claims: list[infrav1.Metal3DataClaim],
    work: Callable[[infrav1.Metal3DataClaim], Awaitable[None]],
) -> None:
    todo = iter(claims)

    async def some() -> None:
        for claim in todo:
            await work(claim)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(AT_ONCE, len(claims))):
            group.create_task(some())


def _new_data(
    template: infrav1.Metal3DataTemplate, claim: infrav1.Metal3DataClaim, index: int
) -> infrav1.Metal3Data:
    namespace = template.metadata.namespace
    data = infrav1.Metal3Data.named(f"{index_space(template)}-{index}", namespace)
    data.metadata.labels = dict(claim.metadata.labels)
    data.metadata.finalizers = [infrav1.DATA_CLAIM_FINALIZER, infrav1.DATA_FINALIZER]
    machines = [r for r in claim.metadata.owner_references if r.kind == "Metal3Machine"]
    others = [
        metav1.OwnerReference(api_version=r.api_version, kind=r.kind, name=r.name, uid=r.uid)
        for r in machines
    ]
    data.metadata.owner_references = [metav1.owner_reference(claim, controller=True), *others]
    data.spec.index = index
    data.spec.template = infrav1.ObjectRef(name=template.metadata.name, namespace=namespace)
    data.spec.claim = infrav1.ObjectRef(name=claim.metadata.name, namespace=namespace)
    name_secrets(data, template, owner_name(claim, infrav1.Metal3Machine) or "")
    return data
