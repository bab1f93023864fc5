"""Alert rules and dashboards: queries that parse, about metrics that exist."""

import json
import re
from pathlib import Path

import promql_parser
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.controllers import baremetal, capm3, ipam
from metal3.provisioner import ironic
from metal3.runtime.metrics import REGISTRY

TOP = Path(__file__).parents[3]
MONITORING = TOP / "config/monitoring"
THEIRS = {"up"}
"""Series that Prometheus makes itself."""
COUNTING = (baremetal, capm3, ipam, ironic)
"""Imported so that what they count is registered."""

each_operator = pytest.mark.parametrize("operator", ["baremetal", "capm3", "ipam"])


def rules_of(operator):
    """All alerts of an operator."""
    found = yaml.safe_load((MONITORING / operator / "rules.yaml").read_text(encoding="utf-8"))
    return [rule for group in found["groups"] for rule in group["rules"]]


def panels_of(operator):
    """All panels of an operator's dashboard."""
    return json.loads((MONITORING / operator / "dashboard.json").read_text())["panels"]


def queries_of(operator):
    """Every query there is about an operator."""
    yield from (rule["expr"] for rule in rules_of(operator))
    for panel in panels_of(operator):
        yield from (target["expr"] for target in panel["targets"])


def selectors_in(query):
    """Every selection of series in a query; fails when it is no PromQL."""
    todo = [promql_parser.parse(query)]
    while todo:
        node = todo.pop()
        if isinstance(node, promql_parser.VectorSelector):
            yield node
        for name in ("lhs", "rhs", "expr", "param", "args", "vector_selector"):
            inner = getattr(node, name, None)
            todo += [item for item in (inner if isinstance(inner, list) else [inner]) if item]


ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def registered():
    """Names of series with their labels, as ``/metrics`` has them once everything has happened."""
    out: dict[str, frozenset[str]] = {
        sample.name: frozenset() for metric in REGISTRY.collect() for sample in metric.samples
    }
    for collector in REGISTRY._collector_to_names:
        if isinstance(collector, MetricWrapperBase):
            names = (f"{collector._name}{ending}" for ending in ENDINGS[collector._type or ""])
            out |= dict.fromkeys(names, frozenset(collector._labelnames))
    return out


@each_operator
def test_every_query_is_about_metrics_that_exist(operator):
    """A metric that is renamed takes its alerts and panels along; labels are those it has."""
    known = registered()
    for query in queries_of(operator):
        found = list(selectors_in(query))
        assert found
        for selector in found:
            assert selector.name in known or selector.name in THEIRS, query
            asked = {matcher.name for matcher in selector.matchers.matchers} - {"job", "le"}
            assert asked <= known.get(selector.name, frozenset()), query
        labels = frozenset[str]().union(*(known.get(s.name, ()) for s in found))
        for names in re.findall(r"by \(([^)]*)\)", query):
            assert set(names.split(", ")) - {"le"} <= labels, query


@each_operator
def test_every_query_is_about_this_operator(operator):
    """Other programs of the cluster count under the same names."""
    monitor = yaml.safe_load((MONITORING / operator / "servicemonitor.yaml").read_text())
    service = yaml.safe_load((TOP / f"config/manager/{operator}/metrics_service.yaml").read_text())
    wanted = service["metadata"]["name"]
    assert monitor["metadata"]["namespace"] == service["metadata"]["namespace"]
    assert (
        monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    )
    assert {end["port"] for end in monitor["spec"]["endpoints"]} == {
        port["name"] for port in service["spec"]["ports"]
    }
    for query in queries_of(operator):
        for selector in selectors_in(query):
            jobs = [m.value for m in selector.matchers.matchers if m.name == "job"]
            assert jobs == [wanted], query


@each_operator
def test_the_custom_resource_holds_the_plain_rules(operator):
    """With the Prometheus operator or without it, the alerts are the same."""
    plain = yaml.safe_load((MONITORING / operator / "rules.yaml").read_text())
    custom = yaml.safe_load((MONITORING / operator / "prometheusrule.yaml").read_text())
    assert custom["spec"] == plain


@each_operator
def test_every_alert_is_documented(operator):
    """Who is woken by one finds what it means and what to do."""
    page = (TOP / "docs/monitoring.md").read_text(encoding="utf-8")
    for rule in rules_of(operator):
        assert f"| {rule['alert']} |" in page
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["summary"]


@each_operator
def test_labels_in_texts_survive_the_query(operator):
    """``$labels.x`` in a summary is empty unless the query keeps the label."""
    for rule in rules_of(operator):
        for label in re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]):
            kept = re.findall(r"by \(([^)]*)\)", rule["expr"])
            plain = "sum" not in rule["expr"] and "max" not in rule["expr"]
            assert plain or any(label in names.split(", ") for names in kept), rule["alert"]


def test_reasons_and_phases_in_queries_are_words_the_provider_uses():
    """An alert for a reason that is never given would stay silent."""
    words: dict[str, set[str]] = {
        "reason": set(infrav1.Reason),
        "phase": set(infrav1.RemediationPhase),
    }
    for query in queries_of("capm3"):
        for selector in selectors_in(query):
            for matcher in selector.matchers.matchers:
                assert matcher.name not in words or matcher.value in words[matcher.name], query
