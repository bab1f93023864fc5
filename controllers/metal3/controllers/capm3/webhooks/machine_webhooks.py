"""Metal3Machine and Metal3MachineTemplate: image, Secrets, selector."""

from dataclasses import dataclass
from typing import Protocol

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.controllers.capm3.placement import SelectorError, selector_of
from metal3.runtime.client import Reader
from metal3.runtime.webhook import FieldError, RequestInfo, Warnings, deny_if, invalid

from .image_rules import deployment_errors, secret_errors
from .warning_rules import missing_secrets, missing_template


class AnyMachineSpec(Protocol):
    """What the specs of machines and of their templates have in common here."""

    user_data: infrav1.SecretReference | None
    meta_data: infrav1.SecretReference | None
    network_data: infrav1.SecretReference | None


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
        # The operator writes machines often: what they refer to is only looked for when it changes.
        return await self._warnings(new) if _references(old) != _references(new) else ()

    async def validate_delete(self, obj: infrav1.Metal3Machine, request: RequestInfo) -> Warnings:
        """Always."""
        return ()

    async def _warnings(self, obj: infrav1.Metal3Machine) -> Warnings:
        spec, namespace = obj.spec, obj.metadata.namespace
        path = "spec.dataTemplate.name"
        return [
            *await missing_template(self.reader, namespace, spec.data_template, path),
            *await missing_secrets(self.reader, namespace, _secrets(spec), "spec"),
        ]


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
        return [
            *await missing_template(self.reader, namespace, spec.data_template, where),
            *await missing_secrets(self.reader, namespace, _secrets(spec), path),
        ]

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


def _secrets(spec: AnyMachineSpec) -> list[infrav1.SecretReference | None]:
    return [spec.user_data, spec.meta_data, spec.network_data]


def _references(obj: infrav1.Metal3Machine) -> object:
    refs = (obj.spec.data_template, *_secrets(obj.spec))
    return [ref.to_dict() if ref is not None else None for ref in refs]


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
