"""Putting images on hosts: what is asked for, what goes wrong, when it is given up."""

import asyncio
import base64
import json

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import BaremetalOptions
from metal3.controllers.baremetal.host.hostconfig import HostConfigError, host_config
from metal3.controllers.baremetal.host.hostpass import HostPass
from metal3.controllers.baremetal.host.pullsecret import (
    PullSecretError,
    image_pull_secret,
    registry_of,
)

State = metal3api.ProvisioningState
IMAGE = {"url": "http://images/a.qcow2", "checksum": "abc"}
OTHER = {"url": "http://images/b.qcow2", "checksum": "abc"}

pytestmark = pytest.mark.looptime(start=0)


def new_pass(b, host=None) -> HostPass:
    """A look at the host without the machine around it."""
    return HostPass(env=b.env, host=host, writer=b.reconciler.writer)


def with_image(image):
    """An edit of the spec."""
    return lambda h: setattr(h.spec, "image", image and metal3api.Image.from_dict(image))


async def test_another_url_means_wiping_and_writing_again(bench, make_host):
    """A new image goes on a clean disk."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    await b.edit(with_image(OTHER))
    host = await b.drive(
        lambda h: h.status.provisioning.state == "provisioned" and len(b.machine.deployments) == 2
    )
    assert host.status.provisioning.image.url == OTHER["url"]
    assert b.machine.wipes == 1


@pytest.mark.parametrize("change", [{"checksum": "new"}, {"format": "raw"}])
async def test_nothing_but_the_url_provisions_again(bench, make_host, change):
    """Checksum or format of an image that is on the disk already do not matter."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    await b.edit(with_image(IMAGE | change))
    host = await b.rest()
    assert host.status.provisioning.state == "provisioned"
    assert len(b.machine.deployments) == 1


async def test_an_image_waits_until_the_host_shall_be_online(bench, make_host):
    """An offline host is not provisioned, and the condition says so."""
    b = bench(make_host(image=IMAGE, online=False))
    await b.until(State.AVAILABLE)
    host = await b.rest()
    assert host.status.provisioning.state == "available"
    assert "spec.online" in b.condition(host, "Provisioned").message
    await b.edit(lambda h: setattr(h.spec, "online", True))
    await b.until(State.PROVISIONED)


async def test_custom_deploy_with_and_without_image(bench, make_host):
    """A method alone is deployed; another method is a new deployment."""
    b = bench(make_host(customDeploy={"method": "install_a"}))
    host = await b.until(State.PROVISIONED)
    assert host.status.provisioning.custom_deploy.method == "install_a"
    assert host.status.provisioning.image is None
    await b.edit(lambda h: setattr(h.spec.custom_deploy, "method", "install_b"))
    await b.drive(lambda h: len(b.machine.deployments) == 2)
    await b.until(State.PROVISIONED)
    assert [d.method for d in b.machine.deployments] == ["install_a", "install_b"]


