"""Accepts or refuses HostClaims: a selector that can match, images and annotations as on a host."""

import re
from dataclasses import dataclass
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.webhook import (
    FieldError,
    RequestInfo,
    Warnings,
    deny_if,
    invalid,
    not_supported,
)

from ._annotation_rules import reboot_errors
from ._storage_rules import image_errors

OPERATORS: Final = ("=", "==", "!=", "in", "notin", "exists", "!")
_ONE: Final = {"=", "==", "!="}
_SOME: Final = {"in", "notin"}
_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_LONGEST_DOMAIN: Final = 253


@dataclass(frozen=True, slots=True)
class HostClaimValidator:
    """Operators are read in any case, as the controller does."""

    async def validate_create(self, obj: metal3api.HostClaim, request: RequestInfo) -> Warnings:
        """All rules."""
        deny_if(_errors(obj))
        return ()

    async def validate_update(
        self, old: metal3api.HostClaim, new: metal3api.HostClaim, request: RequestInfo
    ) -> Warnings:
        """All rules, unless nothing they look at changed."""
        if _judged(old) != _judged(new):
            deny_if(_errors(new))
        return ()

    async def validate_delete(self, obj: metal3api.HostClaim, request: RequestInfo) -> Warnings:
        """Always."""
        return ()


def _judged(claim: metal3api.HostClaim) -> object:
    return claim.spec.to_dict(), claim.metadata.annotations


def _errors(claim: metal3api.HostClaim) -> list[FieldError]:
    errors = [*_selector_errors(claim), *image_errors(claim.spec.image)]
    for key, text in sorted(claim.metadata.annotations.items()):
        if metal3api.is_reboot_annotation(key):
            errors += reboot_errors(key, text)
    return errors


def _selector_errors(claim: metal3api.HostClaim) -> list[FieldError]:
    selector = claim.spec.host_selector
    if selector is None:
        return []
    errors: list[FieldError] = []
    for key, value in sorted(selector.match_labels.items()):
        path = f"spec.hostSelector.matchLabels[{key}]"
        errors += _key_errors(path, key) + _value_errors(path, value)
    for index, rule in enumerate(selector.match_expressions):
        errors += _rule_errors(f"spec.hostSelector.matchExpressions[{index}]", rule)
    return errors


def _rule_errors(path: str, rule: metal3api.HostSelectorRequirement) -> list[FieldError]:
    operator = rule.operator.lower()
    if operator not in OPERATORS:
        return [not_supported(f"{path}.operator", rule.operator, OPERATORS)]
    errors = _key_errors(f"{path}.key", rule.key)
    for value in rule.values:
        errors += _value_errors(f"{path}.values", value)
    count = len(rule.values)
    if operator in _ONE and count != 1:
        errors.append(invalid(f"{path}.values", rule.values, f"{operator} takes exactly one value"))
    elif operator in _SOME and not count:
        errors.append(
            invalid(f"{path}.values", rule.values, f"{operator} takes at least one value")
        )
    elif operator not in _ONE | _SOME and count:
        errors.append(invalid(f"{path}.values", rule.values, f"{operator} takes no values"))
    return errors


def _key_errors(path: str, key: str) -> list[FieldError]:
    prefix, slash, name = key.rpartition("/")
    good_prefix = not slash or (
        len(prefix) <= _LONGEST_DOMAIN and _DOMAIN.fullmatch(prefix) is not None
    )
    if good_prefix and _NAME.fullmatch(name):
        return []
    return [invalid(path, key, "is no label key, as in example.com/rack")]


def _value_errors(path: str, value: str) -> list[FieldError]:
    if not value or _NAME.fullmatch(value):
        return []
    return [invalid(path, value, "is no label value: up to 63 letters, digits, '-', '_' and '.'")]
