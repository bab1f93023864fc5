"""The flags of ``metal3 manager``: those of the three Go managers, under all their names."""

from datetime import timedelta
from types import MappingProxyType
from typing import Final

from ._flags import (
    Flag,
    choice,
    read_bool,
    read_count,
    read_duration,
    read_limits,
    read_names,
    read_port,
    read_seconds,
)

CERT_DIR: Final = "/tmp/k8s-webhook-server/serving-certs"  # noqa: S108 - the path all Metal3 Deployments mount
READ_TLS_VERSION = choice("TLS12", "TLS13", "VersionTLS12", "VersionTLS13")

GENERAL: Final = (
    Flag(
        names=("operators",),
        read=read_names,
        default=("baremetal",),
        env="METAL3_OPERATORS",
        metavar="NAME[,NAME]",
        help="which operators run in this process",
    ),
    Flag(
        names=("kubeconfig",),
        metavar="FILE",
        help="how to reach the cluster; else $KUBECONFIG, in-cluster, ~/.kube/config",
    ),
    Flag(
        names=("namespace",),
        read=read_names,
        default=(),
        env="WATCH_NAMESPACE",
        metavar="NS[,NS]",
        help="watch only these namespaces; empty means all",
    ),
    Flag(
        names=("watch-filter",),
        metavar="VALUE",
        help="handle only objects whose label cluster.x-k8s.io/watch-filter has this value",
    ),
    Flag(
        names=("sync-period",),
        read=read_duration,
        default=timedelta(minutes=10),
        help="how often every object is looked at even if nothing changed",
    ),
    Flag(names=("dev",), read=read_bool, default=False, help="console log with debug lines"),
    Flag(
        names=("v",),
        read=read_count,
        default=0,
        metavar="LEVEL",
        help="log verbosity: 4 and more logs debug lines",
    ),
    Flag(
        names=("logging-format",),
        read=choice("text", "json"),
        default="json",
        help="log as text or json",
    ),
)

ENDPOINTS: Final = (
    Flag(
        names=("metrics-addr", "diagnostics-address"),
        default=":8443",
        metavar="[HOST]:PORT",
        help="where /metrics is served; 0 turns it off",
    ),
    Flag(
        names=("insecure-diagnostics",),
        read=read_bool,
        default=False,
        help="serve /metrics over plain HTTP and to anyone",
    ),
    Flag(
        names=("health-addr",),
        default=":9440",
        metavar="[HOST]:PORT",
        help="where /healthz and /readyz are served; 0 turns it off",
    ),
    Flag(
        names=("webhook-port",),
        read=read_port,
        default=9443,
        metavar="PORT",
        help="port of the admission and conversion webhooks; 0 turns them off",
    ),
    Flag(
        names=("webhook-cert-dir",),
        default=CERT_DIR,
        metavar="DIR",
        help="folder with tls.crt and tls.key of the webhooks",
    ),
    Flag(
        names=("webhook-self-signed",),
        read=read_bool,
        default=False,
        help="make and rotate the webhooks' certificate here, and publish its CA in the cluster",
    ),
    Flag(
        names=("webhook-service",),
        metavar="NAME",
        help="Service in front of the webhooks, for --webhook-self-signed",
    ),
    Flag(
        names=("tls-min-version",),
        read=READ_TLS_VERSION,
        default="TLS12",
        metavar="VERSION",
        help="lowest TLS version served: TLS12 or TLS13",
    ),
    Flag(
        names=("tls-max-version",),
        read=READ_TLS_VERSION,
        default="TLS13",
        metavar="VERSION",
        help="highest TLS version served",
    ),
    Flag(
        names=("tls-cipher-suites",),
        read=read_names,
        default=(),
        metavar="NAME[,NAME]",
        help="cipher suites served up to TLS 1.2, by IANA name",
    ),
    Flag(
        names=("tls-curve-preferences",),
        read=read_names,
        default=(),
        metavar="NAME[,NAME]",
        help="key exchange groups served, such as X25519,CurveP256",
    ),
)

