"""Admission of the provider's kinds: every rule, with the path of the field."""

from typing import Any

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.infrastructure_cluster_x_k8s_io.preserving import GROUP, SPOKE_DATA_SUFFIX
from metal3.api.infrastructure_cluster_x_k8s_io.v1alpha5 import conversion as v1alpha5
from metal3.api.infrastructure_cluster_x_k8s_io.v1beta1 import conversion as v1beta1
from metal3.controllers.capm3.templatereference import index_space
from metal3.controllers.capm3.webhooks import add_converters, webhooks
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.webhook import Converters, DeniedError, RequestInfo

NS = "metal3"
IMAGE = {"url": "http://images/a.qcow2", "checksum": "abc"}
ENDPOINT = {"host": "192.0.2.1", "port": 6443}
REQUEST = RequestInfo(uid="1", operation="CREATE", name="x", namespace=NS, username="u")
STRATEGY = {"type": "Reboot", "retryLimit": 1, "timeoutSeconds": 300}


def make(kind, name="x", **spec):
    """An object of a kind."""
    return getattr(infrav1, kind).from_dict(
        {"metadata": {"name": name, "namespace": NS}, "spec": spec}
    )


def of(kind, *objects):
    """The webhook of a kind; ``objects`` are there."""
    return next(w for w in webhooks(FakeClient(*objects)) if w.kind.gvk.kind == kind)


async def problems(kind, old=None, name="x", **spec):
    """Fields that are refused."""
    validator = of(kind).validator
    obj = make(kind, name, **spec)
    try:
        if old is None:
            await validator.validate_create(obj, REQUEST)
        else:
            await validator.validate_update(make(kind, name, **old), obj, REQUEST)
    except DeniedError as error:
        return [e.field for e in error.errors]
    return []


def image(**fields):
    """A machine's spec with another image."""
    return {"image": {k: v for k, v in (IMAGE | fields).items() if v is not None}}


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        (image(), []),
        ({"customDeploy": {"method": "m"}}, []),
        ({}, ["spec.image"]),
        (image(url="no url"), ["spec.image.url"]),
        (image(url="http://"), ["spec.image.url"]),
        (image(checksum=None), ["spec.image.checksum"]),
        (image(checksum="http://"), ["spec.image.checksum"]),
        (image(checksum=None, diskFormat="live-iso"), []),
        (image(url="oci://r/i", checksum=None), []),
        (image(url="OCI://r/i"), ["spec.image.checksum"]),
        (
            image(url="oci://r/i", checksum=None, checksumType="md5"),
            ["spec.image.checksumType"],
        ),
        (image() | {"userData": {"name": "a", "namespace": NS}}, []),
        (image() | {"userData": {"name": "a", "namespace": "b"}}, ["spec.userData.namespace"]),
        (image() | {"metaData": {"name": "a", "namespace": "b"}}, ["spec.metaData.namespace"]),
        (
            image() | {"networkData": {"name": "a", "namespace": "b"}},
            ["spec.networkData.namespace"],
        ),
        (
            image() | {"hostSelector": {"matchExpressions": [{"key": "a", "operator": "like"}]}},
            ["spec.hostSelector.matchExpressions"],
        ),
    ],
)
async def test_machines(spec, fields):
    """Images, Secrets of other namespaces, selectors."""
    assert await problems("Metal3Machine", **spec) == fields


async def test_a_bad_machine_can_be_touched_but_not_made_worse():
    """Labels and finalizers of an object older than a rule can change; its spec cannot."""
    assert await problems("Metal3Machine", old={}) == []
    assert await problems("Metal3Machine", old={}, providerID="x") == ["spec.image"]


async def test_machine_templates():
    """The same rules below the template; the spec may change."""
    good = {"template": {"spec": image()}}
    bad: dict[str, Any] = {"template": {"spec": {}}}
    assert await problems("Metal3MachineTemplate", **good) == []
    assert await problems("Metal3MachineTemplate", **bad) == ["spec.template.spec.image"]
    assert await problems("Metal3MachineTemplate", old=good, **(good | {"nodeReuse": True})) == []


