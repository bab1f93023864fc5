"""Writes the switches of a namespace into the configuration of Ironic's networking service.

Watches: BareMetalSwitch; Secrets that a switch owns or waits for, and the two that are written.
         Each wakes the namespace as a whole, because all its switches share one file.
Writes:  one key of one Secret, the keys of switches in another; the status of the switches.
Looks again: after BACKSTOP while something is wrong.
"""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import ConflictError
from metal3.runtime.handler import enqueue_requests_from_map_func
from metal3.runtime.patch import patching
from metal3.runtime.predicate import GenerationChangedPredicate
from metal3.runtime.reconcile import Request, Result
from metal3.runtime.types import NamespacedName

from .host.environment import Environment
from .host.secret_access import SecretNotFoundError, acquire_secret
from .switches.configuration import CONFIG_KEY, SwitchSpecError, key_name, render, section
from .switches.logins import SwitchLogin, SwitchLoginError, read_login
from .switches.settings import SwitchSettings
from .wakeups import UnmarkedSecret, any_change, is_new

BACKSTOP: Final = timedelta(minutes=10)
CONFLICT_RETRY: Final = timedelta(milliseconds=100)
_KEY_OF_A_SWITCH: Final = re.compile(r"([0-9a-fA-F]{2}-){5}[0-9a-fA-F]{2}\.key")
Reason = metal3api.SwitchConditionReason
Usable = dict[str, tuple[metal3api.BareMetalSwitch, SwitchLogin]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BareMetalSwitchReconciler:
    """One namespace at a time; a switch that cannot be used does not keep the others out."""

    env: Environment
    settings: SwitchSettings

    async def reconcile(self, req: Request) -> Result:
        """Write what has changed; unexpected errors go up, to be retried with backoff."""
        found = await self.env.client.list(metal3api.BareMetalSwitch, namespace=req.namespace)
        switches = [s for s in found.items if s.metadata.deletion_timestamp is None]
        usable, problems = await self._sort(switches)
        try:
            missing = await self._write(req.namespace, usable, needed=bool(switches))
        except ConflictError:
            return Result(requeue_after=CONFLICT_RETRY)
        for switch in switches:
            await self._tell(switch, problems.get(switch.metadata.name, missing))
        waits = missing or problems
        return Result(requeue_after=BACKSTOP if waits else None)

    async def _sort(
        self, switches: Iterable[metal3api.BareMetalSwitch]
    ) -> tuple[Usable, dict[str, str]]:
        """Those that can be written, and what is wrong with the others."""
        usable: Usable = {}
        problems: dict[str, str] = {}
        for switch in switches:
            name = switch.metadata.name
            try:
                login = await read_login(self.env, switch)
                section(switch, login, self.settings.credentials_path)
            except (SwitchLoginError, SwitchSpecError) as error:
                problems[name] = str(error)
            else:
                usable[name] = (switch, login)
        return usable, problems

    async def _write(self, namespace: str, usable: Usable, *, needed: bool) -> str:
        """Both Secrets, keys first; which one is missing, if that matters."""
        settings = self.settings
        keys = {key_name(s): login.private_key for s, login in usable.values() if login.private_key}
        text = render(usable.values(), settings.credentials_path)
        try:
            secret = await self._secret(namespace, settings.credentials_secret)
            kept = {k: v for k, v in secret.data.items() if not _KEY_OF_A_SWITCH.fullmatch(k)}
            await self._store(secret, kept | {name: _encode(key) for name, key in keys.items()})
            secret = await self._secret(namespace, settings.configs_secret)
            await self._store(secret, secret.data | {CONFIG_KEY: _encode(text.encode())})
        except SecretNotFoundError as error:
            return f"{error}: create it, it may be empty" if needed else ""
        return ""

    async def _secret(self, namespace: str, name: str) -> corev1.Secret:
        key = NamespacedName(namespace, name)
        return await acquire_secret(self.env.client, self.env.live, key)

    async def _store(self, secret: corev1.Secret, data: dict[str, str]) -> None:
        if data != secret.data:
            secret.data = data
            await self.env.client.update(secret)

    async def _tell(self, switch: metal3api.BareMetalSwitch, problem: str) -> None:
        condition = metav1.Condition(
            type=metal3api.SwitchConditionType.VALID,
            status=metav1.ConditionStatus.FALSE if problem else metav1.ConditionStatus.TRUE,
            reason=Reason.CREDENTIAL_ERROR if problem else Reason.RECONCILED,
            message=problem,
            observed_generation=switch.metadata.generation,
        )
        async with patching(self.env.client, switch):
            metav1.set_condition(switch.status.conditions, condition, now=self.env.clock())


def add_switches(
    mgr: ctrl.Manager, env: Environment, settings: SwitchSettings, options: ctrl.ControllerOptions
) -> None:
    """Add the controller; one worker, as all switches of a namespace share two Secrets."""
    outputs = {settings.configs_secret, settings.credentials_secret}

    def of_switch(switch: metal3api.BareMetalSwitch) -> list[NamespacedName]:
        return [_whole(switch)]

    def of_secret(secret: corev1.Secret) -> list[NamespacedName]:
        concerns = secret.metadata.name in outputs or _is_login(secret)
        return [_whole(secret)] if concerns else []

    async def of_new_secret(secret: metav1.Object) -> list[NamespacedName]:
        name, namespace = secret.metadata.name, secret.metadata.namespace
        found = await mgr.client.list(metal3api.BareMetalSwitch, namespace=namespace)
        awaited = {s.spec.credentials.name for s in found.items if s.spec.credentials}
        return [_whole(secret)] if name in outputs | awaited else []

    by_map = enqueue_requests_from_map_func
    (
        ctrl.new_controller_managed_by(mgr)
        .named("baremetalswitch")
        .watches(
            metal3api.BareMetalSwitch,
            by_map(of_switch),
            predicates=(GenerationChangedPredicate(),),
        )
        .watches(corev1.Secret, by_map(of_secret), predicates=(any_change(),))
        .watches(UnmarkedSecret, by_map(of_new_secret), predicates=(is_new(),))
        .with_options(replace(options, max_concurrent_reconciles=1))
        .complete(BareMetalSwitchReconciler(env=env, settings=settings))
    )


def _whole(obj: metav1.Object) -> NamespacedName:
    """The namespace of an object, as what is reconciled."""
    return NamespacedName(obj.metadata.namespace, "switches")


def _is_login(secret: corev1.Secret) -> bool:
    kind = metal3api.BareMetalSwitch.gvk.kind
    return any(owner.kind == kind for owner in secret.metadata.owner_references)


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode()
