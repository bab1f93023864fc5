"""What a remediation does to its host: holds it off, lets it on, warns others of it.

A reboot annotation with a name of its own holds the host off until that annotation goes (the
bare-metal operator's contract), so the operator's own power management never fights with us.
"""

from typing import Final

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Client, NotFoundError
from metal3.runtime.patch import patching

HARD_POWER_OFF: Final = '{"mode":"hard","force":false}'
_REBOOTABLE: Final = frozenset(
    {
        metal3api.ProvisioningState.PROVISIONED,
        metal3api.ProvisioningState.EXTERNALLY_PROVISIONED,
    }
)


def power_off_annotation(m3r: infrav1.Metal3Remediation) -> str:
    """Its key; no two remediations share one."""
    return infrav1.REMEDIATION_REBOOT_PREFIX + m3r.metadata.uid


def is_held_off(host: metal3api.BareMetalHost, m3r: infrav1.Metal3Remediation) -> bool:
    """Whether this remediation asked for the power to be off."""
    return power_off_annotation(m3r) in host.metadata.annotations


def can_be_rebooted(host: metal3api.BareMetalHost) -> bool:
    """Whether the operator heeds reboot annotations in this state.

    Elsewhere they would lie around, and hit whoever has the host later.
    """
    return host.status.provisioning.state in _REBOOTABLE


def is_in_other_hands(host: metal3api.BareMetalHost) -> bool:
    """Whether somebody paused or detached the host: it is theirs for as long as they want."""
    return metal3api.is_paused(host) or metal3api.is_detached(host)


async def power_off(
    client: Client, host: metal3api.BareMetalHost, m3r: infrav1.Metal3Remediation
) -> None:
    """Ask for it; may be repeated."""
    async with patching(client, host):
        host.metadata.annotations[power_off_annotation(m3r)] = HARD_POWER_OFF


async def let_power_on(
    client: Client, host: metal3api.BareMetalHost, m3r: infrav1.Metal3Remediation
) -> None:
    """Take the request back; may be repeated, also when the host is gone."""
    try:
        async with patching(client, host):
            host.metadata.annotations.pop(power_off_annotation(m3r), None)
    except NotFoundError:
        return


async def let_all_power_on(client: Client, m3r: infrav1.Metal3Remediation) -> None:
    """The same for whichever host carries the request, whosever it is by now."""
    hosts = await client.list(metal3api.BareMetalHost, namespace=m3r.metadata.namespace)
    for host in hosts.items:
        if is_held_off(host, m3r):
            await let_power_on(client, host, m3r)


async def mark_unhealthy(
    client: Client, host: metal3api.BareMetalHost, m3r: infrav1.Metal3Remediation
) -> None:
    """No machine shall choose the host until a person takes this back; and it may power on."""
    async with patching(client, host):
        host.metadata.annotations.pop(power_off_annotation(m3r), None)
        host.metadata.annotations[infrav1.UNHEALTHY_ANNOTATION] = infrav1.UNHEALTHY_NODE


async def mark_healthy(client: Client, host: metal3api.BareMetalHost) -> None:
    """Take back what :func:`mark_unhealthy` wrote; what others wrote stays."""
    if host.metadata.annotations.get(infrav1.UNHEALTHY_ANNOTATION) == infrav1.UNHEALTHY_NODE:
        async with patching(client, host):
            del host.metadata.annotations[infrav1.UNHEALTHY_ANNOTATION]
