"""What users may and may not write into a BareMetalHost, one row a rule."""

import json

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.webhooks import INDEXES, BareMetalHostValidator, webhooks
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.webhook import DeniedError, RequestInfo

REQUEST = RequestInfo(uid="u", operation="CREATE", name="host-0", namespace="metal3", username="me")
REDFISH = "redfish-virtualmedia://192.0.2.1/redfish/v1/Systems/1"
MAC = "52:54:00:00:00:01"
UUID = "6b2ec1f5-7f0c-4c55-a3a8-f4d8d4ff4d5c"


def host(name="host-0", annotations=None, state="", operational_status="OK", **spec):
    """A valid host, but for what the test says."""
    spec.setdefault("online", True)
    spec.setdefault("bmc", {"address": REDFISH, "credentialsName": "host-0-bmc"})
    return metal3api.BareMetalHost.from_dict(
        {
            "metadata": {"name": name, "namespace": "metal3", "annotations": annotations or {}},
            "spec": {key: value for key, value in spec.items() if value is not None},
            "status": {
                "operationalStatus": operational_status,
                "provisioning": {"state": state, "ID": ""},
            },
        }
    )


def cached(*hosts):
    """A cache of hosts with the indexes the webhooks ask for."""
    client = FakeClient(*hosts)
    for name, function in INDEXES.items():
        client.index_field(metal3api.BareMetalHost, name, function)
    return client


def bmc(address):
    """BMC details with this address."""
    return {"address": address, "credentialsName": "x"}


def software(*levels, **first):
    """Software RAID volumes; options go to the first."""
    volumes = [{"level": level} for level in levels]
    volumes[0].update(first)
    return {"softwareRAIDVolumes": volumes}


def hardware(**volume):
    """One hardware RAID volume."""
    return {"hardwareRAIDVolumes": [{"level": "1", **volume}]}


def image(url="http://192.0.2.2/image.qcow2", checksum="abc", **more):
    """An image."""
    return {"url": url, "checksum": checksum, **more}


