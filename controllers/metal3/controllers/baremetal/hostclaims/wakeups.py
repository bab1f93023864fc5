"""What wakes which claim.

A claim with a host is woken by that host, by the Secrets it names and by their copies. One that
waits is woken by hosts that become free and match, by policies, and by its Namespace.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Reader
from metal3.runtime.types import NamespacedName, key_of

from .choice import SelectorError, is_free, namespace_of, selector_of

CONSUMER_INDEX: Final = "metal3.io/hostclaim-consumer"
"""Index on BareMetalHost: the claim that has it."""
FREE_INDEX: Final = "metal3.io/hostclaim-free"
"""Index on BareMetalHost: IS_FREE for those that a claim might get."""
WAITING_INDEX: Final = "metal3.io/hostclaim-waiting"
"""Index on HostClaim: for those without a host, the namespace to look in, or ANYWHERE."""
DATA_INDEX: Final = "metal3.io/hostclaim-data"
"""Index on HostClaim: names of the Secrets it mentions."""
IS_FREE: Final = "true"
ANYWHERE: Final = "*"

CLAIM_ANNOTATION: Final = "metal3.io/hostclaim"
"""On a copied Secret: namespace and name of the claim it was copied for."""

Keys = Iterable[NamespacedName]
Find = Callable[[Any], Awaitable[Keys]]


def consumer_of(host: metal3api.BareMetalHost) -> NamespacedName | None:
    """The claim that has the host; None when it has none, or a consumer of another kind."""
    ref = host.spec.consumer_ref
    if ref is None or ref.kind != metal3api.HostClaim.gvk.kind:
        return None
    if (ref.api_version or "").rpartition("/")[0] != metal3api.HostClaim.gvk.group:
        return None
    return NamespacedName(ref.namespace or host.metadata.namespace, ref.name or "")


def is_waiting(claim: metal3api.HostClaim) -> bool:
    """Whether the claim would take a host."""
    if claim.metadata.deletion_timestamp is not None:
        return False
    associated = metal3api.HostClaimConditionType.ASSOCIATED
    return not metav1.is_condition_true(claim.status.conditions, associated)


def data_secret_names(claim: metal3api.HostClaim) -> list[str]:
    """Secrets of the claim's namespace whose change concerns it."""
    spec = claim.spec
    references = (spec.user_data, spec.network_data, spec.meta_data)
    names = {reference.name for reference in references if reference and reference.name}
    if spec.image and spec.image.oci_auth_secret_name:
        names.add(spec.image.oci_auth_secret_name)
    return sorted(names)


def _consumer(host: metal3api.BareMetalHost) -> list[str]:
    key = consumer_of(host)
    return [str(key)] if key else []


def _free(host: metal3api.BareMetalHost) -> list[str]:
    return [IS_FREE] if is_free(host) else []


def _waiting(claim: metal3api.HostClaim) -> list[str]:
    return [namespace_of(claim) or ANYWHERE] if is_waiting(claim) else []


INDEXES: Mapping[type[metav1.Object], Mapping[str, Callable[[Any], list[str]]]] = {
    metal3api.BareMetalHost: {CONSUMER_INDEX: _consumer, FREE_INDEX: _free},
    metal3api.HostClaim: {WAITING_INDEX: _waiting, DATA_INDEX: data_secret_names},
}
"""Indexes the reader must have."""


def claims_of_host(reader: Reader) -> Find:
    """The claim that has the host, or all waiting ones that could take it."""

    async def find(host: metal3api.BareMetalHost) -> Keys:
        consumer = consumer_of(host)
        if consumer is not None:
            return [consumer]
        if not is_free(host):
            return []
        places = (ANYWHERE, host.metadata.namespace)
        lists = [
            await reader.list(metal3api.HostClaim, fields={WAITING_INDEX: place})
            for place in places
        ]
        return [key_of(c) for found in lists for c in found.items if _could_take(c, host)]

    return find


def claims_of_policy(reader: Reader) -> Find:
    """All waiting claims that would look at the policy's namespace."""

    async def find(policy: metal3api.HostDeployPolicy) -> Keys:
        places = (ANYWHERE, policy.metadata.namespace)
        lists = [
            await reader.list(metal3api.HostClaim, fields={WAITING_INDEX: place})
            for place in places
        ]
        return [key_of(claim) for found in lists for claim in found.items]

    return find


def claims_of_namespace(reader: Reader) -> Find:
    """The waiting claims of a Namespace, whose labels may let them in now."""

    async def find(namespace: corev1.Namespace) -> Keys:
        found = await reader.list(metal3api.HostClaim, namespace=namespace.metadata.name)
        return [key_of(claim) for claim in found.items if is_waiting(claim)]

    return find


def claims_of_secret(reader: Reader) -> Find:
    """The claims that mention a Secret, or the one it was copied for."""

    async def find(secret: corev1.Secret) -> Keys:
        namespace, _, name = secret.metadata.annotations.get(CLAIM_ANNOTATION, "").partition("/")
        copied_for = [NamespacedName(namespace, name)] if name else []
        found = await reader.list(
            metal3api.HostClaim,
            namespace=secret.metadata.namespace,
            fields={DATA_INDEX: secret.metadata.name},
        )
        return [*copied_for, *(key_of(claim) for claim in found.items)]

    return find


def _could_take(claim: metal3api.HostClaim, host: metal3api.BareMetalHost) -> bool:
    try:
        return selector_of(claim).matches(host.metadata.labels)
    except SelectorError:
        return False
