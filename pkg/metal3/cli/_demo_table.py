"""The demo's live table: one line a host, redrawn on a terminal, appended elsewhere."""

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TextIO

from metal3.api.metal3_io import v1alpha1 as metal3api

HEADINGS: Final = ("NAME", "STATE", "POWER", "STATUS", "ERROR", "IN STATE")
UP: Final = "\x1b[{}A\x1b[J"
NARROWEST: Final = 60


@dataclass(slots=True, kw_only=True)
class HostTable:
    """Remembers each host's state and since when; prints what changed."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    clock: Callable[[], float] = time.monotonic
    _rows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _since: dict[str, tuple[str, float]] = field(default_factory=dict)
    _drawn: int = 0

    def put(self, host: metal3api.BareMetalHost) -> None:
        """Take a host's newest state."""
        name, status = host.metadata.name, host.status
        state = status.provisioning.state or "new"
        if self._since.get(name, ("", 0.0))[0] != state:
            self._since[name] = (state, self.clock())
        row = (
            name,
            state,
            "on" if status.powered_on else "off",
            str(status.operational_status) or "-",
            status.error_message or "-",
        )
        if self._rows.get(name) != row:
            self._rows[name] = row
            if not self.out.isatty():
                self._print_line(name)

    def draw(self) -> None:
        """Redraw on a terminal; elsewhere the lines are printed as they change."""
        if not self.out.isatty() or not self._rows:
            return
        lines = self.lines(max(NARROWEST, shutil.get_terminal_size().columns))
        erase = UP.format(self._drawn) if self._drawn else ""
        self.out.write(erase + "\n".join(lines) + "\n")
        self.out.flush()
        self._drawn = len(lines)

    def lines(self, width: int) -> list[str]:
        """The table's text, no line longer than ``width``."""
        rows = [HEADINGS, *((*self._rows[name], self._age(name)) for name in sorted(self._rows))]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
        error = HEADINGS.index("ERROR")
        widths[error] = min(widths[error], max(10, width - sum(widths) + widths[error] - 10))
        return ["  ".join(_cell(text, widths[i]) for i, text in enumerate(row)) for row in rows]

    def _age(self, name: str) -> str:
        return f"{self.clock() - self._since[name][1]:.0f}s"

    def _print_line(self, name: str) -> None:
        row = self._rows[name]
        self.out.write(
            "  ".join(_cell(text, width) for text, width in zip(row, _FIXED, strict=True))
        )
        self.out.write("\n")
        self.out.flush()


_FIXED: Final = (12, 22, 5, 10, 0)


def _cell(text: str, width: int) -> str:
    if width and len(text) > width:
        return text[: max(1, width - 3)] + "..."
    return text.ljust(width)
