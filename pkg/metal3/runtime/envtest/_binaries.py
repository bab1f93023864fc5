"""Where the built control plane is."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ._errors import BinariesNotFoundError

ENV_ASSETS: Final = "KUBEBUILDER_ASSETS"
REQUIRED: Final = ("etcd", "kube-apiserver", "kube-controller-manager")


def find_binaries() -> Path:
    """Give the folder with the control plane's programs.

    KUBEBUILDER_ASSETS wins, as with other tools of the field; else the newest Kubernetes that
    ``hack/setup-envtest`` has built in this checkout. Raises BinariesNotFoundError.
    """
    chosen = os.environ.get(ENV_ASSETS)
    folders = [Path(chosen)] if chosen else list(_built_here())
    for folder in folders:
        if all((folder / name).is_file() for name in REQUIRED):
            return folder
    looked = f"in {chosen} ({ENV_ASSETS})" if chosen else "under .cache/envtest"
    raise BinariesNotFoundError(f"no {', '.join(REQUIRED)} {looked}: run hack/setup-envtest")


def _built_here() -> Iterator[Path]:
    for parent in (Path.cwd(), *Path.cwd().parents, *Path(__file__).resolve().parents):
        yield from sorted((parent / ".cache" / "envtest").glob("*"), key=_version, reverse=True)


def _version(folder: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", folder.name)]