REFUSED = [
    ("unknown scheme", {"bmc": bmc("smoke://192.0.2.1")}, "spec.bmc.address", "smoke"),
    ("bad host", {"bmc": bmc("redfish://a b/redfish")}, "spec.bmc.address", "blanks"),
    (
        "manager instead of system",
        {"bmc": bmc("redfish://192.0.2.1/redfish/v1/Managers/1")},
        "spec.bmc.address",
        "a System is needed",
    ),
    ("firmware", {"firmware": {"sriovEnabled": True}}, "spec.firmware", "HostFirmwareSettings"),
    (
        "foreign user data",
        {"userData": {"name": "u", "namespace": "other"}},
        "spec.userData.namespace",
        "own namespace",
    ),
    (
        "both RAID kinds",
        {"raid": {**software("1"), **hardware()}},
        "spec.raid.softwareRAIDVolumes",
        "hardware and software",
    ),
    (
        "disks without controller",
        {"raid": hardware(physicalDisks=["a", "b"])},
        "spec.raid.hardwareRAIDVolumes[0].controller",
        "Required",
    ),
    (
        "wrong disk count",
        {"raid": hardware(physicalDisks=["a"], controller="c", numberOfPhysicalDisks=2)},
        "spec.raid.hardwareRAIDVolumes[0].numberOfPhysicalDisks",
        "names 1",
    ),
    (
        "two root volumes",
        {"raid": {"softwareRAIDVolumes": [{"level": "1", "rootVolume": True}] * 2}},
        "spec.raid.softwareRAIDVolumes[1].rootVolume",
        "already",
    ),
    (
        "root volume with hints",
        {"raid": software("1", rootVolume=True), "rootDeviceHints": {"deviceName": "/dev/sda"}},
        "spec.rootDeviceHints",
        "rootVolume",
    ),
    (
        "root volume of another level",
        {"raid": software("0", rootVolume=True)},
        "spec.raid.softwareRAIDVolumes[0].level",
        "level 1",
    ),
    (
        "hardware RAID over IPMI",
        {"bmc": bmc("ipmi://192.0.2.1"), "raid": hardware()},
        "spec.raid.hardwareRAIDVolumes",
        "cannot configure",
    ),
    (
        "libvirt without MAC",
        {"bmc": bmc("libvirt://192.0.2.1:6233")},
        "spec.bootMACAddress",
        "needs it",
    ),
    (
        "no inspection without MAC",
        {"inspectionMode": "disabled"},
        "spec.bootMACAddress",
        "inspection is disabled",
    ),
    ("half a MAC", {"bootMACAddress": "52:54:00"}, "spec.bootMACAddress", "six pairs"),
    ("long MAC", {"bootMACAddress": MAC + ":00"}, "spec.bootMACAddress", "six pairs"),
    (
        "secure boot over IPMI",
        {"bmc": bmc("ipmi://192.0.2.1"), "bootMode": "UEFISecureBoot"},
        "spec.bootMode",
        "secure boot",
    ),
    (
        "fast inspection over IPMI",
        {"bmc": bmc("ipmi://192.0.2.1"), "inspectionMode": "fast"},
        "spec.inspectionMode",
        "without booting",
    ),
    ("name like a UUID", {"name": UUID}, "metadata.name", "UUID"),
    ("name with a tilde", {"name": "a~b"}, "metadata.name", "letters"),
    (
        "device link",
        {"rootDeviceHints": {"deviceName": "/dev/disk/by-id/x"}},
        "spec.rootDeviceHints.deviceName",
        "by-path",
    ),
    (
        "no device",
        {"rootDeviceHints": {"deviceName": "sda"}},
        "spec.rootDeviceHints.deviceName",
        "/dev",
    ),
    ("relative image", {"image": image("image.qcow2")}, "spec.image.url", "absolute"),
    ("file image", {"image": image("file:///x")}, "spec.image.url", "file"),
    ("no checksum", {"image": image(checksum="")}, "spec.image.checksum", "required"),
    (
        "OCI with checksum",
        {"image": image("oci://r.example/i:1")},
        "spec.image.checksum",
        "must not",
    ),
    (
        "unknown checksum type",
        {"image": image(checksumType="crc32")},
        "spec.image.checksum",
        "crc32",
    ),
    (
        "off and never off",
        {"online": False, "disablePowerOff": True},
        "spec.online",
        "disablePower",
    ),
    (
        "nameless interface",
        {"networkInterfaces": [{}]},
        "spec.networkInterfaces[0]",
        "either name or macAddress",
    ),
    (
        "interface named twice",
        {"networkInterfaces": [{"name": "eno1"}, {"name": "ENO1"}]},
        "spec.networkInterfaces[1]",
        "Duplicate",
    ),
    (
        "reboot mode",
        {"annotations": {"reboot.metal3.io/me": '{"mode": "gentle"}'}},
        "metadata.annotations[reboot.metal3.io/me]",
        '"hard", "soft"',
    ),
    (
        "reboot words",
        {"annotations": {"reboot.metal3.io": "please"}},
        "metadata.annotations[reboot.metal3.io]",
        "JSON",
    ),
    (
        "inspect value",
        {"annotations": {"inspect.metal3.io": "again"}},
        "metadata.annotations[inspect.metal3.io]",
        "disabled",
    ),
    (
        "mode against annotation",
        {
            "inspectionMode": "agent",
            "annotations": {"inspect.metal3.io": "disabled"},
            "bootMACAddress": MAC,
        },
        "spec.inspectionMode",
        "contradicts",
    ),
    (
        "status that is no status",
        {"annotations": {"baremetalhost.metal3.io/status": '{"operationalStatus": "great"}'}},
        "metadata.annotations[baremetalhost.metal3.io/status].operationalStatus",
        "great",
    ),
    (
        "status with unknown fields",
        {"annotations": {"baremetalhost.metal3.io/status": '{"operationalStatus": "OK", "x": 1}'}},
        "metadata.annotations[baremetalhost.metal3.io/status]",
        "unknown fields: x",
    ),
    (
        "hardware while inspection is on",
        {"annotations": {"inspect.metal3.io/hardwaredetails": "{}"}},
        "metadata.annotations[inspect.metal3.io/hardwaredetails]",
        "inspection is disabled",
    ),
    (
        "foreign network data",
        {"networkData": {"name": "n", "namespace": "other"}},
        "spec.networkData.namespace",
        "own namespace",
    ),
    (
        "foreign meta data",
        {"metaData": {"name": "m", "namespace": "other"}},
        "spec.metaData.namespace",
        "own namespace",
    ),
    (
        "interface with two identities",
        {"networkInterfaces": [{"name": "eno1", "macAddress": MAC}]},
        "spec.networkInterfaces[0]",
        "not both",
    ),
    (
        "MAC of two interfaces",
        {"networkInterfaces": [{"macAddress": "AA" + MAC[2:]}, {"macAddress": "aa" + MAC[2:]}]},
        "spec.networkInterfaces[1]",
        "Duplicate",
    ),
    (
        "inspection forbidden by annotation without MAC",
        {"annotations": {"inspect.metal3.io": "disabled"}},
        "spec.bootMACAddress",
        "inspection is disabled",
    ),
    ("unknown mode", {"inspectionMode": "slow"}, "spec.inspectionMode", "slow"),
    (
        "deep device",
        {"rootDeviceHints": {"deviceName": "/dev/mapper/root"}},
        "spec.rootDeviceHints.deviceName",
        "directly in /dev",
    ),
    (
        "device by UUID",
        {"rootDeviceHints": {"deviceName": "/dev/disk/by-uuid/1"}},
        "spec.rootDeviceHints.deviceName",
        "by-path",
    ),
    ("S3 image", {"image": image("s3://bucket/x")}, "spec.image.url", "s3"),
    ("image without URL", {"image": image("")}, "spec.image.url", "absolute"),
    (
        "checksum type without checksum",
        {"image": image(checksum="", checksumType="sha256")},
        "spec.image.checksum",
        "required",
    ),
    (
        "reboot by something",
        {"annotations": {"reboot.metal3.io": '{"force": "yes"}'}},
        "metadata.annotations[reboot.metal3.io]",
        "force",
    ),
    (
        "reboot by a list",
        {"annotations": {"reboot.metal3.io": '["hard"]'}},
        "metadata.annotations[reboot.metal3.io]",
        "JSON",
    ),
    (
        "status that is no JSON",
        {"annotations": {"baremetalhost.metal3.io/status": "{"}},
        "metadata.annotations[baremetalhost.metal3.io/status]",
        "JSON",
    ),
    (
        "status of another type",
        {"annotations": {"baremetalhost.metal3.io/status": '{"errorCount": "many"}'}},
        "metadata.annotations[baremetalhost.metal3.io/status]",
        "errorCount",
    ),
    (
        "status with an unknown error",
        {
            "annotations": {
                "baremetalhost.metal3.io/status": '{"operationalStatus": "OK", "errorType": "bad"}'
            }
        },
        "metadata.annotations[baremetalhost.metal3.io/status].errorType",
        "bad",
    ),
    (
        "hardware with unknown fields",
        {
            "inspectionMode": "disabled",
            "bootMACAddress": MAC,
            "annotations": {"inspect.metal3.io/hardwaredetails": '{"colour": "red"}'},
        },
        "metadata.annotations[inspect.metal3.io/hardwaredetails]",
        "colour",
    ),
    (
        "hardware that is no JSON",
        {
            "inspectionMode": "disabled",
            "bootMACAddress": MAC,
            "annotations": {"inspect.metal3.io/hardwaredetails": "big"},
        },
        "metadata.annotations[inspect.metal3.io/hardwaredetails]",
        "JSON",
    ),
]


