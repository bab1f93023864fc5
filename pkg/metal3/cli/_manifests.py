"""Manifests that come with the project: CRDs and the demo's hosts."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any, Final

import yaml

from metal3.api.meta import v1 as metav1
from metal3.runtime.client import AlreadyExistsError, Client, Patch, PatchType

FIELD_MANAGER: Final = "metal3-demo"
_PACKAGED: Final = Path(__file__).parent / "config"
_CHECKOUT: Final = Path(__file__).parents[3] / "config"

CustomResourceDefinition = metav1.Unstructured.of(
    metav1.GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
    "customresourcedefinitions",
    namespaced=False,
)
_PLURALS: Final = {
    "BareMetalHost": "baremetalhosts",
    "Namespace": "namespaces",
    "Secret": "secrets",
}


def config_folder() -> Path:
    """``config/`` of a wheel or of a checkout; raises FileNotFoundError."""
    for folder in (_PACKAGED, _CHECKOUT):
        if (folder / "crd/bases").is_dir():
            return folder
    raise FileNotFoundError("the manifests of this installation are missing (config/crd/bases)")


def crds() -> Iterator[metav1.Unstructured]:
    """The CRDs of the bare-metal operator."""
    for path in sorted((config_folder() / "crd/bases").glob("metal3.io_*.yaml")):
        for manifest in yaml.safe_load_all(path.read_text()):
            yield CustomResourceDefinition.from_dict(manifest)


def demo_host(values: Mapping[str, str]) -> str:
    """The manifests of one demo host as YAML, with ``values`` filled in."""
    template = (config_folder() / "samples/demo/host.yaml").read_text()
    return Template(template).substitute(values)


def read(text: str) -> Iterator[metav1.Object]:
    """Objects of a YAML text, as plain JSON."""
    for manifest in yaml.safe_load_all(text):
        yield _unstructured(manifest)


async def apply(client: Client, obj: metav1.Object) -> None:
    """Server-side apply."""
    body = obj.to_dict()
    body.pop("status", None)
    await client.patch(obj, Patch(PatchType.APPLY, body, FIELD_MANAGER, force=True))


async def ensure_namespace(client: Client, name: str) -> None:
    """Create it when it is not there."""
    namespace = _unstructured({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        await client.create(namespace)
    except AlreadyExistsError:
        return


def _unstructured(manifest: dict[str, Any]) -> metav1.Object:
    group, _, version = manifest["apiVersion"].rpartition("/")
    gvk = metav1.GroupVersionKind(group, version, manifest["kind"])
    namespaced = gvk.kind != "Namespace"
    return metav1.Unstructured.of(gvk, _PLURALS[gvk.kind], namespaced=namespaced).from_dict(
        manifest
    )
