"""The operators a manager can run: what each watches, and how it is built onto the manager.

Every operator package offers the same: an options class, ``cache_by_object()`` and
``setup(mgr, options)``. They are imported only when they are asked for.
"""

import argparse
import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from metal3 import ctrl
from metal3.api.meta import v1 as metav1
from metal3.runtime.cache import ByObject

CAPM3_CRDS: Final = tuple(
    f"{plural}.infrastructure.cluster.x-k8s.io"
    for plural in (
        "metal3clusters",
        "metal3clustertemplates",
        "metal3dataclaims",
        "metal3datas",
        "metal3datatemplates",
        "metal3machines",
        "metal3machinetemplates",
        "metal3remediations",
        "metal3remediationtemplates",
    )
)
"""CRDs whose versions are converted by the provider's webhook."""

STORAGE_MIGRATION: Final = "StorageVersionMigration"
"""The phase that ``--skip-crd-migration-phases`` may name; there is nothing to do in others."""


class UnknownOperatorError(ValueError):
    """``--operators`` names one that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator, ready to join a manager."""

    name: str
    lease: str
    namespace: str
    """Where its Lease and certificate are kept when nobody says."""
    by_object: Mapping[type[metav1.Object], ByObject]
    setup: Callable[[ctrl.Manager], Awaitable[None]]
    webhook_service: str
    validating: str
    mutating: str = ""
    crds: tuple[str, ...] = ()


def baremetal_options(args: argparse.Namespace) -> Any:
    """The flags as the operator's own options."""
    package: Any = importlib.import_module("metal3.controllers.baremetal")
    return package.BaremetalOptions(
        namespaces=args.namespace,
        provisioner=args.provisioner,
        concurrency=args.controller_concurrency,
        max_provisioning_retries=args.max_provisioning_retries,
        build_preprovisioning_images=args.build_preprov_image,
        host_claims=args.hostclaims,
        limits_per_label=args.provisioning_limit_per_label,
        refuse_duplicate_hosts=args.refuse_duplicate_hosts,
    )


def _baremetal(args: argparse.Namespace, environment: Mapping[str, str]) -> Operator:
    package: Any = importlib.import_module("metal3.controllers.baremetal")
    options = baremetal_options(args)

    async def setup(mgr: ctrl.Manager) -> None:
        await package.setup(mgr, options, environment)

    return Operator(
        name="baremetal",
        lease="baremetal-operator",
        namespace="baremetal-operator-system",
        by_object=package.cache_by_object(),
        setup=setup,
        webhook_service="baremetal-operator-webhook-service",
        validating="baremetal-operator-validating-webhook-configuration",
    )


def _ipam(args: argparse.Namespace, _: Mapping[str, str]) -> Operator:
    package: Any = importlib.import_module("metal3.controllers.ipam")
    options = package.IPAMOptions(
        namespaces=args.namespace,
        watch_filter=args.watch_filter,
        **_given(pool_concurrency=args.ippool_concurrency),
    )

    async def setup(mgr: ctrl.Manager) -> None:
        await package.setup(mgr, options)

    return Operator(
        name="ipam",
        lease="controller-leader-election-ipam-capm3",
        namespace="metal3-ipam-system",
        by_object=package.cache_by_object(),
        setup=setup,
        webhook_service="ipam-webhook-service",
        validating="ipam-validating-webhook-configuration",
        mutating="ipam-mutating-webhook-configuration",
    )


def _capm3(args: argparse.Namespace, environment: Mapping[str, str]) -> Operator:
    package: Any = importlib.import_module("metal3.controllers.capm3")
    options = package.Capm3Options(
        namespaces=args.namespace,
        watch_filter=args.watch_filter,
        **_given(concurrency=args.metal3machine_concurrency),
        name_based_preallocation=args.enable_bmh_name_based_preallocation,
        storage_migration=STORAGE_MIGRATION not in args.skip_crd_migration_phases,
    )

    async def setup(mgr: ctrl.Manager) -> None:
        await package.setup(mgr, options, environment)

    return Operator(
        name="capm3",
        lease="controller-leader-election-capm3",
        namespace="capm3-system",
        by_object=package.cache_by_object(),
        setup=setup,
        webhook_service="capm3-webhook-service",
        validating="capm3-validating-webhook-configuration",
        mutating="capm3-mutating-webhook-configuration",
        crds=CAPM3_CRDS,
    )


def _given(**numbers: int) -> dict[str, int]:
    """Those that are not 0: the operator knows best what to take otherwise."""
    return {name: number for name, number in numbers.items() if number}


_KNOWN: Final[Mapping[str, Callable[[argparse.Namespace, Mapping[str, str]], Operator]]] = {
    "baremetal": _baremetal,
    "capm3": _capm3,
    "ipam": _ipam,
}


def chosen(args: argparse.Namespace, environment: Mapping[str, str]) -> Sequence[Operator]:
    """The operators named by ``--operators``; raises UnknownOperatorError."""
    names = tuple(dict.fromkeys(args.operators))
    unknown = [name for name in names if name not in _KNOWN]
    if unknown or not names:
        wrong = ", ".join(unknown) or "none given"
        raise UnknownOperatorError(f"--operators: {wrong}; there are {', '.join(sorted(_KNOWN))}")
    return [_KNOWN[name](args, environment) for name in names]


def lease_name(operators: Sequence[Operator]) -> str:
    """The Lease of one operator is that of its Go original, so that the two never run at once."""
    if len(operators) == 1:
        return operators[0].lease
    return "metal3-" + "-".join(sorted(operator.name for operator in operators))