async def test_a_failure_leads_through_cleaning_to_another_try(bench, make_host):
    """The error is shown through the backoff; then the host is cleaned and tried again."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONING)
    b.backend.fail(b.key, "provision", "no space left")
    host = await b.drive(lambda h: h.status.error_type is not None)
    assert (host.status.error_type, host.status.error_message) == (
        "provisioning error",
        "no space left",
    )
    host = await b.until(State.DEPROVISIONING)
    assert host.status.provisioning_fail_count == 1
    host = await b.until(State.PROVISIONED)
    assert b.states[-3:] == ["deprovisioning", "provisioning", "provisioned"]
    assert (host.status.provisioning_fail_count, host.status.error_count) == (0, 0)


async def failing(bench, make_host, limit):
    """A host whose every deployment fails, driven until it has given up or ten have failed."""
    b = bench(make_host(image=IMAGE), options=BaremetalOptions(max_provisioning_retries=limit))
    b.backend.fail(b.key, "provision", "dead disk", times=100)
    await b.drive(
        lambda h: (
            "not tried again" in h.status.error_message or h.status.provisioning_fail_count == 10
        ),
        limit=100_000,
    )
    return b


async def test_an_image_that_never_works_is_given_up(bench, make_host):
    """After the limit the host stays available, in error, and says how to go on."""
    b = await failing(bench, make_host, 3)
    host = await b.host()
    assert host.status.provisioning.state == "available"
    assert host.status.provisioning_fail_count == 3
    assert "spec.image" in host.status.error_message
    writes = b.states.count("provisioning")
    await b.drive(lambda h: h.status.error_count > 3, limit=100_000)
    assert b.states.count("provisioning") == writes


async def test_without_a_limit_it_is_tried_for_ever(bench, make_host):
    """Zero never gives up."""
    b = await failing(bench, make_host, 0)
    assert (await b.host()).status.provisioning_fail_count == 10


@pytest.mark.parametrize("change", [OTHER, IMAGE | {"checksum": "right"}], ids=["url", "checksum"])
async def test_another_image_starts_with_a_clean_count(bench, make_host, change):
    """Any change of the image is a new try, at once."""
    b = await failing(bench, make_host, 2)
    b.backend.faults.clear()
    await b.edit(with_image(change))
    before = asyncio.get_running_loop().time()
    host = await b.until(State.PROVISIONED)
    assert asyncio.get_running_loop().time() - before < 10
    assert host.status.provisioning_fail_count == 0


async def test_taking_the_image_away_ends_the_error(bench, make_host):
    """A host that gave up is usable again when nothing is asked of it."""
    b = await failing(bench, make_host, 2)
    await b.edit(with_image(None))
    host = await b.rest()
    assert (host.status.operational_status, host.status.provisioning_fail_count) == ("OK", 0)


async def test_a_change_of_mind_while_provisioning(bench, make_host):
    """An image that is taken away in the middle is cleaned off."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONING)
    await b.reconcile()
    await b.edit(with_image(None))
    host = await b.until(State.AVAILABLE)
    assert b.states[-2:] == ["deprovisioning", "available"]
    assert host.status.provisioning.image is None
    assert b.machine.disk is None


