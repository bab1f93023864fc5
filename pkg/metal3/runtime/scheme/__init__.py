"""Which class stands for which kind; told once at start, asked by whoever meets plain JSON."""

from ._scheme import Scheme, UnrecognisedError

__all__ = ["Scheme", "UnrecognisedError"]
