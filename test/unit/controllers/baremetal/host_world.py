"""One host, its user, its machine, and an operator that may die at any line or see the past."""

import asyncio
import inspect
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.raid import is_dirty, wanted_settings
from metal3.controllers.baremetal.hostfirmwaresettings_controller import (
    HostFirmwareSettingsReconciler,
)
from metal3.controllers.baremetal.states import TABLE
from metal3.controllers.baremetal.webhooks import host_errors
from metal3.controllers.baremetal.webhooks._update_rules import update_errors
from metal3.provisioner import ProvisionerError
from metal3.provisioner.fixture import Deployment, Hardware
from metal3.runtime.client import AlreadyExistsError, ApiError, NotFoundError
from metal3.runtime.reconcile import Request
from metal3.runtime.types import NamespacedName

State = metal3api.ProvisioningState
SECRET = NamespacedName("metal3", "bmc")
USER_DATA = NamespacedName("metal3", "user-data")
SOON = timedelta(seconds=0.05)
REST = timedelta(minutes=10)
FOREIGN = Deployment(url="installed by others")
_UNHELD = frozenset({State.NONE, State.UNMANAGED})
_EXTERNAL = State.EXTERNALLY_PROVISIONED
_WORKED_ON = frozenset(
    {State.INSPECTING, State.PREPARING, State.PROVISIONING, State.DEPROVISIONING}
)
"""States in which something is done to a machine's disks."""


class KilledError(BaseException):
    """The operator's process is gone, in the middle of something."""


@dataclass
class Fuse:
    """Burns down with each call to the outside; the process is dead when it is gone."""

    left: int | None = None

    def burn(self) -> None:
        """One step further."""
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            raise KilledError