async def test_clusters():
    """A host is needed; port and cloud provider have defaults; the endpoint may change."""
    assert await problems("Metal3Cluster") == ["spec.controlPlaneEndpoint.host"]
    other = {"controlPlaneEndpoint": ENDPOINT | {"host": "b"}}
    assert await problems("Metal3Cluster", old={"controlPlaneEndpoint": ENDPOINT}, **other) == []
    m3c = make("Metal3Cluster", controlPlaneEndpoint={"host": "a"})
    await of("Metal3Cluster").defaulter.default(m3c, REQUEST)
    assert m3c.spec.to_dict() == {
        "controlPlaneEndpoint": {"host": "a", "port": 6443},
        "cloudProviderEnabled": False,
    }


async def test_cluster_templates():
    """Host and port; a bad one can be repaired."""
    path = "spec.template.spec.controlPlaneEndpoint"
    good = {"template": {"spec": {"controlPlaneEndpoint": ENDPOINT}}}
    bad: dict[str, Any] = {"template": {"spec": {}}}
    assert await problems("Metal3ClusterTemplate", **bad) == [f"{path}.host", f"{path}.port"]
    assert await problems("Metal3ClusterTemplate", old=bad, **good) == []


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ({}, []),
        (
            {"metaData": {"fromHostInterfaces": [{"key": "k"}]}},
            ["spec.metaData.fromHostInterfaces[0]"],
        ),
        (
            {
                "metaData": {
                    "fromHostInterfaces": [{"key": "k", "interface": "e", "fromBootMAC": True}]
                }
            },
            ["spec.metaData.fromHostInterfaces[0]"],
        ),
        (
            {"networkData": {"networks": {"ipv6": [{"id": "n", "link": "l"}]}}},
            ["spec.networkData.networks.ipv6[0]"],
        ),
        (
            {
                "networkData": {
                    "networks": {"ipv4": [{"id": "n", "link": "l", "fromPoolRef": {"name": "p"}}]}
                }
            },
            [],
        ),
    ],
)
async def test_data_templates(spec, fields):
    """Sources are complete."""
    assert await problems("Metal3DataTemplate", **spec) == fields


async def test_data_templates_do_not_change():
    """Machines made later must be like those that are there."""
    old = {"metaData": {"namespaces": [{"key": "a"}]}, "networkData": {}}
    new = {"metaData": {"namespaces": [{"key": "b"}]}, "networkData": {"services": {}}}
    found = await problems("Metal3DataTemplate", old=old, **new)
    assert found == ["spec.metaData", "spec.networkData"]


async def test_warnings_name_what_is_missing():
    """A template or pool that is not there yet is no reason to refuse, but to be told."""
    spec = {"metaData": {"ipAddressesFromPool": [{"key": "k", "name": "p"}]}, "clusterName": "c"}
    template = make("Metal3DataTemplate", **spec)
    told = await of("Metal3DataTemplate").validator.validate_create(template, REQUEST)
    assert told == [
        "spec.clusterName is not read any more",
        "spec.metaData.ipAddressesFromPool[0].name: there is no IPPool p in namespace metal3 yet",
    ]
    m3m = make("Metal3Machine", **image(), dataTemplate={"name": "t"})
    (text,) = await of("Metal3Machine").validator.validate_create(m3m, REQUEST)
    assert text.startswith("spec.dataTemplate.name: there is no Metal3DataTemplate t")
    there = make("Metal3DataTemplate", "t")
    assert not await of("Metal3Machine", there).validator.validate_create(m3m, REQUEST)


def secret(name, *keys):
    """A Secret with these keys."""
    return corev1.new_secret(name, NS, dict.fromkeys(keys, "x"))


SECRET_REFS = {"userData": {"name": "u"}, "metaData": {"name": "m"}, "networkData": {"name": "n"}}


