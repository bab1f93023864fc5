"""Anything users do, in any order, with faults in between: a host stays sane and ends right."""

import functools
import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import looptime
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner.fixture import FixtureOptions
from metal3.runtime.client import ConflictError, NotFoundError

from .host_world import FOREIGN, SECRET, USER_DATA, HostWorld

IMAGES = ("http://images/a.qcow2", "http://images/b.qcow2")
STEPS = (
    "register",
    "inspect",
    "prepare",
    "provision",
    "deprovision",
    "power",
    "adopt",
    "delete",
    "service",
)
ANNOTATIONS = (
    metal3api.PAUSED_ANNOTATION,
    metal3api.DETACHED_ANNOTATION,
    metal3api.INSPECT_ANNOTATION,
    metal3api.REBOOT_ANNOTATION,
    metal3api.REBOOT_ANNOTATION + "/me",
    metal3api.HARDWARE_DETAILS_ANNOTATION,
    "baremetalhost.metal3.io/retry",
)
VALUES = (
    "",
    '{"force": true}',
    '{"mode": "hard"}',
    '{"deleteAction": "delay"}',
    '{"deleteAction": "delay", "force": true}',
    '{"hostname": "mine"}',
    "{broken",
)
HINTS = {"deviceName": "/dev/sdb"}
EDITS: tuple[dict[str, Any], ...] = (
    {"externallyProvisioned": True},
    {"externallyProvisioned": False},
    {"inspectionMode": "disabled"},
    {"inspectionMode": "fast"},
    {"inspectionMode": None},
    {"automatedCleaningMode": "disabled"},
    {"automatedCleaningMode": "metadata"},
    {"bootMode": "legacy"},
    {"rootDeviceHints": HINTS},
    {"rootDeviceHints": None},
    {"raid": {"hardwareRAIDVolumes": [{"level": "1"}]}},
    {"raid": {"hardwareRAIDVolumes": []}},
    {"raid": {"softwareRAIDVolumes": [{"level": "1"}]}},
    {"raid": None},
    {"disablePowerOff": True},
    {"disablePowerOff": False},
    {"userData": {"name": USER_DATA.name}},
    {"userData": None},
    {"customDeploy": {"method": "install_a"}},
    {"customDeploy": {"method": "install_b"}},
    {"customDeploy": None},
)
WISHES: tuple[dict[str, int | str], ...] = (
    {},
    {"ProcTurboMode": "Disabled"},
    {"ProcTurboMode": "Enabled", "BootDelaySeconds": 7},
)
DEPLOYING = {"image", "customDeploy"}
NOTHING: dict[str, Any] = {"image": None, "customDeploy": None}
DEPLOYMENTS: tuple[dict[str, Any], ...] = (
    *(NOTHING | {"image": {"url": url, "checksum": "abc"}} for url in IMAGES),
    NOTHING | {"customDeploy": {"method": "install_a"}},
    NOTHING | {"customDeploy": {"method": "install_b"}},
    {"image": {"url": IMAGES[0], "checksum": "abc"}, "customDeploy": {"method": "install_a"}},
)
CHANGES = tuple(itertools.permutations(DEPLOYMENTS, 2))
"""Of what is asked for while it is being done already."""
SLOW = FixtureOptions(
    step_times={"power": timedelta(seconds=0.3), "delete": timedelta(seconds=0.4)}
)


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
    w: HostWorld

    def __init__(self) -> None:
        super().__init__()
        self.loop = looptime.new_event_loop()

    @property
    def gone(self) -> bool:
        """Whether the host is no more."""
        return self.w.gone

    def teardown(self) -> None:
        """No faults any more: the host must end where its spec says."""
        try:
            if hasattr(self, "w"):
                self.loop.run_until_complete(self.w.settle())
        finally:
            self.loop.close()

    @initialize(
        online=st.sampled_from([True, True, False]),
        external=st.sampled_from([False, False, False, True]),
        first=st.sampled_from([NOTHING, *DEPLOYMENTS]),
        pace=st.sampled_from(["at once", "settled", "thinks again"]),
        change=st.sampled_from(CHANGES),
        lag=st.none() | st.integers(0, 1000),
    )
    @in_loop
    async def create(self, online, external, first, pace, change, lag):
        """A user creates a host, and may wait until it rests, or ask for something else too late."""
        if pace == "thinks again":
            online, external, first = True, False, change[0]
        host = type(self).make_host(online=online, externallyProvisioned=external, **first)
        bench = type(self).make_bench(host, fixture=SLOW)
        self.w = HostWorld(bench, type(self).make_secret, lag=lag)
        self.w.asked = 1 if first != NOTHING else 0
        if external:
            bench.machine.disk = FOREIGN
        if pace == "settled":
            await self.w.work(60)
        if pace == "thinks again":
            await self.w.work(60, until=self.w.is_writing)
            await self._change(change[1])

    @rule(
        steps=st.sampled_from([1, 2, 5, 60, 60]),
        restart=st.booleans(),
        dies_after=st.none() | st.integers(0, 40),
    )
    @in_loop
    async def operator_works(self, steps, restart, dies_after):
        """The operator gets a few moments, or as many as it needs; it may die before or in them."""
        if restart:
            self.w.restart()
        self.w.fuse.left = dies_after
        await self.w.work(steps)

    @precondition(lambda self: not self.gone)
    @rule(image=st.sampled_from([None, *IMAGES]), wait=st.booleans())
    @in_loop
    async def user_changes_the_image(self, image, wait):
        """Another image, or none; perhaps after waiting for the last change to be done."""
        if wait:
            await self.w.work(60)
        await self._change({"image": _image(image)})

    @precondition(lambda self: not self.gone)
    @rule(first=st.sampled_from(IMAGES), then=st.sampled_from([None, *IMAGES]))
    @in_loop
    async def user_uses_the_host(self, first, then):
        """An image, taken off again, and perhaps another: as far as the operator gets with it."""
        for image in (first, None, then):
            await self._change({"image": _image(image)})
            await self.w.work(30)

    @precondition(lambda self: not self.gone)
    @rule(change=st.sampled_from(CHANGES))
    @in_loop
    async def user_thinks_again(self, change):
        """Something else is to be on the host while the first is being written."""
        await self._change(change[0] | {"online": True})
        await self.w.work(20, until=self.w.is_writing)
        await self._change(change[1])

    @precondition(lambda self: not self.gone)
    @rule(image=st.sampled_from([None, *IMAGES]))
    @in_loop
    async def user_installs_by_hand(self, image):
        """What the operator put there goes, others' comes; perhaps said to be of some image."""
        await self._change(NOTHING)
        await self.w.work(20)
        await self._change({"externallyProvisioned": True, "image": _image(image)})

    @precondition(lambda self: not self.gone)
    @rule()
    @in_loop
    async def user_takes_a_change_back(self):
        """The image goes and comes back: whoever saw only half of it must not act on that."""
        host = await self.w.host()
        if host is not None and host.spec.image is not None:
            image = host.spec.image.to_dict()
            await self._change({"image": None})
            await self._change({"image": image})

    @precondition(lambda self: not self.gone)
    @rule(online=st.booleans())
    @in_loop
    async def user_changes_online(self, online):
        """On or off."""
        await self._change({"online": online})

    @precondition(lambda self: not self.gone)
    @rule(change=st.sampled_from(EDITS))
    @in_loop
    async def user_changes_the_spec(self, change):
        """Everything else that may change in the life of a host."""
        await self._change(change)

    @precondition(lambda self: not self.gone)
    @rule(wish=st.sampled_from(WISHES))
    @in_loop
    async def user_wants_firmware_settings(self, wish):
        """Some, others, or none."""
        await self.w.wish_firmware(wish)

    @precondition(lambda self: not self.gone)
    @rule(name=st.sampled_from(ANNOTATIONS), value=st.sampled_from(VALUES))
    @in_loop
    async def user_annotates(self, name, value):
        """Any annotation with any value."""
        await self.w.edit(lambda h: h.metadata.annotations.update({name: value}))

    @precondition(lambda self: not self.gone)
    @rule()
    @in_loop
    async def user_drops_annotations(self):
        """All of them."""
        await self.w.edit(lambda h: h.metadata.annotations.clear())

    @rule(password=st.sampled_from(["secret-0", "wrong", ""]))
    @in_loop
    async def user_changes_the_secret(self, password):
        """Right, wrong or empty; made again when it is gone."""
        await self.w.set_login(password)

    @rule(key=st.sampled_from([SECRET, USER_DATA]))
    @in_loop
    async def user_deletes_a_secret(self, key):
        """By mistake, or before its host."""
        await self.w.remove(key)

    @rule()
    @in_loop
    async def user_makes_the_user_data(self):
        """Perhaps later than the host that names it."""
        await self.w.add_user_data()

    @precondition(lambda self: not self.gone)
    @rule()
    @in_loop
    async def user_deletes_the_host(self):
        """And waits for it to go."""
        try:
            await self.w.b.client.delete(await self.w.b.host())
        except NotFoundError:
            self.w.gone = True

    @rule(step=st.sampled_from(STEPS), passing=st.booleans(), times=st.integers(1, 3))
    @in_loop
    async def backend_will_fail(self, step, passing, times):
        """Some step is going to fail."""
        b = self.w.b
        b.backend.fail(b.key, step, f"{step} failed", passing=passing, times=times)
        self.w.faulty = True

    @rule()
    @in_loop
    async def backend_forgets_everything(self):
        """Its database is lost; the machine goes on."""
        self.w.b.backend.lose_database()
        self.w.faulty = True

    @rule(down=st.booleans(), password=st.sampled_from([None, "secret-0"]), conflict=st.booleans())
    @in_loop
    async def world_changes(self, down, password, conflict):
        """The backend is (not) ready, the BMC is (not) picky, somebody else writes first."""
        b = self.w.b
        b.backend.down = down
        b.machine.password = password
        if conflict:
            for verb in ("patch", "update"):
                b.client.fail_next(verb, metal3api.BareMetalHost, ConflictError("changed"))

    @invariant()
    def nothing_is_broken(self) -> None:
        """Whatever happened."""
        if hasattr(self, "w"):
            self.loop.run_until_complete(self.w.check())

    async def _change(self, fields: dict[str, Any]) -> None:
        """Part of the spec; null takes a field away."""

        def change(host: metal3api.BareMetalHost) -> None:
            spec = host.spec.to_dict() | fields
            kept = {name: value for name, value in spec.items() if value is not None}
            host.spec = type(host.spec).from_dict(kept)

        changed = await self.w.edit(change)
        asks = any(fields.get(name) is not None for name in DEPLOYING & fields.keys())
        self.w.asked += 1 if changed and (asks or "externallyProvisioned" in fields) else 0


def _image(url: str | None) -> dict[str, str] | None:
    return {"url": url, "checksum": "abc"} if url else None


def test_a_host_survives_everything(bench, make_host, make_secret):
    """Random edits, annotations, Secrets, deletions, faults, conflicts, kills and restarts."""
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
            max_examples=60,
            # The steps of a failure are told as they are: making them fewer takes minutes.
            phases=(Phase.reuse, Phase.generate),
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
