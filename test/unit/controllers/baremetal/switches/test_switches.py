"""What the networking service is told about switches, and what their owners are told."""

import configparser
from datetime import timedelta

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.baremetalswitch_controller import BareMetalSwitchReconciler
from metal3.controllers.baremetal.host.environment import Environment
from metal3.controllers.baremetal.switches.settings import SwitchSettings
from metal3.provisioner.fixture import FixtureBackend, FixtureOptions
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request, Result
from metal3.runtime.recorder import FakeRecorder
from metal3.runtime.types import NamespacedName

NAMESPACE = "metal3"
VARIABLES = {
    "IRONIC_NETWORKING_ENABLED": "true",
    "IRONIC_SWITCH_CONFIGS_SECRET": "configs",
    "IRONIC_SWITCH_CREDENTIALS_SECRET": "keys",
    "IRONIC_SWITCH_CREDENTIALS_PATH": "/etc/switches/",
}
MAC = "52:54:00:20:00:01"
LOGIN = {"username": "op", "password": "secret-1"}


def switch(name="leaf", mac=MAC, **spec):
    """A switch that states only what matters."""
    fields = {
        "address": "192.0.2.2",
        "macAddress": mac,
        "deviceType": "netmiko_arista_eos",
        "credentials": {"name": f"{name}-login"},
    } | spec
    meta = {"name": name, "namespace": NAMESPACE}
    return metal3api.BareMetalSwitch.from_dict({"metadata": meta, "spec": fields})


def secret(name, **data):
    """A Secret; keys are written with '_' for '-'."""
    return corev1.new_secret(name, NAMESPACE, {k.replace("_", "-"): v for k, v in data.items()})


class SwitchBench:
    """Switches in one namespace."""

    def __init__(self, *objects, outputs=("configs", "keys")):
        empty = [secret(name) for name in outputs]
        self.client = FakeClient(*objects, *empty, without_status=(corev1.Secret,))
        env = Environment(
            client=self.client,
            live=self.client,
            recorder=FakeRecorder(),
            backend=FixtureBackend(options=FixtureOptions()),
        )
        settings = SwitchSettings.from_environment(VARIABLES)
        assert settings is not None
        self.reconciler = BareMetalSwitchReconciler(env=env, settings=settings)

    async def look(self):
        """Reconcile the namespace."""
        return await self.reconciler.reconcile(Request(NAMESPACE, "switches"))

    async def output(self, name):
        """A Secret, decoded."""
        found = await self.client.get(corev1.Secret, NamespacedName(NAMESPACE, name))
        return corev1.secret_data(found)

    async def config(self):
        """The configuration, as its reader sees it."""
        text = (await self.output("configs"))["switch-configs.conf"].decode()
        assert text.startswith("# This file is managed by the Baremetal Operator\n\n")
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(text)
        return {name: dict(parser[name]) for name in parser.sections()}

    async def valid(self, name="leaf"):
        """The Valid condition."""
        found = await self.client.get(metal3api.BareMetalSwitch, NamespacedName(NAMESPACE, name))
        condition = metav1.find_condition(found.status.conditions, "Valid")
        assert condition is not None
        return condition.status, condition.reason, condition.message


async def test_a_switch_with_a_password():
    """Everything that is set, under the names the service knows."""
    extra = {"port": 2222, "disableCertificateVerification": True}
    login = secret("leaf-login", **LOGIN, admin_password="secret-2")
    b = SwitchBench(switch(**extra), login)
    assert await b.look() == Result()
    assert await b.config() == {
        "switch:leaf": {
            "address": "192.0.2.2",
            "mac_address": MAC,
            "port": "2222",
            "driver_type": "generic-switch",
            "device_type": "netmiko_arista_eos",
            "insecure": "true",
            "username": "op",
            "password": "secret-1",
            "enable_secret": "secret-2",
        }
    }
    assert await b.valid() == ("True", "Reconciled", "")
    stored = await b.client.get(corev1.Secret, NamespacedName(NAMESPACE, "leaf-login"))
    assert stored.metadata.owner_references[0].kind == "BareMetalSwitch"
    assert stored.metadata.labels == {"environment.metal3.io": "baremetal"}


