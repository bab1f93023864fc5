"""Which host a machine gets, and why it gets none.

The choice depends on nothing but the machine and the hosts: asked again, it is the same. Hosts that
failed before come last; among equals the order differs from machine to machine, so that many
machines that look at once do not all reach for the same host.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import LabelSelector, Operator, Requirement

State = metal3api.ProvisioningState
FREE: Final = frozenset({State.READY, State.AVAILABLE})
LONGEST_MESSAGE: Final = 1024


class Rejection(StrEnum):
    """Why a host will not do, in the order in which they are looked for; stable codes."""

    IN_USE = "InUse"
    RESERVED = "ReservedForNodeReuse"
    LABEL_MISMATCH = "LabelMismatch"
    FAILURE_DOMAIN = "OtherFailureDomain"
    DELETING = "Deleting"
    PAUSED = "Paused"
    UNHEALTHY = "MarkedUnhealthy"
    DETACHED = "Detached"
    EXTERNALLY_PROVISIONED = "ExternallyProvisioned"
    ERROR = "InError"
    NOT_AVAILABLE = "NotAvailable"
    ALREADY_DEPLOYED = "ImageAlreadySet"


_WORDS: Final = {
    Rejection.IN_USE: "in use",
    Rejection.RESERVED: "reserved for node reuse",
    Rejection.LABEL_MISMATCH: "label mismatch",
    Rejection.FAILURE_DOMAIN: "in another failure domain",
    Rejection.DELETING: "being deleted",
    Rejection.PAUSED: "paused",
    Rejection.UNHEALTHY: "marked unhealthy",
    Rejection.DETACHED: "detached",
    Rejection.EXTERNALLY_PROVISIONED: "externally provisioned",
    Rejection.ERROR: "in error",
    Rejection.NOT_AVAILABLE: "not available yet",
    Rejection.ALREADY_DEPLOYED: "with an image somebody set",
}
_ORDER: Final = {code: number for number, code in enumerate(Rejection)}
_OPERATORS: Final = {
    "in": Operator.IN,
    "=": Operator.IN,
    "==": Operator.IN,
    "notin": Operator.NOT_IN,
    "!=": Operator.NOT_IN,
    "exists": Operator.EXISTS,
    "!": Operator.DOES_NOT_EXIST,
    "gt": Operator.GREATER,
    "lt": Operator.LESS,
}


class SelectorError(ValueError):
    """A host selector that can match nothing because it makes no sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a machine asks for. ``reuse_name`` is what its hosts are reserved under, if at all."""

    machine: infrav1.Metal3Machine
    reuse_name: str = ""

    @property
    def failure_domain(self) -> str:
        """Where the host should be; empty when that does not matter."""
        return self.machine.spec.failure_domain or ""

    @property
    def must_be_in_domain(self) -> bool:
        """Whether a host elsewhere will not do; by default one from elsewhere is taken."""
        policy = self.machine.spec.failure_domain_policy
        return bool(self.failure_domain) and policy == infrav1.FailureDomainPolicy.REQUIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """One host that will not do; ``detail`` is the label, state or person that is to blame."""

    host: str
    code: Rejection
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Hosts that will do, best first; or what is wrong with each."""

    candidates: Sequence[metal3api.BareMetalHost] = ()
    rejected: Sequence[Rejected] = ()
    awaited: Sequence[str] = field(default=())
    """Hosts reserved for this machine's owner that are not available yet; they are waited for."""
    is_reuse: bool = False

    @property
    def counts(self) -> dict[Rejection, int]:
        """How many hosts were rejected for which reason, most first."""
        found = Counter(item.code for item in self.rejected)
        return dict(sorted(found.items(), key=lambda pair: (-pair[1], _ORDER[pair[0]])))

    @property
    def codes(self) -> str:
        """The reasons without numbers, to tell whether something changed."""
        return ",".join(sorted(self.counts))

    def explain(self) -> str:
        """For the condition; bounded, however many hosts there are."""
        if self.awaited:
            names = ", ".join(self.awaited[:3])
            return f"waiting for a host reserved by node reuse to become available: {names}"
        if not self.rejected:
            return "no available host found: there are no hosts in the namespace"
        parts = [f"{count} {self._why(code)}" for code, count in self.counts.items()]
        text = f"no available host found, {len(self.rejected)} hosts: {', '.join(parts)}"
        nearest = self.nearest
        if nearest is not None:
            detail = f" ({nearest.detail})" if nearest.detail else ""
            text += f"; nearest: {nearest.host}, {_WORDS[nearest.code]}{detail}"
        return text[:LONGEST_MESSAGE]

    @property
    def nearest(self) -> Rejected | None:
        """The host that failed the latest check."""
        return max(self.rejected, key=lambda r: (_ORDER[r.code], r.host), default=None)

    def _why(self, code: Rejection) -> str:
        if code is not Rejection.LABEL_MISMATCH:
            return _WORDS[code]
        keys = Counter(r.detail for r in self.rejected if r.code is code)
        return f"{_WORDS[code]} on {keys.most_common(1)[0][0]}"


