"""Anything users do, in any order, with faults in between: a host stays sane and ends right."""

import asyncio
import functools
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import looptime
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.states import TABLE
from metal3.provisioner import ProvisionerError
from metal3.runtime.client import ApiError, ConflictError, NotFoundError
from metal3.runtime.types import NamespacedName

IMAGES = ("http://images/a.qcow2", "http://images/b.qcow2")
STEPS = ("register", "inspect", "prepare", "provision", "deprovision", "power", "adopt", "delete")
SECRET = NamespacedName("metal3", "bmc")
ANNOTATIONS = (
    metal3api.PAUSED_ANNOTATION,
    metal3api.DETACHED_ANNOTATION,
    metal3api.INSPECT_ANNOTATION,
    metal3api.REBOOT_ANNOTATION,
    metal3api.REBOOT_ANNOTATION + "/me",
    "baremetalhost.metal3.io/retry",
)
VALUES = ("", '{"force": true}', '{"mode": "hard"}', '{"deleteAction": "delay"}', "{broken")


def in_loop(method: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    """Run an async rule in the machine's own loop of virtual time."""

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self.loop.run_until_complete(method(self, *args, **kwargs))

    return wrapper


class HostMachine(RuleBasedStateMachine):
    """A user, a flaky backend and an operator around one host."""

    make_bench: Callable[..., Any]
    make_host: Callable[..., Any]
    make_secret: Callable[..., Any]

    def __init__(self) -> None:
        super().__init__()
        self.loop = looptime.new_event_loop()
        self.gone = False
        self.asked = 0
        """How often an image was asked for anew: at most so many writes may happen."""
        self.faulty = False
        self.lagging: Any = None

    def teardown(self) -> None:
        """No faults any more: the host must end where its spec says."""
        try:
            self.loop.run_until_complete(self._settle())
        finally:
            self.loop.close()

    @initialize(
        online=st.sampled_from([True, True, False]),
        external=st.sampled_from([False, False, False, True]),
        image=st.sampled_from([None, *IMAGES]),
        settled=st.booleans(),
        lag=st.none() | st.integers(0, 1000),
    )
    @in_loop
    async def create(self, online, external, image, settled, lag):
        """A user creates a host, and may wait until it rests."""
        host = type(self).make_host(
            online=online, externallyProvisioned=external, image=_image(image)
        )
        self.b = type(self).make_bench(host)
        if lag is not None:
            self.lagging = self.b.lag(random.Random(lag))  # noqa: S311 - only delays
        self.asked = 1 if image else 0
        if settled:
            await self._work(60)

    @rule(steps=st.sampled_from([1, 2, 5, 60, 60]), restart=st.booleans())
    @in_loop
    async def operator_works(self, steps, restart):
        """The operator gets a few moments, or as many as it needs; before that it may die."""
        if restart:
            self.b.restart()
        await self._work(steps)

    @precondition(lambda self: not self.gone)
    @rule(image=st.sampled_from([None, *IMAGES]), wait=st.booleans())
    @in_loop
    async def user_changes_the_image(self, image, wait):
        """Another image, or none; perhaps after waiting for the last change to be done."""
        if wait:
            await self._work(60)
        changed = await self._edit(lambda h: setattr(h.spec, "image", _model(image)))
        self.asked += 1 if image and changed else 0

    @precondition(lambda self: not self.gone)
    @rule(online=st.booleans())
    @in_loop
    async def user_changes_online(self, online):
        """On or off."""
        await self._edit(lambda h: setattr(h.spec, "online", online))

    @precondition(lambda self: not self.gone)
    @rule(name=st.sampled_from(ANNOTATIONS), value=st.sampled_from(VALUES))
    @in_loop
    async def user_annotates(self, name, value):
        """Any annotation with any value."""
        await self._edit(lambda h: h.metadata.annotations.update({name: value}))

    @precondition(lambda self: not self.gone)
    @rule()
    @in_loop
    async def user_drops_annotations(self):
        """All of them."""
        await self._edit(lambda h: h.metadata.annotations.clear())

    @rule(password=st.sampled_from(["secret-0", "wrong", ""]))
    @in_loop
    async def user_changes_the_secret(self, password):
        """Right, wrong or empty."""
        await self._set_password(password)

    @precondition(lambda self: not self.gone)
    @rule()
    @in_loop
    async def user_deletes_the_host(self):
        """And waits for it to go."""
        try:
            await self.b.client.delete(await self.b.host())
        except NotFoundError:
            self.gone = True

    @rule(step=st.sampled_from(STEPS), passing=st.booleans(), times=st.integers(1, 3))
    @in_loop
    async def backend_will_fail(self, step, passing, times):
        """Some step is going to fail."""
        self.b.backend.fail(self.b.key, step, f"{step} failed", passing=passing, times=times)
        self.faulty = True

    @rule(down=st.booleans(), password=st.sampled_from([None, "secret-0"]), conflict=st.booleans())
    @in_loop
    async def world_changes(self, down, password, conflict):
        """The backend is (not) ready, the BMC is (not) picky, somebody else writes first."""
        self.b.backend.down = down
        self.b.machine.password = password
        if conflict:
            error = ConflictError("changed")
            for verb in ("patch", "update"):
                self.b.client.fail_next(verb, metal3api.BareMetalHost, error)

    @invariant()
    def nothing_is_broken(self) -> None:
        """At all times: a known state, no image written unasked, and the finalizer in place."""
        if hasattr(self, "b"):
            self.loop.run_until_complete(self._check())

    async def _check(self) -> None:
        if len(self.b.machine.deployments) and not self.faulty:
            assert len(self.b.machine.deployments) <= max(self.asked, 1)
        host = await self._host()
        if host is None:
            assert self.b.key not in self.b.backend.nodes, "a node was left behind"
            return
        status = host.status
        assert status.provisioning.state in TABLE
        if status.provisioning.state not in {"", "unmanaged"}:
            assert metal3api.HOST_FINALIZER in host.metadata.finalizers
        assert bool(status.error_type) == bool(status.error_message)
        if status.operational_status == "error":
            assert status.error_type
        if status.provisioning.state == "provisioned" and not self.faulty:
            assert self.b.machine.disk is not None

    async def _host(self) -> metal3api.BareMetalHost | None:
        try:
            host: metal3api.BareMetalHost = await self.b.host()
        except NotFoundError:
            self.gone = True
            return None
        return host

    async def _edit(self, change: Callable[[metal3api.BareMetalHost], Any]) -> bool:
        host = await self._host()
        if host is None:
            return False
        change(host)
        try:
            await self.b.client.update(host)
        except ApiError:
            return False
        return True

    async def _work(self, steps: int) -> None:
        for _ in range(steps):
            wait = await self._reconcile()
            if wait is None or wait >= timedelta(minutes=10):
                return
            await asyncio.sleep(wait.total_seconds())

    async def _set_password(self, password: str) -> None:
        try:
            secret = await self.b.client.get(corev1.Secret, SECRET)
        except NotFoundError:
            return
        data = {"username": "admin", "password": password}
        secret.data = type(self).make_secret(**data).data
        await self.b.client.update(secret)

    async def _reconcile(self) -> timedelta | None:
        try:
            wait: timedelta | None = (await self.b.reconcile()).requeue_after
        except (ProvisionerError, ApiError):
            return timedelta(seconds=0.05)
        return wait

    async def _settle(self) -> None:
        """Mend everything and let the operator work until the host rests."""
        if not hasattr(self, "b"):
            return
        if self.lagging is not None:
            self.lagging.lags = False
        self.b.backend.faults.clear()
        self.b.backend.down = False
        self.b.machine.password = None
        await self._set_password("secret-0")
        while (host := await self._host()) is not None:
            was = dict(host.metadata.annotations)
            if await self._edit(_clean):
                break
            del was
        for _ in range(400):
            host = await self._host()
            if host is None:
                return
            wait = await self._reconcile()
            if _rests(await self._host(), wait):
                break
            await asyncio.sleep(min(wait.total_seconds(), 600) if wait else 1)
        await self._check_end()

    async def _check_end(self) -> None:
        host = await self._host()
        if host is None:
            return
        assert host.metadata.deletion_timestamp is None, _show(host)
        wanted = host.spec.image.url if host.spec.image else ""
        state = host.status.provisioning.state
        assert host.status.operational_status == "OK", _show(host)
        assert host.status.powered_on == host.spec.online, _show(host)
        if host.spec.externally_provisioned:
            assert state == "externally provisioned", _show(host)
        elif wanted and host.spec.online:
            assert state == "provisioned", _show(host)
            assert self.b.machine.disk.url == wanted
        elif not wanted:
            assert state == "available", _show(host)
            assert self.b.machine.disk is None


def _clean(host: metal3api.BareMetalHost) -> None:
    """No annotation stands in the way, and whatever was given up is tried again."""
    host.metadata.annotations = {"baremetalhost.metal3.io/retry": ""}


def _rests(host: metal3api.BareMetalHost | None, wait: timedelta | None) -> bool:
    if host is None:
        return True
    quiet = wait is not None and wait >= timedelta(minutes=10)
    return quiet and host.status.operational_status == "OK"


def _show(host: metal3api.BareMetalHost) -> str:
    return str(metav1.to_dict(host.status)) + str(host.metadata.annotations)


def _image(url: str | None) -> dict[str, str] | None:
    return {"url": url, "checksum": "abc"} if url else None


def _model(url: str | None) -> metal3api.Image | None:
    return metal3api.Image(url=url, checksum="abc") if url else None


def test_a_host_survives_everything(bench, make_host, make_secret):
    """Random edits, annotations, Secrets, deletions, faults, conflicts and restarts."""
    machine = type(
        "Machine",
        (HostMachine,),
        {
            "make_bench": staticmethod(bench),
            "make_host": staticmethod(make_host),
            "make_secret": staticmethod(make_secret),
        },
    )
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=80,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