@pytest.mark.parametrize("kind", ["Metal3Machine", "Metal3MachineTemplate"])
async def test_secrets_that_are_missing_or_lack_their_key_are_told(kind):
    """A host looks for the field's own name in them, or for ``value``."""
    spec, path = image() | SECRET_REFS, "spec"
    if kind == "Metal3MachineTemplate":
        spec, path = {"template": {"spec": spec}}, "spec.template.spec"
    obj = make(kind, **spec)
    there = [secret("m", "metadata"), secret("n", "value")]
    told = await of(kind, *there).validator.validate_create(obj, REQUEST)
    assert told == [
        f"{path}.userData.name: there is no Secret u in namespace metal3 yet",
        f"{path}.metaData.name: Secret m has neither the key metaData nor the key value",
    ]
    there = [secret("u", "userData"), secret("m", "metaData"), secret("n", "networkData")]
    assert not await of(kind, *there).validator.validate_create(obj, REQUEST)


async def test_an_update_tells_of_what_it_changes_only():
    """The operator's own writes are many, and nobody reads their warnings."""
    old = make("Metal3Machine", **image(), **SECRET_REFS)
    new = make("Metal3Machine", **image(), **SECRET_REFS, providerID="metal3://a/b/c")
    validator = of("Metal3Machine").validator
    assert not await validator.validate_update(old, new, REQUEST)
    new.spec.user_data.name = "other"
    assert len(await validator.validate_update(old, new, REQUEST)) == 3


def network(**parts):
    """A template's spec with these networks, links or services."""
    return {"networkData": parts}


def ethernet(id_="e", **fields):
    """A link."""
    return {"id": id_, "type": "phy"} | fields


def with_route(kind="ipv4DHCP", **route):
    """A network with one route."""
    full = {"network": "192.0.2.0", "gateway": {}} | route
    return network(networks={kind: [{"id": "n", "link": "e", "routes": [full]}]})


ROUTE = "spec.networkData.networks.ipv4DHCP[0].routes[0]"


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        (
            network(links={"ethernets": [ethernet(macAddress={"string": "02:00:00:00:00"})]}),
            ["spec.networkData.links.ethernets[0].macAddress.string"],
        ),
        (
            network(links={"vlans": [{"id": "v", "macAddress": {"string": "x"}}]}),
            ["spec.networkData.links.vlans[0].macAddress.string"],
        ),
        (
            network(links={"bonds": [{"id": "b", "macAddress": {"string": "x"}}]}),
            ["spec.networkData.links.bonds[0].macAddress.string"],
        ),
        (network(links={"bonds": [{"id": "b", "macAddress": {"fromHostInterface": "x"}}]}), []),
        (
            network(services={"dns": ["192.0.2.53", "2001:db8::53", "ns.example"]}),
            ["spec.networkData.services.dns[2]"],
        ),
        (with_route(), []),
        (with_route(network="192.0.2"), [f"{ROUTE}.network"]),
        (with_route(network="2001:db8::"), [f"{ROUTE}.network"]),
        (with_route(gateway={"string": "2001:db8::1"}), [f"{ROUTE}.gateway.string"]),
        (with_route(gateway={"string": "192.0.2.1"}), []),
        (with_route(services={"dns": ["x"]}), [f"{ROUTE}.services.dns[0]"]),
        (
            with_route("ipv6SLAAC"),
            ["spec.networkData.networks.ipv6SLAAC[0].routes[0].network"],
        ),
        (
            with_route("ipv6DHCP", network="1:2:3:4:5:6:7::1:2"),
            [ROUTE.replace("4", "6") + ".network"],
        ),
    ],
)
async def test_addresses_in_data_templates(spec, fields):
    """What could never be rendered is refused where it stands."""
    assert await problems("Metal3DataTemplate", **spec) == fields


async def warnings_of(spec, *there):
    """What is told about a Metal3DataTemplate."""
    obj = make("Metal3DataTemplate", **spec)
    return await of("Metal3DataTemplate", *there).validator.validate_create(obj, REQUEST)


