"""RBAC of the bare-metal operator's manifests, for a user who stands in for its ServiceAccount."""

from metal3.api.core import v1 as corev1

from ..clusterapi.manifests import (  # noqa: TID252 - shared by all integration tests
    RBAC,
    RBAC_KINDS,
    typed,
)
from .processes import OWN_NAMESPACE

__all__ = ["USER", "bind", "install_roles", "typed"]

USER = "baremetal-operator"


async def install_roles(client, manifests):
    """Apply what of the manifests is about rights; what is bound to the account goes to USER."""
    await client.create(corev1.Namespace.named(OWN_NAMESPACE))
    for manifest in manifests:
        if manifest["kind"] not in RBAC_KINDS:
            continue
        if "subjects" in manifest:  # an account's name is too long for a client certificate
            manifest["subjects"] = [{"kind": "User", "name": USER, "apiGroup": RBAC}]
        await client.create(typed(manifest))


async def bind(client, user, role, namespace):
    """Give a user a ClusterRole in one namespace alone."""
    binding = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": user, "namespace": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "name": user, "apiGroup": RBAC}],
    }
    await client.create(typed(binding))
