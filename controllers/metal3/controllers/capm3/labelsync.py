"""Which labels of a host a node shall have; pure, so that every rule can be tried alone."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1

SYNCED_LABELS_ANNOTATION: Final = "metal3.io/synced-labels"
"""On a Metal3Machine: keys of the labels its node has from its host, so that they can go again."""
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST: Final = 253
_KUBERNETES: Final = ("kubernetes.io", "k8s.io")


class Prefixes(NamedTuple):
    """What was asked for, and what of it is no prefix of labels."""

    valid: frozenset[str]
    invalid: tuple[str, ...]


class LabelChange(NamedTuple):
    """What to do to a node (None removes a label), and the keys it has from us afterwards."""

    patch: dict[str, str | None]
    synced: frozenset[str]


def prefixes_of(annotations: Mapping[str, str]) -> Prefixes:
    """Of a Metal3Cluster's annotation: DNS subdomains with commas between them."""
    text = annotations.get(infrav1.LABEL_SYNC_ANNOTATION, "")
    words = [word for word in (part.strip() for part in text.split(",")) if word]
    valid = frozenset(word for word in words if _is_prefix(word))
    return Prefixes(valid, tuple(word for word in words if word not in valid))


def _is_prefix(word: str) -> bool:
    return len(word) <= _LONGEST and _SUBDOMAIN.fullmatch(word) is not None


def synced_before(annotations: Mapping[str, str]) -> frozenset[str]:
    """Keys a Metal3Machine remembers."""
    text = annotations.get(SYNCED_LABELS_ANNOTATION, "")
    return frozenset(key for key in text.split(",") if key)


def labels_under(labels: Mapping[str, str], prefixes: frozenset[str]) -> dict[str, str]:
    """Those whose key has one of the prefixes, exactly: ``a.b`` is not under ``b``."""
    return {k: v for k, v in labels.items() if _prefix(k) in prefixes}


def _prefix(key: str) -> str:
    prefix, slash, _ = key.partition("/")
    return prefix if slash else ""


def change_of(
    node: Mapping[str, str],
    wanted: Mapping[str, str],
    prefixes: frozenset[str],
    ours: Iterable[str],
) -> LabelChange:
    """From the labels of a node to those it should have.

    Under a synced prefix the host decides alone: labels it has not got go. Those that Kubernetes
    and the provider know nodes by go only if they came from the host.
    """
    known = frozenset(ours)
    patch: dict[str, str | None] = {k: v for k, v in wanted.items() if node.get(k) != v}
    for key in node:
        if key in wanted:
            continue
        if key in known or (_prefix(key) in prefixes and not _is_identity(key)):
            patch[key] = None
    return LabelChange(patch, frozenset(wanted))


def _is_identity(key: str) -> bool:
    prefix = _prefix(key)
    theirs = any(prefix == name or prefix.endswith(f".{name}") for name in _KUBERNETES)
    return theirs or key == infrav1.NODE_UUID_LABEL
