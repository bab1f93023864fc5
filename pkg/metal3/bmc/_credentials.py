"""The login of a BMC."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """User name and password; kept out of every representation."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
