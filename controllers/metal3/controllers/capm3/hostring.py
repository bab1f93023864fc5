"""Free hosts on a circle: each machine begins at a point of its own, so that they spread."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from .hostfacts import HostFacts, point_of

Point = tuple[int, str]
Rank = tuple[int, int]


@dataclass(slots=True)
class Ring:
    """Hosts by rank, and within a rank in the order of the circle."""

    _points: dict[Rank, list[Point]] = field(default_factory=dict[Rank, list[Point]])

    def __len__(self) -> int:
        """How many hosts are on it."""
        return sum(map(len, self._points.values()))

    def add(self, host: HostFacts) -> None:
        """Put a host where its name says."""
        insort(self._points.setdefault(host.rank, []), _point(host))

    def remove(self, host: HostFacts) -> None:
        """Take out what was put in; the facts have to be the same."""
        points = self._points[host.rank]
        del points[bisect_left(points, _point(host))]
        if not points:
            del self._points[host.rank]

    def walk(self, start: int) -> Iterator[str]:
        """All names, best rank first; within one from ``start`` around the circle."""
        for rank in sorted(self._points):
            points = self._points[rank]
            first = bisect_left(points, (start, ""))
            for number in range(len(points)):
                yield points[(first + number) % len(points)][1]


def _point(host: HostFacts) -> Point:
    return point_of(host.key.name), host.key.name
