"""Access to a BMC: what is wrong with it is said, and mending it heals the host."""

import asyncio
import contextlib
from datetime import timedelta

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.hostpass import HostPass
from metal3.provisioner import BackendError
from metal3.provisioner.fixture import FixtureOptions
from metal3.runtime.client import ConflictError, NotFoundError, ServiceUnavailableError
from metal3.runtime.metrics import REGISTRY
from metal3.runtime.types import NamespacedName

State = metal3api.ProvisioningState
IMAGE = {"url": "http://images/a.qcow2", "checksum": "abc"}
SECRET = NamespacedName("metal3", "bmc")

pytestmark = pytest.mark.looptime(start=0)


@pytest.mark.parametrize(
    ("bmc", "data", "message"),
    [
        pytest.param(
            {"address": "", "credentialsName": "bmc"}, {}, "spec.bmc.address is empty", id="address"
        ),
        pytest.param(
            {"address": "ipmi://b", "credentialsName": ""},
            {},
            "spec.bmc.credentialsName is empty",
            id="name",
        ),
        pytest.param(
            {"address": "foo://b", "credentialsName": "bmc"},
            {},
            "unknown BMC type 'foo'",
            id="scheme",
        ),
        pytest.param(
            {"address": "ipmi://b", "credentialsName": "bmc"},
            {"username": "admin"},
            "'bmc' has no value for the key 'password'",
            id="password",
        ),
        pytest.param(
            {"address": "ipmi://b", "credentialsName": "bmc"},
            {"username": " \n", "password": "x"},
            "no value for the key 'username'",
            id="blank-user",
        ),
    ],
)
async def test_what_cannot_work_is_named_and_waits_for_the_user(
    bench, make_host, make_secret, bmc, data, message
):
    """A spec or Secret that is wrong in itself is an error without a timer, and no failure."""
    b = bench(make_host(bmc=bmc), secret=make_secret(**data))
    await b.until(State.REGISTERING)
    result = await b.reconcile()
    assert result.requeue_after is None
    host = await b.host()
    assert (host.status.operational_status, host.status.error_type) == (
        "error",
        "registration error",
    )
    assert message in host.status.error_message
    assert host.status.error_count == 0
    assert message in b.condition(host, "Ready").message
    await b.reconcile()
    assert b.recorder.reasons.count("BMCCredentialError") == 1


async def test_a_missing_secret_is_not_looked_for_by_the_clock(bench, make_secret):
    """It wakes the host when it comes; the slow look is for what nobody thought of."""
    b = bench(secret=None)
    await b.until(State.REGISTERING)
    assert (await b.reconcile()).requeue_after == b.env.options.resync
    await b.client.create(make_secret())
    host = await b.until(State.AVAILABLE)
    assert host.status.error_type is None


async def test_a_wrong_password_waits_longer_each_time(bench):
    """Each failure counts, waits at least half of 2^n minutes, and is told by an event."""
    b = bench()
    b.machine.password = "other"
    host = await b.drive(lambda h: h.status.error_count == 3, limit=1000)
    assert host.status.error_type == "registration error"
    assert "refused the credentials" in host.status.error_message
    assert host.status.tried_credentials is not None
    assert host.status.good_credentials is None
    assert b.condition(host, "Manageable").reason == "RegistrationFailed"
    assert b.recorder.reasons.count("RegistrationError") == 3
    now = asyncio.get_running_loop().time()
    assert 3 * 60 <= now + 1 <= 6 * 60 + 10
    wait = (await b.reconcile()).requeue_after
    assert timedelta(minutes=3) < wait <= timedelta(minutes=8)


async def test_waking_a_failed_host_does_not_try_it_early(bench):
    """Whatever wakes the host, the backend is left alone until the backoff is over."""
    b = bench()
    b.machine.password = "other"
    await b.drive(lambda h: h.status.error_count == 1)
    for _ in range(5):
        await b.reconcile()
    assert (await b.host()).status.error_count == 1


