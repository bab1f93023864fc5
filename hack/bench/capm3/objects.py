"""What users and Cluster API make: clusters, machines, data templates, hosts."""

from typing import Any, Final

NAMESPACE: Final = "bench"
GROUP: Final = "infrastructure.cluster.x-k8s.io"
OURS: Final = f"/apis/{GROUP}/v1beta2/namespaces/{NAMESPACE}"
CORE: Final = f"/apis/cluster.x-k8s.io/v1beta2/namespaces/{NAMESPACE}"
SECRETS: Final = f"/api/v1/namespaces/{NAMESPACE}/secrets"
HOSTS: Final = f"/apis/metal3.io/v1alpha1/namespaces/{NAMESPACE}/baremetalhosts"
MACHINES: Final = f"{OURS}/metal3machines"
PER_CLUSTER: Final = 250
"""The CRD lets one data template count 512 machines, and real clusters are no bigger."""
IMAGE: Final = {
    "url": "https://images.example.com/server.qcow2",
    "checksum": "https://images.example.com/server.qcow2.sha256sum",
    "checksumType": "sha256",
}


def cluster_name(machine: int) -> str:
    """The cluster of the i-th machine."""
    return f"cluster-{machine // PER_CLUSTER}"


def machine_name(i: int) -> str:
    """The name of the i-th machine."""
    return f"machine-{i:04}"


def host_name(i: int) -> str:
    """The name of the i-th host."""
    return f"host-{i:04}"


def cluster(name: str) -> dict[str, Any]:
    """A Cluster; its status is set afterwards."""
    ref = {"apiGroup": GROUP, "kind": "Metal3Cluster", "name": name}
    return {
        "apiVersion": "cluster.x-k8s.io/v1beta2",
        "kind": "Cluster",
        "metadata": {"name": name},
        "spec": {"infrastructureRef": ref},
    }


def metal3_cluster(name: str, uid: str) -> dict[str, Any]:
    """Its infrastructure."""
    return {
        "apiVersion": f"{GROUP}/v1beta2",
        "kind": "Metal3Cluster",
        "metadata": _owned(name, name, "Cluster", name, uid),
        "spec": {
            "controlPlaneEndpoint": {"host": "192.0.2.1", "port": 6443},
            "cloudProviderEnabled": False,
        },
    }


def data_template(name: str) -> dict[str, Any]:
    """Metadata and network data as sites have them."""
    meta = {
        "objectNames": [{"key": "name", "object": "machine"}],
        "indexes": [{"key": "index", "offset": 1}],
        "fromLabels": [{"key": "rack", "object": "baremetalhost", "label": "rack"}],
    }
    nic = {"type": "phy", "id": "nic0", "macAddress": {"fromHostInterface": "eth0"}}
    network = {
        "links": {"ethernets": [nic]},
        "networks": {"ipv4DHCP": [{"id": "net0", "link": "nic0"}]},
    }
    return {
        "apiVersion": f"{GROUP}/v1beta2",
        "kind": "Metal3DataTemplate",
        "metadata": {"name": name},
        "spec": {"metaData": meta, "networkData": network},
    }


def bootstrap(name: str) -> dict[str, Any]:
    """What a bootstrap provider leaves."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"{name}-bootstrap"},
        "stringData": {"value": "#cloud-config", "format": "cloud-config"},
    }


def machine(i: int) -> dict[str, Any]:
    """A Machine with its bootstrap data."""
    name, of = machine_name(i), cluster_name(i)
    ref = {"apiGroup": GROUP, "kind": "Metal3Machine", "name": name}
    return {
        "apiVersion": "cluster.x-k8s.io/v1beta2",
        "kind": "Machine",
        "metadata": {"name": name, "labels": _labels(of)},
        "spec": {
            "clusterName": of,
            "bootstrap": {"dataSecretName": f"{name}-bootstrap"},
            "infrastructureRef": ref,
        },
    }


def metal3_machine(i: int, uid: str, *, with_data: bool = True) -> dict[str, Any]:
    """Its Metal3Machine; ``uid`` is the Machine's."""
    name, of = machine_name(i), cluster_name(i)
    spec: dict[str, Any] = {"image": IMAGE, "hostSelector": {"matchLabels": {"pool": "bench"}}}
    if with_data:
        spec["dataTemplate"] = {"name": of}
    return {
        "apiVersion": f"{GROUP}/v1beta2",
        "kind": "Metal3Machine",
        "metadata": _owned(name, of, "Machine", name, uid),
        "spec": spec,
    }


def host(i: int) -> dict[str, Any]:
    """A host in one of 20 racks."""
    name = host_name(i)
    return {
        "apiVersion": "metal3.io/v1alpha1",
        "kind": "BareMetalHost",
        "metadata": {"name": name, "labels": {"pool": "bench", "rack": f"rack-{i % 20}"}},
        "spec": {
            "online": True,
            "bootMACAddress": f"52:54:00:00:{i // 256:02x}:{i % 256:02x}",
            "bmc": {
                "address": f"redfish://192.0.2.{i % 250}:{8000 + i}/redfish/v1/Systems/{i}",
                "credentialsName": f"{name}-bmc",
            },
        },
    }


def login(i: int) -> dict[str, Any]:
    """The host's Secret."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"{host_name(i)}-bmc"},
        "stringData": {"username": "operator", "password": "change-me"},
    }


def _labels(of: str) -> dict[str, str]:
    return {"cluster.x-k8s.io/cluster-name": of}


def _owned(name: str, of: str, kind: str, owner: str, uid: str) -> dict[str, Any]:
    reference = {
        "apiVersion": "cluster.x-k8s.io/v1beta2",
        "kind": kind,
        "name": owner,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {"name": name, "labels": _labels(of), "ownerReferences": [reference]}
