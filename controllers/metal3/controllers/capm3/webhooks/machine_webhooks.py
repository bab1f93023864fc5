"""Metal3Machine and Metal3MachineTemplate: image, Secrets, selector."""

from dataclasses import dataclass

from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.controllers.capm3.placement import SelectorError, selector_of
from metal3.runtime.client import Reader
from metal3.runtime.webhook import FieldError, RequestInfo, Warnings, deny_if, invalid

from .image_rules import deployment_errors, secret_errors
from .warning_rules import missing, missing_template


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3MachineValidator:
    """Updates are only checked where something checked changes."""

    reader: Reader

    async def validate_create(self, obj: infrav1.Metal3Machine, request: RequestInfo) -> Warnings:
        """All rules."""
        deny_if(_errors(obj))
        return await self._warnings(obj)

    async def validate_update(
        self, old: infrav1.Metal3Machine, new: infrav1.Metal3Machine, request: RequestInfo
    ) -> Warnings:
        """All rules, unless the spec is as it was."""
        if old.spec.to_dict() != new.spec.to_dict():
            deny_if(_errors(new))
        return ()

    async def validate_delete(self, obj: infrav1.Metal3Machine, request: RequestInfo) -> Warnings:
        """Always."""
        return ()

    async def _warnings(self, obj: infrav1.Metal3Machine) -> Warnings:
        spec, namespace = obj.spec, obj.metadata.namespace
        path = "spec.dataTemplate.name"
        out = await missing_template(self.reader, namespace, spec.data_template, path)
        for field, ref in (("metaData", spec.meta_data), ("networkData", spec.network_data)):
            name = ref.name if ref is not None else None
            out += await missing(self.reader, corev1.Secret, namespace, name, f"spec.{field}.name")
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3MachineTemplateValidator:
    """The spec may change: cleaning mode and node reuse are meant to."""

    reader: Reader

    async def validate_create(
        self, obj: infrav1.Metal3MachineTemplate, request: RequestInfo
    ) -> Warnings:
        """All rules."""
        spec, path = obj.spec.template.spec, "spec.template.spec"
        errors = deployment_errors(path, spec.image, spec.custom_deploy)
        deny_if([*errors, *_selector_errors(spec.host_selector, path)])
        where = f"{path}.dataTemplate.name"
        namespace = obj.metadata.namespace
        return await missing_template(self.reader, namespace, spec.data_template, where)

    async def validate_update(
        self,
        old: infrav1.Metal3MachineTemplate,
        new: infrav1.Metal3MachineTemplate,
        request: RequestInfo,
    ) -> Warnings:
        """All rules, unless the spec is as it was."""
        if old.spec.to_dict() == new.spec.to_dict():
            return ()
        return await self.validate_create(new, request)

    async def validate_delete(
        self, obj: infrav1.Metal3MachineTemplate, request: RequestInfo
    ) -> Warnings:
        """Always."""
        return ()


def _errors(obj: infrav1.Metal3Machine) -> list[FieldError]:
    return [
        *deployment_errors("spec", obj.spec.image, obj.spec.custom_deploy),
        *secret_errors("spec", obj),
        *_selector_errors(obj.spec.host_selector, "spec"),
    ]


def _selector_errors(selector: infrav1.HostSelector | None, path: str) -> list[FieldError]:
    try:
        selector_of(selector)
    except SelectorError as error:
        return [invalid(f"{path}.hostSelector.matchExpressions", None, str(error))]
    return []
