"""All hosts as far as choosing needs them, in memory and indexed; kept current by the informer.

To look is a matter of microseconds and never waits, so nothing changes meanwhile. What is seen may
be old: a claim is a write with the resourceVersion, which only one can win.

A host that somebody of this process is claiming, or failed to claim, is hidden until the cache
shows it anew: what is seen of it is known to be old. That saves tries and is no lock.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Final, Protocol

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Operator
from metal3.runtime.types import NamespacedName, key_of

from .hostfacts import HostFacts, Rejection, facts_of
from .hostring import Ring
from .placement import Decision, Tally, Wish

MOST_CANDIDATES: Final = 8
"""More are never tried in one go."""

Pair = tuple[str, str]
"""A label and its value."""


class Listener(Protocol):
    """Who wants to know when looking again is worth it."""

    def is_free(self, host: HostFacts) -> None:
        """A host became free, or fits others now."""
        ...

    def reservation_changed(self, namespace: str, reuse_name: str) -> None:
        """Those for whom a host was reserved may have to wait no longer."""
        ...


@dataclass(slots=True)
class _Shelf:
    """The hosts of one namespace."""

    hosts: dict[str, HostFacts] = field(default_factory=dict[str, HostFacts])
    unclaimed: set[str] = field(default_factory=set[str])
    reserved: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    rings: dict[Pair | None, Ring] = field(default_factory=dict[Pair | None, Ring])
    """Free hosts: all, and by each label."""
    hidden: dict[str, str] = field(default_factory=dict[str, str])
    """resourceVersion of what is known to be old."""
    explained: dict[Wish, Decision] = field(default_factory=dict[Wish, Decision])
    """Valid until anything changes."""

    def put(self, host: HostFacts) -> None:
        """Add one; another of its name must be gone."""
        name = host.key.name
        self.hosts[name] = host
        self.explained.clear()
        if host.reserved_as:
            self.reserved.setdefault(host.reserved_as, set()).add(name)
        elif not host.is_claimed:
            self.unclaimed.add(name)
        if self.is_free(host):
            for pair in (None, *host.labels.items()):
                self.rings.setdefault(pair, Ring()).add(host)

    def take(self, name: str) -> HostFacts | None:
        """Remove and return."""
        host = self.hosts.pop(name, None)
        if host is None:
            return None
        self.explained.clear()
        self.unclaimed.discard(name)
        if host.reserved_as:
            _discard(self.reserved, host.reserved_as, name)
        if self.is_free(host):
            for pair in (None, *host.labels.items()):
                self.rings[pair].remove(host)
                if not len(self.rings[pair]):
                    del self.rings[pair]
        return host

    def is_free(self, host: HostFacts) -> bool:
        """Whether anybody may have it."""
        return not (host.is_claimed or host.reserved_as or host.fault or self.is_hidden(host))

    def is_hidden(self, host: HostFacts) -> bool:
        """Whether what is seen of it is known to be old."""
        return self.hidden.get(host.key.name) == host.resource_version


def _discard(index: dict[str, set[str]], value: str, name: str) -> None:
    index[value].discard(name)
    if not index[value]:
        del index[value]


@dataclass(slots=True, kw_only=True)
class HostView:
    """An event handler of the informer of hosts, and what is read from it."""

    listener: Listener | None = None
    _shelves: dict[str, _Shelf] = field(default_factory=dict[str, _Shelf], init=False)

    def on_add(self, obj: metal3api.BareMetalHost, *, is_in_initial_list: bool) -> None:
        """A host is there."""
        self.put(facts_of(obj))

    def on_update(self, old: metal3api.BareMetalHost, new: metal3api.BareMetalHost) -> None:
        """A host changed."""
        self.put(facts_of(new))

    def on_delete(self, obj: metal3api.BareMetalHost, *, final_state_unknown: bool) -> None:
        """A host is gone."""
        key = key_of(obj)
        shelf = self._shelf(key.namespace)
        old = shelf.take(key.name)
        shelf.hidden.pop(key.name, None)
        if old is not None and old.reserved_as and self.listener is not None:
            self.listener.reservation_changed(key.namespace, old.reserved_as)

    def put(self, host: HostFacts) -> None:
        """See a host as it is now."""
        shelf = self._shelf(host.key.namespace)
        old = shelf.take(host.key.name)
        was_hidden = old is not None and shelf.is_hidden(old)
        if not shelf.is_hidden(host):
            shelf.hidden.pop(host.key.name, None)
        shelf.put(host)
        if old != host or was_hidden:
            self._tell(shelf, old, host)

    def _tell(self, shelf: _Shelf, old: HostFacts | None, new: HostFacts) -> None:
        if self.listener is None:
            return
        for host in (old, new):
            if host is not None and host.reserved_as:
                self.listener.reservation_changed(host.key.namespace, host.reserved_as)
        if shelf.is_free(new):
            self.listener.is_free(new)

    def hide(self, host: HostFacts) -> None:
        """Let nobody else of this process try it before the cache shows it anew."""
        shelf = self._shelf(host.key.namespace)
        now = shelf.take(host.key.name)
        shelf.hidden[host.key.name] = host.resource_version
        if now is not None:
            shelf.put(now)

    def show(self, host: HostFacts) -> None:
        """Take :meth:`hide` back: nothing was tried after all, or nobody knows."""
        shelf = self._shelf(host.key.namespace)
        if shelf.hidden.get(host.key.name) != host.resource_version:
            return
        now = shelf.take(host.key.name)
        del shelf.hidden[host.key.name]
        if now is not None:
            shelf.put(now)
            self._tell(shelf, None, now)

    def still_free(self, host: HostFacts) -> bool:
        """Whether it is free and as it was."""
        shelf = self._shelf(host.key.namespace)
        now = shelf.hosts.get(host.key.name)
        return now == host and now is not None and shelf.is_free(now)

    def reserved(self, namespace: str) -> list[NamespacedName]:
        """Hosts that are kept for node reuse."""
        names = sorted(chain.from_iterable(self._shelf(namespace).reserved.values()))
        return [NamespacedName(namespace, name) for name in names]

    def look(self, namespace: str, wish: Wish, start: int) -> Decision:
        """Choose; the same hosts, wish and start give the same decision."""
        shelf = self._shelf(namespace)
        reserved = [shelf.hosts[name] for name in shelf.reserved.get(wish.reuse_name, ())]
        usable = [h for h in reserved if not shelf.is_hidden(h) and wish.rejects(h) is None]
        if usable:
            ring = Ring()
            for host in usable:
                ring.add(host)
            best = [shelf.hosts[name] for name in ring.walk(start)]
            return Decision(candidates=best[:MOST_CANDIDATES], is_reuse=True)
        awaited = [h.key.name for h in reserved if _is_awaited(wish, h)]
        if awaited:
            return Decision(awaited=sorted(awaited))
        candidates = list(islice(_walk(shelf, wish, start), MOST_CANDIDATES))
        return Decision(candidates=candidates) if candidates else _explained(shelf, wish)

    def fits(self, wish: Wish, host: HostFacts) -> bool:
        """Whether a machine that looked for this would take the host, were it the only one."""
        if wish.rejects(host) is not None:
            return False
        if wish.is_reserved(host):
            return True
        shelf = self._shelf(host.key.namespace)
        reserved = [shelf.hosts[name] for name in shelf.reserved.get(wish.reuse_name, ())]
        return not any(wish.rejects(h) is None or _is_awaited(wish, h) for h in reserved)

    def _shelf(self, namespace: str) -> _Shelf:
        return self._shelves.setdefault(namespace, _Shelf())


def _is_awaited(wish: Wish, host: HostFacts) -> bool:
    rejected = wish.rejects(host)
    return rejected is not None and rejected.code is Rejection.NOT_AVAILABLE


def _walk(shelf: _Shelf, wish: Wish, start: int) -> Iterator[HostFacts]:
    """Free hosts that will do; those of the failure domain alone if there is one there."""
    inside = (metal3api.FAILURE_DOMAIN_LABEL, wish.failure_domain)
    if wish.failure_domain:
        found = _matching(shelf, wish, start, inside)
        first = next(found, None)
        if first is not None or wish.must_be_in_domain:
            if first is not None:
                yield first
            yield from found
            return
    yield from _matching(shelf, wish, start, None)


def _matching(shelf: _Shelf, wish: Wish, start: int, narrow: Pair | None) -> Iterator[HostFacts]:
    """Along the shortest ring that holds all hosts in question."""
    pairs: list[Pair | None] = [narrow]
    pairs += [
        (rule.key, rule.values[0])
        for rule in wish.selector.requirements
        if rule.operator is Operator.IN and len(rule.values) == 1
    ]
    ring = min((shelf.rings.get(pair, Ring()) for pair in pairs), key=len)
    for name in ring.walk(start):
        host = shelf.hosts[name]
        inside = narrow is None or host.labels.get(narrow[0]) == narrow[1]
        if inside and wish.selector.matches(host.labels):
            yield host


def _explained(shelf: _Shelf, wish: Wish) -> Decision:
    """Hosts that others have are only counted; the same question is answered once."""
    known = shelf.explained.get(wish)
    if known is None:
        known = shelf.explained[wish] = Decision(tally=_tally(shelf, wish))
    return known


def _tally(shelf: _Shelf, wish: Wish) -> Tally:
    tally = Tally()
    reserved = {name for names in shelf.reserved.values() for name in names}
    tally.count(Rejection.IN_USE, len(shelf.hosts) - len(shelf.unclaimed) - len(reserved))
    for name in (*shelf.unclaimed, *reserved):
        host = shelf.hosts[name]
        rejected = wish.rejects(host)
        if rejected is not None and rejected.code is not Rejection.IN_USE:
            tally.add(rejected)
        else:  # hidden: somebody of this process is claiming it
            tally.count(Rejection.IN_USE, 1)
    return tally
