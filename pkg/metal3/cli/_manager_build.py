"""From flags to a manager that is ready to start."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from metal3 import ctrl
from metal3.api.meta import v1 as metav1
from metal3.runtime.cache import ByObject, CacheOptions
from metal3.runtime.certwatcher import CertWatcher, TLSOptions, tls_version
from metal3.runtime.client import RestClient
from metal3.runtime.leaderelection import LeaderElectionOptions
from metal3.runtime.manager import MetricsOptions
from metal3.runtime.rest import Config, load_config
from metal3.runtime.types import NamespacedName
from metal3.runtime.webhook import (
    CertificateRotator,
    RotationOptions,
    WebhookOptions,
    WebhookServer,
)

from ._operators import Operator, chosen, lease_name

CERT_FILE: Final = "tls.crt"
KEY_FILE: Final = "tls.key"


async def build(
    args: argparse.Namespace, environment: Mapping[str, str], *, config: Config | None = None
) -> ctrl.Manager:
    """A manager with all chosen operators on it.

    Raises UnknownOperatorError, ConfigError (kubeconfig), OSError or ssl.SSLError (certificates),
    ValueError (leader election times, operator options).
    """
    operators = chosen(args, environment)
    rest_config = config or _rest_config(args)
    watcher, rotator = await _certificates(args, environment, operators, rest_config)
    mgr = ctrl.Manager(
        rest_config,
        ctrl.ManagerOptions(
            cache=CacheOptions(
                namespaces=args.namespace,
                by_object=_by_object(operators),
                resync=args.sync_period or None,
            ),
            leader_election=_leader_election(args, environment, operators),
            metrics=_metrics(args),
            health_addr=args.health_addr,
            webhook_server=_webhook_server(args, watcher),
        ),
    )
    for runnable in (watcher, rotator):
        if runnable is not None:
            mgr.add(runnable)
    _add_checks(mgr, serves_webhooks=watcher is not None)
    for operator in operators:
        await operator.setup(mgr)
    return mgr


def _rest_config(args: argparse.Namespace) -> Config:
    config = load_config(args.kubeconfig or None)
    config = replace(config, writes_at_once=args.kube_api_writes_at_once)
    if not args.kube_api_qps:
        return config
    return replace(config, qps=args.kube_api_qps, burst=args.kube_api_burst)


def _by_object(operators: Sequence[Operator]) -> dict[type[metav1.Object], ByObject]:
    merged: dict[type[metav1.Object], ByObject] = {}
    for operator in operators:
        merged |= operator.by_object
    return merged


def _metrics(args: argparse.Namespace) -> MetricsOptions:
    secure = not args.insecure_diagnostics
    return MetricsOptions(
        addr=args.metrics_addr,
        secure=secure,
        authorize=secure,
        tls=_tls(args),
    )


def _leader_election(
    args: argparse.Namespace, environment: Mapping[str, str], operators: Sequence[Operator]
) -> LeaderElectionOptions | None:
    if not args.leader_elect:
        return None
    return LeaderElectionOptions(
        name=lease_name(operators),
        namespace=_own_namespace(args, environment, operators),
        lease_duration=args.lease_duration_seconds or args.leader_elect_lease_duration,
        renew_deadline=args.renew_deadline_seconds or args.leader_elect_renew_deadline,
        retry_period=args.retry_period_seconds or args.leader_elect_retry_period,
    )


def _own_namespace(
    args: argparse.Namespace, environment: Mapping[str, str], operators: Sequence[Operator]
) -> str:
    given: str = args.leader_elect_namespace or environment.get("POD_NAMESPACE", "")
    if given:
        return given
    return args.namespace[0] if len(args.namespace) == 1 else operators[0].namespace


async def _certificates(
    args: argparse.Namespace,
    environment: Mapping[str, str],
    operators: Sequence[Operator],
    config: Config,
) -> tuple[CertWatcher | None, CertificateRotator | None]:
    if not args.webhook_port:
        return None, None
    folder = Path(args.webhook_cert_dir)
    rotator = None
    if args.webhook_self_signed:
        rotator = CertificateRotator(
            client=RestClient(config),
            options=_rotation(args, environment, operators, folder),
        )
        await rotator.ensure()
    watcher = CertWatcher(folder / CERT_FILE, folder / KEY_FILE, tls=_tls(args))
    await watcher.load()
    return watcher, rotator


def _rotation(
    args: argparse.Namespace,
    environment: Mapping[str, str],
    operators: Sequence[Operator],
    folder: Path,
) -> RotationOptions:
    namespace = _own_namespace(args, environment, operators)
    return RotationOptions(
        secret=NamespacedName(namespace, f"{lease_name(operators)}-webhook-cert"),
        service=args.webhook_service or operators[0].webhook_service,
        cert_dir=folder,
        validating=tuple(operator.validating for operator in operators),
        mutating=tuple(operator.mutating for operator in operators if operator.mutating),
        crds=tuple(name for operator in operators for name in operator.crds),
    )


def _webhook_server(args: argparse.Namespace, watcher: CertWatcher | None) -> WebhookServer | None:
    if watcher is None:
        return None
    return WebhookServer(
        WebhookOptions(port=args.webhook_port, timeout=timedelta(seconds=10)),
        ssl_context=watcher.ssl_context,
    )


def _add_checks(mgr: ctrl.Manager, *, serves_webhooks: bool) -> None:
    if serves_webhooks:
        mgr.add_readyz_check("webhook", mgr.webhook_server.check)


def _tls(args: argparse.Namespace) -> TLSOptions:
    return TLSOptions(
        minimum=tls_version(args.tls_min_version),
        maximum=tls_version(args.tls_max_version),
        cipher_suites=args.tls_cipher_suites,
        curves=args.tls_curve_preferences,
    )
