"""What the webhooks refuse, with field and value, and what they only warn of."""

import pytest

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.controllers.ipam.ledger import Ledger
from metal3.controllers.ipam.records import record_of
from metal3.controllers.ipam.webhooks import (
    IPAddressValidator,
    IPClaimValidator,
    IPPoolDefaulter,
    IPPoolValidator,
)
from metal3.runtime.webhook import DeniedError, RequestInfo

REQUEST = RequestInfo(uid="1", operation="", name="", namespace="metal3", username="anybody")
ONE = {"start": "192.0.2.10", "end": "192.0.2.20"}


class Nobody:
    """Wakes nobody."""

    def wake_claim(self, claim):
        """Nothing waits."""

    def wake_pool(self, pool, *, at_once=False):
        """Nothing waits."""

    def wake_address(self, address):
        """Nothing waits."""


def pool(*ranges, name="pool", status=None, **spec):
    """A pool; ranges as given, ONE if none."""
    fields = {"namePrefix": name, "prefix": 24, "pools": list(ranges) or [ONE]} | spec
    meta = {"name": name, "namespace": "metal3", "uid": name, "generation": 1}
    return ipamv1.IPPool.from_dict({"metadata": meta, "spec": fields, "status": status or {}})


def address(text, claim="claim", of="pool"):
    """An address in use."""
    return ipamv1.IPAddress.from_dict(
        {
            "metadata": {"name": f"{of}-{text.replace('.', '-')}", "namespace": "metal3"},
            "spec": {"address": text, "claim": {"name": claim}, "pool": {"name": of}},
        }
    )


def validator(*objects):
    """A validator that knows these pools and addresses."""
    ledger = Ledger(wakeups=Nobody(), time=lambda: 0.0)
    for obj in objects:
        if isinstance(obj, ipamv1.IPPool):
            ledger.pool_changed(obj)
        else:
            ledger.address_changed(record_of(obj))
    return IPPoolValidator(pools=ledger)


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        pytest.param(pool(namePrefix=""), "spec.namePrefix: Required", id="no prefix"),
        pytest.param(pool(namePrefix="P_Upper"), 'spec.namePrefix: Invalid value: "P_Upper"'),
        pytest.param(pool(namePrefix="p" * 250), "longer than 213", id="long prefix"),
        pytest.param(pool(gateway="nonsense"), 'spec.gateway: Invalid value: "nonsense"'),
        pytest.param(pool(dnsServers=["192.0.2.1", "x"]), "spec.dnsServers[1]"),
        pytest.param(pool(prefix=-1), "spec.prefix: Invalid value: -1"),
        pytest.param(pool(prefix=64), "must be within 0 and 32", id="prefix of IPv4"),
        pytest.param(pool({}), "spec.pools[0]: Required value: needs start or subnet"),
        pytest.param(pool({"end": "192.0.2.1"}), "spec.pools[0]: Required", id="end alone"),
        pytest.param(
            pool({"start": "192.0.2.9", "end": "192.0.2.1"}),
            'spec.pools[0].end: Invalid value: "192.0.2.1": 192.0.2.1 is before 192.0.2.9',
        ),
        pytest.param(pool({"start": "192.0.2.1", "end": "2001:db8::1"}), "different IP versions"),
        pytest.param(
            pool({"start": "192.0.3.1", "subnet": "192.0.2.0/24"}),
            "spec.pools[0].start: Invalid value",
        ),
        pytest.param(pool({"subnet": "192.0.2.0"}), "has no prefix length"),
        pytest.param(pool({"subnet": "192.0.2.0/33"}), "spec.pools[0].subnet"),
        pytest.param(pool(ONE, {**ONE, "gateway": "192.0.2"}), "spec.pools[1].gateway"),
        pytest.param(
            pool({"start": "192.0.2.1"}, allocationStrategy="random"), "spec.pools[0].end: Required"
        ),
        pytest.param(pool(allocationStrategy="best"), "spec.allocationStrategy: Unsupported"),
        pytest.param(pool(preAllocations={"a": "x"}), 'spec.preAllocations[a]: Invalid value: "x"'),
        pytest.param(
            pool(preAllocations={"a": "203.0.113.1"}), "is in no entry of spec.pools", id="pin out"
        ),
        pytest.param(
            pool(
                {"subnet": "2001:db8::/64"},
                preAllocations={"a": "2001:db8::1", "b": "2001:DB8:0::1"},
            ),
            "spec.preAllocations[b]: Duplicate value",
            id="same pin in other words",
        ),
    ],
)
async def test_pools_that_make_no_sense_are_refused(refused, message):
    """The message names the field and its value."""
    with pytest.raises(DeniedError) as denied:
        await validator().validate_create(refused, REQUEST)
    assert message in str(denied.value)


