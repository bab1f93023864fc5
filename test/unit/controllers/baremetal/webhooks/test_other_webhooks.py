"""What users may and may not write into the companions of a host."""

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.webhooks import INDEXES, webhooks
from metal3.controllers.baremetal.webhooks.hostnetworkattachment_webhook import (
    HostNetworkAttachmentValidator,
)
from metal3.runtime.client import ServiceUnavailableError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.webhook import DeniedError, RequestInfo

REQUEST = RequestInfo(uid="u", operation="CREATE", name="x", namespace="metal3", username="me")


def cached(*hosts):
    """A cache of hosts with the indexes the webhooks ask for."""
    client = FakeClient(*hosts)
    for name, function in INDEXES.items():
        client.index_field(metal3api.BareMetalHost, name, function)
    return client


def obj(kind, **spec):
    """An object of a kind with this spec."""
    return kind.from_dict({"metadata": {"name": "x", "namespace": "metal3"}, "spec": spec})


def rules(kind, *hosts):
    """The validator registered for a kind."""
    return next(hook.validator for hook in webhooks(cached(*hosts)) if hook.kind is kind)


async def refused(action):
    """Fields that were refused; empty when accepted."""
    try:
        await action
    except DeniedError as denied:
        return [error.field for error in denied.errors]
    return []


SUBSCRIPTION = {"hostName": "h", "destination": "https://events.example/"}


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({}, []),
        ({"hostName": ""}, ["spec.hostName"]),
        ({"destination": ""}, ["spec.destination"]),
        ({"destination": "events.example/x"}, ["spec.destination"]),
        ({"destination": "https://events.example"}, ["spec.destination"]),
        ({"httpHeadersRef": {"name": "s", "namespace": "metal3"}}, []),
        ({"httpHeadersRef": {"name": "s", "namespace": "x"}}, ["spec.httpHeadersRef.namespace"]),
    ],
)
async def test_a_subscription_is_complete_and_local(change, fields):
    """Host and destination are needed, headers come from the same namespace."""
    kind = metal3api.BMCEventSubscription
    new = obj(kind, **{**SUBSCRIPTION, **change})
    assert await refused(rules(kind).validate_create(new, REQUEST)) == fields


async def test_a_subscription_with_headers_can_get_its_finalizer():
    """Only the spec is fixed; upstream refuses every update of such an object."""
    kind = metal3api.BMCEventSubscription
    old = obj(kind, **SUBSCRIPTION, httpHeadersRef={"name": "s"})
    new = obj(kind, **SUBSCRIPTION, httpHeadersRef={"name": "s"})
    new.metadata.finalizers = ["bmceventsubscription.metal3.io"]
    moved = obj(kind, **{**SUBSCRIPTION, "hostName": "other"}, httpHeadersRef={"name": "s"})
    assert await refused(rules(kind).validate_update(old, new, REQUEST)) == []
    assert await refused(rules(kind).validate_update(old, moved, REQUEST)) == ["spec"]


