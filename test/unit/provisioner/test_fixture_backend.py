"""Machines in memory: steps take time, states are each host's own, faults come as planned."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import (
    BackendError,
    Credentials,
    HostConfig,
    HostData,
    InspectData,
    ManagementAccessData,
    NeedsRegistrationError,
    NotReadyError,
    ProvisionData,
    RebootMode,
)
from metal3.provisioner.fixture import FixtureBackend, FixtureOptions, new_factory
from metal3.runtime.types import NamespacedName

A, B = NamespacedName("metal3", "a"), NamespacedName("metal3", "b")
INSPECT = InspectData(boot_mode="UEFI")
IMAGE = metal3api.Image(url="http://images/a")
EVENTS: list[str] = []

pytestmark = pytest.mark.looptime(start=0)


def access(**fields) -> ManagementAccessData:
    """Enough to register."""
    return ManagementAccessData(
        boot_mode="UEFI", automated_cleaning_mode="metadata", state="registering", **fields
    )


async def machine(backend, key=A, *, login="x"):
    """The backend's side of a host."""
    host = HostData(key=key, uid="1", credentials=Credentials("admin", login))
    return await backend.provisioner(host, lambda reason, _message: EVENTS.append(reason))


async def register(backend, key=A, **data):
    """Register to the end."""
    m = await machine(backend, key)
    while True:
        result, _ = await m.register(
            access(**data), credentials_changed=False, restart_on_failure=False
        )
        if not result.dirty:
            return m
        await asyncio.sleep(result.requeue_after.total_seconds())


async def test_steps_take_their_time_and_wake_their_host():
    """A step is under way until it is due; then exactly its host is woken, once."""
    backend = FixtureBackend()
    woken: Counter[NamespacedName] = Counter()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(backend.run(lambda key: woken.update([key])))
        m = await machine(backend)
        result, host_id = await m.register(
            access(), credentials_changed=True, restart_on_failure=False
        )
        assert (result.dirty, result.requeue_after) == (True, timedelta(seconds=0.5))
        assert host_id
        await asyncio.sleep(0.4)
        assert woken == {}
        await asyncio.sleep(0.2)
        assert woken == {A: 1}
        result, again = await m.register(
            access(), credentials_changed=False, restart_on_failure=False
        )
        assert (result.dirty, again) == (False, host_id)
        running.cancel()


async def test_hosts_have_nothing_in_common():
    """What is done to one is not done to the other."""
    backend = FixtureBackend(options=FixtureOptions(step_time=timedelta(0)))
    a, b = await register(backend, A), await register(backend, B)
    await a.power_on(force=False)
    await a.inspect_hardware(INSPECT, restart_on_failure=False, refresh=False, force_reboot=False)
    assert (await a.update_hardware_state()).powered_on
    assert not (await b.update_hardware_state()).powered_on
    assert (backend.machine(A).inspections, backend.machine(B).inspections) == (1, 0)


async def test_an_inspection_runs_again_only_on_request():
    """The second call shows what is known; a refresh looks again."""
    backend = FixtureBackend(options=FixtureOptions(step_time=timedelta(0)))
    m = await register(backend)
    for refresh, started in ((False, True), (False, False), (True, True)):
        _, begun, details = await m.inspect_hardware(
            INSPECT, restart_on_failure=False, refresh=refresh, force_reboot=False
        )
        assert (begun, details is not None) == (started, True)
    assert backend.machine(A).inspections == 2


async def test_an_image_is_written_once():
    """Asking again for what is there does nothing."""
    backend = FixtureBackend(options=FixtureOptions(step_time=timedelta(0)))
    m = await register(backend)
    data = ProvisionData(image=IMAGE, host_config=HostConfig(), boot_mode="UEFI")
    for _ in range(3):
        assert not (await m.provision(data, force_reboot=False)).dirty
    assert [d.url for d in backend.machine(A).deployments] == ["http://images/a"]
    assert backend.machine(A).powered_on


