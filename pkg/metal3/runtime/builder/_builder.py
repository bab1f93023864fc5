"""The builder of controllers."""

from collections.abc import Sequence
from typing import Self

from metal3.api.meta import v1 as metav1
from metal3.runtime.controller import Controller, ControllerOptions
from metal3.runtime.handler import EnqueueRequestForObject, EnqueueRequestForOwner, EventHandler
from metal3.runtime.manager import Manager
from metal3.runtime.predicate import Predicate
from metal3.runtime.reconcile import Reconciler
from metal3.runtime.source import Kind, Source

Predicates = Sequence[Predicate]


class Builder:
    """Gathers what a controller is to be; :meth:`complete` makes it."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._name = ""
        self._for: tuple[type[metav1.Object], Predicates] | None = None
        self._owns: list[tuple[type[metav1.Object], Predicates, bool]] = []
        self._watches: list[tuple[type[metav1.Object], EventHandler, Predicates]] = []
        self._raw: list[Source] = []
        self._everywhere: list[Predicate] = []
        self._options: ControllerOptions | None = None

    def named(self, name: str) -> Self:
        """Name of the controller in logs and metrics; by default the kind in lower case."""
        self._name = name
        return self

    def for_(self, kind: type[metav1.Object], *, predicates: Predicates = ()) -> Self:
        """Reconcile objects of ``kind`` when they change; to be called at most once."""
        if self._for is not None:
            raise ValueError("a controller is for one kind; use watches for others")
        self._for = kind, predicates
        return self

    def owns(
        self,
        kind: type[metav1.Object],
        *,
        match_every_owner: bool = False,
        predicates: Predicates = (),
    ) -> Self:
        """Reconcile the owner when an object of ``kind`` changes that it controls.

        With ``match_every_owner`` owners count that are not the controller, too.
        """
        self._owns.append((kind, predicates, match_every_owner))
        return self

    def watches(
        self, kind: type[metav1.Object], handler: EventHandler, *, predicates: Predicates = ()
    ) -> Self:
        """Have ``handler`` say what to reconcile when an object of ``kind`` changes."""
        self._watches.append((kind, handler, predicates))
        return self

    def watches_raw_source(self, source: Source) -> Self:
        """Take requests from ``source``; event filters do not apply to it."""
        self._raw.append(source)
        return self

    def with_event_filter(self, predicate: Predicate) -> Self:
        """Drop events of all kinds that ``predicate`` does not pass."""
        self._everywhere.append(predicate)
        return self

    def with_options(self, options: ControllerOptions) -> Self:
        """Use these options in place of the manager's defaults."""
        self._options = options
        return self

    def complete(self, reconciler: Reconciler) -> Controller:
        """Make the controller and add it to the manager.

        Raises ValueError when nothing would wake it, when it has no name, or the name is taken.
        """
        sources = self._sources()
        if not sources:
            raise ValueError("nothing would wake the controller: use for_, watches or a raw source")
        options = self._options or self._defaults()
        name = self._name or self._default_name()
        if not options.skip_name_validation:
            self._manager.claim_controller_name(name)
        controller = Controller(name, reconciler, options)
        for source in sources:
            controller.watch(source)
        self._manager.add(controller)
        return controller

    def _default_name(self) -> str:
        if self._for is None:
            raise ValueError("a controller that is for no kind needs a name")
        return self._for[0].gvk.kind.lower()

    def _defaults(self) -> ControllerOptions:
        options = self._manager.options
        return ControllerOptions(
            max_concurrent_reconciles=options.max_concurrent_reconciles,
            reconcile_timeout=options.reconcile_timeout,
            cache_sync_timeout=options.cache_sync_timeout,
            graceful_shutdown_timeout=options.graceful_shutdown_timeout,
        )

    def _sources(self) -> list[Source]:
        sources: list[Source] = []
        if self._for is not None:
            sources.append(self._kind(self._for[0], EnqueueRequestForObject(), self._for[1]))
        for kind, predicates, every_owner in self._owns:
            handler = EnqueueRequestForOwner(self._owner(), is_controller=not every_owner)
            sources.append(self._kind(kind, handler, predicates))
        sources.extend(self._kind(*watched) for watched in self._watches)
        return sources + self._raw

    def _owner(self) -> type[metav1.Object]:
        if self._for is None:
            raise ValueError("owns needs for_: the kind of the owner")
        return self._for[0]

    def _kind(
        self, kind: type[metav1.Object], handler: EventHandler, predicates: Predicates
    ) -> Source:
        return Kind(self._manager.cache, kind, handler, (*self._everywhere, *predicates))


def new_controller_managed_by(manager: Manager) -> Builder:
    """Begin to build a controller that ``manager`` runs."""
    return Builder(manager)