def decide(wish: Wish, hosts: Iterable[metal3api.BareMetalHost]) -> Decision:
    """Look at every host; raises SelectorError when the selector makes no sense."""
    selector = selector_of(wish.machine.spec.host_selector)
    free: list[metal3api.BareMetalHost] = []
    awaited: list[str] = []
    rejected: list[Rejected] = []
    for host in hosts:
        found = _reject(wish, selector, host)
        if found is None:
            free.append(host)
        elif found.code is Rejection.NOT_AVAILABLE and _is_reserved_for(wish, host):
            awaited.append(host.metadata.name)
        else:
            rejected.append(found)
    reserved = [host for host in free if _is_reserved_for(wish, host)]
    if reserved:
        return Decision(candidates=_ranked(wish, reserved), is_reuse=True)
    if awaited:
        return Decision(awaited=sorted(awaited), rejected=rejected)
    return _in_domain(wish, free, rejected)


def _in_domain(
    wish: Wish, free: list[metal3api.BareMetalHost], rejected: list[Rejected]
) -> Decision:
    """Without a policy the failure domain is a preference, as with the Go provider."""
    if not wish.failure_domain:
        return Decision(candidates=_ranked(wish, free), rejected=rejected)
    inside = [host for host in free if domain_of(host) == wish.failure_domain]
    if inside or not wish.must_be_in_domain:
        return Decision(candidates=_ranked(wish, inside or free), rejected=rejected)
    outside = [
        Rejected(host=h.metadata.name, code=Rejection.FAILURE_DOMAIN, detail=domain_of(h) or "none")
        for h in free
    ]
    return Decision(rejected=[*rejected, *outside])


def domain_of(host: metal3api.BareMetalHost) -> str:
    """The failure domain a host says it is in."""
    return host.metadata.labels.get(metal3api.FAILURE_DOMAIN_LABEL, "")


def is_consumer(host: metal3api.BareMetalHost, machine: metav1.Object) -> bool:
    """Whether the host is the machine's, whatever API version or incarnation that was."""
    ref = host.spec.consumer_ref
    if ref is None:
        return False
    group = (ref.api_version or "").rpartition("/")[0]
    return (ref.kind, group, ref.name) == (
        "Metal3Machine",
        infrav1.GROUP,
        machine.metadata.name,
    ) and (ref.namespace or host.metadata.namespace) == machine.metadata.namespace


def selector_of(selector: infrav1.HostSelector | None) -> LabelSelector:
    """Raises SelectorError naming the rule that makes no sense."""
    if selector is None:
        return LabelSelector()
    exact = [Requirement(k, Operator.IN, (v,)) for k, v in sorted(selector.match_labels.items())]
    rules = [
        _requirement(rule.key, rule.operator, rule.values) for rule in selector.match_expressions
    ]
    return LabelSelector((*exact, *rules))


