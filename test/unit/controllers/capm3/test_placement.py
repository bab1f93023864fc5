"""Which host a machine gets, and what it is told when it gets none."""

import pytest

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.capm3.hostfacts import Rejection, facts_of, point_of
from metal3.controllers.capm3.hostview import HostView
from metal3.controllers.capm3.placement import LONGEST_MESSAGE, SelectorError, Wish

REUSE = infrav1.NODE_REUSE_LABEL
DOMAIN = metal3api.FAILURE_DOMAIN_LABEL


def machine(name="m-0", **spec):
    """A machine that wants a host."""
    return infrav1.Metal3Machine.from_dict(
        {"metadata": {"name": name, "namespace": "metal3", "uid": f"uid-{name}"}, "spec": spec}
    )


def host(name="h", state="available", labels=None, annotations=None, status=None, **spec):
    """A free host unless told otherwise."""
    provisioning = {"state": state, "ID": ""}
    return metal3api.BareMetalHost.from_dict(
        {
            "metadata": {
                "name": name,
                "namespace": "metal3",
                "labels": labels or {},
                "annotations": annotations or {},
            },
            "spec": {"online": True} | spec,
            "status": {"provisioning": provisioning} | (status or {}),
        }
    )


def decide(m3m, hosts, reuse_name=""):
    """What a machine gets that sees these hosts."""
    view = HostView()
    for seen in hosts:
        view.put(facts_of(seen))
    return view.look("metal3", Wish.of(m3m, reuse_name), point_of(m3m.metadata.uid))


def names(decision):
    """Of the hosts that will do, in order."""
    return [h.key.name for h in decision.candidates]


OTHER = {"kind": "Metal3Machine", "apiVersion": f"{infrav1.GROUP}/v1beta1", "name": "other"}
DELETED = host()
DELETED.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        pytest.param(host(consumerRef=OTHER), Rejection.IN_USE, id="in-use"),
        pytest.param(host(labels={REUSE: "md-other"}), Rejection.RESERVED, id="reserved"),
        pytest.param(host(labels={"rack": "b"}), Rejection.LABEL_MISMATCH, id="label"),
        pytest.param(DELETED, Rejection.DELETING, id="deleting"),
        pytest.param(
            host(annotations={metal3api.PAUSED_ANNOTATION: ""}), Rejection.PAUSED, id="paused"
        ),
        pytest.param(
            host(annotations={infrav1.UNHEALTHY_ANNOTATION: "x"}), Rejection.UNHEALTHY, id="sick"
        ),
        pytest.param(
            host(annotations={infrav1.OLD_UNHEALTHY_ANNOTATION: ""}),
            Rejection.UNHEALTHY,
            id="sick-by-old-annotation",
        ),
        pytest.param(
            host(annotations={metal3api.DETACHED_ANNOTATION: ""}),
            Rejection.DETACHED,
            id="detached",
        ),
        pytest.param(
            host(status={"operationalStatus": "detached"}), Rejection.DETACHED, id="is-detached"
        ),
        pytest.param(
            host(externallyProvisioned=True), Rejection.EXTERNALLY_PROVISIONED, id="external"
        ),
        pytest.param(
            host(status={"errorMessage": "broken", "errorType": "inspection error"}),
            Rejection.ERROR,
            id="error",
        ),
        pytest.param(host(state="inspecting"), Rejection.NOT_AVAILABLE, id="inspecting"),
        pytest.param(host(state=""), Rejection.NOT_AVAILABLE, id="no-state"),
        pytest.param(host(image={"url": "http://x"}), Rejection.ALREADY_DEPLOYED, id="image"),
        pytest.param(
            host(customDeploy={"method": "x"}), Rejection.ALREADY_DEPLOYED, id="custom-deploy"
        ),
    ],
)
def test_a_host_that_will_not_do_is_counted_under_its_reason(bad, code):
    """One reason a host, by a stable code; a good host beside it is taken."""
    for key, value in (("rack", "a"),):
        if code is not Rejection.LABEL_MISMATCH:
            bad.metadata.labels.setdefault(key, value)
    m3m = machine(hostSelector={"matchLabels": {"rack": "a"}})
    alone = decide(m3m, [bad], "md-mine")
    assert names(alone) == []
    assert alone.counts == {code: 1}
    assert names(decide(m3m, [bad, host("good", labels={"rack": "a"})], "md-mine")) == ["good"]


@pytest.mark.parametrize("state", ["ready", "available"])
def test_free_states(state):
    """The old name of the state counts, too."""
    assert names(decide(machine(), [host(state=state)])) == ["h"]


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({"key": "n", "operator": "In", "values": ["5"]}, True),
        ({"key": "n", "operator": "notin", "values": ["5"]}, False),
        ({"key": "n", "operator": "exists"}, True),
        ({"key": "n", "operator": "!"}, False),
        ({"key": "n", "operator": "=", "values": ["5"]}, True),
        ({"key": "n", "operator": "!=", "values": ["5"]}, False),
        ({"key": "n", "operator": "gt", "values": ["4"]}, True),
        ({"key": "n", "operator": "lt", "values": ["4"]}, False),
    ],
)
def test_rules_of_the_selector(rule, fits):
    """Operators are read in any case; all of the reference work."""
    m3m = machine(hostSelector={"matchExpressions": [rule]})
    assert bool(decide(m3m, [host(labels={"n": "5"})]).candidates) is fits


