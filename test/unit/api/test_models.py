"""What reading and writing a typed object promises beyond the round trip."""

import json
from typing import Any

import pytest

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api


def host(
    spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None
) -> metal3api.BareMetalHost:
    """A decoded host with these parts."""
    parts = {"spec": spec, "status": status}
    return metal3api.BareMetalHost.from_dict({k: v for k, v in parts.items() if v is not None})


def spec_of(obj: metal3api.BareMetalHost) -> Any:
    """The spec as it would be sent."""
    return json.loads(obj.to_json()).get("spec")


@pytest.mark.parametrize(
    "raid",
    [
        {},
        {"hardwareRAIDVolumes": None},
        {"hardwareRAIDVolumes": []},
        {"softwareRAIDVolumes": None, "hardwareRAIDVolumes": [{"level": "1"}]},
    ],
    ids=["absent", "null", "empty", "mixed"],
)
def test_null_absent_and_empty_raid_volumes_stay_apart(raid: dict[str, Any]) -> None:
    """Empty wipes the volumes, null and absent leave them alone: none may become another."""
    assert spec_of(host({"online": True, "raid": raid})) == {"online": True, "raid": raid}


def test_a_program_can_write_null_where_it_means_something() -> None:
    """None assigned to a nullable field is sent as null, never assigned it is not sent."""
    written = metal3api.RAIDConfig(hardware_raid_volumes=None)
    assert written.to_dict() == {"hardwareRAIDVolumes": None}
    assert metal3api.RAIDConfig().to_dict() == {}
    metric = metal3api.OperationMetric(start="2026-01-02T03:04:05Z", end=None)
    assert metric.to_dict() == {"start": "2026-01-02T03:04:05Z", "end": None}


def test_none_takes_an_ordinary_field_away() -> None:
    """On all other fields None means absent, also when it was there before."""
    obj = host({"online": True, "image": {"url": "https://images.example.com/a"}})
    obj.spec.image = None
    assert spec_of(obj) == {"online": True}


def test_an_untouched_object_says_nothing() -> None:
    """A new object sends its identity; spec and status appear only when something is in them."""
    assert metal3api.BareMetalHost.named("a", "b").to_dict() == {
        "apiVersion": "metal3.io/v1alpha1",
        "kind": "BareMetalHost",
        "metadata": {"name": "a", "namespace": "b"},
    }


def test_reading_does_not_write() -> None:
    """Looking into parts that are not there does not make them appear."""
    obj = host({"online": True})
    assert obj.status.provisioning.state == ""
    assert obj.status.conditions == []
    assert obj.spec.taints == []
    assert obj.spec.automated_cleaning_mode == metal3api.AutomatedCleaningMode.METADATA
    assert obj.to_dict().keys() == {"apiVersion", "kind", "spec"}
    assert spec_of(obj) == {"online": True}


def test_changes_in_place_are_sent() -> None:
    """Setting a field deep inside, and filling a list, is never lost."""
    obj = metal3api.BareMetalHost.named("a")
    obj.status.provisioning.state = metal3api.ProvisioningState.INSPECTING
    obj.status.conditions.append(metav1.Condition(type="Ready", status="True", reason="Up"))
    obj.metadata.finalizers.append(metal3api.HOST_FINALIZER)
    obj.metadata.annotations[metal3api.PAUSED_ANNOTATION] = ""
    sent = obj.to_dict()
    assert sent["status"]["provisioning"]["state"] == "inspecting"
    assert [c["type"] for c in sent["status"]["conditions"]] == ["Ready"]
    assert sent["metadata"]["finalizers"] == ["baremetalhost.metal3.io"]
    assert sent["metadata"]["annotations"] == {"baremetalhost.metal3.io/paused": ""}


