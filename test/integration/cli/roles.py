"""RBAC of the bare-metal operator's manifests, for a user who stands in for its ServiceAccount."""

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1

from .processes import OWN_NAMESPACE

USER = "baremetal-operator"
RBAC_KINDS = {
    "ServiceAccount": ("serviceaccounts", True),
    "Role": ("roles", True),
    "RoleBinding": ("rolebindings", True),
    "ClusterRole": ("clusterroles", False),
    "ClusterRoleBinding": ("clusterrolebindings", False),
}


async def install_roles(client, manifests):
    """Apply what of the manifests is about rights; what is bound to the account goes to USER."""
    await client.create(corev1.Namespace.named(OWN_NAMESPACE))
    for manifest in manifests:
        if manifest["kind"] not in RBAC_KINDS:
            continue
        if "subjects" in manifest:  # an account's name is too long for a client certificate
            group = "rbac.authorization.k8s.io"
            manifest["subjects"] = [{"kind": "User", "name": USER, "apiGroup": group}]
        await client.create(typed(manifest))


def typed(manifest):
    """An object of RBAC that a client can send."""
    plural, namespaced = RBAC_KINDS[manifest["kind"]]
    group, _, version = manifest["apiVersion"].rpartition("/")
    gvk = metav1.GroupVersionKind(group, version, manifest["kind"])
    return metav1.Unstructured.of(gvk, plural, namespaced=namespaced).from_dict(manifest)
