"""Whether switches are looked after, and where their configuration goes, by the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

ENABLED: Final = "IRONIC_NETWORKING_ENABLED"
CONFIGS_SECRET: Final = "IRONIC_SWITCH_CONFIGS_SECRET"  # noqa: S105 - the name of a variable
CREDENTIALS_SECRET: Final = "IRONIC_SWITCH_CREDENTIALS_SECRET"  # noqa: S105 - the same
CREDENTIALS_PATH: Final = "IRONIC_SWITCH_CREDENTIALS_PATH"
_YES: Final = frozenset({"true", "1", "t"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchSettings:
    """Two Secrets in the namespace of the switches, and where the service finds the second one."""

    configs_secret: str
    credentials_secret: str
    credentials_path: str

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Self | None:
        """None when switches are not looked after; raises ValueError naming what is missing."""
        if variables.get(ENABLED, "").strip().lower() not in _YES:
            return None
        needed = (CONFIGS_SECRET, CREDENTIALS_SECRET, CREDENTIALS_PATH)
        missing = [name for name in needed if not variables.get(name)]
        if missing:
            raise ValueError(f"{ENABLED} is set, so these must be, too: {', '.join(missing)}")
        return cls(
            configs_secret=variables[CONFIGS_SECRET],
            credentials_secret=variables[CREDENTIALS_SECRET],
            credentials_path=variables[CREDENTIALS_PATH].rstrip("/"),
        )
