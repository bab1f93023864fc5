"""What a pool's spec says, worked out once: which addresses there are, and what goes with them."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1

from .addresses import Address, Network, last_address, parse_address, parse_network
from .intervals import IntervalSet

Segment = tuple[int, int]

_GUESSES: Final = 8


class InvalidRangeError(ValueError):
    """An entry of ``spec.pools`` that gives no addresses; ``field`` is what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """One entry of ``spec.pools``. ``segments`` are what is left without the reserved addresses."""

    version: int
    first: int
    last: int
    is_bounded: bool
    segments: tuple[Segment, ...]
    network: Network | None
    prefix: int
    gateway: str
    dns_servers: tuple[str, ...]

    def covers(self, address: Address) -> bool:
        """Whether the entry speaks of this address, be it reserved or not."""
        return address.version == self.version and self.first <= int(address) <= self.last

    def issues(self, address: Address) -> bool:
        """Whether the entry may hand this address out."""
        value = int(address)
        return address.version == self.version and any(a <= value <= b for a, b in self.segments)

    @property
    def total(self) -> int:
        """Addresses the entry can hand out."""
        return sum(last - first + 1 for first, last in self.segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPlan:
    """A whole pool. ``problems`` are entries that cannot be used, in words for the user."""

    name_prefix: str
    ranges: tuple[Range, ...]
    pinned: Mapping[str, Address]
    kept_for: Mapping[Address, str]
    is_isolated: bool
    is_random: bool
    quarantine: timedelta
    warning_percent: int
    problems: tuple[str, ...]
    issued: Mapping[int, IntervalSet]
    """Everything the ranges can hand out, by IP version; not to be changed."""

    def count(self, among: Mapping[int, IntervalSet]) -> int:
        """How many of the addresses it can hand out are in these sets."""
        return sum(
            among[version].count(*span) for version, kept in self.issued.items() for span in kept
        )

    @property
    def total(self) -> int:
        """How many addresses it can hand out."""
        return self.count(self.issued)

    def range_of(self, address: Address) -> Range | None:
        """The first entry that speaks of this address."""
        return next((r for r in self.ranges if r.covers(address)), None)

    def overlaps(self, other: "PoolPlan") -> bool:
        """Whether both speak of some address."""
        return any(
            a.version == b.version and a.first <= b.last and b.first <= a.last
            for a in self.ranges
            for b in other.ranges
        )

    def is_kept_from(self, address: Address, claim_name: str) -> bool:
        """Whether it is kept for a claim of another name."""
        return self.kept_for.get(address, claim_name) != claim_name

    def free_address(
        self,
        blocked: Mapping[int, IntervalSet],
        draw: Callable[[int], int] = secrets.randbelow,
    ) -> tuple[int, int] | None:
        """IP version and number of an address that is not blocked, by the pool's strategy.

        ``draw`` gives a number below its argument.
        """
        for found in self.ranges:
            taken = blocked[found.version]
            value = _random_of(found, taken, draw) if self.is_random else _lowest_of(found, taken)
            if value is not None:
                return found.version, value
        return None


def plan_of(spec: ipamv1.IPPoolSpec) -> PoolPlan:
    """Read a spec; what cannot be understood is left out and named in ``problems``."""
    ranges: list[Range] = []
    problems: list[str] = []
    for index, entry in enumerate(spec.pools):
        try:
            ranges.append(range_of(spec, entry))
        except InvalidRangeError as e:
            problems.append(f"spec.pools[{index}]{e.field}: {e}")
    pinned: dict[str, Address] = {}
    for name, text in sorted(spec.pre_allocations.items()):
        try:
            pinned[name] = parse_address(text)
        except ValueError as e:
            problems.append(f"spec.preAllocations[{name}]: {e}")
    return PoolPlan(
        name_prefix=spec.name_prefix,
        ranges=tuple(ranges),
        pinned=pinned,
        kept_for={address: name for name, address in pinned.items()},
        is_isolated=bool(spec.isolated),
        is_random=spec.allocation_strategy == ipamv1.AllocationStrategy.RANDOM,
        quarantine=timedelta(seconds=spec.quarantine_seconds or 0),
        warning_percent=spec.exhaustion_warning_percent or 90,
        problems=tuple(problems),
        issued=_issued(ranges),
    )


def _issued(ranges: list[Range]) -> Mapping[int, IntervalSet]:
    issued = {4: IntervalSet(), 6: IntervalSet()}
    for found in ranges:
        for first, last in found.segments:
            issued[found.version].add(first, last)
    return issued


def range_of(spec: ipamv1.IPPoolSpec, entry: ipamv1.Pool) -> Range:
    """One entry; raises InvalidRangeError."""
    start, end = _address(".start", entry.start), _address(".end", entry.end)
    network = _network(entry.subnet)
    low = start or (network.network_address if network else None)
    if low is None:
        raise InvalidRangeError("", "needs start or subnet")
    first, last = int(low), last_address(low.version)
    if network is not None:
        _check_inside(network, start, end)
        last = int(network.broadcast_address)
    if end is not None:
        if end.version != low.version:
            raise InvalidRangeError(".end", f"{end} and {low} are of different IP versions")
        last = int(end)
    if last < first:
        raise InvalidRangeError(".end", f"{end} is before {low}")
    gateway = entry.gateway or spec.gateway or ""
    return Range(
        version=low.version,
        first=first,
        last=last,
        is_bounded=network is not None or end is not None,
        segments=_segments(first, last, _reserved(spec, entry, network, low.version)),
        network=network,
        prefix=entry.prefix or spec.prefix or (network.prefixlen if network else 0),
        gateway=gateway,
        dns_servers=tuple(entry.dns_servers or spec.dns_servers),
    )


def _address(field: str, text: str | None) -> Address | None:
    if not text:
        return None
    try:
        return parse_address(text)
    except ValueError as e:
        raise InvalidRangeError(field, str(e)) from e


def _network(text: str | None) -> Network | None:
    if not text:
        return None
    try:
        return parse_network(text)
    except ValueError as e:
        raise InvalidRangeError(".subnet", str(e)) from e


def _check_inside(network: Network, start: Address | None, end: Address | None) -> None:
    for field, address in ((".start", start), (".end", end)):
        if address is not None and address not in network:
            raise InvalidRangeError(field, f"{address} is not in {network}")


def _reserved(
    spec: ipamv1.IPPoolSpec, entry: ipamv1.Pool, network: Network | None, version: int
) -> IntervalSet:
    """Gateways, and of a subnet its own address and (IPv4) that of broadcasts.

    Not of point-to-point links (RFC 3021, RFC 6164). The first address of an IPv6 subnet belongs
    to its routers (RFC 4291, 2.6.1).
    """
    kept = IntervalSet()
    for text in (entry.gateway, spec.gateway):
        try:
            gateway = parse_address(text) if text else None
        except ValueError:
            continue
        if gateway is not None and gateway.version == version:
            kept.add(int(gateway))
    if network is not None and not entry.use_reserved and network.num_addresses > 2:  # noqa: PLR2004 - two ends of a link
        kept.add(int(network.network_address))
        if version == 4:  # noqa: PLR2004 - IP version 4
            kept.add(int(network.broadcast_address))
    return kept


def _segments(first: int, last: int, reserved: IntervalSet) -> tuple[Segment, ...]:
    return tuple(reserved.gaps(first, last))


def _lowest_of(found: Range, taken: IntervalSet) -> int | None:
    for first, last in found.segments:
        value = taken.first_gap(first, last)
        if value is not None:
            return value
    return None


def _random_of(found: Range, taken: IntervalSet, draw: Callable[[int], int]) -> int | None:
    """Guess a few times; in a range that is nearly full, count the free ones and draw of them."""
    if not found.total:
        return None
    for _ in range(_GUESSES):
        value = _nth(found.segments, draw(found.total))
        if value not in taken:
            return value
    free = [gap for first, last in found.segments for gap in taken.gaps(first, last)]
    count = sum(last - first + 1 for first, last in free)
    return _nth(free, draw(count)) if count else None


def _nth(segments: "tuple[Segment, ...] | list[Segment]", index: int) -> int:
    for first, last in segments:
        size = last - first + 1
        if index < size:
            return first + index
        index -= size
    raise IndexError("beyond the last address")