async def test_a_corrected_secret_ends_the_backoff(bench, make_secret):
    """A new login is tried at once and heals the host; the count of failures is reset."""
    b = bench()
    b.machine.password = "other"
    await b.drive(lambda h: h.status.error_count == 2)
    secret = await b.client.get(corev1.Secret, SECRET)
    secret.data = make_secret(username="admin", password="other").data
    await b.client.update(secret)
    before = asyncio.get_running_loop().time()
    host = await b.until(State.AVAILABLE)
    assert asyncio.get_running_loop().time() - before < 10
    assert (host.status.error_count, host.status.error_message) == (0, "")
    assert host.status.good_credentials is not None
    assert metal3api.credentials_match(
        host.status.good_credentials, await b.client.get(corev1.Secret, SECRET)
    )


async def test_the_retry_annotation_tries_at_once_with_a_clean_count(bench):
    """The user need not wait for the backoff after mending the machine itself."""
    b = bench()
    b.machine.password = "other"
    await b.drive(lambda h: h.status.error_count == 3, limit=1000)
    b.machine.password = None
    await b.edit(lambda h: h.metadata.annotations.update({"baremetalhost.metal3.io/retry": ""}))
    before = asyncio.get_running_loop().time()
    host = await b.until(State.AVAILABLE)
    assert asyncio.get_running_loop().time() - before < 10
    assert "baremetalhost.metal3.io/retry" not in host.metadata.annotations


@pytest.mark.parametrize(
    ("spec", "state"),
    [
        pytest.param({}, State.AVAILABLE, id="available"),
        pytest.param({"image": IMAGE}, State.PROVISIONED, id="provisioned"),
        pytest.param({"externallyProvisioned": True}, State.EXTERNALLY_PROVISIONED, id="external"),
    ],
)
async def test_a_new_login_is_tried_on_a_host_at_rest(bench, make_host, make_secret, spec, state):
    """A wrong password shows when it is given, not when the power is needed; the host stays."""
    b = bench(make_host(**spec))
    await b.until(state)
    await b.rest()
    b.machine.password = "rotated"
    before = len(b.machine.power_actions)
    await _give_password(b, make_secret, "mistyped")
    await b.reconcile()
    host = await b.host()
    assert host.status.error_type == "registration error"
    assert "Secret 'bmc'" in host.status.error_message
    assert host.status.provisioning.state == state
    good = host.status.good_credentials
    secret = await b.client.get(corev1.Secret, SECRET)
    assert good is not None
    assert not metal3api.credentials_match(good, secret)
    await _give_password(b, make_secret, "rotated")
    await b.reconcile()
    host = await b.host()
    assert (host.status.operational_status, host.status.error_message) == ("OK", "")
    assert metal3api.credentials_match(
        host.status.good_credentials, await b.client.get(corev1.Secret, SECRET)
    )
    assert len(b.machine.power_actions) == before
    assert b.machine.wipes == 0


async def test_another_label_on_the_secret_is_no_new_login(bench):
    """The BMC is not bothered, nobody is told, and the Secret's version goes along later."""
    b = bench()
    await b.until(State.AVAILABLE)
    await b.rest()
    b.machine.password = "asked again, it would refuse"
    before, told = await b.host(), len(b.recorder.events)
    secret = await b.client.get(corev1.Secret, SECRET)
    secret.metadata.labels["team"] = "storage"
    secret = await b.client.update(secret)
    await b.reconcile()
    host = await b.host()
    assert host.metadata.resource_version == before.metadata.resource_version
    assert len(b.recorder.events) == told
    assert metal3api.credentials_match(host.status.good_credentials, secret) is False
    await b.edit(lambda h: setattr(h.spec, "online", False))
    host = await b.drive(lambda h: h.status.powered_on is False)
    assert metal3api.credentials_match(host.status.good_credentials, secret)
    assert metal3api.credentials_match(host.status.tried_credentials, secret)


