"""The sealing writer: what leaves when, what is held back, and that a torn file is never continued."""

import errno
import hashlib
import os
import tracemalloc
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.envelope import (
    CHUNK_BYTES,
    SEALED_CHUNK_BYTES,
    HeaderTruncatedError,
    SealingWriter,
    open_sealed,
    parse_header,
    recover,
    seal,
)
from tests.unit.protocol.envelope.samples import IDENTITY, NONCE_BYTES, content, header_end, seeded

RECIPIENTS = [IDENTITY.recipient]


class RecordingSink:
    """A sink that keeps what it was given, in order with the syncs, and takes at most `appetite` bytes a write."""

    def __init__(self, *, appetite: int = 1 << 30, fail_at: int | None = None) -> None:
        self.data = bytearray()
        self.events: list[tuple[str, int]] = []
        self._appetite = appetite
        self._fail_at = fail_at

    def write(self, data: memoryview, /) -> int | None:
        """Take some bytes, or raise like a full disk once `fail_at` bytes are there."""
        room = len(data) if self._fail_at is None else self._fail_at - len(self.data)
        if room <= 0:
            raise OSError(errno.ENOSPC, "no space left")
        taken = min(len(data), self._appetite, room)
        self.data += data[:taken]
        self.events.append(("write", taken))
        return taken

    def fileno(self) -> int:
        """A number that only `sync` sees."""
        return 99

    def sync(self, descriptor: int) -> None:
        """Note how much was there when a sync was asked for."""
        assert descriptor == 99
        self.events.append(("sync", len(self.data)))


@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(st.integers(0, 3 * CHUNK_BYTES), max_size=6), appetite=st.sampled_from([1000, 65552, 1 << 30]))
def test_writer_makes_the_same_file_of_any_pieces(pieces: list[int], appetite: int) -> None:
    """However the content is cut into writes, and however little the sink takes at once, the file is the same."""
    plaintext = content(sum(pieces))
    sink = RecordingSink(appetite=appetite)
    writer = SealingWriter(sink, RECIPIENTS, random_bytes=seeded("pieces"))
    start = 0
    for length in pieces:
        assert writer.write(plaintext[start : start + length]) == length
        start += length
        assert writer.held_back <= CHUNK_BYTES
    writer.finish()
    assert bytes(sink.data) == seal(plaintext, RECIPIENTS, random_bytes=seeded("pieces"))
    assert open_sealed(bytes(sink.data), [IDENTITY]) == plaintext
    assert writer.sealed_bytes == len(sink.data)


@pytest.mark.parametrize("written", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 20 * CHUNK_BYTES + 7])
def test_writer_holds_back_at_most_one_chunk(written: int) -> None:
    """Everything but the last chunk has reached the sink when write returns; only an unfinished chunk waits."""
    sink = RecordingSink()
    writer = SealingWriter(sink, RECIPIENTS)
    writer.write(content(written))
    chunks_out, rest = divmod(len(sink.data) - len(writer.header) - NONCE_BYTES, SEALED_CHUNK_BYTES)
    assert rest == 0
    assert chunks_out == max(0, written - 1) // CHUNK_BYTES
    assert writer.held_back == written - chunks_out * CHUNK_BYTES


@pytest.mark.parametrize("written", [0, 1, 5000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1])
def test_writer_says_how_much_padding_releases_what_is_held(written: int) -> None:
    """Writing bytes_to_release more sends out all that was held, and one byte less would not."""
    sink = RecordingSink()
    writer = SealingWriter(sink, RECIPIENTS)
    writer.write(content(written))
    padding, before = writer.bytes_to_release, len(sink.data)
    if padding == 0:
        assert written == 0
        return
    writer.write(bytes(padding - 1))
    assert len(sink.data) == before
    writer.write(b"\0")
    assert len(sink.data) == before + SEALED_CHUNK_BYTES
    assert writer.held_back == 1


def test_writer_knows_its_header_before_anything_is_written() -> None:
    """The header and its digest can be signed first: the sink has seen nothing, and the file then begins with them."""
    sink = RecordingSink()
    writer = SealingWriter(sink, RECIPIENTS)
    header, digest = writer.header, writer.header_sha256
    assert sink.events == []
    assert parse_header(header).raw == header
    assert digest == hashlib.sha256(header).digest()
    writer.write(b"x")
    writer.finish()
    assert bytes(sink.data[: header_end(bytes(sink.data))]) == header


def test_writer_flush_is_durable_for_all_but_what_is_held() -> None:
    """flush syncs after the whole chunks were written, and finish syncs after the final one."""
    sink = RecordingSink()
    writer = SealingWriter(sink, RECIPIENTS, sync=sink.sync)
    prologue = len(writer.header) + NONCE_BYTES
    writer.flush()
    writer.write(content(CHUNK_BYTES + 10))
    writer.flush()
    writer.finish()
    final = prologue + SEALED_CHUNK_BYTES + 10 + 16
    assert [size for name, size in sink.events if name == "sync"] == [prologue, prologue + SEALED_CHUNK_BYTES, final]
    assert sink.events[-1] == ("sync", final)


def test_writer_syncs_a_real_file(tmp_path: Path) -> None:
    """os.fdatasync itself fits, and the file on the disk opens."""
    path = tmp_path / "000001.age"
    with path.open("wb", buffering=0) as file:
        writer = SealingWriter(file, RECIPIENTS, sync=os.fdatasync)
        writer.write(content(100_000))
        writer.flush()
        assert path.stat().st_size == writer.sealed_bytes
        writer.finish()
    assert open_sealed(path.read_bytes(), [IDENTITY]) == content(100_000)


