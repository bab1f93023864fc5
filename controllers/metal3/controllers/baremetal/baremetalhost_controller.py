"""Drives a BareMetalHost through its life.

Watches: BareMetalHost (spec, annotations, finalizers), what carries its name (HostFirmwareSettings,
         HostFirmwareComponents, HostUpdatePolicy, DataImage, PreprovisioningImage), the Secrets it
         names, and the backend's machines.
Writes:  the host's status once on the way out, its finalizer, consumed annotations; its companions.
Looks again: when the backend, the backoff or the queue for a slot says; else after the resync time.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.bmc import Credentials
from metal3.provisioner import (
    HostData,
    NeedsRegistrationError,
    NotReadyError,
    ProvisionerError,
)
from metal3.runtime.client import ApiError, NotFoundError
from metal3.runtime.log import get_logger
from metal3.runtime.reconcile import Request, Result
from metal3.runtime.types import NamespacedName

from . import metrics
from .host.actions import Action, Continue, Delayed, Failed, Stop
from .host.backoff import backoff
from .host.conditions import update_conditions
from .host.credentials import CredentialsError, find_login, report
from .host.environment import Environment
from .host.hardware import release_hardware_data, take_known_hardware
from .host.hostpass import HostPass, Login
from .host.machine import StateMachine
from .host.restore import restore_status
from .host.retry import take_retry_request, what_users_control
from .host.writer import HostWriter
from .states import TABLE
from .states.deleting import release

State = metal3api.ProvisioningState

NOT_READY_RETRY: Final = timedelta(seconds=30)
FIRST_IN_LINE: Final = timedelta(seconds=5)
"""Backstop for the first in the queue, in case the backend sees a free slot later than we do."""
WAITS_FOR_BACKEND: Final = "waiting for the backend to be ready"

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BareMetalHostReconciler:
    """One step per call. All that a restart may not lose is in the API."""

    env: Environment
    writer: HostWriter
    machine: StateMachine = StateMachine(table=TABLE)  # noqa: RUF009 - frozen, and the same for all

    async def reconcile(self, req: Request) -> Result:
        """Look at one host; unexpected errors go up, to be retried with backoff."""
        metrics.RECONCILES.labels(namespace=req.namespace, host=req.name).inc()
        try:
            host = await self.writer.get(req)
        except NotFoundError:
            self._forget(NamespacedName(*req))
            return Result()
        if metal3api.is_paused(host):
            self.env.capacity.leave(req)
            return Result()
        try:
            return await self._look(HostPass(env=self.env, host=host, writer=self.writer))
        except Exception:
            metrics.RECONCILE_ERRORS.inc()
            self.env.capacity.step_aside(NamespacedName(*req))
            raise

    async def _look(self, p: HostPass) -> Result:
        before = p.status.to_dict()
        if p.is_deleting and not metav1.has_finalizer(p.host, metal3api.HOST_FINALIZER):
            self.env.capacity.leave(p.key)
            return Result()
        unreadable = await restore_status(p)
        if unreadable:
            return await self._hold_back(p, before, unreadable)
        kept = before
        await release_hardware_data(p)
        if not p.is_deleting:
            await self._hold(p)
            if await take_known_hardware(p):
                kept = p.status.to_dict()
        if await take_retry_request(p):
            kept = p.status.to_dict()
        try:
            action = await self._step(p)
        except ProvisionerError as error:
            p.host.status = metal3api.BareMetalHostStatus.from_dict(kept)
            await self._tell(p, before, _in_words(error))
            raise
        if p.is_deleting and not metav1.has_finalizer(p.host, metal3api.HOST_FINALIZER):
            # What was written last is remembered until the cache has seen it: a look at the host as
            # it was before would register it again.
            self.env.capacity.leave(p.key)
            self._send_events(p)
            return Result()
        return await self._finish(p, before, action)

    async def _hold_back(self, p: HostPass, before: object, why: str) -> Result:
        """Tell why nothing is done; without ``lastUpdated`` a corrected annotation still counts."""
        p.why = why
        await _update_conditions(p)
        if p.status.to_dict() != before:
            await self.writer.save_status(p.host)
            self.env.recorder.warning(p.host, "InvalidAnnotationValue", why)
        return Result()

    async def _step(self, p: HostPass) -> Action:
        row = self.machine.row(p)
        if not row.needs_backend:
            if p.is_deleting:
                return await release(p)
            return await self.machine.step(p)
        problem = await self._log_in(p)
        if problem is not None:
            # Nothing can be done for it, so others may go first.
            self.env.capacity.leave(p.key)
            return problem
        try:
            p.access = await self.env.backend.provisioner(_host_data(p), p.publish)
        except NotReadyError as error:
            metrics.PROVISIONER_NOT_READY.inc()
            return Continue(after=NOT_READY_RETRY, why=str(error) or WAITS_FOR_BACKEND)
        return await self.machine.step(p)

    async def _log_in(self, p: HostPass) -> Action | None:
        """Find the BMC's login; a host that is to go goes without one."""
        try:
            p.login = await find_login(self.env, p.host)
        except CredentialsError as error:
            if not p.is_deleting:
                return report(p, error)
            p.login = Login(credentials=Credentials())
        except ApiError:
            metrics.CREDENTIALS_UNHANDLED.inc()
            raise
        return None

    async def _hold(self, p: HostPass) -> None:
        """Nothing is begun before the finalizer is there."""
        finalizers = p.host.metadata.finalizers
        if metal3api.HOST_FINALIZER not in finalizers:
            await self.writer.set_finalizers(p.host, [*finalizers, metal3api.HOST_FINALIZER])

    async def _finish(self, p: HostPass, before: object, action: Action) -> Result:
        """Write the status once, then tell, then say when to look again."""
        if isinstance(action, (Continue, Stop)):
            p.why = action.why or p.why
        await self._save(p, before)
        for callback in p.after_save:
            callback()
        self._send_events(p)
        self.env.states.see(p.key, p.state)
        return await self._next_look(p, action)

    async def _next_look(self, p: HostPass, action: Action) -> Result:
        if isinstance(action, Failed):
            # Its slot is of no use to it while it waits.
            self.env.capacity.leave(p.key)
            wait = backoff(p.status.error_count, self.env.rng)
            if action.held:
                self.env.retries.hold(p.key, p.now + wait, await what_users_control(p))
            return Result(requeue_after=wait)
        if isinstance(action, Delayed):
            first = self.env.capacity.is_next(p.key, p.now)
            return Result(requeue_after=FIRST_IN_LINE if first else backoff(1, self.env.rng))
        if isinstance(action, Continue):
            return Result(requeue_after=action.after)
        return Result()

    async def _tell(self, p: HostPass, before: object, trouble: str) -> None:
        """Let the user see passing trouble in the conditions; nothing else of this look counts."""
        p.why = trouble[:1024]
        p.access = None
        await self._save(p, before)
        log.warning("backend call failed", host=str(p.key), state=p.state, error=trouble)

    async def _save(self, p: HostPass, before: object) -> None:
        await _update_conditions(p)
        if p.status.to_dict() == before:
            return
        for change in p.along:
            change()
        p.status.last_updated = metav1.format_time(p.now)
        await self.writer.save_status(p.host)

    def _send_events(self, p: HostPass) -> None:
        for event in p.events:
            tell = self.env.recorder.warning if event.is_warning else self.env.recorder.normal
            tell(p.host, event.reason, event.message, related=_consumer(p.host))

    def _forget(self, req: NamespacedName) -> None:
        """The host is gone."""
        self.writer.forget(req)
        self.env.capacity.leave(req)
        self.env.retries.release(req)
        self.env.states.forget(req)
        self.env.firmware_attempts.pop(req, None)
        self.env.components_checked.pop(req, None)
        self.env.sent_credentials.pop(req, None)
        self.env.proven_credentials.pop(req, None)


