"""Metal3Remediation and its template: the strategy."""

from dataclasses import dataclass
from typing import Final

from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.runtime.webhook import (
    FieldError,
    RequestInfo,
    Warnings,
    deny_if,
    invalid,
    not_supported,
    required,
)

LEAST_TIMEOUT: Final = 100  # seconds: a server needs that long to come up
DEFAULT_TIMEOUT: Final = 600  # seconds
REBOOT: Final = infrav1.RemediationType.REBOOT.value


@dataclass(frozen=True, slots=True)
class Metal3RemediationValidator:
    """A remediation without a strategy does what the defaults say."""

    async def validate_create(
        self, obj: infrav1.Metal3Remediation, request: RequestInfo
    ) -> Warnings:
        """All rules."""
        if obj.spec.strategy is not None:
            deny_if(_errors(obj.spec.strategy, "spec.strategy"))
        return ()

    async def validate_update(
        self, old: infrav1.Metal3Remediation, new: infrav1.Metal3Remediation, request: RequestInfo
    ) -> Warnings:
        """All rules."""
        return await self.validate_create(new, request)

    async def validate_delete(
        self, obj: infrav1.Metal3Remediation, request: RequestInfo
    ) -> Warnings:
        """Always."""
        return ()


@dataclass(frozen=True, slots=True)
class Metal3RemediationTemplateDefaulter:
    """Type, timeout and number of tries, where they are not given."""

    async def default(self, obj: infrav1.Metal3RemediationTemplate, request: RequestInfo) -> None:
        """Fill in; a missing strategy stays missing and is refused by the validator."""
        strategy = obj.spec.template.spec.strategy
        if strategy is None:
            return
        if not strategy.type:
            strategy.type = REBOOT
        if not strategy.timeout_seconds:
            strategy.timeout_seconds = DEFAULT_TIMEOUT


@dataclass(frozen=True, slots=True)
class Metal3RemediationTemplateValidator:
    """As for remediations, and there has to be a strategy."""

    async def validate_create(
        self, obj: infrav1.Metal3RemediationTemplate, request: RequestInfo
    ) -> Warnings:
        """All rules."""
        path = "spec.template.spec.strategy"
        strategy = obj.spec.template.spec.strategy
        if strategy is None:
            deny_if([required(path, "says how machines are remediated")])
        else:
            deny_if(_errors(strategy, path))
        return ()

    async def validate_update(
        self,
        old: infrav1.Metal3RemediationTemplate,
        new: infrav1.Metal3RemediationTemplate,
        request: RequestInfo,
    ) -> Warnings:
        """All rules."""
        return await self.validate_create(new, request)

    async def validate_delete(
        self, obj: infrav1.Metal3RemediationTemplate, request: RequestInfo
    ) -> Warnings:
        """Always."""
        return ()


def _errors(strategy: infrav1.RemediationStrategy, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if strategy.type and strategy.type != REBOOT:
        errors.append(not_supported(f"{path}.type", strategy.type, [REBOOT]))
    if 0 != strategy.timeout_seconds < LEAST_TIMEOUT:
        text = f"must be at least {LEAST_TIMEOUT} seconds"
        errors.append(invalid(f"{path}.timeoutSeconds", strategy.timeout_seconds, text))
    if strategy.retry_limit < 1:
        errors.append(invalid(f"{path}.retryLimit", strategy.retry_limit, "must be at least 1"))
    return errors