async def test_a_login_is_told_to_work_though_the_write_met_a_change(bench, make_secret):
    """Somebody changes the host while its new login is tried."""
    b = bench()
    await b.until(State.AVAILABLE)
    await b.rest()
    b.machine.password = "rotated"
    await _give_password(b, make_secret, "rotated")
    b.client.fail_next("update", metal3api.BareMetalHost, ConflictError("changed"), times=1)
    told = len(b.recorder.events)
    with pytest.raises(ConflictError):
        await b.reconcile()
    await b.reconcile()
    secret = await b.client.get(corev1.Secret, SECRET)
    assert metal3api.credentials_match((await b.host()).status.good_credentials, secret)
    assert "BMCAccessValidated" in b.recorder.reasons[told:]


async def _give_password(b, make_secret, password):
    """What a user does who changes the login."""
    secret = await b.client.get(corev1.Secret, SECRET)
    secret.data = make_secret(username="admin", password=password).data
    await b.client.update(secret)


async def test_a_broken_secret_stops_a_running_host_and_heals(bench, make_host, make_secret):
    """A host with an instance shows the error, is not touched, and goes on when it is mended."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    await b.rest()
    secret = await b.client.get(corev1.Secret, SECRET)
    secret.data = make_secret(username="admin").data
    await b.client.update(secret)
    await b.reconcile()
    host = await b.host()
    assert host.status.error_type == "registration error"
    assert host.status.provisioning.state == "provisioned"
    secret = await b.client.get(corev1.Secret, SECRET)
    secret.data = make_secret().data
    await b.client.update(secret)
    host = await b.rest()
    assert host.status.operational_status == "OK"
    assert len(b.machine.deployments) == 1
    assert b.machine.wipes == 0


async def test_a_lost_database_is_filled_again_without_touching_the_instance(bench, make_host):
    """The host gets a new ID and is adopted; its disk stays as it is."""
    b = bench(make_host(image=IMAGE))
    host = await b.until(State.PROVISIONED)
    await b.rest()
    old = host.status.provisioning.id
    b.backend.lose_database()
    host = await b.rest()
    assert host.status.provisioning.id not in {"", old}
    assert host.status.provisioning.state == "provisioned"
    assert host.status.operational_status == "OK"
    assert len(b.machine.deployments) == 1
    assert b.machine.disk.url == IMAGE["url"]


async def test_a_failed_adoption_never_wipes(bench, make_host):
    """An adoption error is shown, and repeated with backoff until it works."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    await b.rest()
    b.backend.lose_database()
    b.backend.fail(b.key, "adopt", "no port", times=2)
    host = await b.drive(lambda h: h.status.error_count == 1)
    assert host.status.error_type == "provisioned registration error"
    host = await b.drive(lambda h: h.status.error_type is None, limit=1000)
    assert host.status.provisioning.state == "provisioned"
    assert b.machine.wipes == 0


async def test_a_backend_that_is_down_is_named_and_waited_for(bench):
    """Nothing is wrong with the host: no error, but a condition that says why it does not move."""
    b = bench()
    b.backend.down = True
    await b.until(State.REGISTERING)
    assert (await b.reconcile()).requeue_after == timedelta(seconds=30)
    host = await b.host()
    assert host.status.operational_status == "OK"
    assert "switched off" in b.condition(host, "Progressing").message
    b.backend.down = False
    host = await b.until(State.AVAILABLE)
    assert b.condition(host, "Progressing").message == ""


async def test_passing_trouble_is_told_and_changes_nothing_else(bench):
    """A call that fails is repeated; meanwhile the condition says what happened."""
    b = bench()
    await b.until(State.INSPECTING)
    b.backend.fail(b.key, "inspect", "connection reset", passing=True)
    await b.reconcile()
    await asyncio.sleep(0.5)
    with pytest.raises(BackendError, match="connection reset"):
        await b.reconcile()
    host = await b.host()
    assert host.status.error_count == 0
    assert "connection reset" in b.condition(host, "Progressing").message
    await b.until(State.AVAILABLE)


