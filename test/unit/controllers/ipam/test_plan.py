"""What pools hand out, and to whom."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.controllers.ipam.addresses import (
    address_name,
    address_of,
    address_of_name,
    parse_address,
)
from metal3.controllers.ipam.choice import Reason, Refusal, choose
from metal3.controllers.ipam.intervals import IntervalSet
from metal3.controllers.ipam.plan import plan_of

V4 = st.ip_addresses(v=4)
V6 = st.ip_addresses(v=6)


def plan(*ranges, **spec):
    """A plan of these entries."""
    fields = {"namePrefix": "p", "pools": list(ranges)} | spec
    return plan_of(ipamv1.IPPoolSpec.from_dict(fields))


def sets(*texts):
    """Interval sets that hold these addresses."""
    found = {4: IntervalSet(), 6: IntervalSet()}
    for text in texts:
        address = parse_address(text)
        found[address.version].add(int(address))
    return found


def issued(pool):
    """All it hands out, by the strategy."""
    used, found = sets(), []
    while (free := pool.free_address(used)) is not None:
        used[free[0]].add(free[1])
        found.append(str(address_of(*free)))
    return found


@pytest.mark.parametrize(
    ("entry", "spec", "expected"),
    [
        pytest.param(
            {"start": "192.0.2.9", "end": "192.0.2.10"}, {}, ["192.0.2.9", "192.0.2.10"], id="ends"
        ),
        pytest.param({"subnet": "192.0.2.0/30"}, {}, ["192.0.2.1", "192.0.2.2"], id="subnet"),
        pytest.param(
            {"subnet": "192.0.2.0/30", "gateway": "192.0.2.1"}, {}, ["192.0.2.2"], id="gateway"
        ),
        pytest.param(
            {"subnet": "192.0.2.0/30"}, {"gateway": "192.0.2.2"}, ["192.0.2.1"], id="pool's gateway"
        ),
        pytest.param(
            {"subnet": "192.0.2.0/31"}, {}, ["192.0.2.0", "192.0.2.1"], id="point to point"
        ),
        pytest.param({"subnet": "192.0.2.7/32"}, {}, ["192.0.2.7"], id="single"),
        pytest.param(
            {"subnet": "192.0.2.0/30", "useReserved": True},
            {},
            ["192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.3"],
            id="all of them",
        ),
        pytest.param(
            {"subnet": "2001:db8::/126"},
            {},
            ["2001:db8::1", "2001:db8::2", "2001:db8::3"],
            id="IPv6 has no broadcast",
        ),
        pytest.param(
            {"start": "192.0.2.6", "subnet": "192.0.2.0/29"}, {}, ["192.0.2.6"], id="from start"
        ),
        pytest.param(
            {"end": "192.0.2.2", "subnet": "192.0.2.0/29"},
            {},
            ["192.0.2.1", "192.0.2.2"],
            id="to end",
        ),
        pytest.param(
            {"start": "255.255.255.254"},
            {},
            ["255.255.255.254", "255.255.255.255"],
            id="to the last there is",
        ),
        pytest.param({"end": "192.0.2.2"}, {}, [], id="only an end"),
    ],
)
@pytest.mark.parametrize("strategy", ["sequential", "random"])
def test_a_range_gives_all_its_addresses_and_no_other(entry, spec, expected, strategy):
    """Network, broadcast and gateway are kept back; both strategies give the same addresses."""
    found = issued(plan(entry, **spec, allocationStrategy=strategy))
    assert sorted(found) == sorted(expected)
    if strategy == "sequential":
        assert found == expected


def test_entries_are_used_up_in_their_order():
    """The second entry is for when the first has nothing left."""
    pool = plan(
        {"start": "192.0.2.9", "end": "192.0.2.9"}, {"start": "192.0.2.1", "end": "192.0.2.2"}
    )
    assert issued(pool) == ["192.0.2.9", "192.0.2.1", "192.0.2.2"]


def test_what_goes_with_an_address_is_the_entry_s_or_the_pool_s():
    """Prefix, gateway and name servers of the entry come first; a subnet knows its prefix."""
    pool = plan(
        {"start": "192.0.2.1", "end": "192.0.2.9", "prefix": 25, "dnsServers": ["192.0.2.53"]},
        {"start": "192.0.2.10", "end": "192.0.2.19"},
        {"subnet": "2001:db8::/64"},
        prefix=24,
        gateway="192.0.2.254",
        dnsServers=["198.51.100.53"],
    )
    first, second = (pool.range_of(parse_address(a)) for a in ("192.0.2.5", "192.0.2.15"))
    assert (first.prefix, first.gateway, first.dns_servers) == (25, "192.0.2.254", ("192.0.2.53",))
    assert (second.prefix, second.dns_servers) == (24, ("198.51.100.53",))
    assert plan({"subnet": "2001:db8::/64"}).ranges[0].prefix == 64


@given(st.integers(0, 2**64 - 1))
def test_a_requested_address_costs_the_same_wherever_it_is(offset):
    """Any address of an IPv6 subnet can be asked for; nothing is counted up to it."""
    address = ipaddress.ip_address("2001:db8::") + offset
    pool = plan({"subnet": "2001:db8::/64"})
    if offset == 0:
        with pytest.raises(Refusal, match="reserved"):
            choose(pool, sets(), sets(), "claim", str(address))
    else:
        assert choose(pool, sets(), sets(), "claim", str(address)) == address


def test_a_random_pool_of_any_size_works():
    """An IPv6 subnet is drawn from, not counted."""
    pool = plan({"subnet": "2001:db8::/64"}, allocationStrategy="random")
    assert pool.free_address(sets(), lambda below: below - 1) == (
        6,
        int(ipaddress.ip_address("2001:db8::ffff:ffff:ffff:ffff")),
    )


ONE = {"start": "192.0.2.10", "end": "192.0.2.12"}


@pytest.mark.parametrize(
    ("requested", "pins", "used", "reason", "message"),
    [
        pytest.param("nonsense", {}, (), Reason.ALLOCATION_FAILED, "'nonsense' is no", id="text"),
        pytest.param("192.0.2.99", {}, (), Reason.ALLOCATION_FAILED, "no range", id="outside"),
        pytest.param("192.0.2.10", {}, ("192.0.2.10",), Reason.ADDRESS_IN_USE, "in use", id="used"),
        pytest.param(
            "192.0.2.10",
            {"claim": "192.0.2.11"},
            (),
            Reason.ALLOCATION_FAILED,
            "keeps 192.0.2.11",
            id="conflict",
        ),
        pytest.param(
            "192.0.2.10",
            {"another": "192.0.2.10"},
            (),
            Reason.ADDRESS_IN_USE,
            "kept for claim another",
            id="kept",
        ),
        pytest.param(
            "",
            {"claim": "192.0.2.10"},
            ("192.0.2.10",),
            Reason.ADDRESS_IN_USE,
            "in use",
            id="pinned and used",
        ),
        pytest.param(
            "", {"claim": "203.0.113.1"}, (), Reason.ALLOCATION_FAILED, "no range", id="pin outside"
        ),
        pytest.param(
            "",
            {},
            ("192.0.2.10", "192.0.2.11", "192.0.2.12"),
            Reason.POOL_EXHAUSTED,
            "Exhausted",
            id="exhausted",
        ),
    ],
)
def test_why_a_claim_gets_none(requested, pins, used, reason, message):
    """Each refusal has its reason and names the address."""
    pool = plan(ONE, preAllocations=pins)
    with pytest.raises(Refusal, match=message) as refused:
        choose(pool, sets(*used), sets(*used), "claim", requested)
    assert refused.value.reason is reason


def test_a_pinned_address_is_given_however_it_is_written():
    """Addresses are compared by value, not by text."""
    pool = plan({"subnet": "2001:db8::/64"}, preAllocations={"claim": "2001:db8:0::0005"})
    assert str(choose(pool, sets(), sets("2001:db8::5"), "claim", "")) == "2001:db8::5"


def test_what_cannot_be_understood_is_named_and_the_rest_works():
    """One bad entry does not spoil the others."""
    pool = plan({"start": "192.0.2.9", "end": "192.0.2.1"}, ONE, preAllocations={"x": "nonsense"})
    assert issued(pool) == ["192.0.2.10", "192.0.2.11", "192.0.2.12"]
    assert [p.partition(":")[0] for p in pool.problems] == [
        "spec.pools[0].end",
        "spec.preAllocations[x]",
    ]


@given((V4 | V6).filter(int), st.sampled_from(["p", "a-1", "cluster-0-prov"]))
def test_the_name_of_an_address_leads_back_to_it(address, prefix):
    """An address can be found out from the name a claim's status points at."""
    name = address_name(prefix, address)
    assert address_of_name(prefix, name) == address
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not name.endswith("-")


@given(st.lists(V4 | V6, unique=True, max_size=20))
def test_two_addresses_never_have_one_name(addresses):
    """Or the API server could not tell them apart."""
    assert len({address_name("p", address) for address in addresses}) == len(addresses)


@pytest.mark.parametrize(
    ("text", "name"),
    [("2001:db8::", "p-2001-db8"), ("192.0.2.1", "p-192-0-2-1"), ("2001:DB8::1", "p-2001-db8--1")],
)
def test_names_are_those_of_the_go_operator(text, name):
    """So that each finds the other's addresses."""
    assert address_name("p", parse_address(text)) == name


def test_an_address_with_a_zone_is_refused():
    """A zone means something on one machine only."""
    with pytest.raises(ValueError, match="interface"):
        parse_address("fe80::1%eth0")
