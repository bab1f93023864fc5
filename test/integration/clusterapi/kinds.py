"""Kinds of Cluster API that only tests write, and objects written as YAML."""

from typing import Any, Final

import yaml

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api


def _kind(kind: str, plural: str, group: str = clusterv1.GROUP) -> type[metav1.Unstructured]:
    return metav1.Unstructured.of(metav1.GroupVersionKind(group, "v1beta2", kind), plural)


# Those that are typed elsewhere know only what providers read.
Cluster: Final = _kind("Cluster", "clusters")
Machine: Final = _kind("Machine", "machines")
MachineDeployment: Final = _kind("MachineDeployment", "machinedeployments")
MachineSet: Final = _kind("MachineSet", "machinesets")
MachineHealthCheck: Final = _kind("MachineHealthCheck", "machinehealthchecks")
ClusterClass: Final = _kind("ClusterClass", "clusterclasses")
_BOOTSTRAP: Final = "bootstrap.cluster.x-k8s.io"
_CONTROL_PLANE: Final = "controlplane.cluster.x-k8s.io"
KubeadmConfig: Final = _kind("KubeadmConfig", "kubeadmconfigs", _BOOTSTRAP)
KubeadmConfigTemplate: Final = _kind("KubeadmConfigTemplate", "kubeadmconfigtemplates", _BOOTSTRAP)
KubeadmControlPlane: Final = _kind("KubeadmControlPlane", "kubeadmcontrolplanes", _CONTROL_PLANE)
KubeadmControlPlaneTemplate: Final = _kind(
    "KubeadmControlPlaneTemplate", "kubeadmcontrolplanetemplates", _CONTROL_PLANE
)

_KNOWN: Final[tuple[type[metav1.Object], ...]] = (
    corev1.Secret,
    Cluster,
    Machine,
    infrav1.Metal3Cluster,
    infrav1.Metal3ClusterTemplate,
    infrav1.Metal3Machine,
    infrav1.Metal3MachineTemplate,
    infrav1.Metal3DataTemplate,
    infrav1.Metal3RemediationTemplate,
    ipamv1.IPPool,
    metal3api.BareMetalHost,
    MachineDeployment,
    MachineHealthCheck,
    ClusterClass,
    KubeadmConfigTemplate,
    KubeadmControlPlane,
    KubeadmControlPlaneTemplate,
)
_BY_NAME: Final = {(kind.gvk.api_version, kind.gvk.kind): kind for kind in _KNOWN}


def objects(text: str, namespace: str) -> list[metav1.Object]:
    """What the YAML describes, in the namespace."""
    found = []
    for document in yaml.safe_load_all(text):
        document.setdefault("metadata", {})["namespace"] = namespace
        found.append(_BY_NAME[document["apiVersion"], document["kind"]].from_dict(document))
    return found


def at(obj: metav1.Object, path: str) -> Any:
    """A field of an untyped object; None when it is not there."""
    found: Any = obj.to_dict()
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