async def test_a_paused_host_is_left_alone_even_in_its_deletion(bench):
    """Nothing at all happens while the annotation is there."""
    b = bench()
    await b.until(State.AVAILABLE)
    await b.edit(lambda h: h.metadata.annotations.update({"baremetalhost.metal3.io/paused": "me"}))
    await b.client.delete(await b.host())
    writes = len(b.client.actions)
    assert (await b.reconcile()).requeue_after is None
    assert len(b.client.actions) == writes
    assert await b.exists()


async def test_an_unknown_profile_is_an_error(bench, make_host):
    """The message lists the profiles there are."""
    b = bench(make_host(hardwareProfile="nonsense"))
    host = await b.drive(lambda h: h.status.error_count == 1)
    assert "'nonsense'" in host.status.error_message
    assert "libvirt" in host.status.error_message


async def test_a_restart_at_any_time_loses_nothing(bench, make_host):
    """The operator is replaced by a new one before each step; the image is written once."""
    b = bench(make_host(image=IMAGE))
    for _ in range(200):
        b.restart()
        await b.reconcile()
        await asyncio.sleep(0.1)
    host = await b.host()
    assert host.status.provisioning.state == "provisioned"
    assert len(b.machine.deployments) == 1
    assert b.machine.inspections == 1


async def test_a_new_id_is_saved_before_the_next_step(bench, make_host):
    """What the backend is asked after a registration may fail: the ID must not be lost with it."""
    b = bench(make_host(image=IMAGE))
    before = await b.until(State.PROVISIONED)
    await b.rest()
    b.backend.lose_database()
    b.backend.fail(b.key, "adopt", "no such node", passing=True, times=100)
    for _ in range(3):
        with contextlib.suppress(BackendError):
            await b.reconcile()
        await asyncio.sleep(0.6)
    host = await b.host()
    assert host.status.provisioning.id == b.backend.nodes[b.key].id
    assert host.status.provisioning.id != before.status.provisioning.id


async def test_a_secret_an_old_operator_owned_is_owned_like_the_others(bench, make_secret):
    """It was the controller of the Secret once, which kept Cluster API from moving both."""
    b = bench(secret=None)
    host = await b.host()
    secret = make_secret()
    secret.metadata.owner_references = [metav1.owner_reference(host, controller=True)]
    await b.client.create(secret)
    await b.until(State.AVAILABLE)
    secret = await b.client.get(corev1.Secret, SECRET)
    (owner,) = secret.metadata.owner_references
    assert (owner.kind, owner.name, owner.controller) == ("BareMetalHost", "host-0", None)
    assert not owner.block_owner_deletion


async def test_a_secret_that_cannot_be_read_is_counted(bench):
    """The API server's trouble is nobody's mistake: no error on the host, only a retry."""
    b = bench()
    await b.until(State.REGISTERING)
    name = "metal3_credentials_unhandled_error_total"
    before = REGISTRY.get_sample_value(name) or 0
    b.client.fail_next("get", corev1.Secret, ServiceUnavailableError("down"))
    with pytest.raises(ServiceUnavailableError):
        await b.reconcile()
    assert REGISTRY.get_sample_value(name) == before + 1
    assert (await b.host()).status.error_type is None


async def test_companions_of_a_host(bench):
    """Settings always, components where there are any, and a policy that somebody made."""
    policy = metal3api.HostUpdatePolicy.named("host-0", "metal3")
    b = bench(None, policy, fixture=FixtureOptions(with_components=True))
    await b.until(State.AVAILABLE)
    kinds = (
        metal3api.HostFirmwareSettings,
        metal3api.HostFirmwareComponents,
        metal3api.HostUpdatePolicy,
    )
    for kind in kinds:
        (owner,) = (await b.client.get(kind, b.key)).metadata.owner_references
        assert (owner.name, owner.controller) == ("host-0", None)
    data = await b.client.get(metal3api.HardwareData, b.key)
    (owner,) = data.metadata.owner_references
    assert owner.controller is True