@pytest.mark.parametrize(
    "rule",
    [
        {"key": "n", "operator": "like", "values": ["5"]},
        {"key": "n", "operator": "gt", "values": ["x"]},
        {"key": "n", "operator": "lt", "values": []},
        {"key": "n", "operator": "in", "values": []},
    ],
)
def test_a_selector_that_makes_no_sense_is_told(rule):
    """No host is chosen by a rule nobody can read."""
    with pytest.raises(SelectorError, match="hostSelector"):
        decide(machine(hostSelector={"matchExpressions": [rule]}), [host()])


def test_the_explanation_counts_and_names_the_nearest():
    """A person sees how many hosts there are, what is wrong, and where to begin."""
    hosts = [host(f"l{i}", labels={"rack": "b"}) for i in range(7)]
    hosts += [
        host(f"e{i}", labels={"rack": "a"}, status={"errorMessage": "x", "errorType": "y"})
        for i in range(3)
    ]
    hosts += [host("p", labels={"rack": "a"}, annotations={metal3api.PAUSED_ANNOTATION: ""})]
    hosts += [host("r", labels={"rack": "a", REUSE: "md-other"})]
    m3m = machine(hostSelector={"matchLabels": {"rack": "a"}})
    assert decide(m3m, hosts).explain() == (
        "no available host found, 12 hosts: 7 label mismatch on rack, 3 in error, "
        "1 reserved for node reuse, 1 paused; nearest: e2, in error (y)"
    )


def test_the_explanation_is_bounded():
    """Thousands of hosts, and names of any length, do not make a longer text."""
    hosts = [host(f"h{i}" + "x" * 200, status={"errorMessage": "e" * 9000}) for i in range(2000)]
    assert len(decide(machine(), hosts).explain()) <= LONGEST_MESSAGE


def test_no_hosts_at_all():
    """An empty namespace is told apart from hosts that do not fit."""
    assert "there are no hosts" in decide(machine(), []).explain()


def test_the_choice_is_the_same_whatever_the_order():
    """Lists come in any order; the machine's order of preference does not change."""
    hosts = [host(f"h{i}") for i in range(20)]
    m3m = machine()
    assert names(decide(m3m, hosts)) == names(decide(m3m, hosts[::-1]))


def test_machines_spread_over_equal_hosts():
    """Many machines that look at once do not all want the same host."""
    hosts = [host(f"h{i}") for i in range(20)]
    first = {names(decide(machine(f"m{i}"), hosts))[0] for i in range(20)}
    assert len(first) > 5


def test_healthy_hosts_come_first():
    """Failures of the past and an unhealthy condition put a host at the end."""
    sick = {"type": "Healthy", "status": "False", "reason": "CriticalError", "message": ""}
    hosts = [
        host("sick", status={"conditions": [sick]}),
        host("failed", status={"provisioningFailCount": 2}),
        host("once", status={"errorCount": 1}),
        host("good"),
    ]
    assert names(decide(machine(), hosts)) == ["good", "once", "failed", "sick"]


def test_failure_domain_is_a_preference_by_default():
    """As with the Go provider a host elsewhere is taken when there is none inside."""
    m3m = machine(failureDomain="a")
    inside, outside = host("in", labels={DOMAIN: "a"}), host("out", labels={DOMAIN: "b"})
    assert names(decide(m3m, [outside, inside])) == ["in"]
    assert names(decide(m3m, [outside])) == ["out"]


def test_failure_domain_can_be_required():
    """With the policy Required the machine waits, and says for what."""
    m3m = machine(failureDomain="a", failureDomainPolicy="Required")
    decision = decide(m3m, [host("out", labels={DOMAIN: "b"}), host("none")])
    assert names(decision) == []
    assert decision.counts == {Rejection.FAILURE_DOMAIN: 2}


def test_a_reserved_host_is_taken_before_a_free_one():
    """Node reuse: the host of the machine's predecessor, whatever else is free."""
    cluster = {"kind": "Cluster", "apiVersion": "cluster.x-k8s.io/v1beta2", "name": "c"}
    mine = host("mine", labels={REUSE: "md-a"}, consumerRef=cluster)
    for hosts in ([mine, host("free")], [host("free"), mine]):
        decision = decide(machine(), hosts, "md-a")
        assert names(decision) == ["mine"]
        assert decision.is_reuse


def test_an_available_reserved_host_is_taken_though_others_are_not_ready():
    """The order of the list does not matter."""
    ready, busy = host("a", labels={REUSE: "md-a"}), host("b", "deprovisioning", {REUSE: "md-a"})
    m3m = machine()
    for hosts in ([ready, busy], [busy, ready]):
        assert names(decide(m3m, hosts, "md-a")) == ["a"]


def test_a_reserved_host_that_is_being_cleaned_is_waited_for():
    """Even when another is free: that is what node reuse asks for."""
    busy = host("busy", "deprovisioning", {REUSE: "md-a"})
    decision = decide(machine(), [busy, host("free")], "md-a")
    assert names(decision) == []
    assert decision.awaited == ["busy"]
    assert "busy" in decision.explain()


def test_a_broken_reserved_host_is_not_waited_for():
    """A host in error would be waited for without end."""
    broken = host("broken", "deprovisioning", {REUSE: "md-a"}, status={"errorMessage": "x"})
    decision = decide(machine(), [broken, host("free")], "md-a")
    assert names(decision) == ["free"]


def test_a_label_on_a_host_in_use_reserves_nothing():
    """Whoever writes it there does not take the host from its machine, nor make others wait."""
    used = host("used", labels={REUSE: "md-a"}, consumerRef=OTHER)
    assert names(decide(machine(), [used, host("free")], "md-a")) == ["free"]
    assert decide(machine(), [used], "md-a").counts == {Rejection.IN_USE: 1}
