"""Rules for what an IPPool says; each error names the field and the value."""

import re
from typing import Final

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.controllers.ipam.addresses import BITS, Address, parse_address
from metal3.controllers.ipam.plan import InvalidRangeError, Range, range_of
from metal3.runtime.webhook import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)

LONGEST_PREFIX: Final = 253 - 1 - 39
"""What is left of a name when the longest address and a dash are taken off."""

_NAME_PREFIX: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def pool_errors(spec: ipamv1.IPPoolSpec) -> list[FieldError]:
    """Everything that is wrong with a spec by itself."""
    errors = name_prefix_errors(spec.name_prefix)
    errors += _address_errors("spec.gateway", spec.gateway)
    errors += _dns_errors("spec", spec.dns_servers)
    errors += _prefix_errors("spec.prefix", spec.prefix, max(BITS.values()))
    for index, entry in enumerate(spec.pools):
        errors += _entry_errors(f"spec.pools[{index}]", spec, entry)
    errors += _pin_errors(spec)
    strategy, known = spec.allocation_strategy, [*ipamv1.AllocationStrategy]
    if strategy and strategy not in known:
        errors.append(not_supported("spec.allocationStrategy", strategy, known))
    return errors


def name_prefix_errors(prefix: str) -> list[FieldError]:
    """It begins the name of every address, so it has to be fit for one."""
    path = "spec.namePrefix"
    if not prefix:
        return [required(path, "names of addresses begin with it")]
    if len(prefix) > LONGEST_PREFIX:
        return [invalid(path, prefix, f"is longer than {LONGEST_PREFIX} characters")]
    if not _NAME_PREFIX.fullmatch(prefix):
        return [invalid(path, prefix, "must be lower-case letters, digits, '-' and '.'")]
    return []


def change_errors(old: ipamv1.IPPoolSpec, new: ipamv1.IPPoolSpec) -> list[FieldError]:
    """What must stay as it is."""
    errors: list[FieldError] = []
    if old.name_prefix != new.name_prefix:
        why = f"cannot change from {old.name_prefix!r}: names of addresses are made of it"
        errors.append(forbidden("spec.namePrefix", why))
    default = ipamv1.AllocationStrategy.SEQUENTIAL
    before, after = (spec.allocation_strategy or default for spec in (old, new))
    if before != after:
        errors.append(forbidden("spec.allocationStrategy", f"cannot change from {before!r}"))
    return errors


def ranges_of(spec: ipamv1.IPPoolSpec) -> list[tuple[int, Range]]:
    """The entries that can be understood, with their places."""
    found: list[tuple[int, Range]] = []
    for index, entry in enumerate(spec.pools):
        try:
            found.append((index, range_of(spec, entry)))
        except InvalidRangeError:
            continue
    return found


def _entry_errors(path: str, spec: ipamv1.IPPoolSpec, entry: ipamv1.Pool) -> list[FieldError]:
    errors = _address_errors(f"{path}.gateway", entry.gateway)
    errors += _dns_errors(path, entry.dns_servers)
    try:
        found = range_of(spec, entry)
    except InvalidRangeError as e:
        return [*errors, _range_error(path, entry, e)]
    errors += _prefix_errors(f"{path}.prefix", entry.prefix, BITS[found.version])
    if not entry.prefix:
        errors += _prefix_errors("spec.prefix", spec.prefix, BITS[found.version])
    is_random = spec.allocation_strategy == ipamv1.AllocationStrategy.RANDOM
    if is_random and not found.is_bounded:
        errors.append(required(f"{path}.end", "a random choice needs an end or a subnet"))
    return errors


def _range_error(path: str, entry: ipamv1.Pool, error: InvalidRangeError) -> FieldError:
    values = {".start": entry.start, ".end": entry.end, ".subnet": entry.subnet}
    if not error.field:
        return required(path, str(error))
    return invalid(f"{path}{error.field}", values[error.field], str(error))


def _address_errors(path: str, text: str | None) -> list[FieldError]:
    if not text:
        return []
    try:
        parse_address(text)
    except ValueError as e:
        return [invalid(path, text, str(e))]
    return []


def _dns_errors(path: str, servers: list[str]) -> list[FieldError]:
    return [
        error
        for index, text in enumerate(servers)
        for error in _address_errors(f"{path}.dnsServers[{index}]", text or "''")
    ]


def _prefix_errors(path: str, prefix: int | None, most: int) -> list[FieldError]:
    if prefix is None or 0 <= prefix <= most:
        return []
    return [invalid(path, prefix, f"must be within 0 and {most}")]


def _pin_errors(spec: ipamv1.IPPoolSpec) -> list[FieldError]:
    errors: list[FieldError] = []
    ranges = ranges_of(spec)
    seen: dict[Address, str] = {}
    for name, text in sorted(spec.pre_allocations.items()):
        path = f"spec.preAllocations[{name}]"
        try:
            address = parse_address(text)
        except ValueError as e:
            errors.append(invalid(path, text, str(e)))
            continue
        if address in seen:
            errors.append(duplicate(path, text, f"kept for {seen[address]}, too"))
        seen.setdefault(address, name)
        if not any(found.covers(address) for _, found in ranges):
            errors.append(invalid(path, text, "is in no entry of spec.pools"))
    return errors
