"""Between v1alpha5 and the hub, v1beta2.

v1alpha5 is v1beta1 without what came later, and with a few fields required; so each way is that of
v1beta1 with something taken away or filled in.
"""

from typing import Any, Final

from metal3.api.infrastructure_cluster_x_k8s_io.parts import Json, drop, drop_empty, items, part
from metal3.api.infrastructure_cluster_x_k8s_io.preserving import Conversion
from metal3.api.infrastructure_cluster_x_k8s_io.v1beta1 import conversion as v1beta1
from metal3.api.infrastructure_cluster_x_k8s_io.v1beta1 import (
    datatemplate_conversion as datatemplate,
)


def _lower_status(status: Json | None) -> None:
    # There were no conditions and no failure domains.
    drop(status, "conditions", "v1beta2", "failureDomains")


def lower_cluster(obj: Json) -> Json:
    """Metal3Cluster; the endpoint and ``ready`` have to be there."""
    v1beta1.lower_cluster(obj)
    spec, status = part(obj, "spec"), part(obj, "status")
    drop(spec, "cloudProviderEnabled", "failureDomains")
    _lower_status(status)
    if spec is not None:
        spec.setdefault("controlPlaneEndpoint", {"host": "", "port": 0})
    if status is not None:
        status.setdefault("ready", False)
    return obj


def _lower_machine_spec(spec: Json | None) -> None:
    drop(spec, "customDeploy", "failureDomain")
    if spec is None:
        return
    image = spec.setdefault("image", {})
    if isinstance(image, dict):
        image.setdefault("url", "")
        image.setdefault("checksum", "")


def _lift_machine_spec(spec: Json | None) -> None:
    # It had to be there, even for images that have none.
    drop_empty(part(spec or {}, "image"), "checksum")
    v1beta1.lift_machine_spec(spec)


def lower_machine(obj: Json) -> Json:
    """Metal3Machine; an image has to be there."""
    v1beta1.lower_machine(obj)
    _lower_machine_spec(part(obj, "spec"))
    _lower_status(part(obj, "status"))
    return obj


def lift_machine(obj: Json) -> Json:
    """Metal3Machine."""
    _lift_machine_spec(part(obj, "spec"))
    return v1beta1.lift_machine(obj)


def lower_machine_template(obj: Json) -> Json:
    """Metal3MachineTemplate."""
    v1beta1.lower_machine_template(obj)
    _lower_machine_spec(part(obj, "spec", "template", "spec"))
    return obj


def lift_machine_template(obj: Json) -> Json:
    """Metal3MachineTemplate."""
    _lift_machine_spec(part(obj, "spec", "template", "spec"))
    return v1beta1.lift_machine_template(obj)


def lower_data_template(obj: Json) -> Json:
    """Metal3DataTemplate: pools by name only, no names of links, MAC addresses as they were."""
    datatemplate.lower_data_template(obj)
    metadata = part(obj, "spec", "metaData")
    for stem in datatemplate.POOL_LISTS:
        for item in items(metadata, f"{stem}FromIPPool"):
            drop(item, "apiGroup", "kind")
    for item in items(metadata, "fromHostInterfaces"):
        drop(item, "fromBootMAC")
        item.setdefault("interface", "")
    links = part(obj, "spec", "networkData", "links")
    for kind in datatemplate.LINKS:
        for link in items(links, kind):
            drop(link, "name", "bondXmitHashPolicy", "parameters")
            drop(part(link, "macAddress"), "fromAnnotation")
    _lower_networks(part(obj, "spec", "networkData", "networks"))
    return obj


def _lower_networks(networks: Json | None) -> None:
    for kind in datatemplate.NETWORKS:
        for network in items(networks, kind):
            drop(network, "fromPoolRef", "fromPoolAnnotation")
            if kind in {"ipv4", "ipv6"}:
                network.setdefault("ipAddressFromIPPool", "")
            for route in items(network, "routes"):
                drop(part(route, "gateway"), "fromPoolRef", "fromPoolAnnotation")


_VERSION: Final = "v1alpha5"


def _conversion(kind: str, lift: Any, lower: Any) -> Conversion:
    return Conversion(kind=kind, version=_VERSION, lift=lift, lower=lower)


CONVERSIONS: Final = (
    _conversion("Metal3Cluster", v1beta1.lift_cluster, lower_cluster),
    _conversion("Metal3Machine", lift_machine, lower_machine),
    _conversion("Metal3MachineTemplate", lift_machine_template, lower_machine_template),
    _conversion("Metal3Data", v1beta1.lift_data, v1beta1.lower_data),
    _conversion("Metal3DataClaim", v1beta1.lift_data_claim, v1beta1.lower_data_claim),
    _conversion("Metal3DataTemplate", datatemplate.lift_data_template, lower_data_template),
    _conversion("Metal3Remediation", v1beta1.lift_remediation, v1beta1.lower_remediation),
    _conversion(
        "Metal3RemediationTemplate",
        v1beta1.lift_remediation_template,
        v1beta1.lower_remediation_template,
    ),
)
"""Every kind of this version; Metal3ClusterTemplate came later."""
