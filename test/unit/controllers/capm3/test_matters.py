"""Which changes wake whom: what is read does, and what changes all the time does not."""

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.capm3 import matters
from metal3.runtime.event import CreateEvent, UpdateEvent

META = {"name": "x", "namespace": "metal3", "resourceVersion": "1"}
GOING = {"metadata": META | {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["f"]}}
OWNED = {
    "metadata": META
    | {"ownerReferences": [{"apiVersion": "v1", "kind": "A", "name": "a", "uid": "1"}]}
}
NOISE = {"metadata": META | {"resourceVersion": "2"}}
REF = {"apiGroup": "g", "kind": "Metal3Cluster", "name": "c"}
CASES = [
    (matters.host, metal3api.BareMetalHost, GOING, True),
    (matters.host, metal3api.BareMetalHost, {"metadata": META | {"labels": {"a": "b"}}}, True),
    (matters.host, metal3api.BareMetalHost, {"metadata": META | {"annotations": {"a": ""}}}, True),
    (matters.host, metal3api.BareMetalHost, {"spec": {"online": True}}, True),
    (matters.host, metal3api.BareMetalHost, {"status": {"errorMessage": "no"}}, True),
    (matters.host, metal3api.BareMetalHost, {"status": {"poweredOn": True}}, True),
    (matters.host, metal3api.BareMetalHost, {"status": {"provisioning": {"state": "ready"}}}, True),
    (matters.host, metal3api.BareMetalHost, {"status": {"hardware": {"hostname": "h"}}}, True),
    (matters.host, metal3api.BareMetalHost, {"status": {"lastUpdated": "2026-01-01T00:00:00Z"}}, 0),
    (matters.host, metal3api.BareMetalHost, NOISE, False),
    (matters.machine, clusterv1.Machine, {"spec": {"bootstrap": {"dataSecretName": "s"}}}, True),
    (matters.machine, clusterv1.Machine, {"spec": {"failureDomain": "a"}}, True),
    (matters.machine, clusterv1.Machine, {"spec": {"infrastructureRef": REF}}, True),
    (matters.machine, clusterv1.Machine, {"status": {"nodeRef": {"name": "n"}}}, True),
    (matters.machine, clusterv1.Machine, GOING, True),
    (matters.machine, clusterv1.Machine, OWNED, True),
    (matters.machine, clusterv1.Machine, NOISE, False),
    (matters.cluster, clusterv1.Cluster, {"spec": {"paused": True}}, True),
    (matters.cluster, clusterv1.Cluster, {"spec": {"infrastructureRef": REF}}, True),
    (
        matters.cluster,
        clusterv1.Cluster,
        {"status": {"initialization": {"infrastructureProvisioned": True}}},
        True,
    ),
    (matters.cluster, clusterv1.Cluster, GOING, True),
    (matters.cluster, clusterv1.Cluster, NOISE, False),
    (matters.pausing, clusterv1.Cluster, {"spec": {"paused": True}}, True),
    (matters.pausing, clusterv1.Cluster, {"spec": {"infrastructureRef": REF}}, False),
    (matters.metal3_cluster, infrav1.Metal3Cluster, {"spec": {"cloudProviderEnabled": True}}, True),
    (matters.metal3_cluster, infrav1.Metal3Cluster, OWNED, True),
    (matters.metal3_cluster, infrav1.Metal3Cluster, NOISE, False),
    (matters.rendered, infrav1.Metal3Machine, OWNED, True),
    (matters.rendered, infrav1.Metal3Machine, {"metadata": META | {"labels": {"a": "b"}}}, True),
    (matters.rendered, infrav1.Metal3Machine, {"spec": {"providerID": "metal3://x"}}, False),
]
ANSWERS = [
    (infrav1.Metal3DataClaim, {"status": {"renderedData": {"name": "t-0"}}}, True),
    (infrav1.Metal3DataClaim, {"status": {"errorMessage": "no"}}, True),
    (infrav1.Metal3DataClaim, GOING, True),
    (infrav1.Metal3DataClaim, NOISE, False),
    (infrav1.Metal3Data, {"status": {"ready": True}}, True),
    (infrav1.Metal3Data, {"status": {"errorMessage": "no"}}, True),
    (infrav1.Metal3Data, {"spec": {"metaData": {"name": "s"}}}, False),
    (infrav1.Metal3Data, GOING, True),
]


def update(kind, change):
    """From a bare object to one with the change."""
    old = kind.from_dict({"metadata": META})
    return UpdateEvent(
        object_old=old, object_new=kind.from_dict({"metadata": NOISE["metadata"]} | change)
    )


@pytest.mark.parametrize(("face", "kind", "change", "wakes"), CASES)
def test_what_is_read_wakes(face, kind, change, wakes):
    """And only that."""
    assert matters.changes_of(face).update(update(kind, change)) is bool(wakes)


@pytest.mark.parametrize(("kind", "change", "wakes"), ANSWERS)
def test_answers_wake_their_machine(kind, change, wakes):
    """Names of Secrets tell nothing before they are filled."""
    assert matters.answers().update(update(kind, change)) is wakes


@pytest.mark.parametrize(("kind", "change", "wakes"), ANSWERS)
def test_a_creation_that_says_nothing_is_our_own_doing(kind, change, wakes):
    """What is there with an answer at the start wakes."""
    obj = kind.from_dict({"metadata": META} | change)
    assert matters.answers().create(CreateEvent(object=obj)) is wakes


def test_names_of_secrets_of_ready_data_are_an_answer():
    """They can be told later than that the data is ready."""
    old = infrav1.Metal3Data.from_dict({"metadata": META, "status": {"ready": True}})
    new = old.deep_copy()
    new.spec.meta_data = infrav1.SecretReference(name="s")
    assert matters.answers().update(UpdateEvent(object_old=old, object_new=new))
