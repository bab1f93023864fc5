"""Cluster API's Metal3 kinds keep everything on the way through any of their versions.

``METAL3_CONVERSION_EXAMPLES`` sets how many objects a pair of versions is tried with.
"""

import copy
import functools
import json
import os
import string
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from metal3.api.infrastructure_cluster_x_k8s_io.preserving import HUB_DATA_ANNOTATION, Conversion
from metal3.api.infrastructure_cluster_x_k8s_io.v1alpha5 import conversion as v1alpha5
from metal3.api.infrastructure_cluster_x_k8s_io.v1beta1 import conversion as v1beta1
from metal3.apiserver.schema import Node, compile_schema, validate

BASES = Path(__file__).parents[3] / "config/crd/bases"
EXAMPLES = int(os.environ.get("METAL3_CONVERSION_EXAMPLES", "500"))
GROUP = "infrastructure.cluster.x-k8s.io"
Json = dict[str, Any]
ALL = (*v1beta1.CONVERSIONS, *v1alpha5.CONVERSIONS)
PAIRS = pytest.mark.parametrize("way", ALL, ids=lambda c: f"{c.kind}-{c.version}")

TEXT = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=6)
PLAIN = st.booleans() | st.integers(-5, 5000) | TEXT
ANYTHING = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2)
)
KNOWN_PATTERNS = {
    "network": st.sampled_from(["192.0.2.0", "10.0.0.0"]),
    "lastTransitionTime": st.just("2026-01-02T03:04:05Z"),
    "lastUpdated": st.just("2026-01-02T03:04:05Z"),
    "lastRemediated": st.just("2026-01-02T03:04:05Z"),
    "timeout": st.sampled_from(["10m0s", "100s", "1.5s", "2h", "900s", "soon"]),
}


def schema_of(kind: str, version: str) -> Json:
    """The schema of one version of a kind."""
    plural = {"Metal3Data": "metal3datas"}.get(kind, f"{kind.lower()}s")
    crd = yaml.safe_load((BASES / f"{GROUP}_{plural}.yaml").read_text(encoding="utf-8"))
    return next(
        v["schema"]["openAPIV3Schema"] for v in crd["spec"]["versions"] if v["name"] == version
    )


def values(schema: Json, name: str = "") -> st.SearchStrategy[Any]:  # noqa: PLR0911 - a table
    """What the schema allows, small; empty texts where nothing forbids them."""
    if name in KNOWN_PATTERNS and schema.get("type") == "string":
        return KNOWN_PATTERNS[name]
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "string":
            least = schema.get("minLength", 0)
            return TEXT if least or "pattern" in schema else TEXT | st.just("")
        case "integer":
            return st.integers(schema.get("minimum", 0), min(schema.get("maximum", 9000), 9000))
        case "boolean":
            return st.booleans()
        case "array":
            return lists(schema)
        case "object":
            return objects(schema)
        case _:
            return ANYTHING


def lists(schema: Json) -> st.SearchStrategy[list[Any]]:
    """Lists whose items differ where the API server insists on it."""
    keys = schema.get("x-kubernetes-list-map-keys")
    unique: Any = None
    if keys:
        unique = lambda item: tuple(item.get(k) for k in keys)  # noqa: E731 - shorter than a def
    elif schema.get("x-kubernetes-list-type") == "set":
        unique = json.dumps
    low = schema.get("minItems", 0)
    return st.lists(values(schema["items"]), min_size=low, max_size=low + 1, unique_by=unique)


def objects(schema: Json) -> st.SearchStrategy[Json]:
    """All required fields and some of the others."""
    if "properties" not in schema:
        inside = schema.get("additionalProperties")
        value = values(inside) if isinstance(inside, dict) else ANYTHING
        return st.dictionaries(TEXT, value, max_size=2)
    required = set(schema.get("required", []))
    fields = {key: values(value, key) for key, value in schema["properties"].items()}
    return st.fixed_dictionaries(
        {k: v for k, v in fields.items() if k in required},
        optional={k: v for k, v in fields.items() if k not in required},
    )


