"""Settings for tests of the runtime."""

import asyncio

# looptime asks the policy for a loop before each test, also for tests that are not async; without
# this the policy would make one that nobody closes, which ends the session with a ResourceWarning.
asyncio.set_event_loop(None)