@pytest.mark.parametrize(
    "fine",
    [
        pytest.param(pool(), id="range"),
        pytest.param(pool({"subnet": "192.0.2.0/24", "end": "192.0.2.9"}), id="subnet to end"),
        pytest.param(pool({"start": "192.0.2.1"}), id="open end"),
        pytest.param(pool({"subnet": "2001:db8::/64"}, prefix=64, allocationStrategy="random")),
        pytest.param(pool({"subnet": "192.0.2.0/24"}, preAllocations={"a": "192.0.2.1"})),
    ],
)
async def test_sound_pools_pass_without_a_warning(fine):
    """Nothing is said of what is usual."""
    assert list(await validator().validate_create(fine, REQUEST)) == []


@pytest.mark.parametrize(
    ("doubtful", "warning"),
    [
        pytest.param(pool(gateway="198.51.100.1"), "gateway 198.51.100.1 is not in the network"),
        pytest.param(pool(gateway="2001:db8::1"), "of another IP version"),
        pytest.param(pool(ONE, ONE), "spec.pools[1]: overlaps an entry before it"),
        pytest.param(
            pool({"start": "192.0.2.100", "end": "192.0.2.120"}),
            "192.0.2.110 to 192.0.2.120 is in IPPool other, too",
        ),
    ],
)
async def test_doubtful_pools_are_warned_about(doubtful, warning):
    """The request goes through, and the user is told."""
    other = pool({"start": "192.0.2.110", "end": "192.0.2.130"}, name="other")
    found = await validator(other).validate_create(doubtful, REQUEST)
    assert any(warning in text for text in found)


async def test_isolated_pools_overlap_without_a_warning():
    """It is enough that one of the two says that its network is apart."""
    other = pool(name="other")
    assert list(await validator(other).validate_create(pool(isolated=True), REQUEST)) == []
    other = pool(name="other", isolated=True)
    assert list(await validator(other).validate_create(pool(), REQUEST)) == []


async def test_a_pool_may_lose_what_another_pool_uses():
    """So an overlap can be mended: only the pool's own addresses hold it back."""
    other = pool({"start": "192.0.2.10", "end": "192.0.2.11"}, name="other")
    known = validator(other, pool(), address("192.0.2.10", of="other"), address("192.0.2.12"))
    await known.validate_update(pool(), pool({"start": "192.0.2.12", "end": "192.0.2.20"}), REQUEST)
    with pytest.raises(DeniedError, match=r"leaves out addresses in use: 192\.0\.2\.12"):
        await known.validate_update(
            pool(), pool({"start": "192.0.2.13", "end": "192.0.2.20"}), REQUEST
        )


@pytest.mark.parametrize(
    ("new", "message"),
    [
        pytest.param(pool(namePrefix="other"), "spec.namePrefix: Forbidden: cannot change"),
        pytest.param(pool(allocationStrategy="random"), "spec.allocationStrategy: Forbidden"),
        pytest.param(
            pool({"start": "192.0.2.12", "end": "192.0.2.20"}),
            "spec.pools: Forbidden: leaves out addresses in use: 192.0.2.10, 192.0.2.11",
        ),
    ],
)
async def test_what_is_fixed_cannot_change(new, message):
    """Addresses in use count whether the operator or only the status knows of them."""
    old = pool(status={"indexes": {"b": "192.0.2.11"}})
    with pytest.raises(DeniedError) as denied:
        await validator(address("192.0.2.10")).validate_update(old, new, REQUEST)
    assert message in str(denied.value)


async def test_a_kept_address_is_not_one_in_use():
    """A range may go although an address of it was kept, if the name goes with it."""
    old = pool(preAllocations={"a": "192.0.2.10"}, status={"indexes": {"a": "192.0.2.10"}})
    new = pool({"start": "192.0.2.12", "end": "192.0.2.20"})
    assert list(await validator().validate_update(old, new, REQUEST)) == []


async def test_an_address_another_claim_has_can_be_kept_with_a_warning():
    """It takes effect when that claim gives it back."""
    new = pool(preAllocations={"mine": "192.0.2.10"})
    warnings = await validator(address("192.0.2.10")).validate_update(pool(), new, REQUEST)
    assert "192.0.2.10 is in use by IPClaim claim" in warnings[0]


