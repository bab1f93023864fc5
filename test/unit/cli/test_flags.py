"""Arguments written for the Go managers mean the same here."""

from datetime import timedelta

import pytest

from metal3.cli import _operators
from metal3.cli._flags import Parser, parse
from metal3.cli._manager_flags import MANAGER_FLAGS
from metal3.controllers.baremetal import BaremetalOptions


def manager(*argv, **environment):
    """Parse ``argv`` as ``metal3 manager`` does."""
    return parse(Parser("metal3 manager", ""), MANAGER_FLAGS, argv, environment)


def test_one_dash_and_two_dashes_are_the_same():
    """Deployments made for upstream use both."""
    assert (
        manager("-webhook-port=0").webhook_port == manager("--webhook-port", "0").webhook_port == 0
    )


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--enable-leader-election"], True),
        (["--leader-elect"], True),
        (["-leader-elect=true"], True),
        (["--leader-elect=false"], False),
        ([], False),
    ],
)
def test_a_boolean_stands_alone_or_has_a_value(argv, expected):
    """A lone boolean never eats the next word."""
    assert manager(*argv, "--provisioner", "fixture").leader_elect is expected
    assert manager(*argv, "--provisioner", "fixture").provisioner == "fixture"


def test_durations_are_those_of_go():
    """Seconds, minutes and fractions add up."""
    assert manager("--sync-period=1m30s").sync_period == timedelta(seconds=90)
    assert manager("--leader-elect-retry-period", "500ms").leader_elect_retry_period == timedelta(
        milliseconds=500
    )


def test_the_environment_fills_in_and_the_command_line_wins():
    """WATCH_NAMESPACE is how upstream's manifests set the namespaces."""
    assert manager(WATCH_NAMESPACE="a, b").namespace == ("a", "b")
    assert manager("--namespace=c", WATCH_NAMESPACE="a").namespace == ("c",)


def test_limits_for_each_value_of_a_label():
    """Keys of labels may have a prefix; none are set unless somebody says so."""
    flag = "--provisioning-limit-per-label=rack=4, topology.example.com/switch=8"
    assert manager(flag).provisioning_limit_per_label == {
        "rack": 4,
        "topology.example.com/switch": 8,
    }
    given = manager(PROVISIONING_LIMIT_PER_LABEL="rack=2")
    assert given.provisioning_limit_per_label == {"rack": 2}
    assert not manager().provisioning_limit_per_label


@pytest.mark.parametrize(
    ("argv", "environment", "word"),
    [
        (["--no-such-flag"], {}, "no-such-flag"),
        (["--webhook-port=70000"], {}, "70000"),
        (["--leader-elect=maybe"], {}, "maybe"),
        (["--controller-concurrency=-1"], {}, "-1"),
        (["--sync-period=10"], {}, "10"),
        (["--webhook-por=1"], {}, "webhook-por"),
        ([], {"BMO_CONCURRENCY": "many"}, "BMO_CONCURRENCY"),
        (["--provisioning-limit-per-label=rack"], {}, "rack=4"),
        (["--provisioning-limit-per-label=rack=0"], {}, "rack=0"),
        ([], {"PROVISIONING_LIMIT_PER_LABEL": "=4"}, "PROVISIONING_LIMIT_PER_LABEL"),
    ],
)
def test_a_wrong_flag_ends_with_one_line_and_code_2(argv, environment, word, capsys):
    """The line names what is wrong."""
    with pytest.raises(SystemExit) as stopped:
        manager(*argv, **environment)
    assert stopped.value.code == 2
    assert word in capsys.readouterr().err


def test_flags_of_all_three_managers_are_known():
    """The args of upstream's three Deployments parse unchanged."""
    manager("--metrics-addr=:8443", "--enable-leader-election", "--hostclaims", "-dev")
    manager(
        "--webhook-port=9443",
        "--diagnostics-address=:8443",
        "--insecure-diagnostics=false",
        "--enable-bmh-name-based-preallocation=false",
        "--tls-min-version=VersionTLS12",
        "-v=4",
        "--metal3machine-concurrency=20",
        "--kube-api-qps=20",
        "--kube-api-burst",
        "30",
    )
    manager("--leader-elect", "--ippool-concurrency=5", "--watch-filter=x", "--logging-format=json")


def test_help_says_where_a_default_comes_from(capsys):
    """Every flag is in --help with its default and its environment variable."""
    with pytest.raises(SystemExit) as stopped:
        manager("--help")
    assert stopped.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "[$WATCH_NAMESPACE]" in text
    assert "(default 15s)" in text


# What a Deployment of the Go operator may set, and what it gets otherwise.
BAREMETAL_DEFAULTS = {
    "namespace": (),
    "metrics-addr": ":8443",
    "health-addr": ":9440",
    "webhook-port": 9443,
    "leader-elect": False,
    "lease-duration-seconds": None,
    "renew-deadline-seconds": None,
    "retry-period-seconds": None,
    "build-preprov-image": False,
    "hostclaims": False,
    "dev": False,
    "provisioner": "ironic",
    "kube-api-burst": 30,
    "tls-min-version": "TLS12",
    "tls-max-version": "TLS13",
    "tls-cipher-suites": (),
    "tls-curve-preferences": (),
    "controller-concurrency": 0,
    "max-provisioning-retries": 5,
    "refuse-duplicate-hosts": False,
}


@pytest.mark.parametrize(("name", "default"), BAREMETAL_DEFAULTS.items())
def test_defaults_of_the_baremetal_operator(name, default):
    """The numbers in people's runbooks; the lease's own times are the flags beside them."""
    assert getattr(manager(), name.replace("-", "_")) == default


@pytest.mark.parametrize(
    ("variable", "text", "attribute", "value"),
    [
        ("WATCH_NAMESPACE", "a,b", "namespace", ("a", "b")),
        ("BMO_CONCURRENCY", "7", "controller_concurrency", 7),
        ("LEASE_DURATION_SECONDS", "30", "lease_duration_seconds", timedelta(seconds=30)),
        ("RENEW_DEADLINE_SECONDS", "20", "renew_deadline_seconds", timedelta(seconds=20)),
        ("RETRY_PERIOD_SECONDS", "5", "retry_period_seconds", timedelta(seconds=5)),
        ("POD_NAMESPACE", "metal3", "leader_elect_namespace", "metal3"),
    ],
)
def test_the_environment_of_a_deployment(variable, text, attribute, value):
    """Each variable stands for a flag."""
    assert getattr(manager(**{variable: text}), attribute) == value


@pytest.mark.parametrize("name", ["max-provisioning-retries", "controller-concurrency"])
def test_negative_counts_end_the_start(name, capsys):
    """As with the Go operator."""
    with pytest.raises(SystemExit):
        manager(f"--{name}=-1")
    assert "-1" in capsys.readouterr().err


def test_options_of_the_baremetal_operator_come_from_flags():
    """None is parsed and then forgotten."""
    args = manager(
        "--provisioner=fixture",
        "--controller-concurrency=3",
        "--max-provisioning-retries=0",
        "--build-preprov-image",
        "--hostclaims",
        "--refuse-duplicate-hosts",
        "--namespace=a,b",
    )
    assert _operators.baremetal_options(args) == BaremetalOptions(
        namespaces=("a", "b"),
        provisioner="fixture",
        concurrency=3,
        max_provisioning_retries=0,
        build_preprovisioning_images=True,
        host_claims=True,
        refuse_duplicate_hosts=True,
    )
