"""One request's body on its way into a part file: reading it in large blocks, hashing it, writing it, ending it.

Not safe for threads: whoever holds the lock of the upload may use its `BodyWriter`. Decides nothing about who may
write; that is incoming.py. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from cheroot.server import KnownLengthRFile

from controller.uploads.partial import IncomingError, Partial, PartialFiles, disk_faults
from protocol import tus

FEWEST_WAITING_BYTES = 2 * 1024 * 1024
MOST_WAITING_BYTES = 8 * 1024 * 1024


class ChecksumMismatchError(IncomingError):
    """The body does not hash to what was announced; nothing of it was kept."""


class Body(Protocol):
    """A request's body, which ends where the body ends; its `readinto` is used instead where it has one."""

    def read(self, size_bytes: int, /) -> bytes:
        """Give at least one of the next bytes and at most `size_bytes`; none at the end."""


def block_reader(body: Body, block_bytes: int) -> Callable[[int], memoryview]:
    """Give a function that reads the next block, of at most as many bytes as it is told, into one buffer.

    The buffer is shorter where the body says that it never brings so much at once: hundreds of bodies have one each.
    """
    block_bytes = min(block_bytes, getattr(body, "block_bytes", block_bytes))
    buffer, fill = memoryview(bytearray(block_bytes)), filler(body)
    return lambda most: buffer[: fill(buffer[: min(most, block_bytes)])]


def filler(body: Body) -> Callable[[memoryview], int]:
    """Give a function that reads some of the next bytes into a buffer, and tells how many; none at the end."""
    found: Callable[[memoryview], int] | None = _cheroot_readinto(body) or getattr(body, "readinto", None)
    return found or partial(_read_into, body)


def _read_into(body: Body, buffer: memoryview) -> int:
    data = body.read(len(buffer))
    buffer[: len(data)] = data
    return len(data)


def _cheroot_readinto(body: Any) -> Callable[[memoryview], int] | None:
    """Give a way to read what has arrived on a cheroot connection straight into a buffer, where `body` is one.

    The `read` of cheroot's body (`KnownLengthRFile`) waits until a block is full, so that a broken connection takes the
    begun block with it, and puts it together in Python: a third of the speed for large bodies. The reader behind it
    has `readinto1`, which does neither.
    """
    if not isinstance(body, KnownLengthRFile) or not hasattr(body.rfile, "readinto1"):
        return None

    def readinto(buffer: memoryview) -> int:
        count: int = body.rfile.readinto1(buffer[: body.remaining]) if body.remaining else 0
        body.remaining -= count
        return count

    return readinto


class RunningDigest:
    """The SHA-256 of the beginning of a file, up to `position`."""

    def __init__(self) -> None:
        self.position = 0
        self._hash = hashlib.sha256()

    def feed(self, block: bytes | memoryview, *, at: int) -> None:
        """Hash the block if it follows what was hashed; otherwise the file must be read again in the end."""
        if at == self.position:
            self._hash.update(block)
            self.position += len(block)

    def value(self) -> bytes:
        """Give the 32 bytes of the hash up to `position`."""
        return self._hash.digest()


class BodyWriter:
    """A body that is being written at `offset`, which moves; it feeds `digest`, that of the whole file.

    The part file is open and locked against other processes from the beginning until `close`.
    """

    def __init__(
        self, partial: Partial, files: PartialFiles, *, digest: RunningDigest, start: int, checksum: tus.Checksum | None
    ) -> None:
        self.offset = start
        self._digest = digest
        self._start = start
        self._handed_over = start
        self._partial = partial
        self._files = files
        self._checksum = checksum
        self._hash = hashlib.new(checksum.algorithm) if checksum else None
        self._descriptor = partial.open()

    def begin(self) -> None:
        """Before the first byte of a body with a checksum, note durably that it is not to be trusted yet."""
        if self._checksum:
            self._partial.mark_unverified(self._start)

    def write(self, block: memoryview) -> None:
        """Write the whole block; raise `StoreFaultError` when the disk refuses."""
        with disk_faults(self._partial.path):
            rest = block
            while rest:
                count = self._files.write_at(self._descriptor, rest, self.offset)
                self._digest.feed(rest[:count], at=self.offset)
                self.offset += count
                rest = rest[count:]
            self._hand_over()
        if self._hash:
            self._hash.update(block)

    def keep(self) -> int:
        """Make a body that came whole durable and give the new offset; raise `ChecksumMismatchError` if it is wrong."""
        if self._checksum and self._hash:
            if self._hash.digest() != self._checksum.digest:
                raise ChecksumMismatchError(
                    f"{self._partial.path}: the body from {self._start} on is not what was sent"
                )
            self._partial.clear_unverified()
        return self._sync()

    def keep_what_came(self) -> int | None:
        """Make a body that broke off durable as far as it came, and give the new offset.

        None says that nothing of it may be kept, because it was to be checked as a whole.
        """
        return None if self._checksum else self._sync()

    def close(self) -> None:
        """Close the file and so let other processes have it."""
        self._files.close(self._descriptor)

    def _sync(self) -> int:
        with disk_faults(self._partial.path):
            self._files.sync(self._descriptor)
        return self.offset

    def _hand_over(self) -> None:
        """Keep little waiting for the disk, so that the sync at the end, or a newer request's, is short.

        A short body is handed over early and a long one in larger pieces, of which each costs a call.
        """
        waiting = self.offset - self._handed_over
        if waiting >= min(MOST_WAITING_BYTES, max(FEWEST_WAITING_BYTES, (self._handed_over - self._start) // 2)):
            self._files.begin_writeback(self._descriptor, self._handed_over, waiting)
            self._handed_over = self.offset
