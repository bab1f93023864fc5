"""A user's reconciler, as far as a type checker sees it; never run."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.runtime.client import Client, NotFoundError
from metal3.runtime.handler import enqueue_requests_from_map_func
from metal3.runtime.patch import ensure_finalizer, patching
from metal3.runtime.predicate import GenerationChangedPredicate, LabelChangedPredicate, or_
from metal3.runtime.recorder import EventRecorder
from metal3.runtime.source import Channel

FINALIZER: Final = "example.org/copies"

log = ctrl.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copier:
    """Keeps something in line."""

    client: Client
    recorder: EventRecorder

    def setup_with_manager(self, mgr: ctrl.Manager, wake: Channel) -> None:
        """Say what wakes it."""
        (
            ctrl.new_controller_managed_by(mgr)
            .named("copier")
            .for_(
                corev1.ConfigMap,
                predicates=(or_(GenerationChangedPredicate(), LabelChangedPredicate()),),
            )
            .owns(corev1.Secret)
            .watches(corev1.Namespace, enqueue_requests_from_map_func(self._in_namespace))
            .watches_raw_source(wake)
            .with_options(ctrl.ControllerOptions(max_concurrent_reconciles=4))
            .complete(self)
        )

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Copy."""
        try:
            found = await self.client.get(corev1.ConfigMap, req)
        except NotFoundError:
            return ctrl.Result()
        await ensure_finalizer(self.client, found, FINALIZER)
        async with patching(self.client, found, status_subresource=False) as helper:
            found.data["copy"] = found.data.get("value", "")
            await helper.patch()
        self.recorder.normal(found, "Copied", "the value was copied")
        log.info("copied", size=len(found.data))
        return ctrl.Result(requeue_after=timedelta(minutes=10))

    async def _in_namespace(self, namespace: corev1.Namespace) -> list[ctrl.NamespacedName]:
        found = await self.client.list(corev1.ConfigMap, namespace=namespace.metadata.name)
        return [ctrl.key_of(item) for item in found.items]


async def main() -> None:
    """Run it."""
    mgr = ctrl.Manager(ctrl.load_config(), ctrl.ManagerOptions(health_addr="127.0.0.1:0"))
    wake = Channel()
    recorder = mgr.get_event_recorder_for("copier")
    Copier(client=mgr.client, recorder=recorder).setup_with_manager(mgr, wake)
    await mgr.start(ctrl.setup_signal_handler())
