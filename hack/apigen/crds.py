"""Reads CRD files and groups what they define by group and version."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class KindVersion:
    """One version of one kind, as its CRD says it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    schema: Json


def read_kinds(files: Iterable[Path]) -> dict[tuple[str, str], list[KindVersion]]:
    """All kinds of the CRDs in ``files`` by (group, version), in order of their names.

    Raises ValueError for a document that is not a ``apiextensions.k8s.io/v1`` CRD.
    """
    found: dict[tuple[str, str], list[KindVersion]] = defaultdict(list)
    for path in files:
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            for item in _versions(document or {}, path):
                found[item.group, item.version].append(item)
    return {
        key: sorted(kinds, key=lambda k: k.kind.lower()) for key, kinds in sorted(found.items())
    }


def _versions(crd: Json, path: Path) -> list[KindVersion]:
    if crd.get("apiVersion") != "apiextensions.k8s.io/v1":
        raise ValueError(f"{path}: not an apiextensions.k8s.io/v1 CustomResourceDefinition")
    spec = crd["spec"]
    return [
        KindVersion(
            group=spec["group"],
            version=version["name"],
            kind=spec["names"]["kind"],
            plural=spec["names"]["plural"],
            namespaced=spec["scope"] == "Namespaced",
            schema=version["schema"]["openAPIV3Schema"],
        )
        for version in spec["versions"]
    ]
