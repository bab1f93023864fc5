"""Texts a machine boots with, compared with goldens written by hand."""

import dataclasses

import pytest
import yaml

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.capm3.rendering import (
    Objects,
    PoolAddress,
    PoolKey,
    RenderError,
    as_yaml,
    pools_of,
    render_metadata,
    render_networkdata,
)
from metal3.controllers.capm3.rendering.networkdata import netmask

MAC = "02:00:00:00:00:01"
V4 = PoolAddress(
    address="198.51.100.7", prefix=24, gateway="198.51.100.1", dns_servers=("198.51.100.53",)
)
V6 = PoolAddress(address="2001:db8::7", prefix=64, gateway="2001:db8::1")
ADDRESSES = {PoolKey("p4"): V4, PoolKey("p6"): V6}


def objects(index=3, nics=None):
    """One machine on one host."""
    found = [{"name": "eno1", "mac": MAC}] if nics is None else nics
    return Objects(
        data=infrav1.Metal3Data.from_dict(
            {"metadata": {"name": "t-3", "namespace": "ns"}, "spec": {"index": index}}
        ),
        machine=clusterv1.Machine.from_dict(
            {"metadata": {"name": "machine", "namespace": "ns", "labels": {"l": "of-machine"}}}
        ),
        metal3_machine=infrav1.Metal3Machine.from_dict(
            {"metadata": {"name": "m3m", "namespace": "ns", "annotations": {"pool": "p4"}}}
        ),
        host=metal3api.BareMetalHost.from_dict(
            {
                "metadata": {"name": "host", "namespace": "ns", "annotations": {"mac": MAC}},
                "spec": {"online": True, "bootMACAddress": "02:00:00:00:00:99"},
                "status": {"hardware": {"nics": found}},
            }
        ),
    )


def metadata(addresses=ADDRESSES, **spec):
    """Rendered metaData."""
    return render_metadata(infrav1.MetaData.from_dict(spec), objects(), addresses)


def network(**spec):
    """Rendered networkData."""
    return render_networkdata(infrav1.NetworkData.from_dict(spec), objects(), ADDRESSES)


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ({"fromHostInterfaces": [{"key": "k", "interface": "eno1"}]}, MAC),
        ({"fromHostInterfaces": [{"key": "k", "fromBootMAC": True}]}, "02:00:00:00:00:99"),
        ({"ipAddressesFromPool": [{"key": "k", "name": "p4"}]}, "198.51.100.7"),
        ({"prefixesFromPool": [{"key": "k", "name": "p4"}]}, "24"),
        ({"gatewaysFromPool": [{"key": "k", "name": "p4"}]}, "198.51.100.1"),
        ({"dnsServersFromPool": [{"key": "k", "name": "p4"}]}, "198.51.100.53"),
        ({"indexes": [{"key": "k"}]}, "3"),
        (
            {"indexes": [{"key": "k", "offset": 10, "step": 2, "prefix": "a", "suffix": "z"}]},
            "a16z",
        ),
        ({"indexes": [{"key": "k", "step": 0}]}, "3"),
        ({"namespaces": [{"key": "k"}]}, "ns"),
        ({"objectNames": [{"key": "k", "object": "machine"}]}, "machine"),
        ({"objectNames": [{"key": "k", "object": "metal3machine"}]}, "m3m"),
        ({"objectNames": [{"key": "k", "object": "baremetalhost"}]}, "host"),
        ({"fromLabels": [{"key": "k", "object": "machine", "label": "l"}]}, "of-machine"),
        ({"fromLabels": [{"key": "k", "object": "machine", "label": "none"}]}, ""),
        (
            {"fromAnnotations": [{"key": "k", "object": "baremetalhost", "annotation": "mac"}]},
            MAC,
        ),
        ({"fromAnnotations": [{"key": "k", "object": "machine", "annotation": "x"}]}, ""),
        ({"strings": [{"key": "k", "value": "v"}]}, "v"),
        ({"strings": [{"key": "k", "value": "v"}], "namespaces": [{"key": "k"}]}, "v"),
    ],
)
def test_sources_of_metadata(spec, value):
    """Each kind of entry gives what the reference says; later kinds overwrite earlier ones."""
    assert metadata(**spec) == {"k": value, "providerid": "ns/host/m3m"}


