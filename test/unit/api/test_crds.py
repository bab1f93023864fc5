"""The CRD files against the rules of structural schemas and against the API people know.

The tables are typed in from the field's documentation, not derived from the files.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

CRD_FOLDER = Path(__file__).parents[3] / "config/crd"
CRDS = {
    crd["spec"]["names"]["kind"]: crd
    for path in sorted((CRD_FOLDER / "bases").glob("metal3.io_*.yaml"))
    for crd in [yaml.safe_load(path.read_text(encoding="utf-8"))]
}

# kind: plural, short names, status subresource, columns as name:type:path
FACE: dict[str, tuple[str, list[str], bool, list[str]]] = {
    "BareMetalHost": (
        "baremetalhosts",
        ["bmh", "bmhost"],
        True,
        [
            "Status:string:.status.operationalStatus:1",
            "State:string:.status.provisioning.state:0",
            "Consumer:string:.spec.consumerRef.name:0",
            "BMC:string:.spec.bmc.address:1",
            "Online:string:.spec.online:0",
            "Error:string:.status.errorType:0",
            "Age:date:.metadata.creationTimestamp:0",
        ],
    ),
    "HardwareData": ("hardwaredata", ["hd"], False, ["Age:date:.metadata.creationTimestamp:0"]),
    "HostFirmwareSettings": ("hostfirmwaresettings", ["hfs"], True, []),
    "FirmwareSchema": ("firmwareschemas", [], False, []),
    "HostFirmwareComponents": ("hostfirmwarecomponents", [], True, []),
    "HostUpdatePolicy": ("hostupdatepolicies", [], False, []),
    "HostDeployPolicy": ("hostdeploypolicies", [], True, []),
    "HostClaim": ("hostclaims", [], True, []),
    "HostNetworkAttachment": (
        "hostnetworkattachments",
        [],
        True,
        [
            "Mode:string:.spec.mode:0",
            "Native VLAN:integer:.spec.nativeVLAN:0",
            "Age:date:.metadata.creationTimestamp:0",
        ],
    ),
    "BareMetalSwitch": (
        "baremetalswitches",
        ["bms"],
        True,
        [
            "Driver:string:.spec.driver:0",
            "Device Type:string:.spec.deviceType:0",
            "Address:string:.spec.address:0",
            'Valid:string:.status.conditions[?(@.type=="Valid")].status:0',
        ],
    ),
    "PreprovisioningImage": (
        "preprovisioningimages",
        ["ppimg"],
        True,
        [
            "Ready:string:.status.conditions[?(@.type=='Ready')].status:0",
            "Reason:string:.status.conditions[?(@.type=='Ready')].reason:0",
        ],
    ),
    "DataImage": ("dataimages", [], True, []),
    "BMCEventSubscription": (
        "bmceventsubscriptions",
        ["bes", "bmcevent"],
        True,
        ["Error:string:.status.error:0", "Age:date:.metadata.creationTimestamp:0"],
    ),
}

HINTS = "deviceName hctl model vendor serialNumber minSizeGigabytes wwn wwnWithExtension wwnVendorExtension rotational"
# path below the kind: names of the fields, those required with a star
FIELDS = {
    "BareMetalHost.spec": "taints bmc raid firmware hardwareProfile rootDeviceHints bootMode bootMACAddress"
    " online* consumerRef image userData networkData metaData preprovisioningNetworkDataName description"
    " externallyProvisioned automatedCleaningMode customDeploy architecture disablePowerOff inspectionMode"
    " networkInterfaces",
    "BareMetalHost.spec.bmc": "address* credentialsName* disableCertificateVerification",
    "BareMetalHost.spec.image": "url* checksum checksumType format ociAuthSecretName",
    "BareMetalHost.spec.rootDeviceHints": HINTS,
    "BareMetalHost.spec.raid": "hardwareRAIDVolumes softwareRAIDVolumes",
    "BareMetalHost.spec.raid.hardwareRAIDVolumes": "level* sizeGibibytes name rotational"
    " numberOfPhysicalDisks controller physicalDisks",
    "BareMetalHost.spec.raid.softwareRAIDVolumes": "level* rootVolume sizeGibibytes physicalDisks",
    "BareMetalHost.spec.raid.softwareRAIDVolumes.physicalDisks": HINTS,
    "BareMetalHost.spec.networkInterfaces": "name macAddress hostNetworkAttachment switchPort",
    "BareMetalHost.status": "operationalStatus* errorType errorMessage* errorCount* provisioningFailCount*"
    " lastAttemptedImage lastUpdated poweredOn* hardwareProfile hardware goodCredentials triedCredentials"
    " operationHistory provisioning* conditions",
    "BareMetalHost.status.provisioning": "state* ID* image rootDeviceHints bootMode raid firmware customDeploy",
    "HardwareData.spec.hardware": "systemVendor firmware ramMebibytes nics storage cpu hostname",
    "HardwareData.spec.hardware.nics": "name model mac ip speedGbps vlans vlanId pxe lldp pciAddress",
    "HardwareData.spec.hardware.storage": "name alternateNames rotational type sizeBytes vendor model"
    " serialNumber wwn wwnVendorExtension wwnWithExtension hctl",
    "HostFirmwareSettings.spec": "settings*",
    "HostFirmwareSettings.status": "settings* schema lastUpdated conditions",
    "FirmwareSchema.spec": "hardwareVendor hardwareModel schema*",
    "FirmwareSchema.spec.schema": "attribute_type allowable_values lower_bound upper_bound min_length"
    " max_length read_only unique",
    "HostFirmwareComponents.spec": "updates*",
    "HostFirmwareComponents.spec.updates": "component* url*",
    "HostFirmwareComponents.status": "updates components lastUpdated conditions",
    "HostFirmwareComponents.status.components": "component* initialVersion* currentVersion"
    " lastVersionFlashed updatedAt",
    "HostUpdatePolicy.spec": "firmwareSettings firmwareUpdates",
    "HostDeployPolicy.spec.hostClaimNamespaces": "names nameMatches hasLabels",
    "HostClaim.spec": "poweredOn* image userData networkData metaData customDeploy hostSelector consumerRef"
    " failureDomain",
    "HostClaim.spec.hostSelector.matchExpressions": "key* operator* values*",
    "HostClaim.status": "lastUpdated conditions bareMetalHost hardwareData poweredOn",
    "HostNetworkAttachment.spec": "mode* nativeVLAN* allowedVLANs mtu",
    "BareMetalSwitch.spec": "address* macAddress* deviceType* driver credentials port"
    " disableCertificateVerification",
    "PreprovisioningImage.spec": "networkDataName architecture acceptFormats",
    "PreprovisioningImage.status": "imageUrl kernelUrl extraKernelParams format networkData architecture"
    " conditions",
    "DataImage.spec": "url*",
    "DataImage.status": "lastReconciled attachedImage error",
    "DataImage.status.error": "count* message*",
    "BMCEventSubscription.spec": "hostName destination context httpHeadersRef",
    "BMCEventSubscription.status": "subscriptionID error",
}

MAC = "[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}"
RULES: dict[str, dict[str, Any]] = {
    "BareMetalHost.spec.raid.hardwareRAIDVolumes": {"nullable": True},
    "BareMetalHost.spec.raid.softwareRAIDVolumes": {"nullable": True, "maxItems": 2},
    "BareMetalHost.spec.raid.softwareRAIDVolumes.physicalDisks": {"minItems": 2},
    "BareMetalHost.spec.raid.hardwareRAIDVolumes.level": {
        "enum": ["0", "1", "2", "5", "6", "1+0", "5+0", "6+0"]
    },
    "BareMetalHost.spec.raid.softwareRAIDVolumes.level": {"enum": ["0", "1", "1+0"]},
    "BareMetalHost.spec.raid.softwareRAIDVolumes.rootVolume": {"default": False},
    "BareMetalHost.spec.bootMode": {"enum": ["UEFI", "UEFISecureBoot", "legacy"]},
    "BareMetalHost.spec.bootMACAddress": {"pattern": MAC},
    "BareMetalHost.spec.consumerRef": {"x-kubernetes-map-type": "atomic"},
    "BareMetalHost.spec.image.checksumType": {"enum": ["md5", "sha256", "sha512", "auto"]},
    "BareMetalHost.spec.image.format": {"enum": ["raw", "qcow2", "vdi", "vmdk", "live-iso"]},
    "BareMetalHost.spec.automatedCleaningMode": {
        "enum": ["metadata", "disabled"],
        "default": "metadata",
    },
    "BareMetalHost.spec.inspectionMode": {"enum": ["disabled", "agent", "fast"]},
    "BareMetalHost.spec.networkInterfaces.macAddress": {"pattern": f"^{MAC}$"},
    "BareMetalHost.status.operationalStatus": {
        "enum": ["", "OK", "discovered", "error", "delayed", "detached", "servicing"]
    },
    "BareMetalHost.status.errorType": {
        "enum": [
            "provisioned registration error",
            "registration error",
            "inspection error",
            "preparation error",
            "provisioning error",
            "power management error",
            "servicing error",
            "detach error",
        ]
    },
    "BareMetalHost.status.errorCount": {"default": 0},
    "BareMetalHost.status.provisioningFailCount": {"default": 0},
    "BareMetalHost.status.operationHistory.register.start": {
        "nullable": True,
        "format": "date-time",
    },
    "BareMetalHost.status.conditions": {
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    },
    "HardwareData.spec.hardware.nics.vlanId": {"minimum": 0, "maximum": 4094},
    "HardwareData.spec.hardware.storage.type": {"enum": ["HDD", "SSD", "NVME"]},
    "HostFirmwareSettings.spec.settings.*": {"x-kubernetes-int-or-string": True},
    "HostUpdatePolicy.spec.firmwareSettings": {"enum": ["onPreparing", "onReboot"]},
    "HostNetworkAttachment.spec.mode": {
        "enum": ["access", "trunk", "hybrid"],
        "default": "access",
    },
    "HostNetworkAttachment.spec.nativeVLAN": {"minimum": 1, "maximum": 4094},
    "HostNetworkAttachment.spec.mtu": {"minimum": 68, "maximum": 9216},
    "BareMetalSwitch.spec.port": {"minimum": 1, "maximum": 65535, "format": "int32"},
    "BareMetalSwitch.spec.driver": {"enum": ["generic-switch"], "default": "generic-switch"},
    "PreprovisioningImage.status.format": {"enum": ["iso", "initrd"]},
}


def schema_of(kind: str) -> dict[str, Any]:
    """The schema of the kind's only version."""
    (version,) = CRDS[kind]["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def inner(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of the things inside lists and maps."""
    while schema["type"] == "array" or isinstance(schema.get("additionalProperties"), dict):
        schema = schema["items"] if schema["type"] == "array" else schema["additionalProperties"]
    return schema


def at(path: str) -> dict[str, Any]:
    """The schema of the field at ``Kind.spec.field``; ``*`` is the values of a map."""
    kind, *steps = path.split(".")
    schema = schema_of(kind)
    for step in steps:
        is_map = step == "*"
        schema = schema["additionalProperties"] if is_map else inner(schema)["properties"][step]
    return schema


def test_all_thirteen_kinds_are_there() -> None:
    """The files hold exactly the kinds the API has, and kustomize lists each file."""
    assert CRDS.keys() == FACE.keys()
    listed = yaml.safe_load((CRD_FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
    files = {f"bases/{path.name}" for path in (CRD_FOLDER / "bases").glob("metal3.io_*.yaml")}
    assert files <= set(listed["resources"])


@pytest.mark.parametrize("kind", FACE)
def test_what_kubectl_shows(kind: str) -> None:
    """Names, scope, subresources and columns are those scripts and people rely on."""
    plural, short, has_status, columns = FACE[kind]
    spec = CRDS[kind]["spec"]
    (version,) = spec["versions"]
    assert CRDS[kind]["metadata"]["name"] == f"{plural}.metal3.io"
    assert (spec["group"], spec["scope"]) == ("metal3.io", "Namespaced")
    assert (version["name"], version["served"], version["storage"]) == ("v1alpha1", True, True)
    names = spec["names"]
    assert (names["plural"], names["singular"]) == (plural, kind.lower())
    assert names["listKind"] == f"{kind}List"
    assert names.get("shortNames", []) == short
    assert ("status" in version.get("subresources", {})) is has_status
    shown = [
        f"{c['name']}:{c['type']}:{c['jsonPath']}:{c.get('priority', 0)}"
        for c in version.get("additionalPrinterColumns", [])
    ]
    assert shown == columns


@pytest.mark.parametrize("path", FIELDS)
def test_fields_and_which_are_required(path: str) -> None:
    """No field is missing, added, or required by mistake."""
    schema = inner(at(path))
    wanted = FIELDS[path].split()
    assert set(schema["properties"]) == {name.rstrip("*") for name in wanted}
    required = {name.rstrip("*") for name in wanted if name.endswith("*")}
    assert set(schema.get("required", [])) == required


@pytest.mark.parametrize("path", RULES)
def test_limits_and_defaults(path: str) -> None:
    """Enums, patterns, ranges, defaults and list types are those of the API."""
    schema = at(path)
    assert {key: schema.get(key) for key in RULES[path]} == RULES[path]
