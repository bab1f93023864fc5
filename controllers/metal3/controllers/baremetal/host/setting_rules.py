"""Whether wanted firmware settings can be applied, by the machine's schema."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api

Type = metal3api.AttributeType
Schema = metal3api.SettingSchema
_BOOLEANS: Final = frozenset({"true", "false"})


def setting_errors(
    wanted: Mapping[str, int | str], current: Mapping[str, str], schema: Mapping[str, Schema]
) -> list[str]:
    """One sentence for each setting that cannot be applied."""
    found = (_error(name, value, current, schema) for name, value in sorted(wanted.items()))
    return [error for error in found if error]


def is_password(name: str, schema: Schema | None) -> bool:
    """Passwords are neither shown nor set."""
    return "Password" in name or (schema is not None and schema.attribute_type == Type.PASSWORD)


def schema_name(schema: Mapping[str, Schema], vendor: str, model: str) -> str:
    """The same for all machines whose settings are alike."""
    plain = {name: rules.to_dict() for name, rules in schema.items()}
    text = json.dumps([vendor, model, plain], sort_keys=True, separators=(",", ":"))
    return f"schema-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _error(
    name: str, value: int | str, current: Mapping[str, str], schema: Mapping[str, Schema]
) -> str:
    rules = schema.get(name)
    if is_password(name, rules):
        return f"setting {name} is a password, which cannot be set here"
    if name not in current or rules is None:
        where = "the machine's FirmwareSchema" if name in current else "this machine's settings"
        return f"setting {name} is not in {where}"
    return _by_rules(name, str(value), rules)


def _by_rules(name: str, value: str, rules: Schema) -> str:
    if rules.read_only:
        return f"setting {name} is read-only"
    if not rules.attribute_type:
        return ""
    check = _CHECKS.get(rules.attribute_type)
    if check is None:
        return f"setting {name} is of an unexpected type {rules.attribute_type!r}"
    problem = check(value, rules)
    return f"setting {name} is invalid, {problem}" if problem else ""


def _enumeration(value: str, rules: Schema) -> str:
    if value in rules.allowable_values:
        return ""
    return f"unknown enumeration value {value!r}, it may be one of {rules.allowable_values}"


def _integer(value: str, rules: Schema) -> str:
    try:
        number = int(value)
    except ValueError:
        return f"{value!r} is no integer"
    if rules.lower_bound is not None and number < rules.lower_bound:
        return f"integer {number} is below the minimum {rules.lower_bound}"
    if rules.upper_bound is not None and number > rules.upper_bound:
        return f"integer {number} is above the maximum {rules.upper_bound}"
    return ""


def _string(value: str, rules: Schema) -> str:
    if rules.min_length is not None and len(value) < rules.min_length:
        return f"the text is shorter than {rules.min_length}"
    if rules.max_length is not None and len(value) > rules.max_length:
        return f"the text is longer than {rules.max_length}"
    return ""


def _boolean(value: str, _rules: Schema) -> str:
    return "" if value in _BOOLEANS else f"{value!r} is neither true nor false"


_CHECKS: Final[Mapping[str, Callable[[str, Schema], str]]] = {
    Type.ENUMERATION: _enumeration,
    Type.INTEGER: _integer,
    Type.STRING: _string,
    Type.BOOLEAN: _boolean,
}