async def test_links_that_are_not_described_are_told():
    """Bonds, VLANs and networks name links by their ids, which are unique."""
    links = {
        "ethernets": [ethernet("a"), ethernet("b")],
        "bonds": [{"id": "b", "bondLinks": ["a", "c"]}],
        "vlans": [{"id": "v", "vlanLink": "d"}],
    }
    networks = {"ipv4DHCP": [{"id": "n", "link": "e"}, {"id": "o", "link": "v"}]}
    path = "spec.networkData"
    assert await warnings_of(network(links=links, networks=networks)) == [
        f"{path}.links: 2 links have the id b",
        f"{path}.links.bonds[0].bondLinks[1]: there is no link c",
        f"{path}.links.vlans[0].vlanLink: there is no link d",
        f"{path}.networks.ipv4DHCP[0].link: there is no link e",
    ]


async def test_pools_are_looked_for_wherever_they_are_named():
    """Those of this project; of others nobody here can tell."""
    foreign = {"name": "q", "kind": "InClusterIPPool", "apiGroup": "ipam.cluster.x-k8s.io"}
    route = {"network": "192.0.2.0", "services": {"dnsFromIPPool": "c"}}
    networks = {
        "ipv4": [
            {
                "id": "n",
                "link": "e",
                "ipAddressFromIPPool": "a",
                "routes": [route | {"gateway": {"fromIPPool": "b"}}],
            },
            {"id": "o", "link": "e", "fromPoolRef": foreign},
        ],
        "ipv4DHCP": [
            {
                "id": "p",
                "link": "e",
                "routes": [route | {"gateway": {"fromPoolRef": {"name": "d"}}}],
            }
        ],
    }
    metadata = {"prefixesFromPool": [{"key": "k", "name": "f"}, {"key": "l"} | foreign]}
    spec = network(
        links={"ethernets": [ethernet()]}, networks=networks, services={"dnsFromIPPool": "g"}
    )
    told = await warnings_of({"metaData": metadata} | spec)
    here = "spec.networkData.networks"
    assert [text.partition(":")[0] for text in told] == [
        "spec.metaData.prefixesFromPool[0].name",
        f"{here}.ipv4DHCP[0].routes[0].gateway.fromPoolRef.name",
        f"{here}.ipv4DHCP[0].routes[0].services.dnsFromIPPool",
        f"{here}.ipv4[0].ipAddressFromIPPool",
        f"{here}.ipv4[0].routes[0].gateway.fromIPPool",
        f"{here}.ipv4[0].routes[0].services.dnsFromIPPool",
        "spec.networkData.services.dnsFromIPPool",
    ]


def in_old_release(kind, name, version="v1alpha5", **spec):
    """An object as it is stored when it was written in an older version."""
    reference = {"kind": "Metal3DataTemplate", "name": "t"}
    body = {"metadata": {"name": name, "namespace": NS}, "spec": {"templateReference": "old"}}
    if kind == "Metal3Data":
        body["spec"] |= {"template": reference, "claim": {"name": "c"}, "index": 3}
    else:
        body["spec"]["clusterName"] = "c"
    way = next(
        c
        for c in (*v1alpha5.CONVERSIONS, *v1beta1.CONVERSIONS)
        if (c.kind, c.version) == (kind, version)
    )
    return getattr(infrav1, kind).from_dict(way.to_hub(body))


@pytest.mark.parametrize("version", ["v1alpha5", "v1beta1"])
async def test_data_named_after_a_template_reference_may_come_back(version):
    """As in a move of clusters from older releases; by what it says itself, or its template."""
    validate = of("Metal3Data").validator.validate_create
    await validate(in_old_release("Metal3Data", "old-3", version), REQUEST)
    plain = make("Metal3Data", "old-3", **REF)
    template = in_old_release("Metal3DataTemplate", "t", version)
    await of("Metal3Data", template).validator.validate_create(plain, REQUEST)
    for there in ([], [make("Metal3DataTemplate", "t")]):
        with pytest.raises(DeniedError):
            await of("Metal3Data", *there).validator.validate_create(plain, REQUEST)
    with pytest.raises(DeniedError):
        await validate(in_old_release("Metal3Data", "older-3", version), REQUEST)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"spec": 3}', '{"spec": {"templateReference": 3}}']
)
def test_an_annotation_that_is_nonsense_is_no_reference(text):
    """Annotations are not checked by anybody."""
    obj = make("Metal3DataTemplate", "t")
    obj.metadata.annotations[f"v1beta1{SPOKE_DATA_SUFFIX}"] = text
    assert index_space(obj) == "t"


