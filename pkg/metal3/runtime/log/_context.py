"""Values that belong on every line of one piece of work."""

from collections.abc import Generator
from contextlib import contextmanager

from structlog import contextvars


@contextmanager
def bound(**values: object) -> Generator[None]:
    """Put ``values`` on each line logged inside, also by code that knows nothing of them."""
    tokens = contextvars.bind_contextvars(**values)
    try:
        yield
    finally:
        contextvars.reset_contextvars(**tokens)
