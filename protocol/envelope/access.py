"""Opens any part of a sealed file without opening the rest: for seeking in a recording.

Verifies the last chunk before anything else, so that the size is authentic; then opens only the chunks asked for.
Holds one opened chunk. Not for two threads at once: it moves the file's position.
Defined by C2SP age.md ("Payload", seeking) and docs/protocol/envelope.md ("Random access").
"""

from collections.abc import Iterable
from enum import Enum
from io import SEEK_END
from typing import Protocol

from protocol.envelope.errors import ChunkError
from protocol.envelope.filekey import unwrap_file_key
from protocol.envelope.keys import Identity
from protocol.envelope.reader import read_header, read_payload_nonce
from protocol.envelope.source import ByteSource
from protocol.envelope.stream import CHUNK_BYTES, SEALED_CHUNK_BYTES, ChunkCipher


class SeekableFile(Protocol):
    """A binary file that can be read anywhere."""

    def read(self, size: int, /) -> bytes | None:
        """The next bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move, and return the new position."""


class Tail(Enum):
    """How a file must end to be opened."""

    WHOLE = "whole"
    """With its final chunk: nothing was cut off."""

    TORN = "torn"
    """Anyhow: what follows the last chunk that authenticates is left out. For a file whose writer lost power."""


class RandomAccessReader:
    """The plaintext of a sealed binary file, any range of it.

    `size` is the length of the plaintext; `complete` says whether it ends with the final chunk, which Tail.TORN does
    not demand. The constructor raises HeaderError, NoMatchError, HeaderMacError and, with Tail.WHOLE, TruncatedError
    or ChunkError when the end is not right.
    """

    def __init__(self, file: SeekableFile, identities: Iterable[Identity], *, tail: Tail = Tail.WHOLE) -> None:
        self._file = file
        file_bytes = file.seek(0, SEEK_END)
        file.seek(0)
        source = ByteSource(file)
        self.header = read_header(source)
        file_key = unwrap_file_key(self.header, identities)
        nonce = read_payload_nonce(source)
        self._cipher = ChunkCipher(file_key, nonce)
        self._payload_start = len(self.header.raw) + len(nonce)
        self._payload_bytes = file_bytes - self._payload_start
        self._cached: tuple[int, bytes] = (-1, b"")
        self._last = self._cached
        self.complete = True
        self.size = self._find_size(tail)

    def read_at(self, offset: int, length: int) -> bytes:
        """The plaintext from `offset` on, `length` bytes of it, fewer at the end; raises ChunkError for damage."""
        if offset < 0 or length < 0:
            raise ValueError(f"expected an offset and a length of 0 or more, got {offset} and {length}")
        end = min(offset + length, self.size)
        if offset >= end:
            return b""
        first = offset // CHUNK_BYTES
        opened = b"".join(self._open_range(first, (end - 1) // CHUNK_BYTES))
        return opened[offset - first * CHUNK_BYTES : end - first * CHUNK_BYTES]

    def _find_size(self, tail: Tail) -> int:
        last = max(0, self._payload_bytes - 1) // SEALED_CHUNK_BYTES
        if tail is Tail.WHOLE:
            plaintext = self._cipher.open_last(last, self._read_sealed(last, last))
            return self._keep(last, plaintext)
        return self._find_torn_size(last)

    def _find_torn_size(self, last: int) -> int:
        sealed = self._read_sealed(last, last)
        final = self._cipher.open_final(last, sealed)
        if final is not None and (final or last == 0):
            return self._keep(last, final)
        self.complete = False
        # After a power cut the last blocks of a file may hold anything: go back to the last chunk that authenticates.
        for index in range(last, -1, -1):
            sealed = self._read_sealed(index, index)
            whole = len(sealed) == SEALED_CHUNK_BYTES
            plaintext = self._cipher.open_middle(index, sealed) if whole else None
            if plaintext is not None:
                return self._keep(index, plaintext)
        return 0

    def _keep(self, index: int, plaintext: bytes) -> int:
        """Remember the last chunk, and return the size of a plaintext that ends with it."""
        self._cached = (index, plaintext)
        self._last = self._cached
        return index * CHUNK_BYTES + len(plaintext)

    def _open_range(self, first: int, last: int) -> list[bytes]:
        if first == last:
            return [self._open_one(first)]
        stop = last - 1 if last == self._last[0] else last
        opened = [self._open(index, piece) for index, piece in self._split(first, stop)]
        if stop < last:
            opened.append(self._last[1])
        self._cached = (last, opened[-1])
        return opened

    def _open_one(self, index: int) -> bytes:
        for known, plaintext in (self._cached, self._last):
            if known == index:
                return plaintext
        self._cached = (index, self._open(index, self._read_sealed(index, index)))
        return self._cached[1]

    def _split(self, first: int, last: int) -> list[tuple[int, memoryview]]:
        sealed = memoryview(self._read_sealed(first, last))
        return [
            (first + place, sealed[place * SEALED_CHUNK_BYTES : (place + 1) * SEALED_CHUNK_BYTES])
            for place in range(last - first + 1)
        ]

    def _open(self, index: int, sealed: bytes | memoryview) -> bytes:
        plaintext = self._cipher.open_middle(index, sealed)
        if plaintext is None:
            raise ChunkError(index=index, reason="it does not authenticate")
        return plaintext

    def _read_sealed(self, first: int, last: int) -> bytes:
        self._file.seek(self._payload_start + first * SEALED_CHUNK_BYTES)
        source = ByteSource(self._file)
        sealed = source.read((last - first + 1) * SEALED_CHUNK_BYTES)
        source.raise_fault()
        return sealed
