"""Logins as operators have them in a cluster: a ServiceAccount's token.

The server verifies a client certificate at every request, which takes a twelfth of its time; a token
it remembers for a while.
"""

import asyncio
from pathlib import Path
from typing import Any, Final

import yaml
from load import open_load

NAMESPACE: Final = "default"
LIFETIME: Final = 24 * 3600
BINDINGS: Final = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


async def service_account(admin: Path, name: str) -> Path:
    """Give a kubeconfig, beside that of the administrator, of a ServiceAccount with all rights."""
    accounts = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
    async with open_load(admin) as load:
        await load.send("POST", accounts, {"metadata": {"name": name}})
        await load.send("POST", BINDINGS, _binding(name))
        request = {"spec": {"expirationSeconds": LIFETIME}}
        answer = await load.send("POST", f"{accounts}/{name}/token", request)
    return await asyncio.to_thread(_write, admin, name, answer["status"]["token"])


def user_name(name: str) -> str:
    """Give what the server calls a ServiceAccount of :func:`service_account`."""
    return f"system:serviceaccount:{NAMESPACE}:{name}"


def _binding(name: str) -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    return {
        "metadata": {"name": f"bench-{name}"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}],
    }


def _write(admin: Path, name: str, token: str) -> Path:
    settings: dict[str, Any] = yaml.safe_load(admin.read_text())
    settings["users"] = [
        {"name": user["name"], "user": {"token": token}} for user in settings["users"]
    ]
    path = admin.with_name(f"{name}.kubeconfig")
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(settings))
    return path
