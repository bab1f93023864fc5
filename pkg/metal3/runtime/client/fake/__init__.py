"""A client for tests that behaves like a server in memory; see :class:`FakeClient`."""

from ._actions import Action
from ._client import FakeClient

__all__ = ["Action", "FakeClient"]
