"""Conditions of machines in both sets, what sums them up, and whose objects are looked at."""

from datetime import UTC, datetime, timedelta

import pytest

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.controllers.capm3 import conditions
from metal3.controllers.capm3.conditions import Reason, Type
from metal3.controllers.capm3.environment import Environment
from metal3.controllers.capm3.options import Capm3Options, is_fast_track
from metal3.controllers.capm3.watchfilter import filtered
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request
from metal3.runtime.recorder import FakeRecorder

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def m3m(make_machine):
    """A machine that says nothing yet."""
    return make_machine()[1]


def old_conditions(m3m):
    """The set of v1beta1 by type."""
    return {c.type: c for c in m3m.status.deprecated.v_1_beta_1.conditions}


def found(m3m, kind):
    """Status, reason and message of one of the conditions of today."""
    c = next(c for c in m3m.status.conditions if c.type == kind)
    return c.status, c.reason, c.message


@pytest.mark.parametrize(
    ("kind", "old_kind", "reason", "old_reason"),
    [
        (Type.ASSOCIATE_HOST, "AssociateBMH", Reason.ASSOCIATE_FAILED, "AssociateBMHFailed"),
        (
            Type.ASSOCIATE_HOST,
            "AssociateBMH",
            Reason.WAITING_FOR_CLUSTER_INFRASTRUCTURE,
            "WaitingForClusterInfrastructure",
        ),
        (
            Type.ASSOCIATE_HOST,
            "AssociateBMH",
            Reason.WAITING_FOR_BOOTSTRAP_DATA,
            "WaitingForBootstrapReady",
        ),
        (
            Type.ASSOCIATE_HOST,
            "AssociateBMH",
            Reason.WAITING_FOR_OWNER,
            "WaitingForM3MachineOwnerRef",
        ),
        (
            Type.ASSOCIATE_HOST,
            "AssociateBMH",
            Reason.WAITING_FOR_CLUSTER,
            "WaitingforMetal3Cluster",
        ),
        (Type.ASSOCIATE_META_DATA, "KubernetesNodeReady", Reason.DELETING, "Deleting"),
        (Type.DATA_READY, "Metal3DataReady", Reason.WAITING_FOR_DATA, "WaitingForMetal3Data"),
    ],
)
def test_both_sets_say_the_same_in_their_own_words(m3m, kind, old_kind, reason, old_reason):
    """Dashboards and scripts read either."""
    conditions.mark_false(m3m, kind, reason, "why", now=NOW, severity="Warning")
    assert found(m3m, kind) == ("False", reason, "why")
    old = old_conditions(m3m)[old_kind]
    assert (old.status, old.severity, old.reason, old.message) == (
        "False",
        "Warning",
        old_reason,
        "why",
    )
    conditions.mark_true(m3m, kind, Reason.ASSOCIATED, now=LATER)
    old = old_conditions(m3m)[old_kind]
    assert (old.status, old.severity, old.reason) == ("True", None, None)
    assert old.last_transition_time == "2026-01-01T01:00:00Z"


def test_times_change_only_with_the_status(m3m):
    """Another reason or text is no transition."""
    conditions.mark_false(m3m, Type.DATA_READY, Reason.WAITING_FOR_DATA, "a", now=NOW)
    conditions.mark_false(m3m, Type.DATA_READY, Reason.WAITING_FOR_DATA, "b", now=LATER)
    old = old_conditions(m3m)["Metal3DataReady"]
    assert (old.message, old.last_transition_time) == ("b", "2026-01-01T00:00:00Z")
    (new,) = m3m.status.conditions
    assert new.last_transition_time == "2026-01-01T00:00:00Z"


def test_messages_are_bounded(m3m):
    """The schema refuses longer ones."""
    conditions.mark_false(m3m, Type.DATA_READY, Reason.WAITING_FOR_DATA, "x" * 5000, now=NOW)
    assert len(found(m3m, Type.DATA_READY)[2]) == 1024
    conditions.set_failure(m3m, "UpdateError", "x" * 5000)
    assert len(m3m.status.deprecated.v_1_beta_1.failure_message) == 1024


SUMMARY = (Type.ASSOCIATE_HOST, Type.ASSOCIATE_META_DATA, Type.DATA_READY)


@pytest.mark.parametrize(
    ("states", "ready", "waits_for"),
    [
        ("", ("Unknown", "ReadyUnknown"), "ReadyUnknown"),
        ("TT", ("Unknown", "ReadyUnknown"), "ReadyUnknown"),
        ("TTT", ("True", "Ready"), "Ready"),
        ("TF", ("False", "NotReady"), "WaitingForNode"),
        ("F", ("False", "NotReady"), "WaitingForNode"),
        ("TTF", ("False", "NotReady"), "WaitingForNode"),
    ],
)
def test_ready_sums_up(m3m, states, ready, waits_for):
    """False if one is, Unknown if one is not there yet; and the one word the metric counts by."""
    for kind, state in zip(SUMMARY, states, strict=False):
        if state == "T":
            conditions.mark_true(m3m, kind, Reason.ASSOCIATED, now=NOW)
        else:
            conditions.mark_false(m3m, kind, Reason.WAITING_FOR_NODE, "no node", now=NOW)
    conditions.summarize(m3m, now=NOW)
    assert found(m3m, "Ready")[:2] == ready
    assert ("no node" in found(m3m, "Ready")[2]) is ("F" in states)
    assert old_conditions(m3m)["Ready"].status == ready[0]
    assert conditions.waits_for(m3m) == waits_for


def test_an_object_on_its_way_out_says_so(m3m):
    """Whatever else there is to say; the same for one that is paused."""
    conditions.mark_paused(m3m, paused=True, why="the Cluster is paused", now=NOW)
    assert conditions.waits_for(m3m) == "Paused"
    m3m.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    conditions.summarize(m3m, now=NOW)
    assert found(m3m, "Ready")[:2] == ("False", "Deleting")
    assert conditions.waits_for(m3m) == "Deleting"


@pytest.mark.parametrize(
    ("label", "option", "seen"), [("a", "a", True), ("a", "b", False), (None, "a", False)]
)
async def test_a_watch_filter(m3m, make_workload, label, option, seen):
    """Several providers in one cluster: each works on what bears its label, and on leftovers."""
    if label:
        m3m.metadata.labels[clusterv1.WATCH_FILTER_LABEL] = label
    calls = []

    class Inner:
        async def reconcile(self, req):
            calls.append(req.name)
            return ctrl.Result()

    client = FakeClient(m3m)
    env = Environment(
        client=client,
        live=client,
        recorder=FakeRecorder(),
        workload=make_workload(),
        options=Capm3Options(watch_filter=option),
    )
    reconciler = filtered(env, infrav1.Metal3Machine, Inner())
    await reconciler.reconcile(Request("metal3", "m-0"))
    await reconciler.reconcile(Request("metal3", "gone"))
    assert calls == (["m-0", "gone"] if seen else ["gone"])


def test_options():
    """What makes no sense is refused; fast track is a word in the environment."""
    with pytest.raises(ValueError, match="at least 1"):
        Capm3Options(concurrency=0)
    assert is_fast_track({"CAPM3_FAST_TRACK": "TRUE"})
    assert not is_fast_track({})