def test_the_provider_id_is_always_ours():
    """A user's key of that name is overwritten: nodes are found by it."""
    text = metadata(strings=[{"key": "providerid", "value": "mine"}])
    assert text == {"providerid": "ns/host/m3m"}


def test_pools_of_another_kind_are_asked_for():
    """The group and kind of an entry count; two pools may have one name."""
    other = PoolKey("p4", "GlobalPool", "example.com")
    addresses = {**ADDRESSES, other: PoolAddress(address="203.0.113.9")}
    item = {"key": "k", "name": "p4", "kind": "GlobalPool", "apiGroup": "example.com"}
    assert metadata(addresses, ipAddressesFromPool=[item])["k"] == "203.0.113.9"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"fromHostInterfaces": [{"key": "k", "interface": "eno9"}]}, "NIC name not found"),
        ({"ipAddressesFromPool": [{"key": "k", "name": "px"}]}, "pool not found in cache"),
        ({"objectNames": [{"key": "k", "object": "cluster"}]}, "unknown object 'cluster'"),
    ],
)
def test_metadata_that_cannot_be_rendered(spec, text):
    """The message says what is missing."""
    with pytest.raises(RenderError, match=text):
        metadata(**spec)


def test_a_pool_without_prefix_is_told():
    """The Go provider crashes there."""
    addresses = {PoolKey("p4"): PoolAddress(address="198.51.100.7")}
    with pytest.raises(RenderError, match=r"metaData.k: pool p4 has no prefix"):
        metadata(addresses, prefixesFromPool=[{"key": "k", "name": "p4"}])


def test_the_whole_shape_of_network_data():
    """Bonds, ethernets and VLANs, static and dynamic networks, routes and services."""
    spec = {
        "links": {
            "ethernets": [
                {
                    "id": "eno1",
                    "type": "phy",
                    "name": "eno1",
                    "macAddress": {"fromHostInterface": "eno1"},
                }
            ],
            "bonds": [
                {
                    "id": "bond0",
                    "bondMode": "802.3ad",
                    "bondXmitHashPolicy": "layer3+4",
                    "bondLinks": ["eno1", "eno2"],
                    "name": "bond0",
                    "macAddress": {"string": MAC},
                    "parameters": [{"name": "miimon", "value": 100}],
                }
            ],
            "vlans": [
                {
                    "id": "vlan7",
                    "vlanID": 7,
                    "vlanLink": "bond0",
                    "macAddress": {
                        "fromAnnotation": {"object": "baremetalhost", "annotation": "mac"}
                    },
                }
            ],
        },
        "networks": {
            "ipv4": [
                {
                    "id": "net4",
                    "link": "bond0",
                    "ipAddressFromIPPool": "p4",
                    "routes": [
                        {
                            "network": "0.0.0.0",
                            "prefix": 0,
                            "gateway": {"fromIPPool": "p4"},
                            "services": {"dns": ["192.0.2.53"], "dnsFromIPPool": "p4"},
                        }
                    ],
                }
            ],
            "ipv6SLAAC": [{"id": "net6", "link": "bond0"}],
        },
        "services": {"dns": ["192.0.2.1"], "dnsFromIPPool": "p4"},
    }
    assert yaml.safe_load(as_yaml(network(**spec))) == yaml.safe_load("""
links:
- {type: bond, id: bond0, mtu: 1500, bond_mode: 802.3ad, bond_xmit_hash_policy: layer3+4,
   bond_links: [eno1, eno2], name: bond0, ethernet_mac_address: "02:00:00:00:00:01",
   bond_miimon: 100}
- {type: phy, id: eno1, mtu: 1500, name: eno1, ethernet_mac_address: "02:00:00:00:00:01"}
- {type: vlan, id: vlan7, mtu: 1500, vlan_link: bond0, vlan_id: 7,
   vlan_mac_address: "02:00:00:00:00:01"}
networks:
- type: ipv4
  id: net4
  link: bond0
  netmask: 255.255.255.0
  ip_address: 198.51.100.7
  routes:
  - network: 0.0.0.0
    netmask: 0.0.0.0
    gateway: 198.51.100.1
    services: [{type: dns, address: 192.0.2.53}, {type: dns, address: 198.51.100.53}]
- {type: ipv6_slaac, id: net6, link: bond0, routes: []}
services:
- {type: dns, address: 192.0.2.1}
- {type: dns, address: 198.51.100.53}
""")


