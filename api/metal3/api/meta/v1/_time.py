"""Times as the API writes them.

A time stays the text the server sent, so that reading and writing an object never changes it.
"""

from datetime import UTC, datetime

Time = str
"""An RFC 3339 time, kept verbatim."""

MicroTime = str
"""An RFC 3339 time with microseconds, as leases and events use it."""


def format_time(moment: datetime) -> Time:
    """Seconds precision in UTC, the form of ``metav1.Time``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro_time(moment: datetime) -> MicroTime:
    """Microseconds precision in UTC, the form of ``metav1.MicroTime``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: Time) -> datetime:
    """The aware moment; raises ValueError when the text is no RFC 3339 time."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without an offset: {text!r}")
    return moment