@pytest.mark.parametrize(
    ("kind", "spec", "fields"),
    [
        (metal3api.DataImage, {"url": "http://192.0.2.1/a.iso"}, []),
        (metal3api.DataImage, {"url": ""}, ["spec.url"]),
        (metal3api.DataImage, {"url": "nfs://x/y"}, ["spec.url"]),
        (metal3api.HostFirmwareComponents, {"updates": []}, []),
        (
            metal3api.HostFirmwareComponents,
            {
                "updates": [
                    {"component": "bmc", "url": "https://x/y"},
                    {"component": "bios", "url": "y"},
                ]
            },
            ["spec.updates[1].url"],
        ),
    ],
)
async def test_urls_can_be_fetched(kind, spec, fields):
    """A URL the machinery cannot read is refused at once, and only when it changes."""
    new = obj(kind, **spec)
    assert await refused(rules(kind).validate_create(new, REQUEST)) == fields
    assert await refused(rules(kind).validate_update(new, new, REQUEST)) == []


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({}, []),
        ({"address": "192.0.2.1"}, []),
        ({"address": "2001:db8::1"}, []),
        ({"address": "https://switch.example"}, ["spec.address"]),
        ({"address": "switch.example:22"}, ["spec.address"]),
        ({"address": "switch\nusername = root"}, ["spec.address"]),
        ({"deviceType": "netmiko_arista_eos\nport = 1"}, ["spec.deviceType"]),
    ],
)
async def test_a_switch_is_named_by_one_word(change, fields):
    """What is refused would be another line of the driver's configuration, or reach nothing."""
    kind, good = metal3api.BareMetalSwitch, {"address": "switch.example", "deviceType": "netmiko_x"}
    old, new = obj(kind, **good), obj(kind, **{**good, **change})
    assert await refused(rules(kind).validate_create(new, REQUEST)) == fields
    assert await refused(rules(kind).validate_update(old, new, REQUEST)) == fields
    assert await refused(rules(kind).validate_update(new, new, REQUEST)) == []


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ({"names": ["a"]}, ""),
        ({"nameMatches": "^team-"}, ""),
        ({}, "without names"),
        ({"nameMatches": "^(a|b)+$"}, "too costly"),
        ({"nameMatches": "team-["}, "no regular expression"),
    ],
)
async def test_a_policy_that_lets_nobody_in_is_told(rule, word):
    """Not refused: the Go operator's patterns are not quite ours."""
    kind = metal3api.HostDeployPolicy
    policy = obj(kind, hostClaimNamespaces=rule)
    for warnings in (
        await rules(kind).validate_create(policy, REQUEST),
        await rules(kind).validate_update(policy, policy, REQUEST),
    ):
        assert [word in text and "spec.hostClaimNamespaces" in text for text in warnings] == (
            [True] if word else []
        )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"Virt": "On"}, []),
        ({"Virt": "Maybe", "None": "x"}, ["None is not in", "Virt is invalid"]),
    ],
)
async def test_settings_that_the_machine_will_not_take_are_told(settings, words):
    """By its schema, as the condition says later; when they change, and there is a schema."""
    kind = metal3api.HostFirmwareSettings
    schema = metal3api.FirmwareSchema.from_dict(
        {
            "metadata": {"name": "schema-1", "namespace": "metal3"},
            "spec": {
                "schema": {
                    "Virt": {"attribute_type": "Enumeration", "allowable_values": ["On", "Off"]}
                }
            },
        }
    )
    old, new = obj(kind, settings={}), obj(kind, settings=settings)
    validator = rules(kind, schema)
    assert await validator.validate_create(new, REQUEST) == ()
    for settings_now in (old, new):
        settings_now.status = metal3api.HostFirmwareSettingsStatus.from_dict(
            {"settings": {"Virt": "Off"}, "schema": {"name": "schema-1", "namespace": "metal3"}}
        )
    told = await validator.validate_update(old, new, REQUEST)
    assert len(told) == len(words)
    assert all(word in text for word, text in zip(words, told, strict=True))
    assert await validator.validate_update(new, new, REQUEST) == ()
    assert await rules(kind).validate_update(old, new, REQUEST) == ()


def selector(**fields):
    """A claim's spec with this selector."""
    return {"poweredOn": True, "hostSelector": fields}


def rule(operator, *values, key="rack"):
    """One match expression."""
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


