"""What a claim asks for reaches its host, and what becomes of it is told."""

from datetime import timedelta

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.hostclaims.wakeups import claims_of_secret
from metal3.runtime.client import InvalidError

from .conftest import HOSTS, IMAGE, TENANT, bench_on, new_claim, new_namespace, new_policy

REBOOT = metal3api.REBOOT_ANNOTATION
PAUSED = metal3api.PAUSED_ANNOTATION


def secret(name, namespace=TENANT, **data):
    """A Secret of the tenant."""
    return corev1.new_secret(name, namespace, data or {"userData": "#cloud-config"})


@pytest.fixture
def bound(claims, available):
    """A bench with one host that the claim gets at its first look."""

    def make(claim, *others, **host):
        return claims(claim, available(**host), new_policy(), new_namespace(), *others)

    return make


async def set_claim(b, **spec):
    """Change the claim's spec."""
    fields = new_claim(**spec).spec
    await b.edit(await b.claim(), lambda c: setattr(c, "spec", fields))


async def test_image_power_and_data_are_copied(bound):
    """Names of the copies come from the claim's UID; they are marked, and owned by the host."""
    claim = new_claim(
        image=IMAGE, userData={"name": "ud"}, networkData={"name": "net"}, metaData={"name": "md"}
    )
    b = bound(claim, secret("ud"), secret("net", networkData="{}"), secret("md", metaData="{}"))
    await b.look()
    host, copies, uid = await b.host(), await b.secrets(), (await b.claim()).metadata.uid
    assert host.spec.image.to_dict() == IMAGE
    assert host.spec.online
    assert host.spec.user_data.name == f"hostclaim-{uid}-userdata"
    assert sorted(copies) == ["metadata", "networkdata", "userdata"]
    assert corev1.secret_data(copies["userdata"]) == {"userData": b"#cloud-config"}
    labels = {"metal3.io/hostclaim-uid": uid, "environment.metal3.io": "baremetal"}
    assert copies["userdata"].metadata.labels == labels
    assert copies["userdata"].metadata.owner_references[0].name == "host-0"
    assert (await b.condition("Synchronized"))[:2] == ("True", "ConfigurationSynced")


async def test_changes_are_copied_and_what_is_unset_goes(bound):
    """Also fields inside the image, and the copy of a Secret that is not named any more."""
    b = bound(new_claim(image=IMAGE | {"format": "raw"}, userData={"name": "ud"}), secret("ud"))
    await b.look()
    other = {"url": "http://images/b.qcow2", "checksum": "def"}
    await set_claim(b, image=other, poweredOn=False)
    await b.look()
    host = await b.host()
    assert host.spec.image.to_dict() == other
    assert (host.spec.online, host.spec.user_data) == (False, None)
    assert await b.secrets() == {}
    await set_claim(b, customDeploy={"method": "own"})
    await b.look()
    assert ((await b.host()).spec.image, (await b.host()).spec.custom_deploy.method) == (
        None,
        "own",
    )
    await set_claim(b)
    await b.look()
    assert (await b.host()).spec.custom_deploy is None


async def test_a_settled_claim_writes_nothing(bound):
    """Looking again is free."""
    b = bound(new_claim(image=IMAGE, userData={"name": "ud"}), secret("ud"))
    await b.look(times=2)
    written = sum(action.is_write for action in b.client.actions)
    await b.look(times=3)
    assert sum(action.is_write for action in b.client.actions) == written


async def test_a_copy_follows_its_source_and_is_restored(bound):
    """Either change wakes the claim."""
    b = bound(new_claim(userData={"name": "ud"}), secret("ud"))
    await b.look()
    await b.edit(secret("ud"), lambda s: setattr(s, "data", secret("x", userData="new").data))
    find = claims_of_secret(b.client)
    assert [k.name for k in await find(secret("ud"))] == ["claim"]
    await b.look()
    copy = (await b.secrets())["userdata"]
    assert corev1.secret_data(copy) == {"userData": b"new"}
    assert [(k.namespace, k.name) for k in await find(copy)] == [(TENANT, "claim")]
    await b.client.delete(copy)
    await b.look()
    assert "userdata" in await b.secrets()