LEADER_ELECTION: Final = (
    Flag(
        names=("leader-elect", "enable-leader-election"),
        read=read_bool,
        default=False,
        help="work only while holding the Lease, so that several replicas may run",
    ),
    Flag(
        names=("leader-elect-lease-duration",),
        read=read_duration,
        default=timedelta(seconds=15),
        help="how long a lost leader blocks the others",
    ),
    Flag(
        names=("leader-elect-renew-deadline",),
        read=read_duration,
        default=timedelta(seconds=10),
        help="how long a leader tries to renew before it gives up",
    ),
    Flag(
        names=("leader-elect-retry-period",),
        read=read_duration,
        default=timedelta(seconds=2),
        help="pause between tries",
    ),
    Flag(
        names=("lease-duration-seconds",),
        read=read_seconds,
        default=None,
        env="LEASE_DURATION_SECONDS",
        help="as --leader-elect-lease-duration, in seconds",
    ),
    Flag(
        names=("renew-deadline-seconds",),
        read=read_seconds,
        default=None,
        env="RENEW_DEADLINE_SECONDS",
        help="as --leader-elect-renew-deadline, in seconds",
    ),
    Flag(
        names=("retry-period-seconds",),
        read=read_seconds,
        default=None,
        env="RETRY_PERIOD_SECONDS",
        help="as --leader-elect-retry-period, in seconds",
    ),
    Flag(
        names=("leader-elect-namespace",),
        env="POD_NAMESPACE",
        metavar="NS",
        help="namespace of the Lease",
    ),
)

LIMITS: Final = (
    Flag(
        names=("kube-api-qps",),
        read=float,
        default=0.0,
        help="bound on requests a second to the API server; 0 leaves flow control to the server",
    ),
    Flag(
        names=("kube-api-burst",),
        read=read_count,
        default=30,
        help="requests let through at once when --kube-api-qps is set",
    ),
    Flag(
        names=("kube-api-writes-at-once",),
        read=read_count,
        default=16,
        help="writes on their way to the API server at the same time; 0 is no limit",
    ),
    Flag(
        names=("clustercache-client-qps",),
        read=float,
        default=0.0,
        help="as --kube-api-qps, for workload clusters",
    ),
    Flag(
        names=("clustercache-client-burst",),
        read=read_count,
        default=30,
        help="as --kube-api-burst, for workload clusters",
    ),
    Flag(
        names=("controller-concurrency",),
        read=read_count,
        default=0,
        env="BMO_CONCURRENCY",
        help="hosts worked on at once; 0 chooses",
    ),
    *(
        Flag(
            names=(f"{kind}-concurrency",),
            read=read_count,
            default=0,
            help=f"{kind} objects worked on at once; 0 chooses",
        )
        for kind in (
            "metal3machine",
            "metal3cluster",
            "metal3datatemplate",
            "metal3data",
            "metal3labelsync",
            "metal3machinetemplate",
            "metal3remediation",
            "ippool",
        )
    ),
)

BAREMETAL: Final = (
    Flag(
        names=("provisioner",),
        default="ironic",
        metavar="NAME",
        help="backend that runs the machines: ironic, fixture, or a plugin's name",
    ),
    Flag(
        names=("build-preprov-image",),
        read=read_bool,
        default=False,
        help="ask for one agent image per host through PreprovisioningImage",
    ),
    Flag(names=("hostclaims",), read=read_bool, default=False, help="run the HostClaim controller"),
    Flag(
        names=("refuse-duplicate-hosts",),
        read=read_bool,
        default=False,
        help="refuse hosts whose BMC or boot MAC address another host has, instead of warning",
    ),
    Flag(
        names=("max-provisioning-retries",),
        read=read_count,
        default=5,
        help="failed deployments of one image before a host waits for help; 0 never gives up",
    ),
    Flag(
        names=("provisioning-limit-per-label",),
        read=read_limits,
        default=MappingProxyType({}),
        env="PROVISIONING_LIMIT_PER_LABEL",
        metavar="KEY=N[,KEY=N]",
        help="hosts with the same value of a label that are inspected, provisioned or cleaned at "
        "once, such as rack=4",
    ),
)

CAPM3: Final = (
    Flag(
        names=("enable-bmh-name-based-preallocation",),
        read=read_bool,
        default=False,
        help="name IP claims after the host, so that an address stays with its machine",
    ),
    Flag(
        names=("skip-crd-migration-phases",),
        read=read_names,
        default=(),
        metavar="PHASE[,PHASE]",
        help="leave out phases of the CRD storage migration",
    ),
)

MANAGER_FLAGS: Final = (
    *GENERAL,
    *ENDPOINTS,
    *LEADER_ELECTION,
    *LIMITS,
    *BAREMETAL,
    *CAPM3,
)