def _in_words(error: ProvisionerError) -> str:
    if isinstance(error, NeedsRegistrationError):
        return "the backend does not know the host any more: it is registered again"
    return f"the backend could not do its part, it is asked again: {error}"


async def _update_conditions(p: HostPass) -> None:
    try:
        await update_conditions(p)
    except ProvisionerError:
        # Health and power failure are news, not decisions: without them the rest still counts, also
        # for a host whose node is gone, which is registered again only after this is saved.
        p.access = None
        await update_conditions(p)


def _consumer(host: metal3api.BareMetalHost) -> metav1.Object | None:
    """Who uses the host, so that an event can be found from there, too."""
    reference = host.spec.consumer_ref
    if reference is None or not reference.kind or not reference.name:
        return None
    return metav1.Object(
        api_version=reference.api_version or "",
        kind=reference.kind,
        metadata=metav1.ObjectMeta(
            name=reference.name,
            namespace=reference.namespace or "",
            uid=reference.uid or "",
        ),
    )


def _host_data(p: HostPass) -> HostData:
    bmc = p.host.spec.bmc
    return HostData(
        key=p.key,
        uid=p.host.metadata.uid,
        bmc_address=bmc.address if bmc else "",
        credentials=p.login.credentials,
        credentials_name=(bmc.credentials_name or "") if bmc else "",
        disable_certificate_verification=bool(bmc and bmc.disable_certificate_verification),
        boot_mac_address=p.host.spec.boot_mac_address or "",
        provisioner_id=p.status.provisioning.id,
    )