async def test_another_image_while_the_first_is_written(bench, make_host):
    """What is begun is cleaned off; what ends up on the disk is what the status says."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONING)
    await b.reconcile()
    await b.edit(with_image(OTHER))
    host = await b.until(State.PROVISIONED)
    assert b.states[-3:] == ["deprovisioning", "provisioning", "provisioned"]
    assert host.status.provisioning.image.url == OTHER["url"]
    assert [d.url for d in b.machine.deployments] == [OTHER["url"]]
    assert host.status.provisioning_fail_count == 0


METHOD_A, METHOD_B = {"method": "install_a"}, {"method": "install_b"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"customDeploy": METHOD_A}, {"customDeploy": METHOD_B}, id="method-method"),
        pytest.param({"image": IMAGE}, {"customDeploy": METHOD_A}, id="image-method"),
        pytest.param({"customDeploy": METHOD_A}, {"image": IMAGE}, id="method-image"),
        pytest.param({"image": IMAGE}, {"image": IMAGE, "customDeploy": METHOD_A}, id="image-both"),
        pytest.param({"image": IMAGE, "customDeploy": METHOD_A}, {"image": IMAGE}, id="both-image"),
        pytest.param(
            {"customDeploy": METHOD_A}, {"image": IMAGE, "customDeploy": METHOD_A}, id="method-both"
        ),
    ],
)
@pytest.mark.parametrize("restart", [False, True])
async def test_another_way_to_deploy_while_the_first_is_at_work(
    bench, make_host, before, after, restart
):
    """As for images: the machine would end with what was begun, and the status must be true."""
    b = bench(make_host(**before))
    await b.until(State.PROVISIONING)
    await b.reconcile()
    if restart:
        b.restart()
    await b.edit(lambda h: setattr(h, "spec", make_host(**after).spec))
    host = await b.until(State.PROVISIONED)
    assert b.states[-3:] == ["deprovisioning", "provisioning", "provisioned"]
    wanted = deployment(after)
    assert [(d.url, d.method) for d in b.machine.deployments] == [wanted]
    assert deployment(host.status.provisioning.to_dict()) == wanted


def deployment(fields):
    """URL and method that a spec asks for, or a status tells of."""
    image, custom = fields.get("image") or {}, fields.get("customDeploy") or {}
    return image.get("url", ""), custom.get("method", "")


async def test_a_host_of_the_go_operator_goes_on_deploying(bench, make_host):
    """Which method is at work is nowhere in its status, so it is noted and not begun anew."""
    b = bench(make_host(customDeploy=METHOD_A))
    await b.until(State.PROVISIONING)
    await b.reconcile()
    stored = await b.host()
    stored.status.provisioning.custom_deploy = None
    await b.client.status.update(stored)
    b.restart()
    host = await b.until(State.PROVISIONED)
    assert b.machine.wipes == 0
    assert host.status.provisioning.custom_deploy.method == "install_a"


async def test_events_name_the_consumer(bench, make_host):
    """Whoever uses the host finds its events from his own object."""
    reference = {"kind": "Metal3Machine", "name": "machine-0", "namespace": "metal3"}
    b = bench(make_host(image=IMAGE, consumerRef=reference))
    await b.until(State.PROVISIONED)
    assert {event.related for event in b.recorder.events} == {"Metal3Machine metal3/machine-0"}


async def test_user_data_that_comes_late_is_waited_for_by_name(bench, make_host, make_secret):
    """The host does not fail; the condition names the Secret, and it goes on when that is there."""
    b = bench(make_host(image=IMAGE, userData={"name": "late"}))
    await b.until(State.PROVISIONING)
    await b.reconcile()
    host = await b.host()
    assert host.status.operational_status == "OK"
    assert "'late'" in b.condition(host, "Progressing").message
    await b.client.create(make_secret("late", userData="hello"))
    host = await b.until(State.PROVISIONED)
    secret = await b.client.get(corev1.Secret, b.key._replace(name="late"))
    assert secret.metadata.labels == {"environment.metal3.io": "baremetal"}
    assert secret.metadata.finalizers == []


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param({"userData": "a"}, "a", id="proper-key"),
        pytest.param({"value": "b"}, "b", id="fallback"),
        pytest.param({"userData": "a", "value": "b"}, "a", id="both"),
    ],
)
async def test_keys_of_user_data(bench, make_host, make_secret, data, text):
    """The proper key wins; Cluster API's key is taken when it is missing."""
    host = make_host(userData={"name": "data"})
    b = bench(host, make_secret("data", **data))
    config = await host_config(new_pass(b, host))
    assert config.user_data == text
    assert text not in repr(config)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("userData", "neither the key 'userData' nor the key 'value'"),
        ("metaData", "neither the key 'metaData' nor the key 'value'"),
        ("networkData", None),
    ],
)
async def test_a_secret_without_its_key(bench, make_host, make_secret, field, message):
    """User and meta data must be there; network data may be empty."""
    host = make_host(**{field: {"name": "data"}})
    b = bench(host, make_secret("data", other="x"))
    if message is None:
        assert (await host_config(new_pass(b, host))).network_data == ""
        return
    with pytest.raises(HostConfigError, match=message):
        await host_config(new_pass(b, host))


async def test_network_data_falls_back_to_that_of_the_agent(bench, make_host, make_secret):
    """An instance without network data of its own gets the pre-provisioning one."""
    host = make_host(preprovisioningNetworkDataName="net")
    b = bench(host, make_secret("net", networkData="links: []"))
    assert (await host_config(new_pass(b, host))).network_data == "links: []"


async def test_secrets_of_other_namespaces_are_refused(bench, make_host):
    """A reference may not reach out of the host's namespace."""
    host = make_host(userData={"name": "data", "namespace": "elsewhere"})
    with pytest.raises(HostConfigError, match="'elsewhere'"):
        await host_config(new_pass(bench(host), host))


def pull_secret(kind: str, content: object) -> corev1.Secret:
    """A registry login as kubectl makes it."""
    key = "." + kind
    text = content if isinstance(content, str) else json.dumps(content)
    return corev1.new_secret("pull", "metal3", {key: text}, type=f"kubernetes.io/{kind}")


