"""Machines that wait for a host, and which of them is woken when there is one.

A host serves one machine, so it is offered to one: the one that has waited longest of those that
would take it. An offer is over when that machine was reconciled, whatever came of it; if the host is
still free then, it is offered to the next. So a free host never waits for somebody who does not
come, and no host wakes hundreds.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from metal3 import ctrl
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.runtime.types import NamespacedName, key_of

from .hostfacts import HostFacts
from .hostview import HostView
from .placement import Wish

Place = tuple[str, str]
"""In the queue: since when, and the name."""


@dataclass(frozen=True, slots=True)
class _Offer:
    host: HostFacts
    refused: frozenset[Wish]
    """Nobody who wishes this takes the host as it is, whatever was thought before."""


@dataclass(slots=True, kw_only=True)
class Seekers:
    """Who waits, by what is wished; a Listener of the view."""

    view: HostView
    wake: Callable[[NamespacedName], None]
    _queues: dict[str, dict[Wish, list[Place]]] = field(
        default_factory=dict[str, dict[Wish, list[Place]]], init=False
    )
    _waiting: dict[NamespacedName, tuple[Wish, Place]] = field(
        default_factory=dict[NamespacedName, tuple[Wish, Place]], init=False
    )
    _offers: dict[NamespacedName, list[_Offer]] = field(
        default_factory=dict[NamespacedName, list[_Offer]], init=False
    )

    @contextmanager
    def attending(self, key: NamespacedName) -> Generator[None]:
        """Around every reconciliation of a machine: it waits no longer unless it says so anew."""
        self._leave(key)
        offers = self._offers.pop(key, [])
        try:
            yield
        finally:
            for offer in offers:
                self._pass_on(key, offer)

    def wait(self, machine: infrav1.Metal3Machine, wish: Wish) -> None:
        """To be called without anything in between after a look that found nothing."""
        key = key_of(machine)
        self._leave(key)
        place = (machine.metadata.creation_timestamp or "", key.name)
        insort(self._queues.setdefault(key.namespace, {}).setdefault(wish, []), place)
        self._waiting[key] = wish, place

    def is_free(self, host: HostFacts) -> None:
        """Offer the host to the one that has waited longest."""
        self._offer(_Offer(host, frozenset()))

    def reservation_changed(self, namespace: str, reuse_name: str) -> None:
        """Wake all that a host was reserved for: they may take any other now."""
        queues = self._queues.get(namespace, {})
        for wish in [wish for wish in queues if wish.reuse_name == reuse_name]:
            for _, name in queues[wish]:
                self.wake(NamespacedName(namespace, name))

    def _offer(self, offer: _Offer) -> None:
        namespace = offer.host.key.namespace
        fitting = [
            (queue[0], wish)
            for wish, queue in self._queues.get(namespace, {}).items()
            if wish not in offer.refused and self.view.fits(wish, offer.host)
        ]
        if not fitting:
            return
        (_, name), _ = min(fitting, key=lambda found: found[0])
        key = NamespacedName(namespace, name)
        self._leave(key)  # the next host is for the next
        self._offers.setdefault(key, []).append(offer)
        self.wake(key)

    def _pass_on(self, key: NamespacedName, offer: _Offer) -> None:
        if not self.view.still_free(offer.host):
            return
        again = self._waiting.get(key)
        refused = offer.refused if again is None else offer.refused | {again[0]}
        self._offer(_Offer(offer.host, refused))

    def _leave(self, key: NamespacedName) -> None:
        found = self._waiting.pop(key, None)
        if found is None:
            return
        wish, place = found
        queues = self._queues[key.namespace]
        queue = queues[wish]
        del queue[bisect_left(queue, place)]
        if not queue:
            del queues[wish]


@dataclass(frozen=True, slots=True)
class _Attended:
    seekers: Seekers
    inner: ctrl.Reconciler

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """The inner one's, within which the machine waits no longer."""
        with self.seekers.attending(NamespacedName(*req)):
            return await self.inner.reconcile(req)


def attended(seekers: Seekers, inner: ctrl.Reconciler) -> ctrl.Reconciler:
    """Goes around all others: also a machine that is gone or not ours passes its offer on."""
    return _Attended(seekers, inner)
