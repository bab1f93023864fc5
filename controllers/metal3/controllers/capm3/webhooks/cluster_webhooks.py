"""Metal3Cluster and Metal3ClusterTemplate: an endpoint has to be there."""

from dataclasses import dataclass
from typing import Final

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.runtime.webhook import FieldError, RequestInfo, Warnings, deny_if, required

API_PORT: Final = 6443


@dataclass(frozen=True, slots=True)
class Metal3ClusterDefaulter:
    """Port 6443, and no cloud provider unless somebody wants one."""

    async def default(self, obj: infrav1.Metal3Cluster, request: RequestInfo) -> None:
        """Fill in."""
        endpoint = obj.spec.control_plane_endpoint
        if endpoint is not None and not endpoint.port:
            endpoint.port = API_PORT
        if obj.spec.cloud_provider_enabled is None:
            obj.spec.cloud_provider_enabled = False


@dataclass(frozen=True, slots=True)
class Metal3ClusterValidator:
    """The host is needed, the endpoint may change."""

    async def validate_create(self, obj: infrav1.Metal3Cluster, request: RequestInfo) -> Warnings:
        """All rules."""
        deny_if(_errors(obj.spec.control_plane_endpoint, "spec.controlPlaneEndpoint"))
        return ()

    async def validate_update(
        self, old: infrav1.Metal3Cluster, new: infrav1.Metal3Cluster, request: RequestInfo
    ) -> Warnings:
        """All rules; an object on its way out may be anything, so that finalizers can go."""
        if new.metadata.deletion_timestamp:
            return ()
        return await self.validate_create(new, request)

    async def validate_delete(self, obj: infrav1.Metal3Cluster, request: RequestInfo) -> Warnings:
        """Always."""
        return ()


@dataclass(frozen=True, slots=True)
class Metal3ClusterTemplateValidator:
    """Host and port; a template that was bad can be repaired."""

    async def validate_create(
        self, obj: infrav1.Metal3ClusterTemplate, request: RequestInfo
    ) -> Warnings:
        """All rules."""
        path = "spec.template.spec.controlPlaneEndpoint"
        endpoint = obj.spec.template.spec.control_plane_endpoint
        errors = _errors(endpoint, path)
        if endpoint is None or not endpoint.port:
            errors.append(required(f"{path}.port", "is missing"))
        deny_if(errors)
        return ()

    async def validate_update(
        self,
        old: infrav1.Metal3ClusterTemplate,
        new: infrav1.Metal3ClusterTemplate,
        request: RequestInfo,
    ) -> Warnings:
        """All rules, on what is new."""
        return await self.validate_create(new, request)

    async def validate_delete(
        self, obj: infrav1.Metal3ClusterTemplate, request: RequestInfo
    ) -> Warnings:
        """Always."""
        return ()


def _errors(endpoint: infrav1.APIEndpoint | None, path: str) -> list[FieldError]:
    if endpoint is None or not endpoint.host:
        return [required(f"{path}.host", "the address of the workload cluster's API is needed")]
    return []
