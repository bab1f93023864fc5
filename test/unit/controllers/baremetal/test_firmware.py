"""BIOS settings and firmware versions: shown, checked, applied once, on hosts with and without."""

import weakref
from datetime import timedelta
from typing import Any

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.setting_rules import setting_errors
from metal3.controllers.baremetal.hostfirmwarecomponents_controller import (
    HostFirmwareComponentsReconciler,
)
from metal3.controllers.baremetal.hostfirmwaresettings_controller import (
    HostFirmwareSettingsReconciler,
)
from metal3.provisioner.fixture import FIRMWARE_SCHEMA, FixtureOptions
from metal3.runtime.client import NotFoundError
from metal3.runtime.reconcile import Request, Result

State = metal3api.ProvisioningState
IMAGE = {"url": "http://images/a.qcow2", "checksum": "abc"}

RECONCILERS: weakref.WeakKeyDictionary[Any, HostFirmwareSettingsReconciler] = (
    weakref.WeakKeyDictionary()
)

pytestmark = pytest.mark.looptime(start=0)


async def with_firmware(bench, host=None, **spec):
    """A bench at rest whose companions have been looked at; ``spec`` are wanted settings."""
    b = bench(host, fixture=FixtureOptions(with_components=True))
    await b.until(State.AVAILABLE)
    await look(b)
    if spec:
        await want(b, **spec)
    return b


async def look(b) -> timedelta | None:
    """Let both companions be compared with the machine."""
    reconciler = RECONCILERS.setdefault(b.client, HostFirmwareSettingsReconciler(env=b.env))
    components = HostFirmwareComponentsReconciler(env=b.env)
    await components.reconcile(Request(*b.key))
    return (await reconciler.reconcile(Request(*b.key))).requeue_after


async def want(b, **wanted) -> None:
    """What a user does with HostFirmwareSettings."""
    settings = await b.client.get(metal3api.HostFirmwareSettings, b.key)
    settings.spec.settings = wanted
    await b.client.update(settings)
    await look(b)


async def flash(b, *updates: tuple[str, str]) -> None:
    """What a user does with HostFirmwareComponents."""
    components = await b.client.get(metal3api.HostFirmwareComponents, b.key)
    components.spec.updates = [metal3api.FirmwareUpdate(component=c, url=u) for c, u in updates]
    await b.client.update(components)
    await look(b)


async def test_settings_and_schema_are_shown(bench):
    """The status mirrors the machine and names a schema that exists."""
    b = await with_firmware(bench)
    settings = await b.client.get(metal3api.HostFirmwareSettings, b.key)
    assert settings.status.settings == b.machine.settings
    schema = await b.client.get(
        metal3api.FirmwareSchema, b.key._replace(name=settings.status.schema_.name)
    )
    assert set(schema.spec.schema_) == set(FIRMWARE_SCHEMA)
    assert settings.metadata.owner_references[0].name == "host-0"
    assert b.condition(settings, "Valid").status == "True"
    assert b.condition(settings, "ChangeDetected").status == "False"


async def test_hosts_of_a_kind_share_a_schema_that_is_written_once(bench):
    """Nobody writes to the shared object again, so nobody meets a conflict on it."""
    b = await with_firmware(bench)
    other = metal3api.HostFirmwareSettings.named("host-1", "metal3")
    await b.client.create(other)
    for _ in range(3):
        await look(b)
    writes = [a for a in b.client.actions if a.kind == "FirmwareSchema"]
    assert [a.verb for a in writes] == ["create"]


async def test_a_schema_goes_with_its_last_user(bench):
    """Nobody owns it: it is swept away when no settings name it."""
    b = await with_firmware(bench)
    settings = await b.client.get(metal3api.HostFirmwareSettings, b.key)
    await b.client.delete(settings)
    await look(b)
    with pytest.raises(NotFoundError):
        await b.client.get(
            metal3api.FirmwareSchema, b.key._replace(name=settings.status.schema_.name)
        )