async def test_a_missing_secret_holds_the_image_back(bound):
    """No instance starts without its data; power goes on being copied; the condition names it."""
    b = bound(new_claim(image=IMAGE, userData={"name": "ud"}))
    assert (await b.look()).requeue_after == timedelta(minutes=1)
    host = await b.host()
    assert (host.spec.image, host.spec.online) == (None, True)
    expected = "waiting for Secret 'ud' (userdata) in namespace 'team-a'"
    assert await b.condition("Synchronized") == ("False", "UserDataSecretSyncFailure", expected)
    assert (await b.condition("Ready"))[2] == expected
    await b.client.create(secret("ud"))
    assert (await b.look()).requeue_after is None
    assert (await b.host()).spec.image is not None


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("userData", "UserDataSecretSyncFailure"),
        ("metaData", "MetaDataSecretSyncFailure"),
        ("networkData", "NetworkDataSecretSyncFailure"),
    ],
)
async def test_secrets_of_other_namespaces_are_never_copied(bound, field, reason):
    """Else whoever may claim a host could read the Secrets of everybody."""
    reference = {"name": "private", "namespace": HOSTS}
    b = bound(new_claim(**{field: reference}), secret("private", HOSTS))
    await b.look()
    status, found, message = await b.condition("Synchronized")
    assert (status, found) == ("False", reason)
    assert "only Secrets beside the claim" in message
    assert await b.secrets() == {}


async def test_a_secret_that_somebody_else_made_is_not_overwritten(bound):
    """Nor used."""
    b = bound(new_claim(userData={"name": "ud"}), secret("ud"))
    uid = (await b.claim()).metadata.uid
    foreign = secret(f"hostclaim-{uid}-userdata", HOSTS, userData="theirs")
    await b.client.create(foreign)
    await b.look()
    assert (await b.condition("Synchronized"))[1] == "UserDataSecretSyncFailure"
    copy = (await b.secrets())["userdata"]
    assert corev1.secret_data(copy) == {"userData": b"theirs"}


async def test_the_pull_secret_is_the_claims_own(bound):
    """The name in the image means a Secret beside the claim, not one beside the host."""
    pull = corev1.new_secret(
        "pull", TENANT, {".dockerconfigjson": "{}"}, type="kubernetes.io/dockerconfigjson"
    )
    image = {"url": "oci://images/a", "ociAuthSecretName": "pull"}
    b = bound(new_claim(image=image), pull)
    await b.look()
    copy = (await b.secrets())["pullsecret"]
    assert copy.type == "kubernetes.io/dockerconfigjson"
    assert (await b.host()).spec.image.oci_auth_secret_name == copy.metadata.name


async def test_a_bare_reboot_annotation_moves_and_is_not_asked_for_twice(bound):
    """Not even by a manager whose cache still shows it."""
    b = bound(new_claim())
    await b.look()
    await b.edit(await b.claim(), lambda c: c.metadata.annotations.update({REBOOT: ""}))
    before = await b.claim()
    await b.look()
    assert (await b.host()).metadata.annotations == {REBOOT: ""}
    assert REBOOT not in (await b.claim()).metadata.annotations
    await b.edit(await b.host(), lambda h: h.metadata.annotations.clear())

    class Behind:
        def __getattr__(self, name):
            return getattr(b.client, name)

        async def get(self, kind, key):
            claim = kind is metal3api.HostClaim
            return before.deep_copy() if claim else await b.client.get(kind, key)

    await bench_on(b.client, Behind()).look()
    assert (await b.host()).metadata.annotations == {}


async def test_suffixed_reboot_annotations_stay_as_long_as_the_claims(bound):
    """Those of the host's own people are left alone."""
    b = bound(new_claim())
    await b.look()
    await b.edit(await b.host(), lambda h: h.metadata.annotations.update({f"{REBOOT}/ops": ""}))
    long = f"{REBOOT}/{'x' * 63}"
    marks = {f"{REBOOT}/fix": '{"mode": "hard"}', long: ""}
    await b.edit(await b.claim(), lambda c: c.metadata.annotations.update(marks))
    await b.look()
    there = (await b.host()).metadata.annotations
    assert there[f"{REBOOT}/hostclaim-fix"] == '{"mode": "hard"}'
    assert len(there) == 3
    assert all(len(key.rpartition("/")[2]) <= 63 for key in there)
    await b.edit(await b.claim(), lambda c: c.metadata.annotations.clear())
    await b.look()
    assert (await b.host()).metadata.annotations == {f"{REBOOT}/ops": ""}