@pytest.mark.parametrize("appetite", [700, 65552, 1 << 30])
@pytest.mark.parametrize("fail_at", range(0, 3 * SEALED_CHUNK_BYTES, 9001))
def test_writer_that_fails_anywhere_leaves_a_recoverable_file(fail_at: int, appetite: int) -> None:
    """Wherever the disk is full, what stands there is a torn file whose whole chunks all open."""
    sink = RecordingSink(appetite=appetite, fail_at=fail_at)
    writer = SealingWriter(sink, RECIPIENTS)
    with pytest.raises(OSError, match="no space"):
        writer.write(content(4 * CHUNK_BYTES))
    payload_bytes = fail_at - len(writer.header) - NONCE_BYTES
    if fail_at < len(writer.header):
        with pytest.raises(HeaderTruncatedError):
            recover(BytesIO(sink.data))
        return
    account = recover(BytesIO(sink.data), [IDENTITY])
    assert account.whole_chunks == max(0, payload_bytes) // SEALED_CHUNK_BYTES
    assert account.final_present is False


@pytest.mark.parametrize("fail_at", [0, 10, 200, 300, SEALED_CHUNK_BYTES, SEALED_CHUNK_BYTES + 1000])
def test_writer_refuses_to_continue_a_torn_file(fail_at: int) -> None:
    """After a write that failed anywhere nothing more can be written, flushed or finished: the sink stays as it was."""
    sink = RecordingSink(fail_at=fail_at)
    writer = SealingWriter(sink, RECIPIENTS)
    with pytest.raises(OSError, match="no space"):
        writer.write(content(3 * CHUNK_BYTES))
    torn = bytes(sink.data)
    for attempt in (lambda: writer.write(b"x"), writer.flush, writer.finish):
        with pytest.raises(ValueError, match="begin a new one"):
            attempt()
    assert bytes(sink.data) == torn


def test_writer_refuses_to_continue_after_a_failed_sync() -> None:
    """A sync that fails leaves unknown what is durable: the file is given up too."""

    def failing_sync(descriptor: int) -> None:
        raise OSError(errno.EIO, "medium error")

    writer = SealingWriter(RecordingSink(), RECIPIENTS, sync=failing_sync)
    with pytest.raises(OSError, match="medium error"):
        writer.flush()
    with pytest.raises(ValueError, match="begin a new one"):
        writer.write(b"x")


def test_writer_is_done_after_finish() -> None:
    """Nothing can follow the final chunk, and it is written once."""
    sink = RecordingSink()
    writer = SealingWriter(sink, RECIPIENTS)
    writer.finish()
    size = len(sink.data)
    for attempt in (lambda: writer.write(b"x"), writer.flush, writer.finish):
        with pytest.raises(ValueError, match="finished"):
            attempt()
    assert (len(sink.data), writer.held_back, writer.bytes_to_release) == (size, 0, 0)


def test_writer_refuses_a_sink_that_does_not_block() -> None:
    """A non-blocking sink that is full would lose bytes in silence: it is refused instead."""

    class FullPipe(RecordingSink):
        def write(self, data: memoryview, /) -> int | None:
            return None

    with pytest.raises(BlockingIOError, match="must be blocking"):
        SealingWriter(FullPipe(), RECIPIENTS).write(b"x")


def test_writer_never_writes_plaintext() -> None:
    """A canary in every 64 bytes of the content appears nowhere in what the sink got, torn or finished."""
    canary = b"CANARY-ftyp-moof"
    sink = RecordingSink()
    writer = SealingWriter(sink, RECIPIENTS)
    for _ in range(40):
        writer.write(canary * 500)
        assert canary not in sink.data
    writer.finish()
    assert not any(word in sink.data for word in (canary, b"CANARY", b"ftyp", b"moof"))
    assert canary in open_sealed(bytes(sink.data), [IDENTITY])


def test_writer_wipes_what_it_held() -> None:
    """After finish the buffer of plaintext is zero."""
    writer = SealingWriter(RecordingSink(), RECIPIENTS)
    writer.write(b"secret of the lesson")
    writer.finish()
    assert bytes(writer._held) == bytes(CHUNK_BYTES)


def test_writer_draws_a_new_key_and_nonce_for_each_file() -> None:
    """Two files of the same content share neither file key, nonce, share nor any chunk."""
    first, second = (seal(content(1000), RECIPIENTS) for _ in range(2))
    assert first[22:] != second[22:]
    assert first[header_end(first) :] != second[header_end(second) :]


def test_writer_memory_is_bounded() -> None:
    """A file of any length needs the memory of its batch and no more, in small writes and in one large one."""
    plaintext = bytes(64 * CHUNK_BYTES)

    class Drain(RecordingSink):
        def write(self, data: memoryview, /) -> int | None:
            return len(data)

    tracemalloc.start()
    try:
        writer = SealingWriter(Drain(), RECIPIENTS)
        writer.write(plaintext)
        for start in range(0, len(plaintext), 10_000):
            writer.write(plaintext[start : start + 10_000])
        writer.finish()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * SEALED_CHUNK_BYTES


def test_writer_takes_any_bytes_like_object() -> None:
    """bytearray and memoryview, of any item size, seal like the bytes that they hold."""
    sink = BytesIO()
    writer = SealingWriter(sink, RECIPIENTS)
    assert writer.write(bytearray(b"ab")) + writer.write(memoryview(b"cdef").cast("H")) == 6
    writer.finish()
    assert open_sealed(sink.getvalue(), [IDENTITY]) == b"abcdef"