EXPRESSION = "spec.hostSelector.matchExpressions[0]"


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        (selector(matchLabels={"example.com/rack": "a1"}), []),
        (selector(matchLabels={"-bad": "a1"}), ["spec.hostSelector.matchLabels[-bad]"]),
        (selector(matchLabels={"rack": "a b"}), ["spec.hostSelector.matchLabels[rack]"]),
        (selector(**rule("in", "a")), []),
        (selector(**rule("In", "a")), []),
        (selector(**rule("in")), [f"{EXPRESSION}.values"]),
        (selector(**rule("=", "a", "b")), [f"{EXPRESSION}.values"]),
        (selector(**rule("exists")), []),
        (selector(**rule("exists", "a")), [f"{EXPRESSION}.values"]),
        (selector(**rule("like", "a")), [f"{EXPRESSION}.operator"]),
        (selector(**rule("==", "a")), []),
        (selector(**rule("!=", "a")), []),
        (selector(**rule("!=")), [f"{EXPRESSION}.values"]),
        (selector(**rule("notin", "a", "b")), []),
        (selector(**rule("notin")), [f"{EXPRESSION}.values"]),
        (selector(**rule("!")), []),
        (selector(**rule("!", "a")), [f"{EXPRESSION}.values"]),
        (selector(**rule("in", "a b")), [f"{EXPRESSION}.values"]),
        (selector(**rule("in", "a", key="a/b/c")), [f"{EXPRESSION}.key"]),
        ({"poweredOn": True, "image": {"url": "oci://r.example/i:1"}}, []),
        ({"poweredOn": True, "image": {"url": "http://x/i.iso", "format": "live-iso"}}, []),
        ({"poweredOn": True, "image": {"url": "x"}}, ["spec.image.url", "spec.image.checksum"]),
    ],
)
async def test_a_claim_can_match(spec, fields):
    """Selectors follow the label syntax; operators are read in any case, as the controller does."""
    kind = metal3api.HostClaim
    assert await refused(rules(kind).validate_create(obj(kind, **spec), REQUEST)) == fields


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ({"mode": "access", "nativeVLAN": 10}, []),
        ({"mode": "access", "nativeVLAN": 10, "allowedVLANs": ["1"]}, ["spec.allowedVLANs"]),
        ({"mode": "trunk", "nativeVLAN": 10, "allowedVLANs": ["1-20", "30"]}, []),
        ({"mode": "trunk", "nativeVLAN": 10, "allowedVLANs": ["20-20"]}, ["spec.allowedVLANs[0]"]),
        ({"mode": "trunk", "nativeVLAN": 10, "allowedVLANs": ["5000"]}, ["spec.allowedVLANs[0]"]),
        ({"mode": "trunk", "nativeVLAN": 4095}, ["spec.nativeVLAN"]),
        ({"mode": "trunk", "nativeVLAN": 0}, ["spec.nativeVLAN"]),
        ({"mode": "hybrid", "nativeVLAN": 4094, "allowedVLANs": ["4094"]}, []),
        ({"mode": "hybrid", "nativeVLAN": 1, "allowedVLANs": ["0-5"]}, ["spec.allowedVLANs[0]"]),
        ({"mode": "hybrid", "nativeVLAN": 1, "allowedVLANs": ["9-5"]}, ["spec.allowedVLANs[0]"]),
    ],
)
async def test_vlans_are_sound(spec, fields):
    """VLANs are 1 to 4094 and ranges ascend."""
    kind = metal3api.HostNetworkAttachment
    assert await refused(rules(kind).validate_create(obj(kind, **spec), REQUEST)) == fields


async def test_an_attachment_in_use_stays_as_it_is():
    """The refusal names the hosts; once no host uses it, it may change and go."""
    kind = metal3api.HostNetworkAttachment
    old, new = obj(kind, mode="access", nativeVLAN=1), obj(kind, mode="access", nativeVLAN=2)
    user = obj(
        metal3api.BareMetalHost,
        online=True,
        networkInterfaces=[{"name": "eno1", "hostNetworkAttachment": {"name": "x"}}],
    )
    assert await refused(rules(kind, user).validate_update(old, new, REQUEST)) == ["spec"]
    assert await refused(rules(kind, user).validate_delete(old, REQUEST)) == ["metadata.name"]
    assert await refused(rules(kind).validate_update(old, new, REQUEST)) == []
    assert await refused(rules(kind).validate_delete(old, REQUEST)) == []


async def test_without_knowing_its_users_an_attachment_does_not_change():
    """When the hosts cannot be listed nobody can say that it is free."""
    kind = metal3api.HostNetworkAttachment
    old, new = obj(kind, mode="access", nativeVLAN=1), obj(kind, mode="access", nativeVLAN=2)
    for action in ("validate_update", "validate_delete"):
        client = cached()
        client.fail_next("list", metal3api.BareMetalHost, ServiceUnavailableError("down"))
        validator = HostNetworkAttachmentValidator(hosts=client)
        objects = (old, new) if action == "validate_update" else (old,)
        with pytest.raises(ServiceUnavailableError):
            await getattr(validator, action)(*objects, REQUEST)


async def test_reboots_of_a_claim_are_checked_like_those_of_a_host():
    """They are passed on to it."""
    kind = metal3api.HostClaim
    claim = obj(kind, poweredOn=True)
    claim.metadata.annotations = {"reboot.metal3.io/x": '{"mode": "gentle"}'}
    path = "metadata.annotations[reboot.metal3.io/x]"
    assert await refused(rules(kind).validate_create(claim, REQUEST)) == [path]
