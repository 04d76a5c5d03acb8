"""Seals a file while its content is still being made: whole chunks leave at once, at most one is held back.

Never writes plaintext, never seeks, never rewrites, and never continues a payload that another writer began or that a
failed write left torn: a new file is begun instead.
Defined by C2SP age.md ("Payload") and docs/protocol/envelope.md ("Durable writing").
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Protocol

from protocol.envelope.filekey import wrap_file_key
from protocol.envelope.header import FILE_KEY_BYTES
from protocol.envelope.keys import Recipient
from protocol.envelope.stream import CHUNK_BYTES, PAYLOAD_NONCE_BYTES, SEALED_CHUNK_BYTES, ChunkCipher

BATCH_CHUNKS = 8
"""Chunks that are sealed side by side before one write takes them to the sink."""


class Sink(Protocol):
    """An unbuffered binary file: `write` returns how much it took, and what it took has left this process."""

    def write(self, data: memoryview, /) -> int | None:
        """Take some of the bytes and return how many; None (a non-blocking file that is full) is refused."""

    def fileno(self) -> int:
        """The descriptor that `sync` gets."""


class SealingWriter:
    """One age file being written; `header` is known from the start, before anything reaches the sink.

    The header leaves with the first `write`, `flush` or `finish`. `sync` is `os.fdatasync` or stands for it: it makes
    durable what the sink took. After an exception out of the sink or of `sync` the file is torn and stays so: every
    further call raises ValueError.
    """

    def __init__(
        self,
        sink: Sink,
        recipients: Iterable[Recipient],
        *,
        sync: Callable[[int], object] | None = None,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        file_key = random_bytes(FILE_KEY_BYTES)
        nonce = random_bytes(PAYLOAD_NONCE_BYTES)
        self.header = wrap_file_key(file_key, recipients, random_bytes=random_bytes)
        """The header's bytes, without the payload nonce that follows it in the file."""
        self.sealed_bytes = 0
        """How much the sink has taken."""
        self._sink = sink
        self._sync = sync
        self._cipher = ChunkCipher(file_key, nonce)
        self._prologue = self.header + nonce
        self._index = 0
        self._held = memoryview(bytearray(CHUNK_BYTES))
        self._held_back = 0
        self._sealed = memoryview(bytearray(BATCH_CHUNKS * SEALED_CHUNK_BYTES))
        self._usable = True

    @property
    def header_sha256(self) -> bytes:
        """The digest of `header`: whoever signs it vouches for every chunk that will open under it."""
        return hashlib.sha256(self.header).digest()

    @property
    def held_back(self) -> int:
        """Plaintext bytes that no `flush` can make durable yet: age marks the final chunk, so one must wait."""
        return self._held_back

    @property
    def bytes_to_release(self) -> int:
        """The least number of further bytes whose writing sends out everything that is held back now."""
        return CHUNK_BYTES - self._held_back + 1 if self._held_back else 0

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Seal `data`; every chunk that is known not to be the final one has reached the sink on return.

        Returns the length of `data`, like any binary file.
        """
        self._require_usable()
        self._write_prologue()
        rest = memoryview(data).cast("B")
        taken = rest.nbytes
        if self._held_back:
            rest = self._top_up(rest)
        while len(rest) > CHUNK_BYTES:
            chunks = min((len(rest) - 1) // CHUNK_BYTES, BATCH_CHUNKS)
            self._seal_chunks(rest[: chunks * CHUNK_BYTES])
            rest = rest[chunks * CHUNK_BYTES :]
        self._hold(rest)
        return taken

    def flush(self) -> None:
        """Make durable all that has left: everything written but the `held_back` bytes."""
        self._require_usable()
        self._write_prologue()
        self._make_durable()

    def finish(self) -> None:
        """Write the final chunk and make the whole file durable; the sink stays open, the writer is done."""
        self._require_usable()
        self._write_prologue()
        final = self._cipher.seal_final(self._index, self._held[: self._held_back])
        self._send(memoryview(final))
        self._make_durable()
        self._held[:] = bytes(CHUNK_BYTES)
        self._held_back, self._usable = 0, False

    def _top_up(self, data: memoryview) -> memoryview:
        """Fill the held chunk and, when more follows it, send it; what was not needed for that is returned."""
        room = CHUNK_BYTES - self._held_back
        self._hold(data[:room])
        rest = data[room:]
        if rest:
            self._held_back = 0
            self._seal_chunks(self._held)
        return rest

    def _hold(self, data: memoryview) -> None:
        self._held[self._held_back : self._held_back + len(data)] = data
        self._held_back += len(data)

    def _seal_chunks(self, plaintext: memoryview) -> None:
        chunks = len(plaintext) // CHUNK_BYTES
        for place in range(chunks):
            chunk = plaintext[place * CHUNK_BYTES : (place + 1) * CHUNK_BYTES]
            into = self._sealed[place * SEALED_CHUNK_BYTES : (place + 1) * SEALED_CHUNK_BYTES]
            self._cipher.seal_middle(self._index + place, chunk, into=into)
        self._index += chunks
        self._send(self._sealed[: chunks * SEALED_CHUNK_BYTES])

    def _write_prologue(self) -> None:
        prologue, self._prologue = self._prologue, b""
        self._send(memoryview(prologue))

    def _send(self, data: memoryview) -> None:
        self._usable = False  # a write that raises half-way leaves a torn file, which must not be continued
        while data:
            taken = self._sink.write(data)
            if taken is None:
                raise BlockingIOError("the sink of a sealed file must be blocking")
            self.sealed_bytes += taken
            data = data[taken:]
        self._usable = True

    def _make_durable(self) -> None:
        if self._sync is None:
            return
        self._usable = False
        self._sync(self._sink.fileno())
        self._usable = True

    def _require_usable(self) -> None:
        if not self._usable:
            raise ValueError("this sealed file is finished, or torn by a failed write: begin a new one")


def seal(
    plaintext: bytes, recipients: Iterable[Recipient], *, random_bytes: Callable[[int], bytes] = os.urandom
) -> bytes:
    """A whole age file in memory."""
    sink = BytesIO()
    writer = SealingWriter(sink, recipients, random_bytes=random_bytes)
    writer.write(plaintext)
    writer.finish()
    return sink.getvalue()
