"""Events with series, as kubectl describes them."""

from ._event import Event, EventSeries

__all__ = ["Event", "EventSeries"]
