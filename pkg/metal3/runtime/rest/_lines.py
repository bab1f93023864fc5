"""Cutting a stream of bytes into lines, of bounded length."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ._errors import DecodeError


@dataclass(slots=True)
class Lines:
    """Feed chunks, get whole lines; what has no end yet is kept."""

    longest: int
    _kept: list[bytes] = field(default_factory=list[bytes])
    _size: int = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Lines that are now complete, without their ends; raises DecodeError when too long."""
        first, *others = chunk.split(b"\n")
        self._keep(first)
        for line in others:
            whole = b"".join(self._kept)
            self._kept.clear()
            self._size = 0
            self._keep(line)
            if whole:
                yield whole

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self.longest:
            raise DecodeError(f"a line of the stream is longer than {self.longest} bytes")
        if part:
            self._kept.append(part)

    def rest(self) -> bytes:
        """What came after the last end of a line."""
        return b"".join(self._kept)
