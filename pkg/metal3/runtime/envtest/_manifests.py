"""YAML files of Kubernetes objects."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import yaml

from ._errors import InstallError

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
CRD_KIND: Final = frozenset({"CustomResourceDefinition"})
WEBHOOK_KINDS: Final = frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})


def read_manifests(paths: Iterable[Path], *, kinds: frozenset[str]) -> list[dict[str, Any]]:
    """Give the objects of these kinds in files, or in the files directly in folders, in order.

    Other kinds are passed over: a folder of CRDs also holds a kustomization. A path that holds none
    raises InstallError, because a test that believes its CRDs are installed would say nonsense.
    """
    found: list[dict[str, Any]] = []
    for path in paths:
        here = [
            one for file in _files(path) for one in _documents(file) if one.get("kind") in kinds
        ]
        if not here:
            raise InstallError(f"{path}: no {' or '.join(sorted(kinds))} in it")
        found += here
    return found


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
    return [path]


def _documents(file: Path) -> Iterator[dict[str, Any]]:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        documents = list(yaml.load_all(file.read_bytes(), loader))
    except (OSError, yaml.YAMLError) as e:
        raise InstallError(f"{file}: {e}") from e
    for document in documents:
        if isinstance(document, Mapping):
            yield cast("dict[str, Any]", document)