async def test_settings_are_applied_while_preparing(bench):
    """A wish on an available host is applied once; an integer and its text are the same."""
    b = await with_firmware(bench, ProcTurboMode="Disabled", BootDelaySeconds=7)
    await b.until(State.PREPARING)
    await b.until(State.AVAILABLE)
    assert b.machine.settings["ProcTurboMode"] == "Disabled"
    assert b.machine.settings["BootDelaySeconds"] == "7"
    await b.rest()
    assert b.states.count("preparing") == 2
    await look(b)
    settings = await b.client.get(metal3api.HostFirmwareSettings, b.key)
    assert b.condition(settings, "ChangeDetected").status == "False"


async def test_invalid_settings_change_nothing_and_are_explained(bench):
    """The condition and an event say what is wrong; the host stays available."""
    b = await with_firmware(bench, SerialNumber="new", ProcTurboMode="Sometimes")
    settings = await b.client.get(metal3api.HostFirmwareSettings, b.key)
    valid = b.condition(settings, "Valid")
    assert (valid.status, valid.reason) == ("False", "ConfigurationError")
    assert "SerialNumber is read-only" in valid.message
    assert "'Sometimes'" in valid.message
    assert b.recorder.reasons.count("ValidationFailed") == 2
    await look(b)
    assert b.recorder.reasons.count("ValidationFailed") == 2
    host = await b.rest()
    assert host.status.provisioning.state == "available"


async def test_settings_that_do_not_stick_end_in_an_error_that_names_them(bench, monkeypatch):
    """A machine that ignores a value is not cleaned in an endless loop."""
    b = await with_firmware(bench)
    monkeypatch.setattr(
        "metal3.provisioner.fixture._provisioner.apply_settings", lambda *_args: None
    )
    await want(b, ProcTurboMode="Disabled")
    host = await b.drive(lambda h: h.status.error_type is not None)
    assert host.status.error_type == "preparation error"
    assert "ProcTurboMode" in host.status.error_message
    for _ in range(3):
        await look(b)
        assert (await b.reconcile()).requeue_after > timedelta(seconds=60)
    await want(b)
    host = await b.drive(lambda h: h.status.error_type is None, limit=5)


async def test_a_wish_that_was_not_looked_at_yet_is_waited_for(bench, make_host):
    """An image is not written before settings that were asked for at the same time."""
    b = await with_firmware(bench)
    settings = await b.client.get(metal3api.HostFirmwareSettings, b.key)
    settings.spec.settings = {"ProcTurboMode": "Disabled"}
    await b.client.update(settings)
    await b.edit(lambda h: setattr(h.spec, "image", metal3api.Image.from_dict(IMAGE)))
    await b.reconcile()
    assert (await b.host()).status.provisioning.state == "available"
    await look(b)
    await b.until(State.PROVISIONED)
    assert b.machine.settings["ProcTurboMode"] == "Disabled"
    assert b.states[-4:] == ["available", "preparing", "provisioning", "provisioned"]


async def test_firmware_is_flashed_once_for_each_url(bench):
    """Only another URL is another firmware."""
    b = await with_firmware(bench)
    await flash(b, ("bios", "http://fw/1"))
    await b.until(State.PREPARING)
    await b.until(State.AVAILABLE)
    await b.rest()
    await look(b)
    components = await b.client.get(metal3api.HostFirmwareComponents, b.key)
    assert [c.current_version for c in components.status.components] == ["2.0.0", "1.0.0"]
    assert b.condition(components, "ChangeDetected").status == "False"
    await flash(b, ("bios", "http://fw/2"))
    await b.until(State.PREPARING)
    await b.until(State.AVAILABLE)
    assert [c.current_version for c in b.machine.components] == ["3.0.0", "1.0.0"]


async def test_a_failed_flash_is_tried_again(bench):
    """After a failure the updates count as missing."""
    b = await with_firmware(bench)
    b.backend.fail(b.key, "prepare", "bad image")
    await flash(b, ("bmc", "http://fw/1"))
    host = await b.drive(lambda h: h.status.error_type is not None)
    assert (host.status.error_type, host.status.error_message) == (
        "preparation error",
        "bad image",
    )
    await look(b)
    host = await b.until(State.AVAILABLE)
    assert host.status.error_type is None
    assert [c.current_version for c in b.machine.components] == ["1.0.0", "2.0.0"]


