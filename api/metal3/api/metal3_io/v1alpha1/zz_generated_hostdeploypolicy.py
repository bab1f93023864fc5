"""HostDeployPolicy of metal3.io/v1alpha1, generated from its CRD; do not edit, run `make generate`."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta.v1 import GroupVersionKind, Model, Object


class HostDeployPolicySpecHostClaimNamespacesHasLabels(Model):
    """One label."""

    required_fields: ClassVar[frozenset[str]] = frozenset({"name"})

    name: str = ""
    """Key of the label."""

    value: str | None = None
    """Value of the label; any will do when unset."""


class HostDeployPolicySpecHostClaimNamespaces(Model):
    """Namespaces whose HostClaims are let in. Each restriction that is set must hold; without
    this field the policy lets nobody in.
    """

    names: list[str] = Field(default_factory=list)
    """Let in these namespaces only."""

    name_matches: Annotated[str | None, Field(alias="nameMatches")] = None
    """Let in only namespaces in whose name this regular expression is found; anchor it to match
    whole names.
    """

    has_labels: Annotated[
        list[HostDeployPolicySpecHostClaimNamespacesHasLabels], Field(alias="hasLabels")
    ] = Field(default_factory=list)
    """Let in only namespaces that bear all these labels."""


class HostDeployPolicySpec(Model):
    """The policy."""

    host_claim_namespaces: Annotated[
        HostDeployPolicySpecHostClaimNamespaces | None, Field(alias="hostClaimNamespaces")
    ] = None
    """Namespaces whose HostClaims are let in. Each restriction that is set must hold; without
    this field the policy lets nobody in.
    """


class HostDeployPolicyStatus(Model):
    """Nothing is reported yet."""


class HostDeployPolicy(Object):
    """From which namespaces the hosts of this namespace may be claimed."""

    gvk: ClassVar[GroupVersionKind] = GroupVersionKind("metal3.io", "v1alpha1", "HostDeployPolicy")
    plural: ClassVar[str] = "hostdeploypolicies"
    namespaced: ClassVar[bool] = True

    spec: HostDeployPolicySpec = Field(default_factory=HostDeployPolicySpec)
    """The policy."""

    status: HostDeployPolicyStatus = Field(default_factory=HostDeployPolicyStatus)
    """Nothing is reported yet."""