async def test_the_pause_annotation_is_copied_with_the_claims_mark(bound):
    """And taken away with it."""
    b = bound(new_claim(annotations={PAUSED: "me"}))
    await b.look()
    assert (await b.host()).metadata.annotations == {PAUSED: "metal3.io/hostclaim"}
    assert (await b.condition("Synchronized"))[:2] == ("False", "HostPaused")
    await b.edit(await b.claim(), lambda c: c.metadata.annotations.clear())
    await b.look()
    assert (await b.host()).metadata.annotations == {}
    assert (await b.condition("Synchronized"))[0] == "True"


async def test_a_host_that_others_paused_is_left_alone(bound):
    """It is theirs until they say so."""
    b = bound(new_claim())
    await b.look()
    pause = {PAUSED: "metal3.io/capm3"}
    await b.edit(await b.host(), lambda h: h.metadata.annotations.update(pause))
    await set_claim(b, image=IMAGE)
    await b.look()
    assert (await b.host()).spec.image is None
    status, reason, message = await b.condition("Synchronized")
    assert (status, reason) == ("False", "HostPaused")
    assert "metal3.io/capm3" in message


async def test_what_the_server_refuses_is_told(bound):
    """With its own words."""
    b = bound(new_claim())
    await b.look()
    await set_claim(b, image=IMAGE)
    b.client.fail_next("patch", metal3api.BareMetalHost, InvalidError("image: no good"))
    await b.look()
    status, reason, message = await b.condition("Synchronized")
    assert (status, reason) == ("False", "BareMetalHostNotSynchronized")
    assert "no good" in message


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {PAUSED: "me"}, "PauseAnnotationSetFailed"),
        ({PAUSED: "me"}, {}, "PauseAnnotationRemoveFailed"),
    ],
)
async def test_a_pause_that_the_server_refuses_is_told(bound, before, after, expected):
    """Whoever waits for the host to be left alone must know that it is not."""
    b = bound(new_claim(annotations=before))
    await b.look()
    await b.edit(await b.claim(), lambda c: setattr(c.metadata, "annotations", after))
    b.client.fail_next("patch", metal3api.BareMetalHost, InvalidError("not now"))
    await b.look()
    status, reason, message = await b.condition("Synchronized")
    assert (status, reason) == ("False", expected)
    assert "not now" in message


async def test_the_status_follows_the_host(bound):
    """Power, hardware data and the conditions, from free to running."""
    b = bound(new_claim(image=IMAGE), metal3api.HardwareData.named("host-0", HOSTS))
    await b.look(times=2)
    assert (await b.condition("AvailableForProvisioning"))[:2] == ("True", "Available")
    assert (await b.condition("Provisioned"))[:2] == ("False", "NotProvisioned")
    status = (await b.claim()).status
    assert status.hardware_data.to_dict() == {"namespace": HOSTS, "name": "host-0"}
    assert status.powered_on is False
    await b.be("provisioning")
    await b.look()
    assert "provisioning" in (await b.condition("Provisioned"))[2]
    await b.be("provisioned", powered_on=True)
    await b.look()
    for kind in ("Ready", "Associated", "Synchronized", "Provisioned"):
        assert (await b.condition(kind))[0] == "True", kind
    assert (await b.condition("AvailableForProvisioning"))[0] == "False"
    status = (await b.claim()).status
    assert status.powered_on is True
    assert status.conditions[0].type == "Ready"
    assert status.last_updated


async def test_another_image_is_not_provisioned_yet(bound):
    """The host still says provisioned, of the old one."""
    b = bound(new_claim(image=IMAGE))
    await b.look()
    await b.be("provisioned")
    await set_claim(b, image=IMAGE | {"url": "http://images/b.qcow2"})
    await b.look()
    assert (await b.condition("Provisioned"))[0] == "False"
    assert (await b.condition("Ready"))[0] == "False"


async def test_trouble_of_the_host_is_the_claims_trouble(bound):
    """Whoever holds the claim may not be allowed to look at the host."""
    b = bound(new_claim(image=IMAGE))
    await b.look()
    await b.be("provisioning", error_message="the disk is broken")
    await b.look()
    expected = ("False", "BadBareMetalHostStatus", "the disk is broken")
    assert await b.condition("Provisioned") == expected
    await b.be("provisioned", error_message="no power")
    await b.look()
    assert (await b.condition("Provisioned"))[0] == "True"
    assert await b.condition("Ready") == ("False", "BadBareMetalHostStatus", "no power")