AUTH = {"auth": base64.b64encode(b"me:pw").decode()}
PAIR = {"username": "me", "password": "pw"}


@pytest.mark.parametrize(
    ("url", "kind", "content"),
    [
        ("oci://r.example/a", "dockerconfigjson", {"auths": {"r.example": AUTH}}),
        ("oci://r.example:5000/a", "dockerconfigjson", {"auths": {"https://r.example:5000": PAIR}}),
        ("oci://r.example/a", "dockercfg", {"https://r.example/v1/": AUTH}),
        ("oci://docker.io/a", "dockercfg", {"https://index.docker.io/v1/": AUTH}),
    ],
)
async def test_registry_logins(bench, make_host, url, kind, content):
    """Both formats, hosts or URLs as keys, and all names of Docker Hub are understood."""
    host = make_host(image={"url": url, "ociAuthSecretName": "pull"})
    b = bench(host, pull_secret(kind, content))
    assert await image_pull_secret(new_pass(b, host)) == "me:pw"


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        pytest.param(
            corev1.new_secret("pull", "metal3", {"x": "y"}, type="Opaque"),
            "ImageAuthFormatUnsupported",
            id="type",
        ),
        pytest.param(pull_secret("dockercfg", "{broken-pw"), "ImageAuthParseError", id="json"),
        pytest.param(pull_secret("dockercfg", []), "ImageAuthParseError", id="list"),
        pytest.param(
            pull_secret("dockercfg", {"r.example": {"auth": "%pw%"}}),
            "ImageAuthParseError",
            id="base64",
        ),
        pytest.param(
            pull_secret("dockercfg", {"other": AUTH}), "ImageAuthParseError", id="no-registry"
        ),
    ],
)
async def test_broken_registry_logins_are_named(bench, make_host, secret, reason):
    """The event's reason and the Secret are named, nothing of its content is."""
    host = make_host(image={"url": "oci://r.example/a", "ociAuthSecretName": "pull"})
    b = bench(host, secret)
    with pytest.raises(PullSecretError) as caught:
        await image_pull_secret(new_pass(b, host))
    assert caught.value.reason == reason
    assert "'pull'" in str(caught.value)
    assert "pw" not in str(caught.value)


async def test_a_broken_registry_login_fails_the_provisioning(bench, make_host):
    """It is the user's to mend: an error, and an event of its own."""
    image = {"url": "oci://r.example/a", "ociAuthSecretName": "pull"}
    b = bench(make_host(image=image), pull_secret("dockercfg", {"other": AUTH}))
    host = await b.drive(lambda h: h.status.error_type is not None)
    assert host.status.error_type == "provisioning error"
    assert "ImageAuthParseError" in b.recorder.reasons


def test_registry_names():
    """User information in a URL is not part of the registry's name."""
    assert registry_of("oci://user@R.example:5000/repo/image:tag") == "r.example:5000"


async def test_externally_provisioned_hosts_are_adopted(bench, make_host):
    """No inspection, no cleaning, no image: only power."""
    b = bench(make_host(externallyProvisioned=True))
    await b.until(State.EXTERNALLY_PROVISIONED)
    host = await b.rest()
    assert b.states == ["", "registering", "externally provisioned"]
    assert (b.machine.inspections, b.machine.wipes, b.machine.deployments) == (0, 0, [])
    assert host.status.powered_on


async def test_an_available_host_can_become_externally_provisioned(bench, make_host):
    """And back: without an image it is cleaned and available again."""
    b = bench(make_host())
    await b.until(State.AVAILABLE)
    await b.edit(lambda h: setattr(h.spec, "externally_provisioned", True))
    await b.until(State.EXTERNALLY_PROVISIONED)
    await b.edit(lambda h: setattr(h.spec, "externally_provisioned", False))
    await b.until(State.AVAILABLE)
    assert b.states[-3:] == ["provisioned", "deprovisioning", "available"]


async def test_a_live_iso_waits_for_no_data(bench, make_host):
    """It cannot be told any, so a Secret that is missing does not matter."""
    live = {"url": "http://images/live.iso", "format": "live-iso"}
    b = bench(make_host(image=live, userData={"name": "nowhere"}))
    await b.until(State.PROVISIONED)


