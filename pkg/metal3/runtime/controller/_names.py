"""Controllers of one name would share their metrics, so names are unique in a process."""

from typing import Final

_taken: Final[set[str]] = set()


def claim_name(name: str) -> None:
    """Take ``name``; raises ValueError when it is taken."""
    if name in _taken:
        raise ValueError(f"there is a controller {name!r} already; give each a name of its own")
    _taken.add(name)


def release_names() -> None:
    """Forget all names; for tests that build many managers in one process."""
    _taken.clear()