async def test_unknown_components_are_refused(bench):
    """Only bios, bmc and network cards have firmware here."""
    b = await with_firmware(bench)
    await flash(b, ("gpu", "http://fw/1"))
    components = await b.client.get(metal3api.HostFirmwareComponents, b.key)
    valid = b.condition(components, "Valid")
    assert (valid.reason, "gpu" in valid.message) == ("InvalidComponent", True)
    assert "ValidationFailed" in b.recorder.reasons
    host = await b.rest()
    assert host.status.provisioning.state == "available"


async def provisioned_with_policy(bench, make_host, policy):
    """A host that runs an instance and rests, with an update policy."""
    b = bench(make_host(image=IMAGE), fixture=FixtureOptions(with_components=True))
    await b.until(State.PROVISIONED)
    await b.rest()
    await look(b)
    obj = metal3api.HostUpdatePolicy.named("host-0", "metal3")
    obj.spec.firmware_settings = policy
    obj.spec.firmware_updates = policy
    await b.client.create(obj)
    return b


async def reboot(b):
    """Ask for one reboot and wait for its end."""
    await b.edit(lambda h: h.metadata.annotations.update({metal3api.REBOOT_ANNOTATION: ""}))
    return await b.rest()


async def test_a_running_host_is_serviced_when_it_reboots(bench, make_host):
    """With the policy on reboot, settings and firmware change while the host is off."""
    b = await provisioned_with_policy(bench, make_host, "onReboot")
    await want(b, ProcTurboMode="Disabled")
    await flash(b, ("bios", "http://fw/1"))
    await b.rest()
    assert b.machine.settings["ProcTurboMode"] == "Enabled"
    host = await reboot(b)
    assert b.machine.settings["ProcTurboMode"] == "Disabled"
    assert b.machine.components[0].current_version == "2.0.0"
    assert host.status.operational_status == "OK"
    assert host.status.powered_on
    assert host.status.provisioning.state == "provisioned"


@pytest.mark.parametrize("policy", [None, "onPreparing"])
async def test_without_the_policy_a_running_host_is_left_alone(bench, make_host, policy):
    """A reboot changes no firmware unless the user allowed it."""
    b = await provisioned_with_policy(bench, make_host, policy)
    await want(b, ProcTurboMode="Disabled")
    await reboot(b)
    assert b.machine.settings["ProcTurboMode"] == "Enabled"


async def test_a_failed_servicing_is_shown_and_repeated(bench, make_host):
    """The host is in error while it waits, and in order after the next try."""
    b = await provisioned_with_policy(bench, make_host, "onReboot")
    await want(b, ProcTurboMode="Disabled")
    b.backend.fail(b.key, "service", "flash failed")
    await b.edit(lambda h: h.metadata.annotations.update({metal3api.REBOOT_ANNOTATION: ""}))
    host = await b.drive(lambda h: h.status.error_type is not None)
    assert host.status.error_type == "servicing error"
    host = await b.drive(lambda h: h.status.error_type is None and h.status.powered_on)
    assert b.machine.settings["ProcTurboMode"] == "Disabled"


Rules = metal3api.SettingSchema


@pytest.mark.parametrize(
    ("rules", "value", "error"),
    [
        (Rules(attribute_type="Enumeration", allowable_values=["a"]), "a", ""),
        (Rules(attribute_type="Enumeration", allowable_values=["a"]), "b", "unknown enumeration"),
        (Rules(attribute_type="Integer", lower_bound=1, upper_bound=9), 5, ""),
        (Rules(attribute_type="Integer", lower_bound=1, upper_bound=9), "5", ""),
        (Rules(attribute_type="Integer", lower_bound=1, upper_bound=9), 0, "below the minimum"),
        (Rules(attribute_type="Integer", lower_bound=1, upper_bound=9), 10, "above the maximum"),
        (Rules(attribute_type="Integer"), "five", "no integer"),
        (Rules(attribute_type="String", min_length=2, max_length=3), "ab", ""),
        (Rules(attribute_type="String", min_length=2, max_length=3), "a", "shorter"),
        (Rules(attribute_type="String", min_length=2, max_length=3), "abcd", "longer"),
        (Rules(attribute_type="Boolean"), "true", ""),
        (Rules(attribute_type="Boolean"), "yes", "neither true nor false"),
        (Rules(attribute_type="Password"), "x", "password"),
        (Rules(attribute_type="Odd"), "x", "unexpected type"),
        (Rules(), "x", ""),
        (Rules(attribute_type="String", read_only=True), "x", "read-only"),
    ],
)
def test_rules_of_settings(rules, value, error):
    """Each kind of setting is checked against its schema."""
    errors = setting_errors({"S": value}, {"S": "now"}, {"S": rules})
    assert [error in e for e in errors] == ([True] if error else [])