async def test_a_host_without_components_gets_no_object_for_them(bench):
    """There would be nothing to show in it."""
    b = bench()
    await b.until(State.AVAILABLE)
    with pytest.raises(NotFoundError):
        await b.client.get(metal3api.HostFirmwareComponents, b.key)


@pytest.mark.parametrize(
    ("address", "profile", "told"),
    [
        ("redfish://b/redfish/v1/Systems/1", "unknown", False),
        ("libvirt://b:6230", "libvirt", True),
    ],
)
async def test_the_profile_follows_the_address(bench, make_host, address, profile, told):
    """Virtual machines have other disks."""
    b = bench(make_host(bmc={"address": address, "credentialsName": "bmc"}))
    host = await b.until(State.AVAILABLE)
    assert host.status.hardware_profile == profile
    assert ("ProfileSet" in b.recorder.reasons) is told
    device = {"unknown": "/dev/sda", "libvirt": "/dev/vda"}[profile]
    assert host.status.provisioning.root_device_hints.device_name == device


ERRORS = [
    (metal3api.ErrorType.PROVISIONED_REGISTRATION_ERROR, "ProvisionedRegistrationError"),
    (metal3api.ErrorType.REGISTRATION_ERROR, "RegistrationError"),
    (metal3api.ErrorType.INSPECTION_ERROR, "InspectionError"),
    (metal3api.ErrorType.PREPARATION_ERROR, "PreparationError"),
    (metal3api.ErrorType.PROVISIONING_ERROR, "ProvisioningError"),
    (metal3api.ErrorType.POWER_MANAGEMENT_ERROR, "PowerManagementError"),
    (metal3api.ErrorType.SERVICING_ERROR, "ServicingError"),
    (metal3api.ErrorType.DETACH_ERROR, "DetachError"),
]


@pytest.mark.parametrize(("error_type", "reason"), ERRORS)
async def test_each_failure_is_counted_and_told(bench, error_type, reason):
    """In the status, by an event of its own reason, and in a metric once that is saved."""
    b = bench()
    p = HostPass(env=b.env, host=await b.host(), writer=b.reconciler.writer)
    labels = {"error_type": reason}
    before = REGISTRY.get_sample_value("metal3_host_error_total", labels) or 0
    p.fail(error_type, "broken")
    p.fail(error_type, "still broken")
    assert [event.reason for event in p.events] == [reason, reason]
    assert (p.status.operational_status, p.status.error_type) == ("error", error_type)
    assert (p.status.error_message, p.status.error_count) == ("still broken", 2)
    p.clear_error()
    assert (p.status.operational_status, p.status.error_type) == ("OK", None)
    assert (p.status.error_message, p.status.error_count) == ("", 2)
    for callback in p.after_save:
        callback()
    assert REGISTRY.get_sample_value("metal3_host_error_total", labels) == before + 2
    assert {kind for kind, _ in ERRORS} == set(metal3api.ErrorType)


async def test_network_data_of_the_agent_that_is_missing_is_named(bench, make_host, make_secret):
    """It counts as no failure, and heals when it is there; it is let go with the host."""
    b = bench(make_host(preprovisioningNetworkDataName="net"))
    await b.until(State.REGISTERING)
    for _ in range(3):
        await b.reconcile()
    host = await b.host()
    assert host.status.error_type == "registration error"
    assert "'net'" in host.status.error_message
    assert host.status.error_count == 0
    await b.client.create(make_secret("net", networkData="{}"))
    host = await b.until(State.AVAILABLE)
    secret = await b.client.get(corev1.Secret, SECRET._replace(name="net"))
    assert metal3api.SECRET_FINALIZER in secret.metadata.finalizers
    await b.client.delete(await b.host())
    assert await b.rest() is None
    secret = await b.client.get(corev1.Secret, SECRET._replace(name="net"))
    assert secret.metadata.finalizers == []
