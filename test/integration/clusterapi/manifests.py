"""What is installed: Cluster API's manifests from its module, and ours from ``config/``."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import Client, ForbiddenError, RestClient
from metal3.runtime.envtest import Environment
from metal3.runtime.rest import load_config

TOP = Path(__file__).parents[3]
TOOLS = TOP / "hack/tools/capi"
RBAC = "rbac.authorization.k8s.io"
OPERATORS = ("baremetal", "capm3", "ipam")
RBAC_KINDS = {
    "ServiceAccount": ("serviceaccounts", True),
    "Role": ("roles", True),
    "RoleBinding": ("rolebindings", True),
    "ClusterRole": ("clusterroles", False),
    "ClusterRoleBinding": ("clusterrolebindings", False),
}


@cache
def module_folder() -> Path | None:
    """Where the pinned Cluster API module is; None when Go has not fetched it."""
    go = shutil.which("go")
    if go is None:
        return None
    found = subprocess.run(  # noqa: S603 - our own pin, asked of the installed Go
        [go, "list", "-mod=mod", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/cluster-api"],
        cwd=TOOLS,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    folder = Path(found.stdout.strip() or "/nowhere")
    return folder if folder.is_dir() else None


def core_crd_files(*names: str) -> list[Path]:
    """The files of these CRDs of the core, as they are; none when they are not there."""
    module = module_folder()
    if module is None:
        return []
    files = [module / "core/config/crd/bases" / f"{name}.yaml" for name in names]
    return files if all(path.is_file() for path in files) else []


def programs_folder() -> Path | None:
    """Where hack/setup-capi has built the pinned version; None when it has not."""
    module = module_folder()
    if module is None:
        return None
    folder = TOP / ".cache/capi" / module.name.partition("@v")[2]
    names = ("capi-controller-manager", "clusterctl")
    return folder if all((folder / name).is_file() for name in names) else None


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """The objects in a file."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    yield from (found for found in yaml.load_all(path.read_text(), loader) if found)


def written(objects: list[dict[str, Any]], path: Path) -> Path:
    """A file that holds them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    path.write_text(yaml.dump_all(objects, Dumper=dumper))
    return path


def our_crds(target: Path) -> Path:
    """Ours, with the conversion that the manifests patch in."""
    (patch,) = documents(TOP / "config/operators/capm3/conversion_patch.yaml")
    crds = [
        crd for path in sorted((TOP / "config/crd/bases").glob("*.yaml")) for crd in documents(path)
    ]
    for crd in crds:
        if crd["spec"]["group"] == infrav1.GROUP:
            crd["spec"]["conversion"] = patch["spec"]["conversion"]
    return written(crds, target)


def cluster_api_crds(module: Path, target: Path) -> Path:
    """Those of the core, with their conversion, and the labels that tell their contract."""
    folder = module / "core/config/crd"
    crds = _with_contract(folder)
    for crd in crds:
        name = f"webhook_in_{crd['spec']['names']['plural']}.yaml"
        (patch,) = documents(folder / "patches" / name)
        crd["spec"]["conversion"] = patch["spec"]["conversion"]
    return written(crds, target)


def core_crds(module: Path, target: Path) -> Path:
    """Those of the core, for a server on which its manager does not run: nothing is converted."""
    return written(_with_contract(module / "core/config/crd"), target)


def kubeadm_crds(module: Path, target: Path) -> Path:
    """Those of the kubeadm providers, which do not run: nothing is converted."""
    folders = [module / name / "kubeadm/config/crd" for name in ("bootstrap", "controlplane")]
    return written([crd for folder in folders for crd in _with_contract(folder)], target)


def _with_contract(folder: Path) -> list[dict[str, Any]]:
    crds = [crd for path in sorted((folder / "bases").glob("*.yaml")) for crd in documents(path)]
    for crd in crds:
        labels = {f"cluster.x-k8s.io/{one}": one for one in ("v1beta1", "v1beta2")}
        crd["metadata"].setdefault("labels", {}).update(labels)
    return crds


async def own_rights(env: Environment, client: Client, operator: str, *, account: str = "") -> Path:
    """The kubeconfig of a user who has what the manifests give the operator, and nothing else.

    It is the ServiceAccount that they name if its full name, which must fit in a certificate, is
    given as ``account``; else a user in its place.
    """
    path = TOP / f"config/rbac/{operator}/manager_role.yaml"
    user = {"kind": "User", "apiGroup": RBAC, "name": f"operator-{operator}"}
    for document in await asyncio.to_thread(lambda: list(documents(path))):
        if document["kind"] == "ClusterRoleBinding" and not account:
            document["subjects"] = [user]
        await client.create(typed(document))
    kubeconfig = await env.add_user(account or user["name"])
    await _rights_are_known(kubeconfig)
    return kubeconfig


def typed(document: dict[str, Any]) -> metav1.Object:
    """An object of RBAC that a client can send."""
    plural, namespaced = RBAC_KINDS[document["kind"]]
    group, _, version = document["apiVersion"].rpartition("/")
    gvk = metav1.GroupVersionKind(group, version, document["kind"])
    return metav1.Unstructured.of(gvk, plural, namespaced=namespaced).from_dict(document)


async def _rights_are_known(user: Path) -> None:
    """Roles take a moment to be heard of."""
    config = await asyncio.to_thread(load_config, user)
    events = metav1.Unstructured.of(
        metav1.GroupVersionKind("", "v1", "Event"), "events", namespaced=True
    )
    probe = events.from_dict(
        {
            "metadata": {"name": "probe", "namespace": "default"},
            "involvedObject": {"namespace": "default"},
        }
    )
    async with asyncio.timeout(30), RestClient(config) as client:
        while True:
            try:
                await client.create(probe, dry_run=True)
            except ForbiddenError:
                await asyncio.sleep(0.2)
            else:
                return
