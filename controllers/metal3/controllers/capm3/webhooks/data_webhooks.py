"""Metal3DataTemplate, Metal3Data and Metal3DataClaim: what is rendered never changes."""

from dataclasses import dataclass

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.controllers.capm3.related import find
from metal3.controllers.capm3.templatereference import template_reference
from metal3.runtime.client import Reader
from metal3.runtime.webhook import (
    FieldError,
    RequestInfo,
    Warnings,
    deny_if,
    forbidden,
    invalid,
    required,
)

from .network_rules import address_errors, link_warnings
from .warning_rules import missing_pools, missing_template


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3DataTemplateValidator:
    """Sources of the data are complete, and stay as they are."""

    reader: Reader

    async def validate_create(
        self, obj: infrav1.Metal3DataTemplate, request: RequestInfo
    ) -> Warnings:
        """All rules."""
        data = obj.spec.network_data
        deny_if([*_interface_errors(obj), *_network_errors(obj), *address_errors(data)])
        warnings = ["spec.clusterName is not read any more"] if obj.spec.cluster_name else []
        return [*warnings, *link_warnings(data), *await missing_pools(self.reader, obj)]

    async def validate_update(
        self,
        old: infrav1.Metal3DataTemplate,
        new: infrav1.Metal3DataTemplate,
        request: RequestInfo,
    ) -> Warnings:
        """Machines that are made later must be like those that are there."""
        deny_if(
            _changed(old.spec.meta_data, new.spec.meta_data, "spec.metaData")
            + _changed(old.spec.network_data, new.spec.network_data, "spec.networkData")
        )
        return ()

    async def validate_delete(
        self, obj: infrav1.Metal3DataTemplate, request: RequestInfo
    ) -> Warnings:
        """Always."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3DataValidator:
    """Its name says which template and which index it is of."""

    reader: Reader

    async def validate_create(self, obj: infrav1.Metal3Data, request: RequestInfo) -> Warnings:
        """All rules."""
        template = obj.spec.template.name if obj.spec.template is not None else ""
        index = obj.spec.index or 0
        errors: list[FieldError] = []
        if index < 0:
            errors.append(invalid("spec.index", index, "must not be negative"))
        wanted = f"{template}-{index}"
        if obj.metadata.name not in {wanted, f"{await self._old_space(obj)}-{index}"}:
            errors.append(invalid("metadata.name", obj.metadata.name, f"must be {wanted}"))
        deny_if(errors)
        return ()

    async def _old_space(self, obj: infrav1.Metal3Data) -> str:
        """Data of old releases, and of their templates, may be named after a templateReference."""
        own, ref = template_reference(obj), obj.spec.template
        if own or ref is None:
            return own
        template = await find(
            self.reader, infrav1.Metal3DataTemplate, obj.metadata.namespace, ref.name
        )
        return template_reference(template) if template is not None else ""

    async def validate_update(
        self, old: infrav1.Metal3Data, new: infrav1.Metal3Data, request: RequestInfo
    ) -> Warnings:
        """What it was made of stays."""
        errors: list[FieldError] = []
        if (old.spec.index or 0) != (new.spec.index or 0):
            errors.append(forbidden("spec.index", "cannot be changed"))
        errors += _changed(old.spec.template, new.spec.template, "spec.template")
        errors += _changed(old.spec.claim, new.spec.claim, "spec.claim")
        deny_if(errors)
        return ()

    async def validate_delete(self, obj: infrav1.Metal3Data, request: RequestInfo) -> Warnings:
        """Always."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3DataClaimValidator:
    """Names a template of its own namespace, for good."""

    reader: Reader

    async def validate_create(self, obj: infrav1.Metal3DataClaim, request: RequestInfo) -> Warnings:
        """All rules."""
        ref = obj.spec.template
        if ref is None or not ref.name:
            deny_if([required("spec.template.name", "a claim is for one template")])
        elif ref.namespace and ref.namespace != obj.metadata.namespace:
            deny_if([forbidden("spec.template.namespace", "must be that of the claim, or empty")])
        return await missing_template(
            self.reader, obj.metadata.namespace, ref, "spec.template.name"
        )

    async def validate_update(
        self, old: infrav1.Metal3DataClaim, new: infrav1.Metal3DataClaim, request: RequestInfo
    ) -> Warnings:
        """The template stays."""
        deny_if(_changed(old.spec.template, new.spec.template, "spec.template"))
        return ()

    async def validate_delete(self, obj: infrav1.Metal3DataClaim, request: RequestInfo) -> Warnings:
        """Always."""
        return ()


def _changed(old: metav1.Model | None, new: metav1.Model | None, path: str) -> list[FieldError]:
    before = old.to_dict() if old is not None else {}
    after = new.to_dict() if new is not None else {}
    return [] if before == after else [forbidden(path, "cannot be changed")]


def _interface_errors(obj: infrav1.Metal3DataTemplate) -> list[FieldError]:
    if obj.spec.meta_data is None:
        return []
    errors: list[FieldError] = []
    for number, item in enumerate(obj.spec.meta_data.from_host_interfaces):
        if bool(item.interface) == bool(item.from_boot_mac):
            path = f"spec.metaData.fromHostInterfaces[{number}]"
            errors.append(invalid(path, item.key, "needs exactly one of interface and fromBootMAC"))
    return errors


def _network_errors(obj: infrav1.Metal3DataTemplate) -> list[FieldError]:
    data = obj.spec.network_data
    networks = data.networks if data is not None else None
    if networks is None:
        return []
    errors: list[FieldError] = []
    found: list[tuple[str, infrav1.NetworkIPv4 | infrav1.NetworkIPv6]] = [
        (f"ipv4[{number}]", item) for number, item in enumerate(networks.ipv_4)
    ]
    found += [(f"ipv6[{number}]", item) for number, item in enumerate(networks.ipv_6)]
    for path, network in found:
        reference = network.from_pool_ref.name if network.from_pool_ref is not None else ""
        note = network.from_pool_annotation
        noted = note.object if note is not None else ""
        if not (reference or network.ip_address_from_ip_pool or noted):
            text = "needs one of fromPoolRef, ipAddressFromIPPool and fromPoolAnnotation"
            errors.append(required(f"spec.networkData.networks.{path}", text))
    return errors
