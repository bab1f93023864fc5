"""Which namespaces may claim the hosts of another one.

Hosts of a claim's own namespace are always open to it. For those of others a HostDeployPolicy that
lives beside the hosts must let the claim's namespace in; one policy that does is enough.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api

LONGEST_PATTERN: Final = 256
MOST_REPEATS: Final = 3
"""Python's matcher backtracks: with more, a pattern could keep the operator busy for minutes."""

_LITERAL: Final = re.compile(r"\\.|\[\^?\]?[^\]]*\]")
_REPEAT: Final = re.compile(r"[*+?{]")


class PatternError(ValueError):
    """A pattern that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A policy that was left out of account, and why."""

    policy: metal3api.HostDeployPolicy
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """Where one claim may take hosts from."""

    own: str
    open: frozenset[str] = frozenset()
    refused: tuple[Refused, ...] = field(default=())

    def allows(self, namespace: str) -> bool:
        """Whether hosts of this namespace may be taken."""
        return namespace == self.own or namespace in self.open


def permissions(
    namespace: corev1.Namespace, policies: Iterable[metal3api.HostDeployPolicy]
) -> Permissions:
    """What the policies open to claims of ``namespace``."""
    opened: set[str] = set()
    refused: list[Refused] = []
    for policy in policies:
        try:
            if lets_in(policy, namespace):
                opened.add(policy.metadata.namespace)
        except PatternError as error:
            refused.append(Refused(policy=policy, why=str(error)))
    return Permissions(own=namespace.metadata.name, open=frozenset(opened), refused=tuple(refused))


def lets_in(policy: metal3api.HostDeployPolicy, namespace: corev1.Namespace) -> bool:
    """Whether every restriction holds; raises PatternError.

    A policy without any restriction at all lets in nobody: it may be half written.
    """
    rule = restrictions_of(policy)
    if rule is None:
        return False
    name = namespace.metadata.name
    if rule.name_matches and not name_pattern(rule.name_matches).search(name):
        return False
    if rule.names and name not in rule.names:
        return False
    return all(_has(label, namespace.metadata.labels) for label in rule.has_labels)


def restrictions_of(policy: metal3api.HostDeployPolicy) -> metal3api.HostClaimNamespaces | None:
    """What a namespace has to be like; None when nothing is said of it."""
    rule = policy.spec.host_claim_namespaces
    is_set = rule is not None and (rule.names or rule.name_matches or rule.has_labels)
    return rule if is_set else None


def _has(label: metal3api.NameValuePair, labels: Mapping[str, str]) -> bool:
    if label.value is None:
        return label.name in labels
    return labels.get(label.name) == label.value


@lru_cache(maxsize=256)
def name_pattern(text: str) -> re.Pattern[str]:
    """What ``nameMatches`` stands for; raises PatternError when it cannot be used."""
    if len(text) > LONGEST_PATTERN:
        raise PatternError(f"nameMatches is longer than {LONGEST_PATTERN} characters")
    bare = _LITERAL.sub("x", text).replace("(?", "(")
    if re.search(r"\)[*+?{]", bare) or len(_REPEAT.findall(bare)) > MOST_REPEATS:
        raise PatternError(
            f"nameMatches {text!r} is too costly: no repeated groups, "
            f"and at most {MOST_REPEATS} of * + ? {{"
        )
    try:
        return re.compile(text)
    except re.error as error:
        raise PatternError(f"nameMatches {text!r} is no regular expression: {error}") from None