def test_required_fields_are_sent_with_their_parent() -> None:
    """What the schema requires is there, at its zero value, as soon as the parent is."""
    obj = metal3api.BareMetalHost.named("a")
    obj.spec.description = "new"
    obj.status.hardware_profile = "empty"
    assert spec_of(obj) == {"online": False, "description": "new"}
    assert obj.to_dict()["status"] == {
        "operationalStatus": "",
        "errorMessage": "",
        "errorCount": 0,
        "provisioningFailCount": 0,
        "poweredOn": False,
        "provisioning": {"state": "", "ID": ""},
        "hardwareProfile": "empty",
    }
    settings = metal3api.HostFirmwareSettings(spec=metal3api.HostFirmwareSettingsSpec())
    assert settings.to_dict()["spec"] == {"settings": {}}


@pytest.mark.parametrize(
    ("spec", "path", "value"),
    [
        ({"bootMode": "quantum"}, "boot_mode", "quantum"),
        ({"bootMACAddress": "no mac"}, "boot_mac_address", "no mac"),
        ({"automatedCleaningMode": "full"}, "automated_cleaning_mode", "full"),
    ],
)
def test_values_a_schema_forbids_can_be_read(spec: dict[str, Any], path: str, value: str) -> None:
    """An object older than today's rules is read and sent back as it is."""
    obj = host({"online": True, **spec})
    assert getattr(obj.spec, path) == value
    assert spec_of(obj) == {"online": True, **spec}


def test_values_out_of_range_can_be_read() -> None:
    """Limits on numbers and lists are the server's business as well."""
    disks = {"softwareRAIDVolumes": [{"level": "9", "sizeGibibytes": -1, "physicalDisks": []}] * 3}
    assert spec_of(host({"online": True, "raid": disks}))["raid"] == disks


def test_known_values_compare_with_plain_text() -> None:
    """Fields are text; the enums are for writing and comparing."""
    obj = host(status={"operationalStatus": "error", "errorType": "detach error"})
    assert obj.status.operational_status == metal3api.OperationalStatus.ERROR
    assert obj.status.error_type == metal3api.ErrorType.DETACH_ERROR
    obj.status.error_type = metal3api.ErrorType.INSPECTION_ERROR
    assert json.loads(obj.to_json())["status"]["errorType"] == "inspection error"


def test_numbers_keep_their_form() -> None:
    """2400 MHz does not become 2400.0, and a setting stays a number or a text."""
    cpu = {"clockMegahertz": 2400}
    assert '"clockMegahertz":2400}' in host(status={"hardware": {"cpu": cpu}}).to_json().decode()
    wanted = {"spec": {"settings": {"a": 1, "b": "1"}}}
    assert metal3api.HostFirmwareSettings.from_dict(wanted).spec.settings == {"a": 1, "b": "1"}


def test_equal_structures_are_one_class() -> None:
    """What is in the spec can be copied to the status, and inspection to the host."""
    obj = host({"online": True, "raid": {"hardwareRAIDVolumes": []}})
    obj.status.provisioning.raid = obj.spec.raid
    data = metal3api.HardwareData(
        spec=metal3api.HardwareDataSpec(hardware=metal3api.HardwareDetails(hostname="a"))
    )
    obj.status.hardware = data.spec.hardware
    copy = obj.deep_copy()
    assert isinstance(copy.status.provisioning.raid, metal3api.RAIDConfig)
    assert isinstance(copy.status.hardware, metal3api.HardwareDetails)
    claim = metal3api.HostClaim.from_dict({"spec": {"image": {"url": "u"}}})
    assert isinstance(claim.spec.image, metal3api.Image)


def test_every_kind_is_registered_once() -> None:
    """A scheme learns all thirteen kinds, with what a client needs to ask for them."""
    seen: dict[metav1.GroupVersionKind, type[metav1.Object]] = {}

    class Scheme:
        def register(self, kind: type[metav1.Object]) -> None:
            assert kind.gvk not in seen
            seen[kind.gvk] = kind

    metal3api.add_to_scheme(Scheme())
    assert len(seen) == 13
    assert {g.api_version for g in seen} == {metal3api.GROUP_VERSION}
    assert all(kind.plural and kind.namespaced for kind in seen.values())


def test_the_package_exports_what_it_says() -> None:
    """Every exported name exists, once."""
    names = metal3api.__all__
    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(metal3api, name)] == []