async def test_secrets_with_data_are_marked_but_not_owned(bench, make_host, make_secret):
    """They belong to whoever made them, and may go before the host."""
    secrets = [make_secret(name, value="x: 1") for name in ("user", "net", "meta")]
    references = {"userData": "user", "networkData": "net", "metaData": "meta"}
    spec = {field: {"name": name} for field, name in references.items()}
    b = bench(make_host(image=IMAGE, **spec), *secrets)
    await b.until(State.PROVISIONED)
    for name in references.values():
        secret = await b.client.get(corev1.Secret, b.key._replace(name=name))
        assert secret.metadata.labels == {"environment.metal3.io": "baremetal"}
        assert secret.metadata.owner_references == []
        assert secret.metadata.finalizers == []


FAILING = [
    ("register", State.REGISTERING, State.INSPECTING, {}),
    ("inspect", State.INSPECTING, State.PREPARING, {}),
    ("prepare", State.PREPARING, State.AVAILABLE, {"raid": {"hardwareRAIDVolumes": []}}),
    ("deprovision", State.DEPROVISIONING, State.AVAILABLE, {"image": IMAGE}),
]


@pytest.mark.parametrize(("step", "state", "after", "spec"), FAILING)
async def test_failures_are_counted_until_the_state_is_done(
    bench, make_host, step, state, after, spec
):
    """Each one more, with its text; the next state starts with none."""
    b = bench(make_host(**spec))
    if state == State.DEPROVISIONING:
        await b.until(State.PROVISIONED)
        await b.edit(lambda h: setattr(h.spec, "image", None))
    b.backend.fail(b.key, step, f"{step} broke", times=3)
    for count in (1, 2, 3):
        host = await b.drive(lambda h, n=count: h.status.error_count == n, limit=4000)
        assert (host.status.provisioning.state, host.status.operational_status) == (state, "error")
        assert f"{step} broke" in host.status.error_message
    host = await b.until(after, limit=4000)
    assert (host.status.error_count, host.status.error_type) == (0, None)
    assert (host.status.operational_status, host.status.error_message) == ("OK", "")


async def test_volumes_change_on_free_hosts_only(bench, make_host):
    """On a host with an instance they wait until that is gone."""
    b = bench(make_host(image=IMAGE))
    await b.until(State.PROVISIONED)
    raid = metal3api.RAIDConfig.from_dict({"hardwareRAIDVolumes": [{"level": "1"}]})
    await b.edit(lambda h: setattr(h.spec, "raid", raid))
    host = await b.rest()
    assert host.status.provisioning.state == State.PROVISIONED
    assert host.status.provisioning.raid is None
    await b.edit(lambda h: setattr(h.spec, "image", None))
    await b.until(State.PREPARING)
    host = await b.until(State.AVAILABLE)
    assert host.status.provisioning.raid.to_dict() == raid.to_dict()
    assert b.machine.raid.to_dict() == raid.to_dict()


async def test_other_hints_lead_through_preparing(bench, make_host):
    """What the status says is what the next image is written to."""
    b = bench(make_host())
    await b.rest()
    hints = metal3api.RootDeviceHints(device_name="/dev/nvme0n1")
    await b.edit(lambda h: setattr(h.spec, "root_device_hints", hints))
    await b.until(State.PREPARING)
    host = await b.until(State.AVAILABLE)
    assert host.status.provisioning.root_device_hints.device_name == "/dev/nvme0n1"


async def test_volumes_that_could_not_be_made_are_made_again(bench, make_host):
    """What the status says of the disks was noted when the attempt began, and does not count."""
    raid = {"hardwareRAIDVolumes": [{"level": "1"}]}
    b = bench(make_host(raid=raid))
    b.backend.fail(b.key, "prepare", "a disk is missing")
    await b.drive(lambda h: h.status.error_type == "preparation error")
    host = await b.until(State.AVAILABLE, limit=4000)
    assert host.status.provisioning.raid.to_dict() == raid
    assert b.machine.raid.to_dict() == raid
