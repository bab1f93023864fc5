"""Tells when a HostDeployPolicy opens its hosts to nobody; refuses none.

A pattern may be good for the Go operator and not for ours, and its manifest has to apply all the
same; such a policy is left out of account.
"""

from dataclasses import dataclass

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.hostclaims.policies import (
    PatternError,
    name_pattern,
    restrictions_of,
)
from metal3.runtime.webhook import RequestInfo, Warnings

_FIELD = "spec.hostClaimNamespaces"


@dataclass(frozen=True, slots=True)
class HostDeployPolicyValidator:
    """Looks at the pattern, and for at least one restriction."""

    async def validate_create(
        self, obj: metal3api.HostDeployPolicy, request: RequestInfo
    ) -> Warnings:
        """Warn."""
        return _warnings(obj)

    async def validate_update(
        self,
        old: metal3api.HostDeployPolicy,
        new: metal3api.HostDeployPolicy,
        request: RequestInfo,
    ) -> Warnings:
        """Warn."""
        return _warnings(new)

    async def validate_delete(
        self, obj: metal3api.HostDeployPolicy, request: RequestInfo
    ) -> Warnings:
        """Always."""
        return ()


def _warnings(policy: metal3api.HostDeployPolicy) -> Warnings:
    rule = restrictions_of(policy)
    if rule is None:
        return [f"{_FIELD}: without names, nameMatches or hasLabels the policy lets nobody in"]
    try:
        name_pattern(rule.name_matches or "")
    except PatternError as error:
        return [f"{_FIELD}: {error}; until that is mended the policy lets nobody in"]
    return ()