@pytest.mark.parametrize(
    ("fields", "path", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_a_broken_rule_is_named_with_its_field(fields, path, words):
    """The answer has the field's path and says what would be right."""
    with pytest.raises(DeniedError) as denied:
        await BareMetalHostValidator().validate_create(host(**fields), REQUEST)
    assert path in [error.field for error in denied.value.errors]
    assert words in str(denied.value)


STATUSES = ("", "OK", "discovered", "error", "delayed", "detached", "servicing")
ERRORS = (
    "provisioned registration error",
    "registration error",
    "inspection error",
    "preparation error",
    "provisioning error",
    "power management error",
    "servicing error",
    "detach error",
)
ACCEPTED = [
    {},
    {"online": False},
    {"bmc": bmc("redfish://[fe80::1]/redfish/v1/Systems/1")},
    {"bmc": bmc("redfish://bmc.example.org")},
    {"bmc": bmc(""), "bootMode": "UEFISecureBoot", "raid": hardware(), "inspectionMode": "fast"},
    {"raid": {"hardwareRAIDVolumes": [], "softwareRAIDVolumes": []}},
    {"raid": hardware(physicalDisks=["a", "b"], controller="c", numberOfPhysicalDisks=2)},
    {"raid": software("1", "1+0"), "rootDeviceHints": {"deviceName": "/dev/sda"}},
    {"image": image("ftp://192.0.2.2/i")},
    {"image": image("gopher://192.0.2.2/i")},
    {"rootDeviceHints": {"model": "x"}},
    {"userData": {"name": "u"}, "networkData": {"name": "n", "namespace": "metal3"}},
    {"networkInterfaces": [{"name": "eno1"}, {"name": "eno2"}, {"macAddress": MAC}]},
    {"inspectionMode": "disabled", "bootMACAddress": MAC},
    {"inspectionMode": "agent", "annotations": {"inspect.metal3.io": ""}},
    {
        "inspectionMode": "disabled",
        "bootMACAddress": MAC,
        "annotations": {"inspect.metal3.io": "disabled"},
    },
    {
        "inspectionMode": "disabled",
        "bootMACAddress": MAC,
        "annotations": {"inspect.metal3.io/hardwaredetails": '{"cpu": {"arch": "x86_64"}}'},
    },
    *(
        {"annotations": {"baremetalhost.metal3.io/status": json.dumps({"operationalStatus": s})}}
        for s in STATUSES
    ),
    *(
        {
            "annotations": {
                "baremetalhost.metal3.io/status": json.dumps(
                    {"operationalStatus": "error", "errorType": e}
                )
            }
        }
        for e in ERRORS
    ),
    {"bmc": None},
    {"bmc": bmc("")},
    {"bmc": bmc("192.0.2.1")},
    {"bmc": bmc("libvirt://192.0.2.1:6233"), "bootMACAddress": MAC.upper()},
    {"image": image()},
    {"image": image(checksum="http://192.0.2.2/sums", checksumType="auto")},
    {"image": {"url": "http://192.0.2.2/live.iso", "format": "live-iso"}},
    {"image": {"url": "oci://registry.example/image:1"}},
    {"rootDeviceHints": {"deviceName": "/dev/disk/by-path/pci-0"}},
    {"raid": software("1", "0", rootVolume=True)},
    {"bootMode": "UEFISecureBoot", "inspectionMode": "fast"},
    {"annotations": {"reboot.metal3.io-foo": "not ours", "reboot.metal3.io": ""}},
    {"annotations": {"reboot.metal3.io/x": '{"mode": "hard", "force": true}'}},
    {
        "annotations": {
            "baremetalhost.metal3.io/status": json.dumps(
                {"operationalStatus": "servicing", "errorType": "servicing error"}
            )
        }
    },
]


@pytest.mark.parametrize("fields", ACCEPTED, ids=str)
async def test_sound_hosts_are_accepted(fields):
    """No warning either; a status in servicing can be moved, unlike upstream."""
    assert list(await BareMetalHostValidator().validate_create(host(**fields), REQUEST)) == []


async def test_all_problems_come_at_once():
    """Three mistakes need one round, not three."""
    broken = host(name=UUID, bootMACAddress="x", image=image("x"))
    with pytest.raises(DeniedError) as denied:
        await BareMetalHostValidator().validate_create(broken, REQUEST)
    assert {error.field for error in denied.value.errors} == {
        "metadata.name",
        "spec.bootMACAddress",
        "spec.image.url",
    }


CHANGES = [
    ({"bmc": bmc("ipmi://192.0.2.9")}, {"state": "provisioned"}, "spec.bmc.address"),
    ({"bmc": bmc("ipmi://192.0.2.9")}, {"state": "registering"}, None),
    (
        {"bmc": bmc("ipmi://192.0.2.9")},
        {"state": "provisioned", "operational_status": "detached"},
        None,
    ),
    ({"bootMACAddress": "52:54:00:00:00:02"}, {}, "spec.bootMACAddress"),
    ({"bootMACAddress": None}, {}, "spec.bootMACAddress"),
    ({"bmc": bmc("")}, {"state": "available"}, "spec.bmc.address"),
    ({"bootMACAddress": MAC.upper()}, {"state": "provisioned"}, None),
    ({"externallyProvisioned": True}, {"state": ""}, "spec.externallyProvisioned"),
    ({"externallyProvisioned": True}, {"state": "inspecting"}, "spec.externallyProvisioned"),
    ({"externallyProvisioned": True}, {"state": "ready"}, None),
    ({"image": image()}, {"state": "provisioned"}, None),
    ({"externallyProvisioned": True}, {"state": "provisioned"}, "spec.externallyProvisioned"),
    ({"externallyProvisioned": True}, {"state": "available"}, None),
]


@pytest.mark.parametrize(("change", "situation", "refused"), CHANGES, ids=str)
async def test_some_fields_change_in_some_states_only(change, situation, refused):
    """The refusal names the field and how to get there."""
    before = {"bootMACAddress": MAC}
    old, new = host(**before, **situation), host(**{**before, **change}, **situation)
    validator = BareMetalHostValidator()
    if refused is None:
        await validator.validate_update(old, new, REQUEST)
        return
    with pytest.raises(DeniedError) as denied:
        await validator.validate_update(old, new, REQUEST)
    assert [error.field for error in denied.value.errors] == [refused]


async def test_an_object_from_before_a_rule_can_still_be_changed_and_go():
    """The spec is judged when it changes, and never on the way out."""
    old = host(bmc=bmc("smoke://192.0.2.1"))
    labelled = old.deep_copy()
    labelled.metadata.labels = {"rack": "1"}
    going = host(bmc=bmc("ash://192.0.2.1"))
    going.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    validator = BareMetalHostValidator()
    await validator.validate_update(old, labelled, REQUEST)
    await validator.validate_update(old, going, REQUEST)
    await validator.validate_delete(old, REQUEST)


@pytest.mark.parametrize(
    ("fields", "index"),
    [
        ({"bootMACAddress": MAC.upper(), "bmc": bmc("ipmi://192.0.2.7")}, "spec.bootMACAddress"),
        ({"bmc": bmc(REDFISH + "/")}, "spec.bmc.address"),
    ],
)
async def test_twins_are_warned_about_or_refused(fields, index):
    """Two hosts on one BMC or MAC fight for one machine; the site chooses how strict to be."""
    other = host(name="other", bootMACAddress=MAC)
    twin = host(**fields)
    lenient = BareMetalHostValidator(hosts=cached(other, twin))
    strict = BareMetalHostValidator(hosts=cached(other, twin), refuse_duplicates=True)
    (warning,) = await lenient.validate_create(twin, REQUEST)
    assert warning.startswith(index)
    assert "metal3/other" in warning
    with pytest.raises(DeniedError):
        await strict.validate_create(twin, REQUEST)


def test_every_path_in_the_manifest_is_served():
    """A webhook that is configured and not served would block every write."""
    paths = {hook.validate_path for hook in webhooks(cached())}
    manifest = "config/webhook/baremetal/manifests.yaml"
    with open(manifest, encoding="utf-8") as stream:  # noqa: PTH123 - relative to the test's root
        wanted = {line.split()[-1] for line in stream if "path: /" in line}
    assert paths == wanted


@pytest.mark.parametrize("state", ["externally provisioned", "provisioned", "available"])
async def test_a_host_may_always_become_ours(state):
    """Taking the flag away is allowed in every state."""
    old, new = host(externallyProvisioned=True, state=state), host(state=state)
    await BareMetalHostValidator().validate_update(old, new, REQUEST)


async def test_what_was_open_may_be_filled_in_at_any_time():
    """A BMC address or boot MAC address that was not there before."""
    old = host(bmc=bmc(""), state="provisioned")
    new = host(bootMACAddress=MAC, state="provisioned")
    await BareMetalHostValidator().validate_update(old, new, REQUEST)


async def test_rules_hold_for_a_changed_annotation_too():
    """Not only for a changed spec."""
    old, new = host(), host(annotations={"reboot.metal3.io": "please"})
    with pytest.raises(DeniedError):
        await BareMetalHostValidator().validate_update(old, new, REQUEST)
