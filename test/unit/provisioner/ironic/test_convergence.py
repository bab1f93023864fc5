"""From wherever a node is, each step ends where it says, by moves that Ironic knows."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import (
    BackendError,
    HostConfig,
    InspectData,
    NeedsRegistrationError,
    PrepareData,
    ProvisionData,
    RebootMode,
    ServicingData,
)
from metal3.provisioner.ironic import IronicBackend
from metal3.provisioner.ironic._node import State

from .fake_ironic import ACTIONS, FakeIronic

pytestmark = pytest.mark.looptime

IMAGE = ProvisionData(
    image=metal3api.Image.from_dict({"url": "http://i/x", "checksum": "abc"}),
    host_config=HostConfig(),
    boot_mode="UEFI",
)
FIRMWARE = {"Turbo": "On"}
MODE = "metadata"

STEPS = {
    "register": lambda p, data: p.register(data, credentials_changed=True, restart_on_failure=True),
    "inspect": lambda p, _: p.inspect_hardware(
        InspectData(boot_mode="UEFI"), restart_on_failure=True, refresh=False, force_reboot=True
    ),
    "prepare": lambda p, _: p.prepare(
        PrepareData(target_firmware_settings=FIRMWARE), unprepared=True, restart_on_failure=True
    ),
    "service": lambda p, _: p.service(
        ServicingData(target_firmware_settings=FIRMWARE, has_firmware_spec=True),
        unprepared=True,
        restart_on_failure=True,
    ),
    "give up service": lambda p, _: p.service(
        ServicingData(), unprepared=True, restart_on_failure=True
    ),
    "adopt": lambda p, _: p.adopt(state="provisioned", restart_on_failure=True),
    "provision": lambda p, _: p.provision(IMAGE, force_reboot=False),
    "forced provision": lambda p, _: p.provision(IMAGE, force_reboot=True),
    "deprovision": lambda p, _: p.deprovision(
        restart_on_failure=True, automated_cleaning_mode=MODE
    ),
    "power on": lambda p, _: p.power_on(force=True),
    "power off": lambda p, _: p.power_off(
        RebootMode.HARD, force=True, automated_cleaning_mode="disabled"
    ),
    "delete": lambda p, _: p.delete(),
    "detach": lambda p, _: p.detach(force=False),
}


async def call(bench, step, data):
    """The step's result; None when it cannot be taken from the node's state."""
    try:
        result = await STEPS[step](await bench.provisioner(), data)
    except (BackendError, NeedsRegistrationError):
        return None
    return result[0] if isinstance(result, tuple) else result


@pytest.mark.parametrize("maintenance", [False, True])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", State)
async def test_no_step_asks_for_a_move_that_does_not_exist(
    bench, ironic, access, state, step, maintenance
):
    """Whatever state the node is in, and at most one move a call."""
    ironic.add(provision_state=state, maintenance=maintenance)
    await call(bench, step, access())
    assert len(ironic.targets()) <= 1
    assert all((state, target) in ACTIONS for target in ironic.targets())


def end_of(node):
    """Where a state at work leads that nobody asked for in this test."""
    ends = {"verifying": "manageable", "adopting": "active", "deleting": "available"}
    word = node["provision_state"].split()[0]
    more = {"clean": "available", "deploy": "active", "wait": "active", "inspect": "manageable"}
    by_word = more | {"service": "active", "servicing": "active", "deploying": "active"}
    by_word |= {"cleaning": "available", "inspecting": "manageable"}
    return ends.get(node["provision_state"]) or by_word[word]


async def repeat(bench, ironic, step, data):
    """The state a step ends in, with whatever is at work coming to its end meanwhile."""
    for _ in range(12):
        result = await call(bench, step, data)
        if result is None or not result.dirty:
            return result
        await asyncio.sleep(ironic.step_time + 1)
        ironic._advance()
        for node in ironic.nodes.values():
            if node["provision_state"] in WORKING:
                ironic.set(node, provision_state=end_of(node), target_provision_state=None)
    return pytest.fail(f"{step} does not end")


WORKING = {state.value for state in State if "failed" not in state} - {
    "enroll",
    "manageable",
    "available",
    "active",
    "error",
}


@pytest.mark.parametrize("state", State)
async def test_deleting_ends_from_everywhere(bench, ironic, access, state):
    """And leaves nothing behind."""
    ironic.add(provision_state=state, instance_uuid="x")
    result = await repeat(bench, ironic, "delete", access())
    assert result is not None
    assert not result.error_message
    assert ironic.nodes == {}


@pytest.mark.parametrize("state", [state for state in State if state != State.ENROLL])
async def test_deprovisioning_ends_from_everywhere(bench, ironic, access, state):
    """In available, ready for the next image."""
    node = ironic.add(provision_state=state, instance_info={"image_source": "x"})
    result = await repeat(bench, ironic, "deprovision", access())
    if result is not None:
        assert not result.error_message
        assert node["provision_state"] == "available"
    else:
        assert state in {State.VERIFYING, State.INSPECTING}


@pytest.mark.parametrize(
    "state",
    ["manageable", "available", "clean failed", "deploy failed", "inspect failed", "active"],
)
async def test_provisioning_ends_from_everywhere(bench, ironic, access, state):
    """In active, with the image that was asked for unless it ran already."""
    node = ironic.add(provision_state=state, instance_info={"image_source": "http://other"})
    result = await repeat(bench, ironic, "provision", access())
    assert result is not None
    assert not result.error_message
    assert node["provision_state"] == "active"
    assert state == "active" or node["instance_info"]["image_source"] == "http://i/x"


@pytest.mark.parametrize(
    ("step", "action", "start"),
    [
        ("register", "manage", "enroll"),
        ("inspect", "inspect", "manageable"),
        ("prepare", "clean", "manageable"),
        ("service", "service", "active"),
        ("adopt", "adopt", "manageable"),
        ("deprovision", "provide", "manageable"),
    ],
)
async def test_each_failure_is_told_before_the_next_attempt(
    bench, ironic, access, step, action, start
):
    """A caller that asks for a restart each time still hears of every failure, and can back off."""
    ironic.add(provision_state=start)
    told = 0
    for _ in range(15):
        ironic.fails[action] = f"the {action} failed"
        provisioner = await bench.provisioner()
        if step == "register":
            answer = await provisioner.register(
                access(), credentials_changed=False, restart_on_failure=True
            )
        else:
            answer = await STEPS[step](provisioner, access())
        result = answer[0] if isinstance(answer, tuple) else answer
        told += bool(result.error_message)
        await asyncio.sleep(ironic.step_time + 1)
        assert ironic.targets().count(action) <= told + 1
    assert told >= 3


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(STEPS)), st.sampled_from([0.0, 0.6, 3.0, 7.0])),
        max_size=12,
    ),
    st.sampled_from(["", "manage", "provide", "inspect", "active", "deleted", "clean", "power"]),
)
async def test_a_host_is_never_stuck(bench, access, steps, fails):
    """After any calls in any order at any time, with a failure among them, deleting ends."""
    ironic = FakeIronic()
    bench.ironic = ironic
    bench.backend = IronicBackend(bench.config, ironic)
    if fails:
        ironic.fails[fails] = "made to fail"
    async with asyncio.TaskGroup() as group:
        informer = group.create_task(bench.backend.run(lambda _: None))
        await asyncio.sleep(0.1)
        for step, pause in steps:
            await call(bench, step, access())
            await asyncio.sleep(pause)
        result = await repeat(bench, ironic, "delete", access())
        assert result is not None
        assert not result.error_message
        assert ironic.nodes == {}
        informer.cancel()
