"""Named checks behind ``/healthz`` and ``/readyz``; the manager serves them."""

from ._checks import Check, Checks, Report, ping

__all__ = ["Check", "Checks", "Report", "ping"]
