"""What a machine asks of a host, and how it is told that there is none."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import LabelSelector, Operator, Requirement

from .hostfacts import HostFacts, Rejected, Rejection

LONGEST_MESSAGE: Final = 1024

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
    """What is asked for; machines of one deployment have equal wishes.

    ``reuse_name`` is what hosts are reserved under for the machine, if at all. ``failure_domain`` is
    where the host should be; with ``must_be_in_domain`` one from elsewhere will not do.
    """

    selector: LabelSelector = field(default_factory=LabelSelector)
    reuse_name: str = ""
    failure_domain: str = ""
    must_be_in_domain: bool = False

    @classmethod
    def of(cls, machine: infrav1.Metal3Machine, reuse_name: str = "") -> Self:
        """Raises SelectorError when the machine's selector makes no sense."""
        spec = machine.spec
        required = spec.failure_domain_policy == infrav1.FailureDomainPolicy.REQUIRED
        return cls(
            selector=selector_of(spec.host_selector),
            reuse_name=reuse_name,
            failure_domain=spec.failure_domain or "",
            must_be_in_domain=bool(spec.failure_domain) and required,
        )

    def is_reserved(self, host: HostFacts) -> bool:
        """Whether the host is kept for this wish."""
        return bool(self.reuse_name) and host.reserved_as == self.reuse_name

    def rejects(self, host: HostFacts) -> Rejected | None:
        """The first thing that is wrong with a host."""
        name = host.key.name
        if not self.is_reserved(host):
            if host.is_claimed:
                return Rejected(host=name, code=Rejection.IN_USE)
            if host.reserved_as:
                return Rejected(host=name, code=Rejection.RESERVED, detail=host.reserved_as)
        for requirement in self.selector.requirements:
            if not requirement.matches(host.labels):
                return Rejected(host=name, code=Rejection.LABEL_MISMATCH, detail=requirement.key)
        if host.fault is not None:
            return host.fault
        if self.must_be_in_domain and not self.is_reserved(host):
            return self._outside(host)
        return None

    def _outside(self, host: HostFacts) -> Rejected | None:
        domain = host.labels.get(metal3api.FAILURE_DOMAIN_LABEL, "")
        if domain == self.failure_domain:
            return None
        return Rejected(host=host.key.name, code=Rejection.FAILURE_DOMAIN, detail=domain or "none")


@dataclass(slots=True, kw_only=True)
class Tally:
    """Hosts that will not do, counted by what is wrong with them."""

    counts: Counter[Rejection] = field(default_factory=Counter[Rejection])
    mismatches: Counter[str] = field(default_factory=Counter[str])
    nearest: Rejected | None = None
    """The host that failed the latest check."""

    def add(self, rejected: Rejected) -> None:
        """Count one host."""
        self.counts[rejected.code] += 1
        if rejected.code is Rejection.LABEL_MISMATCH:
            self.mismatches[rejected.detail] += 1
        if self.nearest is None or _nearness(rejected) > _nearness(self.nearest):
            self.nearest = rejected

    def count(self, code: Rejection, number: int) -> None:
        """Count many hosts that nobody has to look at."""
        if number:
            self.counts[code] += number


def _nearness(rejected: Rejected) -> tuple[int, str]:
    return _ORDER[rejected.code], rejected.host


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Hosts that will do, best first; or what is wrong with all of them."""

    candidates: Sequence[HostFacts] = ()
    tally: Tally = field(default_factory=Tally)
    awaited: Sequence[str] = ()
    """Hosts reserved for this machine's owner that are not available yet; they are waited for."""
    is_reuse: bool = False

    @property
    def counts(self) -> dict[Rejection, int]:
        """How many hosts were rejected for which reason, most first."""
        found = self.tally.counts
        return dict(sorted(found.items(), key=lambda pair: (-pair[1], _ORDER[pair[0]])))

    def explain(self) -> str:
        """For the condition; bounded, however many hosts there are."""
        if self.awaited:
            names = ", ".join(self.awaited[:3])
            return f"waiting for a host reserved by node reuse to become available: {names}"
        total = self.tally.counts.total()
        if not total:
            return "no available host found: there are no hosts in the namespace"
        parts = [f"{count} {self._why(code)}" for code, count in self.counts.items()]
        text = f"no available host found, {total} hosts: {', '.join(parts)}"
        nearest = self.tally.nearest
        if nearest is not None:
            detail = f" ({nearest.detail})" if nearest.detail else ""
            text += f"; nearest: {nearest.host}, {_WORDS[nearest.code]}{detail}"
        return text[:LONGEST_MESSAGE]

    def _why(self, code: Rejection) -> str:
        if code is not Rejection.LABEL_MISMATCH:
            return _WORDS[code]
        return f"{_WORDS[code]} on {self.tally.mismatches.most_common(1)[0][0]}"


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
