"""Whole reads from any binary stream: files, pipes, and armor being decoded.

A stream that fails half-way gives first what came before; the failure is kept for whoever asks for more, so that every
chunk that arrived can be opened. Decides nothing about what it reads.
"""

from typing import Protocol

from protocol.envelope.errors import ArmorError


class Readable(Protocol):
    """A binary stream: `read` returns at most `size` bytes, and none only at the end."""

    def read(self, size: int, /) -> bytes | None:
        """The next bytes."""


class ByteSource:
    """Reads exactly what is asked for, less only at the end of the stream or at its failure."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._ahead = b""
        self.fault: ArmorError | OSError | None = None

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, fewer at the end; what a failing stream gave before it failed comes first."""
        parts, missing = [self._ahead[:size]], size - min(size, len(self._ahead))
        self._ahead = self._ahead[size:]
        while missing and (part := self._read_some(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def read_some(self, size: int) -> bytes:
        """The bytes that one read of the stream gives, at most `size`; none at the end."""
        if self._ahead:
            part, self._ahead = self._ahead[:size], self._ahead[size:]
            return part
        return self._read_some(size)

    def push_back(self, data: bytes) -> None:
        """Let the next read begin with `data`."""
        self._ahead = data + self._ahead

    def raise_fault(self) -> None:
        """Raise what stopped the stream, if it did not simply end."""
        if self.fault is not None:
            raise self.fault

    def _read_some(self, size: int) -> bytes:
        if self.fault is not None:
            return b""
        try:
            part = self._stream.read(size)
        except (ArmorError, OSError) as error:
            self.fault = error
            return b""
        if part is None:
            raise BlockingIOError("the source of a sealed file must be blocking")
        return part
