"""What may be meant but is probably a mistake; told while the request goes through."""

from collections.abc import Iterable

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.controllers.ipam.addresses import address_of, parse_address
from metal3.controllers.ipam.intervals import IntervalSet
from metal3.controllers.ipam.plan import Range
from metal3.controllers.ipam.pool_state import PoolState
from metal3.runtime.types import NamespacedName

from ._pool_rules import ranges_of

Spans = dict[int, IntervalSet]


def pool_warnings(
    key: NamespacedName, spec: ipamv1.IPPoolSpec, others: Iterable[PoolState]
) -> list[str]:
    """Gateways out of reach, overlaps inside the pool and with others of the namespace."""
    ranges = ranges_of(spec)
    warnings = [text for index, found in ranges for text in _gateway_warnings(index, found)]
    warnings += _inner_overlaps(ranges)
    mine = _spans(found for _, found in ranges)
    for other in () if spec.isolated else others:
        plan = other.plan
        if other.key.namespace != key.namespace or other.key == key or plan is None:
            continue
        shared = "" if plan.is_isolated else _shared(mine, _spans(plan.ranges))
        if shared:
            warnings.append(
                f"spec.pools: {shared} is in IPPool {other.key.name}, too; each of these addresses "
                "is handed out by one of them (spec.isolated says that their networks are apart)"
            )
    return warnings


def _gateway_warnings(index: int, found: Range) -> list[str]:
    try:
        gateway = parse_address(found.gateway) if found.gateway else None
    except ValueError:
        return []
    if gateway is None:
        return []
    path = f"spec.pools[{index}]"
    if gateway.version != found.version:
        return [f"{path}: gateway {gateway} is of another IP version"]
    first = address_of(found.version, found.first)
    bits = first.max_prefixlen - found.prefix
    if found.prefix and int(gateway) >> bits != found.first >> bits:
        return [f"{path}: gateway {gateway} is not in the network of {first}/{found.prefix}"]
    return []


def _inner_overlaps(ranges: list[tuple[int, Range]]) -> list[str]:
    warnings: list[str] = []
    seen: Spans = {4: IntervalSet(), 6: IntervalSet()}
    for index, found in ranges:
        if seen[found.version].count(found.first, found.last):
            warnings.append(f"spec.pools[{index}]: overlaps an entry before it")
        seen[found.version].add(found.first, found.last)
    return warnings


def _spans(ranges: Iterable[Range]) -> Spans:
    spans: Spans = {4: IntervalSet(), 6: IntervalSet()}
    for found in ranges:
        spans[found.version].add(found.first, found.last)
    return spans


def _shared(mine: Spans, theirs: Spans) -> str:
    """The first stretch that is in both; empty for none."""
    for version, spans in mine.items():
        for first, last in theirs[version]:
            for low, high in spans:
                start, end = max(first, low), min(last, high)
                if start <= end:
                    return f"{address_of(version, start)} to {address_of(version, end)}"
    return ""
