"""Logging: constant messages, key-value pairs, one line an outcome, never a secret.

Called by everything. ``configure`` is called once by a program's entry point; ``bound`` puts the
object at hand on every line that is written while it is handled.
"""

from ._context import bound
from ._logger import Format, Level, Logger, configure, get_logger
from ._redact import REDACTED, redact, scrub

__all__ = [
    "REDACTED",
    "Format",
    "Level",
    "Logger",
    "bound",
    "configure",
    "get_logger",
    "redact",
    "scrub",
]