@functools.cache
def whole(kind: str, version: str) -> st.SearchStrategy[Json]:
    """Objects of a kind in a version."""
    properties = schema_of(kind, version)["properties"]
    parts = {k: values(v) for k, v in properties.items() if k in {"spec", "status"}}
    metadata = st.fixed_dictionaries(
        {"name": TEXT},
        optional={
            "labels": st.dictionaries(TEXT, TEXT, max_size=1),
            "annotations": st.dictionaries(TEXT, TEXT, min_size=1, max_size=1),
        },
    )
    typed = {"apiVersion": st.just(f"{GROUP}/{version}"), "kind": st.just(kind)}
    return st.fixed_dictionaries({**typed, "metadata": metadata}, optional=parts)


def text(value: Any) -> str:
    """JSON that tells 1 from True."""
    return json.dumps(value, sort_keys=True)


QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


FEWER = settings(QUICK, max_examples=max(EXAMPLES // 5, 1))


@PAIRS
@given(data=st.data())
@QUICK
def test_a_hub_object_survives_an_older_version(way: Conversion, data: st.DataObject) -> None:
    """Read and written back in an older version, an object is what it was, to the last field."""
    hub = data.draw(whole(way.kind, "v1beta2"))
    before = copy.deepcopy(hub)
    assert text(way.to_hub(way.from_hub(hub))) == text(before)
    assert hub == before


@PAIRS
@given(data=st.data())
@QUICK
def test_an_old_object_survives_the_hub(way: Conversion, data: st.DataObject) -> None:
    """Stored in the hub and read again, an old object is what it was, to the last field."""
    old = data.draw(whole(way.kind, way.version))
    assert text(way.from_hub(way.to_hub(old))) == text(old)


@functools.cache
def compiled(kind: str, version: str) -> Node:
    """The schema as the API server applies it."""
    return compile_schema(schema_of(kind, version))


def complaints(obj: Json, kind: str, version: str) -> list[str]:
    """What an API server would say; the objects here do not care about patterns of texts."""
    found = [cause["message"] for cause in validate(obj, compiled(kind, version))]
    return [message for message in found if "should match" not in message]


@PAIRS
@given(data=st.data())
@FEWER
def test_what_is_read_in_an_older_version_can_be_written_in_it(
    way: Conversion, data: st.DataObject
) -> None:
    """The older schema has nothing against what the conversion makes."""
    hub = data.draw(whole(way.kind, "v1beta2"))
    assume(not complaints(hub, way.kind, "v1beta2"))
    assert complaints(way.from_hub(hub), way.kind, way.version) == []


@PAIRS
@given(data=st.data())
@FEWER
def test_lists_without_items_do_not_get_into_the_hub(way: Conversion, data: st.DataObject) -> None:
    """Older schemas allow them, that of the hub does not."""
    hub = way.to_hub(data.draw(whole(way.kind, way.version)))
    found = complaints(hub, way.kind, "v1beta2")
    assert [message for message in found if "at least 1 items" in message] == []


BOTH = [(o, n) for o in v1alpha5.CONVERSIONS for n in v1beta1.CONVERSIONS if o.kind == n.kind]


@pytest.mark.parametrize("ways", BOTH, ids=lambda w: w[0].kind)
@given(data=st.data())
@QUICK
def test_between_the_old_versions(ways: tuple[Conversion, Conversion], data: st.DataObject) -> None:
    """v1alpha5 and v1beta1 lose nothing of each other, though neither knows the other."""
    for mine, other in (ways, ways[::-1]):
        old = data.draw(whole(mine.kind, mine.version))
        there = other.from_hub(mine.to_hub(old))
        assert text(mine.from_hub(other.to_hub(there))) == text(old)


def way(kind: str, version: str) -> Conversion:
    """By name."""
    return next(c for c in ALL if (c.kind, c.version) == (kind, version))


def lowered(kind: str, version: str, **body: Any) -> Json:
    """Spec and status of a hub object in an older version."""
    out = way(kind, version).from_hub({"metadata": {"name": "x"}, **copy.deepcopy(body)})
    return {k: v for k, v in out.items() if k in {"spec", "status"}}


def lifted(kind: str, version: str, **body: Any) -> Json:
    """Spec and status of an old object in the hub."""
    out = way(kind, version).to_hub({"metadata": {"name": "x"}, **copy.deepcopy(body)})
    return {k: v for k, v in out.items() if k in {"spec", "status"}}


CONDITION = {"type": "Ready", "status": "True", "reason": "Ready", "message": ""}
OLD_CONDITION = {"type": "Ready", "status": "True"}
HUB_CLUSTER = {
    "spec": {
        "controlPlaneEndpoint": {"host": "192.0.2.1", "port": 6443},
        "cloudProviderEnabled": False,
        "failureDomains": [{"name": "a", "controlPlane": True}, {"name": "b"}],
    },
    "status": {
        "initialization": {"provisioned": True},
        "conditions": [CONDITION],
        "failureDomains": [{"name": "a"}],
        "deprecated": {
            "v1beta1": {
                "conditions": [OLD_CONDITION],
                "failureReason": "InvalidConfiguration",
                "failureMessage": "no",
            }
        },
    },
}
B1_CLUSTER = {
    "spec": {
        "controlPlaneEndpoint": {"host": "192.0.2.1", "port": 6443},
        "cloudProviderEnabled": False,
        "noCloudProvider": True,
        "failureDomains": {"a": {"controlPlane": True}, "b": {}},
    },
    "status": {
        "ready": True,
        "v1beta2": {"conditions": [CONDITION]},
        "failureDomains": {"a": {}},
        "conditions": [OLD_CONDITION],
        "failureReason": "InvalidConfiguration",
        "failureMessage": "no",
    },
}
REFERENCE = {"kind": "Metal3DataTemplate", "name": "t", "namespace": "n", "uid": "1"}
SHORT = {"name": "t", "namespace": "n"}


def test_clusters_read_in_v1beta1():
    """Each field of a Metal3Cluster is where v1beta1 had it, and comes back from there."""
    assert lowered("Metal3Cluster", "v1beta1", **HUB_CLUSTER) == B1_CLUSTER
    assert lifted("Metal3Cluster", "v1beta1", **B1_CLUSTER) == HUB_CLUSTER


def test_clusters_read_in_v1alpha5():
    """v1alpha5 had neither conditions nor failure domains, and one flag with the opposite sense."""
    assert lowered("Metal3Cluster", "v1alpha5", **HUB_CLUSTER) == {
        "spec": {
            "controlPlaneEndpoint": {"host": "192.0.2.1", "port": 6443},
            "noCloudProvider": True,
        },
        "status": {
            "ready": True,
            "failureReason": "InvalidConfiguration",
            "failureMessage": "no",
        },
    }


def test_a_flag_only_old_versions_have_is_not_lost():
    """The flag ``noCloudProvider`` alone decides about the cloud provider."""
    hub = lifted("Metal3Cluster", "v1beta1", spec={"noCloudProvider": True})
    assert hub == {"spec": {"cloudProviderEnabled": False}}


def test_machines_in_v1beta1():
    """Image format, references and status have their old names."""
    hub = {
        "spec": {
            "image": {"url": "http://i", "checksum": "c", "diskFormat": "raw"},
            "dataTemplate": SHORT,
            "failureDomainPolicy": "Required",
        },
        "status": {"initialization": {"provisioned": False}, "renderedData": SHORT},
    }
    old = lowered("Metal3Machine", "v1beta1", **hub)
    assert old == {
        "spec": {
            "image": {"url": "http://i", "checksum": "c", "format": "raw"},
            "dataTemplate": SHORT,
        },
        "status": {"ready": False, "renderedData": SHORT},
    }
    spec = {"image": {"url": "u", "format": "", "checksumType": ""}, "dataTemplate": REFERENCE}
    assert lifted("Metal3Machine", "v1beta1", spec=spec, status={"phase": "x"}) == {
        "spec": {"image": {"url": "u"}, "dataTemplate": SHORT},
        "status": {},
    }


def test_a_machine_without_image_can_be_read_and_created_in_v1alpha5():
    """v1alpha5 requires an image; a machine with customDeploy gets an empty one there only."""
    hub = {"spec": {"customDeploy": {"method": "m"}}}
    assert lowered("Metal3Machine", "v1alpha5", **hub) == {
        "spec": {"image": {"url": "", "checksum": ""}}
    }


def test_data_templates_in_v1beta1():
    """Pool lists, bond parameters and indexes take their old shapes; required fields are there."""
    hub = {
        "spec": {
            "metaData": {
                "ipAddressesFromPool": [
                    {"key": "ip", "name": "p", "apiGroup": "ipam.metal3.io", "kind": "IPPool"}
                ]
            },
            "networkData": {
                "links": {
                    "bonds": [
                        {
                            "id": "b",
                            "bondMode": "802.3ad",
                            "parameters": [{"name": "miimon", "value": 100}],
                        }
                    ]
                },
                "networks": {"ipv6": [{"id": "n", "link": "b"}]},
            },
        },
        "status": {"indexes": [{"name": "m-0", "index": 0}, {"name": "m-1", "index": 1}]},
    }
    old = lowered("Metal3DataTemplate", "v1beta1", **hub)
    assert old == {
        "spec": {
            "clusterName": "none",
            "metaData": {
                "ipAddressesFromIPPool": [
                    {"key": "ip", "name": "p", "apiGroup": "ipam.metal3.io", "kind": "IPPool"}
                ]
            },
            "networkData": {
                "links": {
                    "bonds": [
                        {
                            "id": "b",
                            "bondMode": "802.3ad",
                            "macAddress": {},
                            "parameters": {"miimon": 100},
                        }
                    ]
                },
                "networks": {"ipv6": [{"id": "n", "link": "b", "ipAddressFromIPPool": ""}]},
            },
        },
        "status": {"indexes": {"m-0": 0, "m-1": 1}},
    }


MAC = {"string": "02:00:00:00:00:01"}
HUB_NETWORK = {
    "links": {
        "ethernets": [
            {"id": "e", "type": "phy", "name": "eno1", "mtu": 9000, "macAddress": MAC},
            {
                "id": "f",
                "type": "phy",
                "macAddress": {"fromAnnotation": {"object": "machine", "annotation": "a"}},
            },
        ],
        "bonds": [
            {
                "id": "b",
                "bondMode": "802.3ad",
                "bondXmitHashPolicy": "layer2",
                "bondLinks": ["e", "f"],
                "macAddress": {"fromHostInterface": "eno1"},
                "parameters": [{"name": "x", "value": "y"}],
            }
        ],
        "vlans": [{"id": "v", "vlanID": 7, "vlanLink": "b", "mtu": 1500, "macAddress": MAC}],
    },
    "networks": {
        "ipv4": [
            {
                "id": "n4",
                "link": "b",
                "ipAddressFromIPPool": "p",
                "routes": [
                    {
                        "network": "0.0.0.0",
                        "prefix": 0,
                        "gateway": {
                            "fromPoolRef": {"name": "p", "apiGroup": "g", "kind": "K"},
                        },
                        "services": {"dns": ["192.0.2.53"], "dnsFromIPPool": "p"},
                    }
                ],
            }
        ],
        "ipv4DHCP": [{"id": "d", "link": "b"}],
        "ipv6": [
            {
                "id": "n6",
                "link": "b",
                "fromPoolRef": {"name": "q", "apiGroup": "g", "kind": "K"},
                "fromPoolAnnotation": {"object": "machine", "annotation": "a"},
            }
        ],
        "ipv6SLAAC": [{"id": "s", "link": "b"}],
    },
    "services": {"dns": ["192.0.2.53"], "dnsFromIPPool": "p"},
}


def changed(value: Json, *changes: tuple[str, Any]) -> Json:
    """A copy with other values at dotted paths; ``None`` takes a field away."""
    out = copy.deepcopy(value)
    for path, new in changes:
        *way, last = path.split(".")
        at: Any = out
        for step in way:
            at = at[int(step) if isinstance(at, list) else step]
        if new is None:
            del at[last]
        else:
            at[last] = new
    return out


def test_network_data_in_v1beta1():
    """All fields are there; parameters of bonds are a map, and v6 networks need a pool's name."""
    old = lowered("Metal3DataTemplate", "v1beta1", spec={"networkData": HUB_NETWORK})
    assert old["spec"]["networkData"] == changed(
        HUB_NETWORK,
        ("links.bonds.0.parameters", {"x": "y"}),
        ("networks.ipv6.0.ipAddressFromIPPool", ""),
    )
    assert lifted("Metal3DataTemplate", "v1beta1", **old)["spec"]["networkData"] == HUB_NETWORK


def test_network_data_in_v1alpha5():
    """What came later is not there: names, hash policy, parameters, other pools, annotations."""
    old = lowered("Metal3DataTemplate", "v1alpha5", spec={"networkData": HUB_NETWORK})
    assert old["spec"]["networkData"] == changed(
        HUB_NETWORK,
        ("links.ethernets.0.name", None),
        ("links.ethernets.1.macAddress", {}),
        ("links.bonds.0.bondXmitHashPolicy", None),
        ("links.bonds.0.parameters", None),
        ("networks.ipv4.0.routes.0.gateway", {}),
        ("networks.ipv6.0.fromPoolRef", None),
        ("networks.ipv6.0.fromPoolAnnotation", None),
        ("networks.ipv6.0.ipAddressFromIPPool", ""),
    )


POOL = {"key": "k", "name": "p", "apiGroup": "ipam.metal3.io", "kind": "IPPool"}
HUB_METADATA = {
    "strings": [{"key": "a", "value": "b"}],
    "objectNames": [{"key": "a", "object": "machine"}],
    "indexes": [{"key": "a", "offset": 1, "step": 2, "prefix": "p", "suffix": "s"}],
    "namespaces": [{"key": "a"}],
    "fromHostInterfaces": [{"key": "a", "interface": "eno1"}, {"key": "b", "fromBootMAC": True}],
    "fromLabels": [{"key": "a", "object": "machine", "label": "l"}],
    "fromAnnotations": [{"key": "a", "object": "machine", "annotation": "n"}],
    "ipAddressesFromPool": [POOL],
    "prefixesFromPool": [POOL],
    "gatewaysFromPool": [POOL],
    "dnsServersFromPool": [POOL],
}


@pytest.mark.parametrize(
    ("version", "pool", "boot"),
    [
        ("v1beta1", POOL, {"key": "b", "fromBootMAC": True}),
        ("v1alpha5", {"key": "k", "name": "p"}, {"key": "b", "interface": ""}),
    ],
)
def test_metadata_in_older_versions(version: str, pool: Json, boot: Json):
    """Lists of pools have their old names; v1alpha5 knew pools by name only, and no boot card."""
    old = lowered("Metal3DataTemplate", version, spec={"metaData": HUB_METADATA})
    renamed = {key.replace("FromPool", "FromIPPool"): v for key, v in HUB_METADATA.items()}
    wanted: Json = copy.deepcopy(renamed)
    wanted["fromHostInterfaces"][1] = boot
    for key in wanted:
        if key.endswith("FromIPPool"):
            wanted[key] = [pool]
    assert old["spec"]["metaData"] == wanted


@pytest.mark.parametrize("version", ["v1beta1", "v1alpha5"])
def test_metadata_of_older_versions(version: str):
    """Numbers and texts that say nothing go; a step is there."""
    spec = {
        "clusterName": "",
        "metaData": {
            "indexes": [{"key": "a", "offset": 0, "prefix": "", "suffix": ""}],
            "gatewaysFromIPPool": [{"key": "k", "name": "p"}],
        },
    }
    hub = lifted("Metal3DataTemplate", version, spec=spec, status={"indexes": {"b": 1, "a": 0}})
    assert hub == {
        "spec": {
            "metaData": {"indexes": [{"key": "a", "step": 1}], "gatewaysFromPool": [POOL]},
        },
        "status": {"indexes": [{"name": "a", "index": 0}, {"name": "b", "index": 1}]},
    }


@pytest.mark.parametrize("version", ["v1beta1", "v1alpha5"])
def test_data_and_claims(version: str):
    """References lose what is neither name nor namespace; old versions require them to be there."""
    spec = {"index": 3, "claim": REFERENCE, "template": REFERENCE, "templateReference": "r"}
    hub = lifted("Metal3Data", version, spec=spec, status={"ready": True, "errorMessage": ""})
    assert hub == {
        "spec": {"index": 3, "claim": SHORT, "template": SHORT},
        "status": {"ready": True},
    }
    old = lowered("Metal3Data", version, spec={"index": 0})
    assert old == {"spec": {"index": 0, "claim": {}, "template": {}}}
    status = {"renderedData": REFERENCE, "errorMessage": "x" * 600}
    hub = lifted("Metal3DataClaim", version, spec={"template": REFERENCE}, status=status)
    assert hub == {
        "spec": {"template": SHORT},
        "status": {"renderedData": SHORT, "errorMessage": "x" * 512},
    }
    assert lowered("Metal3DataClaim", version, spec={}) == {"spec": {"template": {}}}


@pytest.mark.parametrize("version", ["v1beta1", "v1alpha5"])
def test_machine_templates(version: str):
    """As machines; labels and annotations for them are not there in older versions."""
    machine = {"image": {"url": "u", "checksum": "c", "diskFormat": "raw"}, "dataTemplate": SHORT}
    hub = {"nodeReuse": True, "template": {"metadata": {"labels": {"a": "b"}}, "spec": machine}}
    old = lowered("Metal3MachineTemplate", version, spec=hub)
    image = {"url": "u", "checksum": "c", "format": "raw"}
    wanted = {"image": image, "dataTemplate": SHORT}
    assert old == {"spec": {"nodeReuse": True, "template": {"spec": wanted}}}
    assert lifted("Metal3MachineTemplate", version, **old) == {
        "spec": {"nodeReuse": True, "template": {"spec": machine}}
    }


def test_cluster_templates_convert():
    """Failure domains become a map, and the flag its opposite, as for clusters."""
    old = lowered(
        "Metal3ClusterTemplate", "v1beta1", spec={"template": {"spec": HUB_CLUSTER["spec"]}}
    )
    assert old == {"spec": {"template": {"spec": B1_CLUSTER["spec"]}}}
    assert lifted("Metal3ClusterTemplate", "v1beta1", **old) == {
        "spec": {"template": {"spec": HUB_CLUSTER["spec"]}}
    }


def test_data_templates_of_v1alpha5_get_the_pools_kind():
    """Pools were named only; which group and kind they are of is filled in."""
    pools = {"ipAddressesFromIPPool": [{"key": "ip", "name": "p"}]}
    spec = {"clusterName": "c", "metaData": pools, "templateReference": "old"}
    assert lifted("Metal3DataTemplate", "v1alpha5", spec=spec) == {
        "spec": {
            "clusterName": "c",
            "metaData": {
                "ipAddressesFromPool": [
                    {"key": "ip", "name": "p", "apiGroup": "ipam.metal3.io", "kind": "IPPool"}
                ]
            },
        }
    }


@pytest.mark.parametrize(
    ("duration", "seconds"), [("10m0s", 600), ("1.5s", 100), ("1h0m1s", 3601), ("250s", 250)]
)
def test_timeouts_are_whole_seconds_the_hub_allows(duration: str, seconds: int):
    """A duration becomes seconds; what the hub's schema refuses is raised to its minimum."""
    strategy = {"type": "Reboot", "timeout": duration}
    hub = lifted("Metal3Remediation", "v1beta1", spec={"strategy": strategy})
    assert hub["spec"]["strategy"] == {"type": "Reboot", "timeoutSeconds": seconds}


def test_an_edit_in_an_old_version_is_kept_together_with_what_it_cannot_see():
    """Changed fields win; what the old version has no field for stays."""
    hub = {
        "metadata": {"name": "x"},
        "spec": {
            "providerID": "a",
            "failureDomainPolicy": "Required",
            "image": {"url": "http://i", "checksum": "c"},
        },
    }
    old = way("Metal3Machine", "v1beta1").from_hub(hub)
    old["spec"]["providerID"] = "b"
    old["spec"]["image"]["checksum"] = "d"
    back = way("Metal3Machine", "v1beta1").to_hub(old)
    assert back["spec"] == {
        "providerID": "b",
        "failureDomainPolicy": "Required",
        "image": {"url": "http://i", "checksum": "d"},
    }
    assert HUB_DATA_ANNOTATION not in back["metadata"].get("annotations", {})


@pytest.mark.parametrize("junk", ["", "{", "[]", '{"spec": 3}', '{"spec": {"image": []}}'])
def test_an_annotation_that_is_nonsense_does_no_harm(junk: str):
    """Annotations are not checked by anybody; a broken one is dropped."""
    old = {"metadata": {"name": "x", "annotations": {HUB_DATA_ANNOTATION: junk}}, "spec": {}}
    hub = way("Metal3Machine", "v1beta1").to_hub(old)
    assert HUB_DATA_ANNOTATION not in hub["metadata"].get("annotations", {})