def test_settings_nobody_knows():
    """A setting must be one of the machine's, and in its schema."""
    assert "this machine" in setting_errors({"S": "x"}, {}, {})[0]
    assert "FirmwareSchema" in setting_errors({"S": "x"}, {"S": "y"}, {})[0]


async def test_how_often_a_machine_is_asked(bench):
    """Often while something is to be changed, else as a backstop only."""
    b = await with_firmware(bench)
    assert await look(b) == timedelta(hours=1)
    await want(b, ProcTurboMode="Disabled")
    assert await look(b) == timedelta(minutes=5)
    b.backend.down = True
    assert await look(b) == timedelta(seconds=30)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda h: h.metadata.annotations.update({metal3api.PAUSED_ANNOTATION: ""}), id="paused"
        ),
        pytest.param(
            lambda h: h.metadata.annotations.update({metal3api.DETACHED_ANNOTATION: ""}),
            id="detached",
        ),
    ],
)
async def test_a_host_that_is_let_alone_is_not_asked(bench, change):
    """Its companions stay as they are until it comes back, which wakes them."""
    b = await with_firmware(bench)
    await b.edit(change)
    b.machine.settings["ProcTurboMode"] = "Disabled"
    before = await b.client.get(metal3api.HostFirmwareSettings, b.key)
    assert await look(b) is None
    after = await b.client.get(metal3api.HostFirmwareSettings, b.key)
    assert after.status.to_dict() == before.status.to_dict()


async def test_companions_without_a_host_wait(bench, make_host):
    """It may be made later."""
    orphan = metal3api.HostFirmwareSettings.named("nobody", "metal3")
    orphan.spec.settings = {"ProcTurboMode": "Disabled"}
    b = bench(make_host("host-0", bmc=None), orphan)
    reconciler = HostFirmwareSettingsReconciler(env=b.env)
    assert await reconciler.reconcile(Request("metal3", "nobody")) == Result()
    assert await reconciler.reconcile(Request("metal3", "not-there")) == Result()
    components = HostFirmwareComponentsReconciler(env=b.env)
    assert await components.reconcile(Request("metal3", "nobody")) == Result()


async def test_passwords_are_neither_shown_nor_set(bench, monkeypatch):
    """By name, or by their type; the user is told when he tries."""
    secret = {"AdminPassword": "x", "Pin": "y"}
    monkeypatch.setitem(FIRMWARE_SCHEMA, "Pin", metal3api.SettingSchema(attribute_type="Password"))
    b = bench(fixture=FixtureOptions(with_components=True))
    b.machine.settings.update(secret)
    await b.until(State.AVAILABLE)
    await look(b)
    settings = await b.client.get(metal3api.HostFirmwareSettings, b.key)
    assert not secret.keys() & settings.status.settings.keys()
    schema = await b.client.get(
        metal3api.FirmwareSchema, b.key._replace(name=settings.status.schema_.name)
    )
    assert not secret.keys() & schema.spec.schema_.keys()
    await want(b, AdminPassword="new", Pin="1")
    settings = await b.client.get(metal3api.HostFirmwareSettings, b.key)
    valid = b.condition(settings, "Valid")
    assert (valid.status, valid.reason) == ("False", "ConfigurationError")
    assert "AdminPassword" in valid.message
    assert "Pin" in valid.message
