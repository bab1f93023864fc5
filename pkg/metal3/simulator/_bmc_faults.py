"""Faults of a BMC, passed from the lab to the process that plays the BMCs through a file.

A file outlives both processes and needs no port; the reader looks at its identity on each request.
"""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class BMCFaults:
    """What is wrong with one BMC: ``delay`` in seconds before each answer."""

    wrong_password: bool = False
    down: bool = False
    power_stuck: bool = False
    delay: float = 0.0


HEALTHY = BMCFaults()


def write(path: Path, faults: Mapping[str, BMCFaults]) -> None:
    """Replace the file, whole, by the faults of each system (by UUID)."""
    text = json.dumps({system: asdict(fault) for system, fault in faults.items()})
    temporary = path.with_suffix(".new")
    temporary.write_text(text)
    temporary.replace(path)


class FaultFile:
    """The reader's side; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._identity: tuple[int, int] | None = None
        self._faults: dict[str, BMCFaults] = {}

    def of(self, system: str) -> BMCFaults:
        """The faults of one system, as the file says now."""
        with self._lock:
            self._refresh()
            return self._faults.get(system, HEALTHY)

    def _refresh(self) -> None:
        try:
            found: os.stat_result = self._path.stat()
        except FileNotFoundError:
            self._identity, self._faults = None, {}
            return
        identity = (found.st_ino, found.st_mtime_ns)
        if identity != self._identity:
            content: dict[str, dict[str, float]] = json.loads(self._path.read_text())
            self._faults = {name: _parse(fault) for name, fault in content.items()}
            self._identity = identity


def _parse(fault: Mapping[str, float]) -> BMCFaults:
    return BMCFaults(
        wrong_password=bool(fault["wrong_password"]),
        down=bool(fault["down"]),
        power_stuck=bool(fault["power_stuck"]),
        delay=fault["delay"],
    )