async def test_a_private_key_wins_and_is_a_file():
    """The configuration names it, the second Secret holds it."""
    b = SwitchBench(switch(), secret("leaf-login", **LOGIN, ssh_privatekey="KEY"))
    await b.look()
    section = (await b.config())["switch:leaf"]
    assert section["key_file"] == "/etc/switches/52-54-00-20-00-01.key"
    assert "password" not in section
    assert await b.output("keys") == {"52-54-00-20-00-01.key": b"KEY"}


async def test_switches_are_in_order_and_go_with_their_objects():
    """Keys of switches that went are removed, what others put beside them stays."""
    other = switch("edge", "52:54:00:20:00:02")
    b = SwitchBench(
        switch(),
        other,
        secret("leaf-login", **LOGIN),
        secret("edge-login", username="a", ssh_privatekey="K"),
    )
    keys = await b.client.get(corev1.Secret, NamespacedName(NAMESPACE, "keys"))
    keys.data["theirs.key"] = "eA=="
    await b.client.update(keys)
    await b.look()
    assert list(await b.config()) == ["switch:edge", "switch:leaf"]
    await b.client.delete(other)
    await b.look()
    assert list(await b.config()) == ["switch:leaf"]
    assert await b.output("keys") == {"theirs.key": b"x"}
    await b.client.delete(switch())
    await b.look()
    assert await b.config() == {}


@pytest.mark.parametrize(
    ("login", "message"),
    [
        ({}, "'username'"),
        ({"username": "op"}, "neither the key 'ssh-privatekey' nor 'password'"),
        ({"username": "op", "password": "a\n[switch:evil]"}, "'password' holds line breaks"),
        (None, "Secret 'leaf-login' does not exist"),
    ],
)
async def test_a_bad_login_is_told_and_keeps_nobody_else_out(login, message):
    """The condition names what is wrong, never a value."""
    objects = [switch(), switch("edge"), secret("edge-login", **LOGIN)]
    if login is not None:
        objects.append(secret("leaf-login", **login))
    b = SwitchBench(*objects)
    assert await b.look() == Result(requeue_after=timedelta(minutes=10))
    status, reason, text = await b.valid()
    assert (status, reason) == ("False", "CredentialError")
    assert message in text
    assert "evil" not in text
    assert list(await b.config()) == ["switch:edge"]
    assert (await b.valid("edge"))[0] == "True"


async def test_credentials_of_another_namespace_are_refused():
    """A switch must not read the Secrets of others."""
    reference = {"name": "leaf-login", "namespace": "other"}
    b = SwitchBench(switch(credentials=reference))
    await b.look()
    assert "may be used" in (await b.valid())[2]


async def test_no_field_can_smuggle_in_a_setting():
    """Not even where the CRD lets it through."""
    b = SwitchBench(switch(address="x\npassword = y"), secret("leaf-login", **LOGIN))
    await b.look()
    assert "spec.address" in (await b.valid())[2]
    assert await b.config() == {}


async def test_an_output_secret_that_is_missing_is_told():
    """It is the platform's to create; looked for again soon."""
    b = SwitchBench(switch(), secret("leaf-login", **LOGIN), outputs=("keys",))
    assert (await b.look()).requeue_after == timedelta(minutes=10)
    assert "Secret metal3/configs does not exist: create it" in (await b.valid())[2]
    await b.client.create(secret("configs"))
    assert (await b.look()).requeue_after is None
    assert (await b.valid())[0] == "True"


async def test_nothing_is_written_twice():
    """Looking again is free."""
    b = SwitchBench(switch(), secret("leaf-login", **LOGIN))
    await b.look()
    written = sum(action.is_write for action in b.client.actions)
    await b.look()
    assert sum(action.is_write for action in b.client.actions) == written


def test_the_variables():
    """Off unless said; all three or none."""
    assert SwitchSettings.from_environment({}) is None
    assert SwitchSettings.from_environment(VARIABLES | {"IRONIC_NETWORKING_ENABLED": "no"}) is None
    del (few := dict(VARIABLES))["IRONIC_SWITCH_CONFIGS_SECRET"]
    with pytest.raises(ValueError, match="IRONIC_SWITCH_CONFIGS_SECRET"):
        SwitchSettings.from_environment(few)