async def test_a_lost_database_leaves_the_hardware():
    """The host must be registered anew, and is adopted with its disk as it is."""
    backend = FixtureBackend(options=FixtureOptions(step_time=timedelta(0)))
    m = await register(backend)
    data = ProvisionData(image=IMAGE, host_config=HostConfig(), boot_mode="UEFI")
    await m.provision(data, force_reboot=False)
    backend.lose_database()
    with pytest.raises(NeedsRegistrationError):
        await m.update_hardware_state()
    m = await register(backend)
    assert not (await m.adopt(state="provisioned", restart_on_failure=False)).dirty
    await m.provision(data, force_reboot=False)
    assert len(backend.machine(A).deployments) == 1


async def test_a_wrong_password_is_refused_without_showing_it():
    """The message names the BMC, never the login."""
    backend = FixtureBackend(options=FixtureOptions(step_time=timedelta(0)))
    backend.machine(A).password = "right"
    m = await machine(backend, login="wrong-one")
    result, _ = await m.register(access(), credentials_changed=True, restart_on_failure=False)
    assert "refused the credentials" in result.error_message
    assert "wrong-one" not in result.error_message + repr(backend.nodes)


async def test_faults_come_as_often_as_planned():
    """Passing ones raise, others end the step with a text; then everything works."""
    backend = FixtureBackend(options=FixtureOptions(step_time=timedelta(0)))
    m = await register(backend)
    backend.fail(A, "power", "stuck", times=2)
    backend.fail(A, "power", "line noise", passing=True)
    assert (await m.power_on(force=False)).error_message == "stuck"
    assert (await m.power_on(force=False)).error_message == "stuck"
    with pytest.raises(BackendError, match="line noise"):
        await m.power_on(force=False)
    assert (await m.power_on(force=False)).dirty
    assert not (await m.power_on(force=False)).dirty


async def test_a_host_that_must_not_be_off_is_restarted():
    """Powering off is a reboot then."""
    backend = FixtureBackend(options=FixtureOptions(step_time=timedelta(0)))
    m = await register(backend, disable_power_off=True)
    backend.machine(A).powered_on = True
    await m.power_off(RebootMode.SOFT, force=False, automated_cleaning_mode="")
    assert backend.machine(A).powered_on
    assert backend.machine(A).power_actions == ["soft reboot"]


async def test_the_limit_counts_machines_that_are_worked_on():
    """A machine that is worked on already always has room."""
    backend = FixtureBackend(options=FixtureOptions(limit=1))
    a, b = await register(backend, A), await register(backend, B)
    await a.inspect_hardware(INSPECT, restart_on_failure=False, refresh=False, force_reboot=False)
    assert await a.has_capacity()
    assert not await b.has_capacity()


async def test_a_backend_that_is_down_serves_nobody():
    """It says so before anything is done."""
    backend = FixtureBackend(down=True)
    with pytest.raises(NotReadyError):
        await machine(backend)


@pytest.mark.parametrize(
    ("environment", "step", "limit"),
    [
        ({}, 0.5, None),
        ({"FIXTURE_STEP_TIME": "2"}, 2.0, None),
        ({"FIXTURE_STEP_TIME": "0"}, 0.0, None),
        ({"PROVISIONING_LIMIT": "3"}, 0.5, 3),
    ],
)
def test_the_environment_sets_times_and_limit(environment, step, limit):
    """Half a second a step, unless told otherwise."""
    options = new_factory(environment).options
    assert options.time_of("inspect") == timedelta(seconds=step)
    assert options.time_of("power") == timedelta(0)
    assert options.limit == limit


@pytest.mark.parametrize(
    "environment",
    [{"FIXTURE_STEP_TIME": v} for v in ("fast", "-1", "nan", "inf")]
    + [{"PROVISIONING_LIMIT": v} for v in ("many", "-1", "1.5")],
)
def test_nonsense_in_the_environment_is_named(environment):
    """The message names the variable."""
    with pytest.raises(ValueError, match=next(iter(environment))):
        new_factory(environment)