def test_an_empty_template_has_all_three_lists():
    """Never null: consumers loop over them."""
    assert network() == {"links": [], "networks": [], "services": []}


def test_networks_of_every_kind_in_order():
    """ipv4, ipv6, then DHCP of both, then SLAAC; IPv6 masks in short notation."""
    plain = {"id": "n", "link": "l"}
    spec = {
        "ipv6SLAAC": [plain],
        "ipv6DHCP": [plain],
        "ipv4DHCP": [plain],
        "ipv6": [plain | {"fromPoolRef": {"name": "p6"}}],
        "ipv4": [plain | {"fromPoolAnnotation": {"object": "metal3machine", "annotation": "pool"}}],
    }
    found = network(networks=spec)["networks"]
    assert [n["type"] for n in found] == ["ipv4", "ipv6", "ipv4_dhcp", "ipv6_dhcp", "ipv6_slaac"]
    assert found[0]["ip_address"] == "198.51.100.7"
    assert found[1]["netmask"] == "ffff:ffff:ffff:ffff::"


@pytest.mark.parametrize(
    ("gateway", "wanted"),
    [
        ({"string": "10.0.0.9", "fromIPPool": "p4"}, "10.0.0.9"),
        (
            {"fromPoolAnnotation": {"object": "metal3machine", "annotation": "pool"}},
            "198.51.100.1",
        ),
        ({"fromPoolRef": {"name": "p4"}}, "198.51.100.1"),
        ({"fromIPPool": "p4"}, "198.51.100.1"),
        ({}, ""),
    ],
)
def test_gateways_also_on_dynamic_networks(gateway, wanted):
    """Text, annotation, reference and name, in this order; on DHCP networks, too."""
    route = {"network": "10.0.0.0", "prefix": 8, "gateway": gateway}
    spec = {"ipv4DHCP": [{"id": "n", "link": "l", "routes": [route]}]}
    (found,) = network(networks=spec)["networks"]
    assert found["routes"] == [
        {"network": "10.0.0.0", "netmask": "255.0.0.0", "gateway": wanted, "services": []}
    ]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {"links": {"ethernets": [{"id": "e", "type": "phy", "macAddress": {"string": "x"}}]}},
            "bad MAC address",
        ),
        (
            {"networks": {"ipv4": [{"id": "n", "link": "l", "ipAddressFromIPPool": "p6"}]}},
            "n is ipv4, but pool p6 gave 2001:db8::7",
        ),
        (
            {
                "links": {
                    "bonds": [
                        {
                            "id": "b",
                            "bondMode": "802.3ad",
                            "parameters": [{"name": "mode", "value": 1}],
                        }
                    ]
                }
            },
            "parameter mode",
        ),
        ({"networks": {"ipv4": [{"id": "n", "link": "l"}]}}, "names no pool"),
        (
            {"networks": {"ipv4DHCP": [{"id": "n", "link": "l", "routes": [{"network": "10.0"}]}]}},
            "no IP address: '10.0'",
        ),
        (
            {
                "networks": {
                    "ipv4": [
                        {
                            "id": "n",
                            "link": "l",
                            "fromPoolAnnotation": {"object": "machine", "annotation": "pool"},
                        }
                    ]
                }
            },
            "annotation pool not found on machine",
        ),
        ({"services": {"dnsFromIPPool": "px"}}, "pool not found in cache: px"),
    ],
)
def test_network_data_that_cannot_be_rendered(spec, text):
    """Refused with the name of the part; an IPv6 address never gets an IPv4 mask."""
    with pytest.raises(RenderError, match=text):
        network(**spec)


