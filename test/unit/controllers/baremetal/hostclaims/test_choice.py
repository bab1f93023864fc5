"""Which host a claim may have, and which it gets."""

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.hostclaims.choice import SelectorError, decide
from metal3.controllers.baremetal.hostclaims.policies import PatternError, lets_in, permissions

from .conftest import TENANT, new_claim, new_namespace, new_policy

DOMAIN = metal3api.FAILURE_DOMAIN_LABEL


def names(decision):
    """Names of the candidates, best first."""
    return [host.metadata.name for host in decision.candidates]


def yes(_namespace):
    """Every namespace is open."""
    return True


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda h: setattr(h.spec, "consumer_ref", metal3api.ObjectReference(name="x")), "in use"),
        (lambda h: setattr(h.metadata, "deletion_timestamp", "2026-01-01T00:00:00Z"), "being del"),
        (lambda h: h.metadata.annotations.update({metal3api.PAUSED_ANNOTATION: ""}), "paused"),
        (lambda h: h.metadata.annotations.update({metal3api.DETACHED_ANNOTATION: ""}), "detached"),
        (lambda h: setattr(h.status, "error_message", "broken"), "in error"),
        (lambda h: setattr(h.status.provisioning, "state", "inspecting"), "not available yet"),
        (lambda h: setattr(h.spec, "externally_provisioned", True), "externally provisioned"),
        (lambda h: setattr(h.spec, "image", metal3api.Image(url="x")), "image somebody else"),
    ],
)
def test_hosts_that_will_not_do(available, change, why):
    """Each is left out, and counted under its reason."""
    host = available()
    assert names(decide(new_claim(), [host], yes)) == ["host-0"]
    change(host)
    decision = decide(new_claim(), [host], yes)
    assert names(decision) == []
    assert decision.explain().startswith("1 host: 1 ")
    assert why in decision.explain()


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize("state", ["available", "ready"])
def test_power_and_the_old_name_of_the_state_do_not_matter(available, online, state):
    """A host that happens to be on is as good as one that is off."""
    assert names(decide(new_claim(), [available(state=state, online=online)], yes)) == ["host-0"]


@pytest.mark.parametrize(
    ("operator", "values", "matches"),
    [
        ("In", ["big"], True),
        ("NOTIN", ["big"], False),
        ("=", ["big"], True),
        ("==", ["small"], False),
        ("!=", ["small"], True),
        ("Exists", [], True),
        ("!", [], False),
    ],
)
def test_operators_are_read_in_any_case(available, operator, values, matches):
    """As Kubernetes writes them, and as the field's documentation does."""
    rule = {"key": "size", "operator": operator, "values": values}
    claim = new_claim(hostSelector={"matchExpressions": [rule]})
    decision = decide(claim, [available(labels={"size": "big"})], yes)
    assert bool(names(decision)) is matches


def test_a_selector_that_makes_no_sense_names_its_rule(available):
    """The claim's owner learns what to correct."""
    rule = {"key": "size", "operator": "like", "values": ["b"]}
    with pytest.raises(SelectorError, match="'like' is no operator"):
        decide(new_claim(hostSelector={"matchExpressions": [rule]}), [available()], yes)


def test_the_failure_domain_is_preferred_and_then_hosts_without_failures(available):
    """It is no condition: elsewhere is better than nowhere."""
    far, here, shaky = (
        available("far", labels={DOMAIN: "rack2"}),
        available("here", labels={DOMAIN: "rack1"}),
        available("shaky", labels={DOMAIN: "rack1"}),
    )
    shaky.status.provisioning_fail_count = 2
    claim = new_claim(failureDomain="rack1")
    assert names(decide(claim, [far, shaky, here], yes)) == ["here", "shaky", "far"]
    assert names(decide(claim, [far], yes)) == ["far"]


def test_the_choice_is_the_same_again_and_differs_between_claims(available):
    """Claims that look at once do not all reach for the same host."""
    hosts = [available(f"host-{n}") for n in range(20)]
    firsts = set()
    for number in range(10):
        claim = new_claim(f"claim-{number}")
        order = names(decide(claim, hosts, yes))
        assert order == names(decide(claim, reversed(hosts), yes))
        firsts.add(order[0])
    assert len(firsts) > 3


def test_reasons_are_counted(available):
    """Most frequent first, and nothing else is told of hosts that may not be taken."""
    hosts = [available(f"small-{n}", labels={"size": "small"}) for n in range(3)]
    broken = available("broken", labels={"size": "big"})
    broken.status.error_message = "no power"
    hosts += [broken, available("foreign", "other")]
    claim = new_claim(hostSelector={"matchLabels": {"size": "big"}})
    assert decide(claim, hosts, lambda ns: ns == "metal3").explain() == (
        "5 hosts: 3 label mismatch, 1 not allowed by a HostDeployPolicy, 1 in error"
    )


def test_only_the_namespace_asked_for_is_looked_at(available):
    """The selector may name one."""
    claim = new_claim(hostSelector={"inNamespace": "lab"})
    hosts = [available("a"), available("b", "lab")]
    assert names(decide(claim, hosts, yes)) == ["b"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"names": [TENANT]}, True),
        ({"names": ["team-b"]}, False),
        ({"nameMatches": "eam-[a-c]$"}, True),
        ({"nameMatches": "^a"}, False),
        ({"hasLabels": [{"name": "stage", "value": "production"}]}, True),
        ({"hasLabels": [{"name": "stage"}]}, True),
        ({"hasLabels": [{"name": "stage", "value": "test"}]}, False),
        ({"names": [TENANT], "nameMatches": "b$"}, False),
        ({"names": [TENANT], "hasLabels": [{"name": "stage"}, {"name": "paid"}]}, False),
    ],
)
def test_every_restriction_of_a_policy_must_hold(rules, expected):
    """Names and pattern and all labels."""
    assert lets_in(new_policy(**rules), new_namespace(stage="production")) is expected


def test_a_policy_without_restrictions_lets_nobody_in():
    """An empty one may be half written."""
    policy = metal3api.HostDeployPolicy.named("empty", "metal3")
    assert not lets_in(policy, new_namespace())
    policy.spec.host_claim_namespaces = metal3api.HostClaimNamespaces()
    assert not lets_in(policy, new_namespace())


@pytest.mark.parametrize("pattern", ["(", "(a+)+$", "a*a*a*a*b", "x" * 300, "(?:a|a)*b"])
def test_patterns_that_are_broken_or_costly_are_refused(pattern):
    """A policy's author can neither stop nor slow the operator."""
    with pytest.raises(PatternError, match="nameMatches"):
        lets_in(new_policy(nameMatches=pattern), new_namespace())


def test_one_bad_policy_does_not_spoil_the_others():
    """It is named, the others count."""
    policies = [new_policy("bad", nameMatches="("), new_policy("good", "lab")]
    found = permissions(new_namespace(), policies)
    assert [refused.policy.metadata.name for refused in found.refused] == ["bad"]
    assert (found.allows("lab"), found.allows("metal3"), found.allows(TENANT)) == (
        True,
        False,
        True,
    )