class Mortal:
    """Passes calls on; dies before one, or after it was heard and before its answer came."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        """Calls burn the fuse; what they give access to does so, too."""
        attribute = getattr(self._inner, name)
        if name == "status":
            return Mortal(attribute, self._fuse)
        if not inspect.iscoroutinefunction(attribute):
            return attribute

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._fuse.burn()
            answer = await attribute(*args, **kwargs)
            self._fuse.burn()
            return Mortal(answer, self._fuse) if name == "provisioner" else answer

        return call


class HostWorld:
    """What can happen to a host, and what must be true whatever happens."""

    def __init__(self, bench: Any, make_secret: Any, *, lag: int | None) -> None:
        self.b = bench
        self.make_secret = make_secret
        self.fuse = Fuse()
        self.gone = False
        self.faulty = False
        self.asked = 0
        """How often an image was asked for anew: without faults it is written no oftener."""
        self.enrolled = 0
        self.wish: dict[str, int | str] | None = None
        self.lagging = bench.lag(random.Random(lag)) if lag is not None else None  # noqa: S311 - delays
        self._count_nodes()
        self._start()

    def _count_nodes(self) -> None:
        make = self.b.backend.new_id

        def new_id() -> str:
            self.enrolled += 1
            return cast("str", make())

        self.b.backend.new_id = new_id

    def _start(self) -> None:
        """A new process, which can die like the one before."""
        self.fuse.left = None
        self.b.restart()
        env = self.b.env
        mortal = Mortal(self.lagging or self.b.client, self.fuse)
        env = replace(
            env,
            client=cast("Any", mortal),
            live=cast("Any", Mortal(self.b.client, self.fuse)),
            backend=cast("Any", Mortal(self.b.backend, self.fuse)),
        )
        self.b.use(env)
        self.settings = HostFirmwareSettingsReconciler(env=env)

    def restart(self) -> None:
        """Killed between two looks."""
        if self.lagging is not None:
            self.lagging.refresh()
        self._start()

    async def host(self) -> metal3api.BareMetalHost | None:
        """The host as the API has it."""
        try:
            host: metal3api.BareMetalHost = await self.b.host()
        except NotFoundError:
            self.gone = True
            return None
        return host

    async def edit(self, change: Callable[[metal3api.BareMetalHost], Any]) -> bool:
        """What a user does with kubectl, if the webhooks let him."""
        before = await self.host()
        if before is None:
            return False
        host = before.deep_copy()
        change(host)
        bare = host.deep_copy()
        bare.metadata.annotations = {}
        if update_errors(before, host) or host_errors(bare):
            return False
        try:
            await self.b.client.update(host)
        except ApiError:
            return False
        self._note_external(before, host)
        return True

    def _note_external(self, before: metal3api.BareMetalHost, now: metal3api.BareMetalHost) -> None:
        """Somebody installs the machine by hand, or thinks better of it before that was seen."""
        was, is_now = before.spec.externally_provisioned, now.spec.externally_provisioned
        if is_now and not was:
            self.b.machine.disk = FOREIGN
        elif was and not is_now and before.status.provisioning.state != _EXTERNAL:
            self.b.machine.disk = None

    async def wish_firmware(self, wish: dict[str, int | str]) -> None:
        """A user edits HostFirmwareSettings, once there is one."""
        try:
            settings = await self.b.client.get(metal3api.HostFirmwareSettings, self.b.key)
        except NotFoundError:
            return
        settings.spec.settings = self.wish = wish
        await self.b.client.update(settings)

    async def set_login(self, password: str) -> None:
        """The Secret of the BMC is made, or changed."""
        wanted = self.make_secret(username="admin", password=password)
        try:
            secret = await self.b.client.get(corev1.Secret, SECRET)
            secret.data = wanted.data
            await self.b.client.update(secret)
        except NotFoundError:
            await self.b.client.create(wanted)

    async def remove(self, key: NamespacedName) -> None:
        """A Secret is deleted; one that is held stays until it is let go."""
        try:
            await self.b.client.delete(await self.b.client.get(corev1.Secret, key))
        except NotFoundError:
            return

    async def add_user_data(self) -> None:
        """The Secret an instance's user data is in."""
        try:
            await self.b.client.create(self.make_secret(USER_DATA.name, value="#cloud-config"))
        except AlreadyExistsError:
            return

    def is_writing(self) -> bool:
        """Whether the machine is at work on an image."""
        node = self.b.backend.nodes.get(self.b.key)
        return node is not None and node.step is not None and node.step.name == "provision"

    async def work(self, steps: int, until: Callable[[], bool] = lambda: False) -> None:
        """The operator gets so many looks, or as many as it needs, or until something is so."""
        for _ in range(steps):
            if until():
                return
            wait = await self.reconcile()
            if wait is None or wait >= REST:
                return
            await asyncio.sleep(wait.total_seconds())

    async def reconcile(self) -> timedelta | None:
        """One look."""
        before, wipes = await self.host(), self.b.machine.wipes
        is_others = before is not None and before.spec.externally_provisioned
        machine = deepcopy(self.b.machine) if is_others else None
        try:
            if self.wish is not None:
                await self.settings.reconcile(Request(*self.b.key))
            wait: timedelta | None = (await self.b.reconcile()).requeue_after
        except KilledError:
            self.restart()
            wait = SOON
        except (ProvisionerError, ApiError):
            wait = SOON
        after = await self.host()
        if machine is not None:
            _check_left_alone(machine, self.b.machine)
            assert after is None or after.status.provisioning.state not in _WORKED_ON
        self._check_step(before, after, wiped=self.b.machine.wipes - wipes)
        return wait

    def _check_step(
        self,
        before: metal3api.BareMetalHost | None,
        after: metal3api.BareMetalHost | None,
        *,
        wiped: int,
    ) -> None:
        """One look makes one move of the table, or two by way of ``available``.

        An instance goes only when nobody wants it.
        """
        if before is None:
            return
        state = before.status.provisioning.state
        assert not wiped or state == State.DEPROVISIONING, f"wiped in state {state!r}"
        if after is None or after.status.provisioning.state == state:
            return
        new = after.status.provisioning.state
        row, goes = TABLE[state], after.metadata.deletion_timestamp is not None
        allowed = set(row.transitions) | ({row.on_delete, State.DELETING} if goes else set())
        if State.AVAILABLE in allowed:
            allowed |= set(TABLE[State.AVAILABLE].transitions)
        assert new in allowed, f"{state!r} to {new!r}"
        if new == _EXTERNAL:
            assert after.spec.externally_provisioned, "an instance was declared to be others'"
        if (state, new) == (_EXTERNAL, State.PROVISIONED):
            assert not after.spec.externally_provisioned, "taken over unasked"
            self.b.machine.disk = _installed(after)
        if (state, new) == (State.PROVISIONED, State.DEPROVISIONING):
            assert goes or metal3api.is_provisioning_cancelled(after), "an instance was given up"

    async def check(self) -> None:
        """At all times: a known state, nothing done twice, and everything held that must be."""
        deployments = len(self.b.machine.deployments)
        assert deployments <= self.b.machine.wipes + max(self.enrolled, 1), "written over an image"
        if not self.faulty:
            assert deployments <= max(self.asked, 1), "written oftener than asked"
        host = await self.host()
        if host is None:
            await self._check_gone()
            return
        self._check_status(host)
        held = host.status.good_credentials is not None and not host.metadata.deletion_timestamp
        if held and host.status.provisioning.state not in _UNHELD:
            secret = await self.b.client.get(corev1.Secret, SECRET)
            assert metal3api.SECRET_FINALIZER in secret.metadata.finalizers, "Secret not held"

    async def _check_gone(self) -> None:
        assert self.b.key not in self.b.backend.nodes, "a node was left behind"
        holds = {
            corev1.Secret: (SECRET, metal3api.SECRET_FINALIZER),
            metal3api.HardwareData: (self.b.key, metal3api.HARDWARE_DATA_FINALIZER),
        }
        for kind, (key, finalizer) in holds.items():
            try:
                obj: metav1.Object = await self.b.client.get(kind, key)
            except NotFoundError:
                continue
            assert finalizer not in obj.metadata.finalizers, f"{kind.__name__} is still held"

    def _check_status(self, host: metal3api.BareMetalHost) -> None:
        status = host.status
        assert status.provisioning.state in TABLE
        if status.provisioning.state not in _UNHELD:
            assert metal3api.HOST_FINALIZER in host.metadata.finalizers, "not held"
        assert bool(status.error_type) == bool(status.error_message)
        if status.operational_status == "error":
            assert status.error_type
        if status.provisioning.state == "provisioned":
            assert self.b.machine.disk == _installed(host), "the status says something else"

    async def settle(self) -> None:
        """Mend everything and let the operator work until the host rests; then look at it."""
        if self.lagging is not None:
            self.lagging.lags = False
        self.restart()
        self.b.backend.faults.clear()
        self.b.backend.down = False
        self.b.machine.password = None
        await self.add_user_data()
        for _ in range(3):
            # A Secret on its way out is replaced once nobody holds it any more.
            await self.set_login("secret-0")
        while await self.host() is not None and not await self.edit(_clean):
            pass
        rests = 0
        for _ in range(400):
            if await self.host() is None:
                break
            wait = await self.reconcile()
            # Twice, because what it is woken by may come only after the first look.
            rests = rests + 1 if _rests(await self.host(), wait) else 0
            if rests > 1:
                break
            await asyncio.sleep(min(wait.total_seconds(), 600) if wait else 1)
        await self.check()
        await self._check_end()

    async def _check_end(self) -> None:
        host = await self.host()
        if host is None:
            return
        machine, spec, provisioning = self.b.machine, host.spec, host.status.provisioning
        assert host.metadata.deletion_timestamp is None, _show(host)
        assert host.status.operational_status == "OK", _show(host)
        assert host.status.powered_on == spec.online == machine.powered_on, _show(host)
        wanted = bool(spec.image and spec.image.url) or spec.custom_deploy is not None
        if spec.externally_provisioned:
            assert provisioning.state == "externally provisioned", _show(host)
            assert machine.disk == FOREIGN, _show(host)
            return
        if wanted and spec.online:
            assert provisioning.state == "provisioned", _show(host)
        if not wanted:
            assert provisioning.state == "available", _show(host)
        if provisioning.state == "provisioned":
            assert not metal3api.is_provisioning_cancelled(host), _show(host)
            assert machine.disk == _installed(host), _show(host)
        else:
            assert machine.disk is None, _show(host)
            assert not metal3api.was_provisioned(host), _show(host)
            assert not is_dirty(host, wanted_settings(host)), _show(host)
            if spec.raid is not None and not metal3api.is_raid_unset(spec.raid):
                assert machine.raid is not None, _show(host)
                assert machine.raid.to_dict() == spec.raid.to_dict(), _show(host)
            for name, value in (self.wish or {}).items():
                assert machine.settings[name] == str(value), _show(host)