@pytest.mark.parametrize(
    ("source", "mac"),
    [
        ({"string": "02:00:00:00:00:05", "fromHostInterface": "eno1"}, "02:00:00:00:00:05"),
        (
            {
                "fromHostInterface": "eno1",
                "fromAnnotation": {"object": "metal3machine", "annotation": "pool"},
            },
            MAC,
        ),
        ({"fromAnnotation": {"object": "baremetalhost", "annotation": "mac"}}, MAC),
        ({"string": "02-00-00-00-00-0a"}, "02-00-00-00-00-0a"),
        ({}, None),
    ],
)
@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("ethernets", "ethernet_mac_address"),
        ("bonds", "ethernet_mac_address"),
        ("vlans", "vlan_mac_address"),
    ],
)
def test_macs_of_links(kind, key, source, mac):
    """Text, interface and annotation, in this order; a link without one has no key for it."""
    link = {"id": "l", "type": "phy", "macAddress": source}
    (found,) = network(links={kind: [link]})["links"]
    assert found.get(key) == mac
    assert (key in found) is (mac is not None)


@pytest.mark.parametrize(
    ("version", "prefix", "mask"),
    [
        (4, 0, "0.0.0.0"), (4, 1, "128.0.0.0"), (4, 32, "255.255.255.255"),
        (6, 0, "::"), (6, 56, "ffff:ffff:ffff:ff00::"),
        (6, 128, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ],
)  # fmt: skip
def test_netmasks(version, prefix, mask):
    """Dotted, or in the short notation of IPv6."""
    assert netmask(version, prefix) == mask


def test_an_address_without_prefix_has_an_empty_mask():
    """The key is there all the same."""
    addresses = {PoolKey("p4"): PoolAddress(address="198.51.100.7")}
    spec = {"networks": {"ipv4": [{"id": "n", "link": "l", "ipAddressFromIPPool": "p4"}]}}
    (found,) = render_networkdata(infrav1.NetworkData.from_dict(spec), objects(), addresses)[
        "networks"
    ]
    assert found["netmask"] == ""


@pytest.mark.parametrize("kind", ["ipv4", "ipv4DHCP"])
def test_name_servers_of_routes_and_of_all(kind):
    """Those given as text come first, then those of the pool."""
    wanted = [{"type": "dns", "address": a} for a in ("192.0.2.53", "198.51.100.53")]
    services = {"dns": ["192.0.2.53"], "dnsFromIPPool": "p4"}
    route = {"network": "10.0.0.0", "gateway": {}, "services": services}
    item = {"id": "n", "link": "l", "ipAddressFromIPPool": "p4", "routes": [route]}
    found = network(networks={kind: [item]}, services=services)
    assert found["services"] == wanted
    assert found["networks"][0]["routes"][0]["services"] == wanted


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"status": {}}, "NICs list not populated on host host"),
        ({"spec": {}}, "bootMACAddress of host host is not set"),
    ],
)
def test_a_host_that_does_not_know_its_cards(change, text):
    """Which one is missing is said, with the host's name."""
    found = objects()
    body = found.host.to_dict() | change
    poor = dataclasses.replace(found, host=metal3api.BareMetalHost.from_dict(body))
    items = [{"key": "a", "fromBootMAC": True}, {"key": "b", "interface": "eno1"}]
    with pytest.raises(RenderError, match=text):
        render_metadata(infrav1.MetaData.from_dict({"fromHostInterfaces": items}), poor, {})


def test_pools_are_collected_once_each():
    """From metadata, networks, gateways (also by annotation) and name servers."""
    template = infrav1.Metal3DataTemplate.from_dict(
        {
            "spec": {
                "metaData": {
                    "ipAddressesFromPool": [{"key": "a", "name": "p1"}],
                    "dnsServersFromPool": [{"key": "b", "name": "p1"}],
                },
                "networkData": {
                    "networks": {
                        "ipv4": [{"id": "n", "link": "l", "ipAddressFromIPPool": "p2"}],
                        "ipv4DHCP": [
                            {
                                "id": "d",
                                "link": "l",
                                "routes": [
                                    {
                                        "network": "10.0.0.0",
                                        "gateway": {
                                            "fromPoolAnnotation": {
                                                "object": "metal3machine",
                                                "annotation": "pool",
                                            }
                                        },
                                        "services": {"dnsFromIPPool": "p3"},
                                    }
                                ],
                            }
                        ],
                    },
                    "services": {"dnsFromIPPool": "p5"},
                },
            }
        }
    )
    assert [k.name for k in pools_of(template, objects())] == ["p1", "p2", "p3", "p4", "p5"]