def _requirement(key: str, word: str, values: Sequence[str]) -> Requirement:
    operator = _OPERATORS.get(word.lower())
    if operator is None:
        raise SelectorError(f"hostSelector: {word!r} is no operator")
    if operator in {Operator.GREATER, Operator.LESS}:
        _check_number(key, values)
    if operator is Operator.IN and not values:
        raise SelectorError(f"hostSelector: {word} on {key} needs a value")
    return Requirement(key, operator, tuple(values))


def _check_number(key: str, values: Sequence[str]) -> None:
    try:
        (value,) = values
        int(value)
    except ValueError:
        raise SelectorError(f"hostSelector: the rule on {key} needs one whole number") from None


def _is_reserved_for(wish: Wish, host: metal3api.BareMetalHost) -> bool:
    label = host.metadata.labels.get(infrav1.NODE_REUSE_LABEL)
    return bool(label) and label == wish.reuse_name


def _reject(wish: Wish, selector: LabelSelector, host: metal3api.BareMetalHost) -> Rejected | None:
    for code, detail in _checks(wish, selector, host):
        if detail is not None:
            return Rejected(host=host.metadata.name, code=code, detail=detail)
    return None


def _checks(
    wish: Wish, selector: LabelSelector, host: metal3api.BareMetalHost
) -> Iterable[tuple[Rejection, str | None]]:
    """Each check with what is wrong, None if nothing is; later ones are nearer to a match."""
    annotations, status = host.metadata.annotations, host.status
    reserved_for_us = _is_reserved_for(wish, host)
    yield Rejection.IN_USE, _consumer(wish, host) if not reserved_for_us else None
    label = host.metadata.labels.get(infrav1.NODE_REUSE_LABEL)
    yield Rejection.RESERVED, label if label and not reserved_for_us else None
    yield Rejection.LABEL_MISMATCH, _mismatch(selector, host)
    yield Rejection.DELETING, _if(bool(host.metadata.deletion_timestamp))
    yield Rejection.PAUSED, _if(metal3api.PAUSED_ANNOTATION in annotations)
    unhealthy = {
        infrav1.UNHEALTHY_ANNOTATION,
        infrav1.OLD_UNHEALTHY_ANNOTATION,
    } & annotations.keys()
    yield Rejection.UNHEALTHY, _if(bool(unhealthy))
    yield Rejection.DETACHED, _if(metal3api.is_detached(host))
    yield Rejection.EXTERNALLY_PROVISIONED, _if(bool(host.spec.externally_provisioned))
    failure = status.error_message or status.error_type
    yield Rejection.ERROR, (status.error_type or "error") if failure else None
    state = status.provisioning.state
    yield Rejection.NOT_AVAILABLE, None if state in FREE else state or "not registered"
    deployed = host.spec.image is not None or host.spec.custom_deploy is not None
    yield Rejection.ALREADY_DEPLOYED, _if(deployed)


def _if(wrong: bool) -> str | None:  # noqa: FBT001 - a word of this module's own
    return "" if wrong else None


def _consumer(wish: Wish, host: metal3api.BareMetalHost) -> str | None:
    ref = host.spec.consumer_ref
    if ref is None or is_consumer(host, wish.machine):
        return None
    return f"{ref.kind or 'object'} {ref.name or ''}"


def _mismatch(selector: LabelSelector, host: metal3api.BareMetalHost) -> str | None:
    for requirement in selector.requirements:
        if not requirement.matches(host.metadata.labels):
            return requirement.key
    return None


def _ranked(wish: Wish, hosts: Iterable[metal3api.BareMetalHost]) -> list[metal3api.BareMetalHost]:
    owner = wish.machine.metadata.uid or wish.machine.metadata.name

    def key(host: metal3api.BareMetalHost) -> tuple[int, int, bytes]:
        failures = host.status.error_count + host.status.provisioning_fail_count
        health = metav1.find_condition(host.status.conditions, metal3api.HostConditionType.HEALTHY)
        is_sick = health is not None and health.status == metav1.ConditionStatus.FALSE
        text = f"{owner}/{host.metadata.name}".encode()
        return int(is_sick), failures, hashlib.blake2b(text, digest_size=8).digest()

    return sorted(hosts, key=key)
