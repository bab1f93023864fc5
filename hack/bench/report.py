"""Figures as a table for people and as JSON for the next comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Figures = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A ratio or figure that was promised, and what was measured."""

    text: str
    measured: float
    limit: float
    at_most: bool = True

    @property
    def holds(self) -> bool:
        """Whether the promise was kept in this run."""
        return self.measured <= self.limit if self.at_most else self.measured >= self.limit

    def __str__(self) -> str:
        """Say promise, figure and verdict in one line."""
        bound = "at most" if self.at_most else "at least"
        verdict = "holds" if self.holds else "BROKEN"
        return f"{verdict:6}  {self.text}: {self.measured:.2f} ({bound} {self.limit:g})"


@dataclass(kw_only=True)
class Report:
    """One benchmark's figures: a row a contestant, a column a figure."""

    name: str
    about: str
    rows: dict[str, Figures] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)

    def ratio(self, figure: str, one: str, other: str) -> float:
        """Give one's figure divided by the other's."""
        return self.rows[one][figure] / self.rows[other][figure]

    def as_json(self) -> dict[str, object]:
        """Give all of it as plain values."""
        claims = [
            {"text": c.text, "measured": c.measured, "limit": c.limit, "holds": c.holds}
            for c in self.claims
        ]
        return {"about": self.about, "rows": self.rows, "claims": claims}

    def as_text(self) -> str:
        """Give a table and the verdicts."""
        columns = list(dict.fromkeys(name for row in self.rows.values() for name in row))
        table = [["", *columns]]
        for name, row in self.rows.items():
            table.append([name, *(f"{row[c]:,.2f}" if c in row else "-" for c in columns)])
        lines = [f"{self.name}: {self.about}", *_aligned(table), *map(str, self.claims)]
        return "\n".join(lines)


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    ]
