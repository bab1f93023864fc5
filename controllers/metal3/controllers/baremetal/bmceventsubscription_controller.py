"""Has a BMC send its events to a URL.

Watches: BMCEventSubscription, the host it names (its state), new Secrets of the name it waits for.
Writes:  its finalizer; status: the subscription's ID at the BMC, or what is wrong.
Looks again: after RETRY while the backend is away, after FAILED when the BMC refused; else only
         after BACKSTOP.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import NeedsRegistrationError, NotReadyError, Provisioner
from metal3.runtime.client import NotFoundError, Reader
from metal3.runtime.handler import EventHandler, enqueue_requests_from_map_func
from metal3.runtime.patch import drop_finalizer, ensure_finalizer, patching
from metal3.runtime.reconcile import Request, Result
from metal3.runtime.types import NamespacedName, key_of

from .host.access import find_host, is_reachable, machine_of
from .host.environment import Environment
from .host.secret_access import SecretNotFoundError, acquire_secret

FINALIZER: Final = "bmceventsubscription.metal3.io"
RETRY: Final = timedelta(seconds=30)
FAILED: Final = timedelta(minutes=2)
BACKSTOP: Final = timedelta(minutes=10)
HOST_INDEX: Final = "metal3.io/host-name"
"""Index on BMCEventSubscription: the host it names."""


def host_names(subscription: metal3api.BMCEventSubscription) -> list[str]:
    """The host whose BMC is meant."""
    return [subscription.spec.host_name] if subscription.spec.host_name else []


def subscriptions_of_host(reader: Reader) -> EventHandler:
    """From a host to the subscriptions that name it; the reader needs HOST_INDEX."""

    async def find(host: metal3api.BareMetalHost) -> Iterable[NamespacedName]:
        found = await reader.list(
            metal3api.BMCEventSubscription,
            namespace=host.metadata.namespace,
            fields={HOST_INDEX: host.metadata.name},
        )
        return [key_of(subscription) for subscription in found.items]

    return enqueue_requests_from_map_func(find)


@dataclass(frozen=True, slots=True, kw_only=True)
class BMCEventSubscriptionReconciler:
    """Subscribes once; the spec never changes."""

    env: Environment

    async def reconcile(self, req: Request) -> Result:
        """Bring one subscription and the BMC in line."""
        try:
            subscription = await self.env.client.get(metal3api.BMCEventSubscription, req)
        except NotFoundError:
            return Result()
        key = NamespacedName(req.namespace, subscription.spec.host_name or "")
        host = await find_host(self.env, key)
        if subscription.metadata.deletion_timestamp is not None:
            return await self._unsubscribe(subscription, host)
        await ensure_finalizer(self.env.client, subscription, FINALIZER)
        if subscription.status.subscription_id:
            return Result()
        async with patching(self.env.client, subscription):
            return await self._subscribe(subscription, host)

    async def _subscribe(
        self,
        subscription: metal3api.BMCEventSubscription,
        host: metal3api.BareMetalHost | None,
    ) -> Result:
        if host is None:
            name = subscription.spec.host_name
            subscription.status.error = f"host {name!r} does not exist"
            return Result()  # its creation comes here again
        if not is_reachable(host):
            return Result()
        try:
            return await self._ask(subscription, await machine_of(self.env, host))
        except (NotReadyError, NeedsRegistrationError):
            return Result(requeue_after=RETRY)
        except SecretNotFoundError as error:
            subscription.status.error = f"{error}, which is named in spec.httpHeadersRef"
            return Result(requeue_after=BACKSTOP)

    async def _ask(
        self, subscription: metal3api.BMCEventSubscription, machine: Provisioner
    ) -> Result:
        headers = await self._headers(subscription)
        result, number = await machine.add_bmc_event_subscription(subscription, headers)
        if result.error_message:
            subscription.status.error = result.error_message[:1024]
            return Result(requeue_after=FAILED)
        if result.dirty:
            return Result(requeue_after=result.requeue_after)
        subscription.status.subscription_id, subscription.status.error = number, None
        return Result()

    async def _unsubscribe(
        self,
        subscription: metal3api.BMCEventSubscription,
        host: metal3api.BareMetalHost | None,
    ) -> Result:
        if not metav1.has_finalizer(subscription, FINALIZER):
            return Result()
        if host is not None and subscription.status.subscription_id:
            if metal3api.is_paused(host):
                # Else the BMC would send for ever; the end of the pause comes here.
                await self._tell(subscription, "the host is paused: its BMC is left alone")
                return Result()
            wait = await self._remove(subscription, host) if is_reachable(host) else None
            if wait is not None:
                return Result(requeue_after=wait)
        await drop_finalizer(self.env.client, subscription, FINALIZER)
        return Result()

    async def _remove(
        self, subscription: metal3api.BMCEventSubscription, host: metal3api.BareMetalHost
    ) -> timedelta | None:
        try:
            machine: Provisioner = await machine_of(self.env, host)
            result = await machine.remove_bmc_event_subscription(subscription)
        except NotReadyError:
            return RETRY
        except NeedsRegistrationError:
            return None
        if result.error_message:
            await self._tell(subscription, result.error_message)
            return FAILED
        return result.requeue_after or RETRY if result.dirty else None

    async def _tell(self, subscription: metal3api.BMCEventSubscription, problem: str) -> None:
        async with patching(self.env.client, subscription):
            subscription.status.error = problem[:1024]

    async def _headers(self, subscription: metal3api.BMCEventSubscription) -> dict[str, str]:
        """HTTP headers to send along; confidential."""
        reference = subscription.spec.http_headers_ref
        if reference is None or not reference.name:
            return {}
        key = NamespacedName(subscription.metadata.namespace, reference.name)
        secret = await acquire_secret(self.env.client, self.env.live, key)
        data = corev1.secret_data(secret)
        return {name: value.decode(errors="replace") for name, value in data.items()}