REF = {"template": {"name": "t"}, "claim": {"name": "c"}, "index": 3}


@pytest.mark.parametrize(
    ("old", "name", "spec", "fields"),
    [
        (None, "t-3", REF, []),
        (None, "t-4", REF, ["metadata.name"]),
        (None, "t--1", REF | {"index": -1}, ["spec.index"]),
        (REF, "t-3", REF | {"metaData": {"name": "s"}}, []),
        (REF, "t-3", REF | {"index": 4}, ["spec.index"]),
        (REF, "t-3", REF | {"template": {"name": "u"}}, ["spec.template"]),
        (REF, "t-3", REF | {"claim": {"name": "u"}}, ["spec.claim"]),
    ],
)
async def test_data(old, name, spec, fields):
    """The name says template and index, which stay."""
    assert await problems("Metal3Data", old=old, name=name, **spec) == fields


@pytest.mark.parametrize(
    ("old", "spec", "fields"),
    [
        (None, {"template": {"name": "t"}}, []),
        (None, {}, ["spec.template.name"]),
        (None, {"template": {"name": "t", "namespace": "b"}}, ["spec.template.namespace"]),
        ({"template": {"name": "t"}}, {"template": {"name": "u"}}, ["spec.template"]),
    ],
)
async def test_data_claims(old, spec, fields):
    """One template of the own namespace, for good; a missing one is refused, not a crash."""
    assert await problems("Metal3DataClaim", old=old, **spec) == fields


@pytest.mark.parametrize(
    ("strategy", "fields"),
    [
        (STRATEGY, []),
        (STRATEGY | {"type": "Pray"}, ["type"]),
        (STRATEGY | {"timeoutSeconds": 99}, ["timeoutSeconds"]),
        (STRATEGY | {"timeoutSeconds": 0}, []),
        (STRATEGY | {"retryLimit": 0}, ["retryLimit"]),
    ],
)
async def test_remediations(strategy, fields):
    """Type, timeout and tries; the same in a template."""
    wanted = [f"spec.strategy.{f}" for f in fields]
    assert await problems("Metal3Remediation", strategy=strategy) == wanted
    wanted = [f"spec.template.spec.strategy.{f}" for f in fields]
    template = {"template": {"spec": {"strategy": strategy}}}
    assert await problems("Metal3RemediationTemplate", **template) == wanted


async def test_a_remediation_template_without_strategy_is_refused_not_a_crash():
    """The defaults leave it alone; the rule names the field."""
    template = make("Metal3RemediationTemplate", template={"spec": {}})
    await of("Metal3RemediationTemplate").defaulter.default(template, REQUEST)
    found = await problems("Metal3RemediationTemplate", template={"spec": {}})
    assert found == ["spec.template.spec.strategy"]
    strategy = {"template": {"spec": {"strategy": {"retryLimit": 2}}}}
    template = make("Metal3RemediationTemplate", **strategy)
    await of("Metal3RemediationTemplate").defaulter.default(template, REQUEST)
    assert template.spec.template.spec.strategy.to_dict() == {
        "type": "Reboot",
        "retryLimit": 2,
    } | {k: v for k, v in template.spec.template.spec.strategy.to_dict().items() if k[0] == "t"}


def test_every_kind_converts_between_all_its_versions():
    """Through the hub, also from one old version to another."""
    converters = Converters()
    add_converters(converters)
    for kind in infrav1.KINDS:
        name = kind.gvk.kind
        versions = ["v1beta2", "v1beta1"]
        versions += [] if name == "Metal3ClusterTemplate" else ["v1alpha5"]
        for version in versions:
            for wanted in versions:
                obj = {"apiVersion": f"{GROUP}/{version}", "kind": name, "metadata": {"name": "x"}}
                out = converters.convert(obj, f"{GROUP}/{wanted}")
                assert out["apiVersion"] == f"{GROUP}/{wanted}"
