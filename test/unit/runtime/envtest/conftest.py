"""What the tests of environments share."""

import asyncio


def pytest_configure() -> None:
    """Have no current event loop between tests.

    Before Python 3.12 merely asking for it, as pytest-asyncio does, makes one that nobody closes.
    """
    asyncio.set_event_loop(None)
