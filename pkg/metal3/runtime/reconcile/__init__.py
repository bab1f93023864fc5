"""The contract of a reconciler: what it is given, what it may answer."""

from ._reconcile import Reconciler, Request, Result, TerminalError

__all__ = ["Reconciler", "Request", "Result", "TerminalError"]
