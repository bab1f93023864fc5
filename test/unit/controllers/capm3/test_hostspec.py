"""What a machine writes into its host, and what it leaves as it was."""

import json

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.capm3 import hostspec
from metal3.controllers.capm3.hostspec import Release

State = metal3api.ProvisioningState
SECRETS = {
    "userData": {"name": "u"},
    "metaData": {"name": "m-0-metadata"},
    "networkData": {"name": "m-0-networkdata"},
}


@pytest.fixture
def m3m(make_machine):
    """A machine whose data is there."""
    obj = make_machine("m-0")[1]
    for field, ref in SECRETS.items():
        name = {"userData": "user_data", "metaData": "meta_data", "networkData": "network_data"}
        setattr(obj.status, name[field], infrav1.SecretReference.from_dict(ref))
    return obj


AT_REST = ["", "unmanaged", "registering", "match profile", "inspecting", "ready", "available"]
BUSY = [
    "preparing", "provisioning", "provisioned", "deprovisioning",
    "powering off before delete", "deleting", "of a later release",
]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "powered_on", "step"),
    [
        *((state, True, Release.NOW) for state in AT_REST),
        *((state, False, Release.WAIT) for state in BUSY),
        ("externally provisioned", True, Release.WAIT),
        ("externally provisioned", False, Release.NOW),
    ],
)
def test_states_in_which_a_host_can_be_given_back(make_host, state, powered_on, step):
    """Only where nothing of the machine is on it."""
    host = make_host()
    host.status = metal3api.BareMetalHost.from_dict(
        {"status": {"provisioning": {"state": state}, "poweredOn": powered_on}}
    ).status
    assert hostspec.release_step(host) is step


def test_a_claim(make_host, m3m):
    """Consumer, cluster and block-move are there, a reservation is not."""
    host = make_host()
    host.metadata.labels[infrav1.NODE_REUSE_LABEL] = "md-a"
    hostspec.claim(host, m3m)
    assert host.spec.consumer_ref.to_dict() == {
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2",
        "kind": "Metal3Machine",
        "name": "m-0",
        "namespace": "metal3",
    }
    assert host.metadata.labels == {clusterv1.CLUSTER_NAME_LABEL: "c"}
    assert host.metadata.annotations == {clusterv1.BLOCK_MOVE_ANNOTATION: ""}


def test_a_deployment(make_host, m3m):
    """Image and all data; power on; the machine's cleaning mode."""
    m3m.spec.automated_cleaning_mode = "disabled"
    host = make_host(online=False)
    hostspec.deploy(host, m3m)
    spec = host.spec.to_dict()
    assert spec["online"] is True
    assert spec["automatedCleaningMode"] == "disabled"
    assert spec["image"] == {
        "url": "http://images/a.qcow2",
        "checksum": "http://images/a.sha256",
    }
    assert {key: spec[key]["name"] for key in SECRETS} == {k: v["name"] for k, v in SECRETS.items()}
    assert {spec[key]["namespace"] for key in SECRETS} == {"metal3"}


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        ({"url": "oci://r/i"}, {"url": "oci://r/i"}),
        (
            {"url": "http://i", "checksum": "", "checksumType": "", "diskFormat": ""},
            {"url": "http://i"},
        ),
        (
            {"url": "http://i", "checksum": "c", "checksumType": "md5", "diskFormat": "raw"},
            {"url": "http://i", "checksum": "c", "checksumType": "md5", "format": "raw"},
        ),
        (
            {"url": "http://i.iso", "diskFormat": "live-iso"},
            {"url": "http://i.iso", "format": "live-iso"},
        ),
    ],
)
def test_what_an_image_does_not_say_is_left_out(image, wanted):
    """An empty format would be refused by the host's schema, and the machine never get a host."""
    assert hostspec.image_of(infrav1.Image.from_dict(image)).to_dict() == wanted


def test_a_custom_deploy_step(make_host, m3m):
    """Instead of an image."""
    m3m.spec.image = None
    m3m.spec.custom_deploy = infrav1.CustomDeploy(method="own")
    host = make_host()
    hostspec.deploy(host, m3m)
    assert host.spec.image is None
    assert host.spec.custom_deploy.method == "own"


def test_an_image_that_is_there_is_kept(make_host, m3m):
    """A machine never changes what runs; a second pass changes nothing."""
    host = make_host(image={"url": "http://other"}, userData={"name": "other"})
    hostspec.deploy(host, m3m)
    assert (host.spec.image.url, host.spec.user_data.name) == ("http://other", "other")


def test_data_a_user_wrote_into_the_host_survives(make_host, m3m):
    """Where the machine has none of its own, coming and going."""
    m3m.status.network_data = m3m.status.meta_data = None
    host = make_host(networkData={"name": "mine"}, metaData={"name": "also-mine"})
    hostspec.deploy(host, m3m)
    assert (host.spec.network_data.name, host.spec.meta_data.name) == ("mine", "also-mine")
    hostspec.undeploy(host, m3m, keep_power=False)
    assert (host.spec.network_data.name, host.spec.meta_data.name) == ("mine", "also-mine")


