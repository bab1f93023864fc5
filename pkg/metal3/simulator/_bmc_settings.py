"""What the process that plays the BMCs is told at its start, as one JSON file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class BMCSettings:
    """Settings of the BMC process.

    ``systems``: UUID, name and MAC addresses of each machine. ``control_url``: where power changes
    are told. ``control_token``: shown on the way back, when an agent switches its machine off.
    ``power_delay`` in seconds. ``port`` is the HTTP port of the first BMC, ``ipmi_port`` its UDP
    port where IPMI is spoken instead of Redfish; the others follow.
    """

    port: int
    htpasswd: str
    state_file: str
    media_dir: str
    faults_file: str
    control_url: str
    control_token: str
    power_delay: tuple[float, float]
    systems: list[dict[str, Any]]
    ipmi_port: int | None = None
    cert_file: str | None = None
    key_file: str | None = None

    def write(self, path: Path) -> None:
        """Write the file, readable by its owner only: it holds the token."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> "BMCSettings":
        """Read what :meth:`write` wrote."""
        content: dict[str, Any] = json.loads(path.read_text())
        shortest, longest = content.pop("power_delay")
        return cls(power_delay=(shortest, longest), **content)