def _check_left_alone(before: Hardware, after: Hardware) -> None:
    """A machine that others installed: nothing is written to it, nothing is booted to look at it."""
    assert after.disk == before.disk, "the disk of others was changed"
    assert after.wipes == before.wipes, "the disk of others was cleaned"
    assert after.raid == before.raid, "the disks of others were taken apart"
    assert after.deployments == before.deployments, "an image was written over others' disk"
    assert after.inspections == before.inspections, "inspected over what others run"


def _installed(host: metal3api.BareMetalHost) -> Deployment:
    """What the status says is on the disk; of what others put there nobody else can know."""
    provisioning = host.status.provisioning
    return Deployment(
        url=provisioning.image.url if provisioning.image else "",
        method=provisioning.custom_deploy.method if provisioning.custom_deploy else "",
    )


def _clean(host: metal3api.BareMetalHost) -> None:
    """No annotation stands in the way, and whatever was given up is tried again."""
    host.metadata.annotations = {"baremetalhost.metal3.io/retry": ""}


def _rests(host: metal3api.BareMetalHost | None, wait: timedelta | None) -> bool:
    if host is None:
        return True
    return wait is not None and wait >= REST and host.status.operational_status == "OK"


def _show(host: metal3api.BareMetalHost) -> str:
    return f"{host.spec.to_dict()} {host.status.to_dict()} {host.metadata.annotations}"
