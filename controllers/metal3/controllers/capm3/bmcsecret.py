"""The Secret of a host's BMC bears the name of the cluster that has the host.

Nothing here reads the label; tools of users find the Secrets of a cluster by it.
"""

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Client, NotFoundError, Patch, PatchType


async def label(client: Client, host: metal3api.BareMetalHost, cluster: str | None) -> None:
    """Set the label, or with None take it away; may be repeated, and the Secret may be missing.

    The Secret is not read for it: one write, and nothing of the login gets here.
    """
    name = host.spec.bmc.credentials_name if host.spec.bmc is not None else ""
    if not name:
        return
    secret = corev1.Secret.named(name, host.metadata.namespace)
    body = {"metadata": {"labels": {clusterv1.CLUSTER_NAME_LABEL: cluster}}}
    try:
        await client.patch(secret, Patch(PatchType.MERGE, body))
    except NotFoundError:
        return
