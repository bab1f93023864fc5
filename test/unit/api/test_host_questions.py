"""What a host's spec, status and annotations say, as operators ask it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api

A, B = {"url": "https://images.example.com/a"}, {"url": "https://images.example.com/b"}
X, Y = {"method": "x"}, {"method": "y"}
NO_IMAGE = {"url": ""}


def host(
    annotations: dict[str, str] | None = None,
    *,
    spec: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    provisioning: dict[str, Any] | None = None,
) -> metal3api.BareMetalHost:
    """A host of which only this is known."""
    return metal3api.BareMetalHost.from_dict(
        {
            "metadata": {"name": "a", "annotations": annotations or {}},
            "spec": {"online": True, **(spec or {})},
            "status": {**(status or {}), "provisioning": provisioning or {}},
        }
    )


def test_paused_is_any_value_of_the_annotation() -> None:
    """Presence counts, not what it says."""
    assert metal3api.is_paused(host({"baremetalhost.metal3.io/paused": ""}))
    assert not metal3api.is_paused(host({"baremetalhost.metal3.io/paused-not": ""}))


@pytest.mark.parametrize(
    ("value", "action", "force"),
    [
        ("", "delete", False),
        ("{}", "delete", False),
        ('{"deleteAction":"delay"}', "delay", False),
        ('{"deleteAction":"delete","force":true}', "delete", True),
        ('{"deleteAction":"explode","force":"yes"}', "delete", False),
        ("not json", "delete", False),
        ("[1]", "delete", False),
    ],
)
def test_detached_annotation_is_parsed_as_well_as_can_be(
    value: str, action: str, *, force: bool
) -> None:
    """What is not understood is at its default."""
    parsed = metal3api.detached_annotation(host({metal3api.DETACHED_ANNOTATION: value}))
    assert parsed == metal3api.DetachedAnnotation(
        delete_action=metal3api.DeleteAction(action), force=force
    )


def test_detached_by_annotation_or_by_status() -> None:
    """A host counts as detached while it shall be, and until it is attached again."""
    asked = host({metal3api.DETACHED_ANNOTATION: ""})
    assert metal3api.is_detached(asked)
    assert metal3api.has_detached_annotation(asked)
    still = host(status={"operationalStatus": "detached"})
    assert metal3api.is_detached(still)
    assert not metal3api.has_detached_annotation(still)
    assert metal3api.detached_annotation(still) is None
    assert not metal3api.is_detached(host())


@pytest.mark.parametrize(
    ("annotation", "mode", "asked", "effective"),
    [
        (None, None, False, "agent"),
        (None, "fast", False, "fast"),
        (None, "disabled", False, "disabled"),
        ("", None, True, "agent"),
        ("", "disabled", True, "disabled"),
        ("disabled", None, False, "disabled"),
        ("disabled", "fast", False, "disabled"),
        (None, "sideways", False, "agent"),
    ],
)
def test_inspection_by_field_and_by_annotation(
    annotation: str | None, mode: str | None, effective: str, *, asked: bool
) -> None:
    """The annotation asks for an inspection, or forbids it; the field says how."""
    annotations = {} if annotation is None else {"inspect.metal3.io": annotation}
    subject = host(annotations, spec={} if mode is None else {"inspectionMode": mode})
    assert metal3api.has_inspect_annotation(subject) is asked
    assert metal3api.inspection_mode(subject) == effective
    assert metal3api.inspection_is_disabled(subject) is (effective == "disabled")


@pytest.mark.parametrize(
    ("value", "mode", "force", "valid"),
    [
        ("", "soft", False, True),
        ("{}", "soft", False, True),
        ('{"mode":""}', "soft", False, True),
        ('{"mode":"hard"}', "hard", False, True),
        ('{"mode":"soft","force":true}', "soft", True, True),
        ('{"mode":"brutal","force":true}', "soft", False, False),
        ('{"mode":["hard"]}', "soft", False, False),
        ("hard", "soft", False, False),
    ],
)
def test_reboot_annotations_are_parsed(value: str, mode: str, *, force: bool, valid: bool) -> None:
    """A value that makes no sense asks for a soft reboot, and is marked for an event."""
    (request,) = metal3api.reboot_requests(host({"reboot.metal3.io": value}))
    assert (request.mode, request.force, request.valid) == (mode, force, valid)


def test_which_keys_ask_for_a_reboot() -> None:
    """The bare key is one power cycle, a suffixed one holds the host off; others mean nothing."""
    requests = metal3api.reboot_requests(
        host(
            {
                "reboot.metal3.io/upgrade": '{"mode":"hard"}',
                "reboot.metal3.io": "",
                "reboot.metal3.io-not": "",
                "reboot.metal3.iox/a": "",
            }
        )
    )
    assert [(r.key, r.holds_off) for r in requests] == [
        ("reboot.metal3.io", False),
        ("reboot.metal3.io/upgrade", True),
    ]
    assert metal3api.combined_reboot_mode(requests) == "hard"
    assert metal3api.combined_reboot_mode(requests[:1]) == "soft"
    assert metal3api.combined_reboot_mode(()) == "soft"


ANYTHING = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)
OBJECTS = st.dictionaries(st.sampled_from(["mode", "force", "deleteAction"]), ANYTHING)


@given(st.text() | ANYTHING.map(json.dumps) | OBJECTS.map(json.dumps))
def test_no_annotation_value_can_stop_a_reconcile(value: str) -> None:
    """Annotations are not validated by anybody, so every text must be survived."""
    keys = (
        metal3api.DETACHED_ANNOTATION,
        metal3api.REBOOT_ANNOTATION,
        metal3api.INSPECT_ANNOTATION,
    )
    subject = host(dict.fromkeys(keys, value))
    assert metal3api.detached_annotation(subject) is not None
    assert len(metal3api.reboot_requests(subject)) == 1
    assert metal3api.inspection_mode(subject) in set(metal3api.InspectionMode)


@pytest.mark.parametrize(
    ("spec", "provisioning", "wanted"),
    [
        ({"image": A}, {}, True),
        ({"image": A, "online": False}, {}, False),
        ({"image": A}, {"image": NO_IMAGE}, True),
        ({"image": A}, {"image": A}, False),
        ({"image": B}, {"image": A}, False),
        ({"image": NO_IMAGE}, {}, False),
        ({}, {}, False),
        ({"customDeploy": X}, {}, True),
        ({"customDeploy": X}, {"customDeploy": X}, False),
        ({"customDeploy": Y}, {"customDeploy": X}, True),
        ({"customDeploy": X, "image": A}, {"image": A}, True),
    ],
)
def test_needs_provisioning(spec: Any, provisioning: Any, *, wanted: bool) -> None:
    """Only a host that shall be on, and asks for what it does not have yet."""
    assert metal3api.needs_provisioning(host(spec=spec, provisioning=provisioning)) is wanted


@pytest.mark.parametrize(
    ("spec", "provisioning", "cancelled"),
    [
        ({"image": A}, {"image": A}, False),
        ({"image": A}, {}, False),
        ({"image": B}, {"image": A}, True),
        ({"image": {**A, "checksum": "1"}}, {"image": {**A, "checksum": "2"}}, False),
        ({}, {"image": A}, True),
        ({}, {}, True),
        ({"image": NO_IMAGE}, {"image": A}, True),
        ({"image": A, "online": False}, {"image": A}, False),
        ({"customDeploy": X}, {"customDeploy": X}, False),
        ({"customDeploy": X}, {}, False),
        ({"customDeploy": Y}, {"customDeploy": X}, True),
        ({"image": A}, {"customDeploy": X}, True),
        ({"customDeploy": X}, {"customDeploy": X, "image": A}, True),
        ({"customDeploy": X, "image": A}, {"customDeploy": X, "image": A}, False),
        ({"customDeploy": X, "image": B}, {"customDeploy": X, "image": A}, True),
        ({"customDeploy": X, "image": A}, {"customDeploy": X}, False),
    ],
)
def test_provisioning_is_cancelled(spec: Any, provisioning: Any, *, cancelled: bool) -> None:
    """Another URL or method, or none at all; nothing else undoes a deployment."""
    subject = host(spec=spec, provisioning=provisioning)
    assert metal3api.is_provisioning_cancelled(subject) is cancelled


@pytest.mark.parametrize(
    ("spec", "status", "provisioning", "wanted"),
    [
        ({}, {}, {}, True),
        ({}, {"hardware": {}}, {}, False),
        ({"externallyProvisioned": True}, {}, {}, False),
        ({}, {}, {"image": A}, False),
        ({}, {}, {"customDeploy": X}, False),
        ({}, {}, {"image": NO_IMAGE}, True),
    ],
)
def test_needs_inspection(spec: Any, status: Any, provisioning: Any, *, wanted: bool) -> None:
    """Nothing is known of the hardware, and nobody is using it."""
    subject = host(spec=spec, status=status, provisioning=provisioning)
    assert metal3api.needs_hardware_inspection(subject) is wanted


@pytest.mark.parametrize(
    ("bmc", "managed"),
    [
        (None, False),
        ({"address": "", "credentialsName": ""}, False),
        ({"address": "ipmi://192.0.2.1", "credentialsName": ""}, True),
        ({"address": "", "credentialsName": "a"}, True),
    ],
)
def test_has_bmc_details(bmc: Any, *, managed: bool) -> None:
    """Empty strings, as Go clients write them, are no details."""
    assert metal3api.has_bmc_details(host(spec={} if bmc is None else {"bmc": bmc})) is managed


@pytest.mark.parametrize(
    ("given_mode", "mode"), [(None, "UEFI"), ("legacy", "legacy"), ("x", "UEFI")]
)
def test_boot_mode(given_mode: str | None, mode: str) -> None:
    """UEFI where nothing sensible is said."""
    assert metal3api.boot_mode(host(spec={"bootMode": given_mode} if given_mode else {})) == mode


def test_credentials_match_one_revision_of_one_secret() -> None:
    """Name, namespace and resourceVersion must all agree."""
    secret = metav1.Object.named("bmc", "metal")
    secret.metadata.resource_version = "7"
    known = {"credentials": {"name": "bmc", "namespace": "metal"}, "credentialsVersion": "7"}
    assert metal3api.credentials_match(metal3api.CredentialsStatus.from_dict(known), secret)
    for other in (
        {**known, "credentialsVersion": "8"},
        {**known, "credentials": {"name": "bmc", "namespace": "other"}},
        {**known, "credentials": {"name": "other", "namespace": "metal"}},
        {},
    ):
        assert not metal3api.credentials_match(metal3api.CredentialsStatus.from_dict(other), secret)
    assert not metal3api.credentials_match(None, secret)


def test_operation_history_by_state() -> None:
    """Times are written to the operation that a state is, and states without one have none."""
    history = metal3api.OperationHistory()
    metric = metal3api.operation_metric(history, metal3api.ProvisioningState.INSPECTING)
    assert metric is not None
    metric.start = "2026-01-02T03:04:05Z"
    assert history.to_dict() == {"inspect": {"start": "2026-01-02T03:04:05Z"}}
    assert metal3api.operation_metric(history, "registering") is not None
    assert metal3api.operation_metric(history, "available") is None
    assert metal3api.operation_metric(history, "no such state") is None


@pytest.mark.parametrize(
    ("image", "checksum"),
    [
        ({**A, "checksum": "c"}, ("c", "auto")),
        ({**A, "checksum": "c", "checksumType": "sha256"}, ("c", "sha256")),
        ({**A, "checksum": "c", "format": "live-iso"}, None),
        ({"url": "oci://registry.example.com/a@sha256:0"}, None),
    ],
)
def test_image_checksum(image: Any, checksum: tuple[str, str] | None) -> None:
    """The digest goes with its algorithm; live ISOs and registry images have none."""
    assert metal3api.image_checksum(metal3api.Image.from_dict(image)) == checksum


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (A, "required"),
        ({"url": "OCI://registry.example.com/a", "checksum": "c"}, "must not"),
        ({**A, "checksum": "c", "checksumType": "crc"}, "crc"),
    ],
)
def test_image_checksum_refuses(image: Any, message: str) -> None:
    """Missing, out of place or of an unknown kind: said in the message."""
    with pytest.raises(ValueError, match=message):
        metal3api.image_checksum(metal3api.Image.from_dict(image))


def test_raid_and_hints() -> None:
    """Asked for, asked to be removed, and not asked for are three things."""
    raid = metal3api.RAIDConfig.from_dict
    assert metal3api.is_raid_unset(None)
    assert metal3api.is_raid_unset(raid({"hardwareRAIDVolumes": None}))
    assert not metal3api.is_raid_unset(raid({"softwareRAIDVolumes": []}))
    assert not metal3api.has_software_raid(raid({"softwareRAIDVolumes": []}))
    assert metal3api.has_hardware_raid(raid({"hardwareRAIDVolumes": [{"level": "1"}]}))
    marked = raid({"softwareRAIDVolumes": [{"level": "0"}, {"level": "1", "rootVolume": True}]})
    root = metal3api.root_volume(marked)
    assert root is not None
    assert root.level == "1"
    assert metal3api.root_volume(raid({})) is None
    assert metal3api.has_hints(metal3api.RootDeviceHints(rotational=False))
    assert not metal3api.has_hints(metal3api.RootDeviceHints())
    assert not metal3api.has_hints(None)


def test_firmware_components_and_policies() -> None:
    """Components are checked by name; an unset policy keeps provisioned hosts as they are."""
    assert [
        metal3api.component_is_known(c) for c in ("bios", "bmc", "nic:NIC.1", "nic", "gpu")
    ] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert metal3api.updates_on_reboot("onReboot")
    assert not metal3api.updates_on_reboot("onPreparing")
    assert not metal3api.updates_on_reboot(None)