def test_nothing_of_a_machine_stays_on_its_host(make_host, m3m):
    """Also when the machine's status was lost, as in a move: names tell what is ours."""
    host = make_host()
    hostspec.deploy(host, m3m)
    m3m.status.meta_data = m3m.status.network_data = None
    hostspec.undeploy(host, m3m, keep_power=False)
    spec = host.spec
    assert (spec.image, spec.custom_deploy) == (None, None)
    assert (spec.user_data, spec.meta_data, spec.network_data) == (None, None, None)
    assert spec.online is False


def test_data_the_machine_named_itself_goes_with_it(make_host, m3m):
    """Known by name from the machine's spec, also when its status was lost."""
    for field in ("user_data", "meta_data", "network_data"):
        own = infrav1.SecretReference(name=f"own-{field}")
        setattr(m3m.spec, field, own)
        setattr(m3m.status, field, own)
    host = make_host()
    hostspec.deploy(host, m3m)
    assert host.spec.meta_data.name == "own-meta_data"
    m3m.status = infrav1.Metal3Machine().status
    hostspec.undeploy(host, m3m, keep_power=False)
    spec = host.spec
    assert (spec.user_data, spec.meta_data, spec.network_data) == (None, None, None)


@pytest.mark.parametrize(
    ("keep", "disabled", "online"), [(False, None, False), (True, None, True), (False, True, True)]
)
def test_power_of_a_host_that_is_given_back(make_host, m3m, keep, disabled, online):
    """Off, unless it is kept for a fast start or may not be off."""
    host = make_host(disablePowerOff=disabled)
    hostspec.undeploy(host, m3m, keep_power=keep)
    assert host.spec.online is online


def test_letting_go(make_host, m3m):
    """Consumer, label, block-move and the provider's own pause go; a user's pause stays."""
    host = make_host()
    hostspec.claim(host, m3m)
    host.metadata.annotations[metal3api.PAUSED_ANNOTATION] = metal3api.PAUSED_BY_CAPM3
    hostspec.let_go(host)
    assert host.spec.consumer_ref is None
    assert (host.metadata.labels, host.metadata.annotations) == ({}, {})
    host.metadata.annotations[metal3api.PAUSED_ANNOTATION] = "by-me"
    hostspec.let_go(host)
    assert metal3api.PAUSED_ANNOTATION in host.metadata.annotations


def test_reserving(make_host, m3m, make_cluster):
    """The Cluster holds the host for the next machine of the same owner."""
    host = make_host()
    hostspec.claim(host, m3m)
    hostspec.let_go(host, reserve_as="md-a", cluster=make_cluster()[0])
    assert host.metadata.labels == {infrav1.NODE_REUSE_LABEL: "md-a"}
    ref = host.spec.consumer_ref
    assert (ref.api_version, ref.kind, ref.name) == ("cluster.x-k8s.io/v1beta2", "Cluster", "c")


def test_pausing_for_a_move(make_host, m3m):
    """The status travels, without the hardware; a pause of the user's is left alone."""
    host = make_host()
    hostspec.claim(host, m3m)
    host.status.powered_on = True
    host.status.hardware = metal3api.HardwareDetails.from_dict({"hostname": "h"})
    hostspec.pause(host)
    annotations = host.metadata.annotations
    assert annotations[metal3api.PAUSED_ANNOTATION] == metal3api.PAUSED_BY_CAPM3
    kept = json.loads(annotations[metal3api.STATUS_ANNOTATION])
    assert kept["poweredOn"] is True
    assert "hardware" not in kept
    assert clusterv1.BLOCK_MOVE_ANNOTATION not in annotations
    hostspec.unpause(host)
    assert metal3api.PAUSED_ANNOTATION not in annotations
    assert clusterv1.BLOCK_MOVE_ANNOTATION in annotations

    host.metadata.annotations = {metal3api.PAUSED_ANNOTATION: "by-me"}
    hostspec.pause(host)
    assert host.metadata.annotations == {metal3api.PAUSED_ANNOTATION: "by-me"}
    hostspec.unpause(host)
    assert host.metadata.annotations[metal3api.PAUSED_ANNOTATION] == "by-me"


def test_addresses(make_host):
    """One for each card with an address, then the name the machine gave itself, each once."""
    host = make_host()
    assert hostspec.addresses_of(host) == []
    nics = [{"ip": "192.0.2.1"}, {"ip": ""}, {"ip": "2001:db8::1"}, {"ip": "192.0.2.1"}]
    host.status.hardware = metal3api.HardwareDetails.from_dict({"hostname": "h", "nics": nics})
    assert [(a.type, a.address) for a in hostspec.addresses_of(host)] == [
        ("InternalIP", "192.0.2.1"),
        ("InternalIP", "2001:db8::1"),
        ("Hostname", "h"),
        ("InternalDNS", "h"),
    ]


def test_more_addresses_than_a_machine_may_have(make_host):
    """The schema bounds them; names are what a node may be found by, so they are kept."""
    host = make_host()
    nics = [{"ip": f"192.0.2.{number}"} for number in range(200)]
    host.status.hardware = metal3api.HardwareDetails.from_dict({"hostname": "h", "nics": nics})
    found = hostspec.addresses_of(host)
    assert len(found) == 128
    assert [a.address for a in found[-2:]] == ["h", "h"]