async def test_a_pool_that_was_wrong_can_be_repaired_step_by_step():
    """Old mistakes may stay while others are mended; new ones may not come."""
    old = pool({"end": "192.0.2.1"}, gateway="x")
    better = pool({"end": "192.0.2.1"}, gateway="192.0.2.1")
    await validator().validate_update(old, better, REQUEST)
    with pytest.raises(DeniedError):
        await validator().validate_update(old, pool({"end": "192.0.2.1"}, gateway="y"), REQUEST)
    await validator().validate_update(old, old, REQUEST)
    await validator().validate_delete(old, REQUEST)


async def test_the_strategy_is_written_out():
    """What is used by default is told."""
    obj = pool()
    await IPPoolDefaulter().default(obj, REQUEST)
    assert obj.to_dict()["spec"]["allocationStrategy"] == "sequential"
    obj = pool(allocationStrategy="")
    await IPPoolDefaulter().default(obj, REQUEST)
    assert obj.to_dict()["spec"]["allocationStrategy"] == "sequential"


def claim(name="pool", annotation="", **reference):
    """A claim."""
    annotations = {"ipAddress": annotation} if annotation else {}
    return ipamv1.IPClaim.from_dict(
        {
            "metadata": {"name": "claim", "namespace": "metal3", "annotations": annotations},
            "spec": {"pool": {"name": name} | reference},
        }
    )


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        pytest.param(claim(name=""), "spec.pool.name: Required"),
        pytest.param(claim(annotation="x"), 'metadata.annotations[ipAddress]: Invalid value: "x"'),
    ],
)
async def test_claims_without_sense_are_refused(refused, message):
    """A claim names a pool, and an address if it asks for one."""
    with pytest.raises(DeniedError) as denied:
        await IPClaimValidator().validate_create(refused, REQUEST)
    assert message in str(denied.value)


async def test_a_claim_of_a_foreign_pool_is_warned_about():
    """It will get no address."""
    warnings = await IPClaimValidator().validate_create(claim(namespace="elsewhere"), REQUEST)
    assert "elsewhere is not the claim's" in warnings[0]


@pytest.mark.parametrize(
    ("new", "field"),
    [
        pytest.param(claim(name="other"), "spec.pool.name"),
        pytest.param(claim(namespace="other"), "spec.pool.namespace"),
        pytest.param(claim(kind="Other"), "spec.pool.kind"),
        pytest.param(claim(annotation="x"), "metadata.annotations[ipAddress]"),
    ],
)
async def test_a_claim_stays_with_its_pool(new, field):
    """What it was served from cannot change."""
    with pytest.raises(DeniedError) as denied:
        await IPClaimValidator().validate_update(claim(), new, REQUEST)
    assert field in str(denied.value)


async def test_what_a_claim_had_wrong_before_does_not_block_other_changes():
    """A claim made without webhooks can still lose its finalizer."""
    old = claim(annotation="x")
    await IPClaimValidator().validate_update(old, claim(annotation="x"), REQUEST)
    await IPClaimValidator().validate_delete(old, REQUEST)


@pytest.mark.parametrize(
    ("refused", "field"),
    [
        pytest.param(address("192.0.2.1", claim=""), "spec.claim.name"),
        pytest.param(address("192.0.2.1", of=""), "spec.pool.name"),
        pytest.param(address("nonsense"), 'spec.address: Invalid value: "nonsense"'),
    ],
)
async def test_an_address_names_claim_pool_and_address(refused, field):
    """Nothing else makes sense."""
    with pytest.raises(DeniedError) as denied:
        await IPAddressValidator().validate_create(refused, REQUEST)
    assert field in str(denied.value)
    await IPAddressValidator().validate_create(address("192.0.2.1"), REQUEST)


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (address("192.0.2.2"), "spec.address"),
        (address("192.0.2.1", claim="other"), "spec.claim"),
        (address("192.0.2.1", of="other"), "spec.pool"),
    ],
)
async def test_an_address_never_changes_hands(new, field):
    """It is deleted and made anew."""
    with pytest.raises(DeniedError) as denied:
        await IPAddressValidator().validate_update(address("192.0.2.1"), new, REQUEST)
    assert f"{field}: Forbidden" in str(denied.value)
    await IPAddressValidator().validate_delete(new, REQUEST)
