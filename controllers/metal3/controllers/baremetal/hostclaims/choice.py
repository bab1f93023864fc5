"""Which host a claim gets, and why it gets none.

The choice depends on nothing but the claim and the hosts: asked again, it is the same. Among equals
the order differs from claim to claim, so that many claims that look at once do not all reach for
the same host.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import LabelSelector, Operator, Requirement

State = metal3api.ProvisioningState
FREE: Final = frozenset({State.READY, State.AVAILABLE})


class Rejection(StrEnum):
    """Why a host will not do, in the order in which it is looked for; worded for a message.

    That a host may not be taken comes first: of such a host nothing else is told.
    """

    NOT_ALLOWED = "not allowed by a HostDeployPolicy"
    IN_USE = "in use"
    LABEL_MISMATCH = "label mismatch"
    DELETING = "being deleted"
    PAUSED = "paused"
    DETACHED = "detached"
    EXTERNALLY_PROVISIONED = "externally provisioned"
    ERROR = "in error"
    NOT_AVAILABLE = "not available yet"
    ALREADY_DEPLOYED = "with an image somebody else set"


_OPERATORS: Final = {
    "in": Operator.IN,
    "=": Operator.IN,
    "==": Operator.IN,
    "notin": Operator.NOT_IN,
    "!=": Operator.NOT_IN,
    "exists": Operator.EXISTS,
    "!": Operator.DOES_NOT_EXIST,
}


class SelectorError(ValueError):
    """A host selector that makes no sense; the text names the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Hosts that will do, best first; and how many will not, for which reason."""

    candidates: Sequence[metal3api.BareMetalHost] = ()
    rejected: Counter[Rejection]

    def explain(self) -> str:
        """For the condition; short, however many hosts there are."""
        total = self.rejected.total()
        if not total:
            return "there are no hosts to choose from"
        order = list(Rejection)
        counts = sorted(self.rejected.items(), key=lambda pair: (-pair[1], order.index(pair[0])))
        parts = ", ".join(f"{count} {reason}" for reason, count in counts)
        return f"{total} {'host' if total == 1 else 'hosts'}: {parts}"


def decide(
    claim: metal3api.HostClaim,
    hosts: Iterable[metal3api.BareMetalHost],
    allows: Callable[[str], bool],
) -> Decision:
    """Look at every host; raises SelectorError. ``allows`` tells which namespaces are open."""
    selector = selector_of(claim)
    wanted = namespace_of(claim)
    free: list[metal3api.BareMetalHost] = []
    rejected: Counter[Rejection] = Counter()
    for host in hosts:
        if wanted and host.metadata.namespace != wanted:
            continue
        reason = rejection(selector, host, allowed=allows(host.metadata.namespace))
        if reason is None:
            free.append(host)
        else:
            rejected[reason] += 1
    return Decision(candidates=ranked(claim, free), rejected=rejected)


def rejection(
    selector: LabelSelector, host: metal3api.BareMetalHost, *, allowed: bool
) -> Rejection | None:
    """The first thing that is wrong with a host; None if it will do."""
    status = host.status
    checks = {
        Rejection.NOT_ALLOWED: not allowed,
        Rejection.IN_USE: host.spec.consumer_ref is not None,
        Rejection.LABEL_MISMATCH: not selector.matches(host.metadata.labels),
        Rejection.DELETING: host.metadata.deletion_timestamp is not None,
        Rejection.PAUSED: metal3api.is_paused(host),
        Rejection.DETACHED: metal3api.is_detached(host),
        Rejection.EXTERNALLY_PROVISIONED: bool(host.spec.externally_provisioned),
        Rejection.ERROR: bool(status.error_message or status.error_type),
        Rejection.NOT_AVAILABLE: status.provisioning.state not in FREE,
        Rejection.ALREADY_DEPLOYED: bool(host.spec.image or host.spec.custom_deploy),
    }
    return next((reason for reason, wrong in checks.items() if wrong), None)


def is_free(host: metal3api.BareMetalHost) -> bool:
    """Whether some claim might get the host."""
    return rejection(LabelSelector(), host, allowed=True) is None


def namespace_of(claim: metal3api.HostClaim) -> str:
    """The only namespace to look in; empty for all."""
    selector = claim.spec.host_selector
    return (selector.in_namespace or "") if selector else ""


def selector_of(claim: metal3api.HostClaim) -> LabelSelector:
    """Operators are read in any case; raises SelectorError."""
    selector = claim.spec.host_selector
    if selector is None:
        return LabelSelector()
    exact = [Requirement(k, Operator.IN, (v,)) for k, v in sorted(selector.match_labels.items())]
    return LabelSelector((*exact, *map(_requirement, selector.match_expressions)))


def _requirement(rule: metal3api.HostSelectorRequirement) -> Requirement:
    operator = _OPERATORS.get(rule.operator.lower())
    if operator is None:
        raise SelectorError(f"spec.hostSelector: {rule.operator!r} is no operator")
    if operator in {Operator.IN, Operator.NOT_IN} and not rule.values:
        raise SelectorError(f"spec.hostSelector: {rule.operator} on {rule.key} needs a value")
    return Requirement(rule.key, operator, tuple(rule.values))


def ranked(
    claim: metal3api.HostClaim, hosts: Iterable[metal3api.BareMetalHost]
) -> list[metal3api.BareMetalHost]:
    """Best first: in the failure domain, healthy, with few failures."""
    owner = claim.metadata.uid or claim.metadata.name
    domain = claim.spec.failure_domain or ""

    def key(host: metal3api.BareMetalHost) -> tuple[bool, bool, int, bytes]:
        elsewhere = host.metadata.labels.get(metal3api.FAILURE_DOMAIN_LABEL, "") != domain
        health = metav1.find_condition(host.status.conditions, metal3api.HostConditionType.HEALTHY)
        is_sick = health is not None and health.status == metav1.ConditionStatus.FALSE
        failures = host.status.error_count + host.status.provisioning_fail_count
        text = f"{owner}/{host.metadata.namespace}/{host.metadata.name}".encode()
        return (
            bool(domain) and elsewhere,
            is_sick,
            failures,
            hashlib.blake2b(text, digest_size=8).digest(),
        )

    return sorted(hosts, key=key)
