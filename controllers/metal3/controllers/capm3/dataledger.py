"""Which index of a template is whose, in memory; kept current by the informer of Metal3Data.

What is read may be old, which does no harm: a Metal3Data is named after its index, so of two that
want one number only one is created.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.runtime.cache import Cache
from metal3.runtime.types import NamespacedName, key_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One Metal3Data; ``claim_uid`` is empty when nobody says which of that name it belongs to."""

    key: NamespacedName
    template: str
    index: int
    claim: str
    claim_uid: str

    def is_for(self, claim: infrav1.Metal3DataClaim) -> bool:
        """Whether it was made for this claim, not for an earlier one of that name."""
        same = self.claim_uid in {"", claim.metadata.uid}
        return same and self.claim == claim.metadata.name


def entry_of(data: infrav1.Metal3Data) -> Entry:
    """What of a Metal3Data is remembered."""
    spec, owner = data.spec, metav1.controller_of(data)
    is_claim = owner is not None and owner.kind == "Metal3DataClaim"
    return Entry(
        key=key_of(data),
        template=spec.template.name or "" if spec.template is not None else "",
        index=spec.index or 0,
        claim=spec.claim.name or "" if spec.claim is not None else "",
        claim_uid=owner.uid if owner is not None and is_claim else "",
    )


@dataclass(slots=True)
class _Book:
    """The data of one template."""

    by_index: dict[int, Entry] = field(default_factory=dict[int, Entry])
    by_claim: dict[str, set[int]] = field(default_factory=dict[str, set[int]])

    def put(self, entry: Entry) -> None:
        """Add or replace."""
        self.drop(entry.index)
        self.by_index[entry.index] = entry
        self.by_claim.setdefault(entry.claim, set()).add(entry.index)

    def drop(self, index: int) -> None:
        """Remove, if it is there."""
        old = self.by_index.pop(index, None)
        if old is not None:
            self.by_claim[old.claim].discard(index)
            if not self.by_claim[old.claim]:
                del self.by_claim[old.claim]


@dataclass(slots=True, kw_only=True)
class DataLedger:
    """An event handler of the informer of Metal3Data, and what is read from it."""

    _books: dict[NamespacedName, _Book] = field(
        default_factory=dict[NamespacedName, _Book], init=False
    )
    _names: set[NamespacedName] = field(default_factory=set[NamespacedName], init=False)
    """Of all data: templates may share their numbers."""
    _told: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def follow(self, cache: Cache) -> None:
        """Have the cache tell of all Metal3Data; returns when all that exist were told."""
        informer = await cache.get_informer(infrav1.Metal3Data)
        registration = informer.add_event_handler(self)
        await registration.wait_synced()
        self.all_told()

    def all_told(self) -> None:
        """Everything that exists was told."""
        self._told.set()

    async def wait_told(self) -> None:
        """Until everything is in the ledger: before that used numbers look free."""
        await self._told.wait()

    def on_add(self, obj: infrav1.Metal3Data, *, is_in_initial_list: bool) -> None:
        """A number is taken."""
        self.note(entry_of(obj))

    def on_update(self, old: infrav1.Metal3Data, new: infrav1.Metal3Data) -> None:
        """What is remembered never changes, but owners may after a move."""
        self.note(entry_of(new))

    def on_delete(self, obj: infrav1.Metal3Data, *, final_state_unknown: bool) -> None:
        """A number is free again."""
        entry = entry_of(obj)
        self._names.discard(entry.key)
        book = self._books.get(_template(entry))
        if book is not None:
            book.drop(entry.index)

    def note(self, entry: Entry) -> None:
        """Remember one, perhaps before the cache shows it."""
        self._names.add(entry.key)
        self._books.setdefault(_template(entry), _Book()).put(entry)

    def forget(self, entry: Entry) -> None:
        """Take :meth:`note` back, unless something else was seen under that number meanwhile."""
        book = self._books.get(_template(entry))
        if book is not None and book.by_index.get(entry.index) == entry:
            book.drop(entry.index)
            self._names.discard(entry.key)

    def of_claim(self, template: NamespacedName, claim: infrav1.Metal3DataClaim) -> list[Entry]:
        """What was made for a claim, lowest number first; there should be one."""
        book = self._books.get(template, _Book())
        found = [book.by_index[i] for i in sorted(book.by_claim.get(claim.metadata.name, ()))]
        return [entry for entry in found if entry.is_for(claim)]

    def entries(self, template: NamespacedName) -> list[Entry]:
        """All of a template in order of their numbers."""
        book = self._books.get(template, _Book())
        return [book.by_index[index] for index in sorted(book.by_index)]

    def free_numbers(self, namespace: str, prefix: str) -> Iterator[int]:
        """Lowest first, without end; what is noted meanwhile is left out."""
        for index in count():
            if NamespacedName(namespace, f"{prefix}-{index}") not in self._names:
                yield index


def _template(entry: Entry) -> NamespacedName:
    return NamespacedName(entry.key.namespace, entry.template)
