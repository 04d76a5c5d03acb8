"""The streaming reader: what it gives out, and what it calls each way in which a file can be wrong."""

import errno
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.envelope import (
    CHUNK_BYTES,
    SEALED_CHUNK_BYTES,
    ChunkError,
    EnvelopeError,
    HeaderError,
    HeaderMacError,
    HeaderTruncatedError,
    NoMatchError,
    OpenReader,
    TrailingDataError,
    TruncatedError,
    open_sealed,
)
from tests.unit.protocol.envelope.samples import (
    IDENTITY,
    NONCE_BYTES,
    OTHER,
    Trickle,
    chunk_start,
    content,
    flip,
    header_end,
    sealed_sample,
)

THREE = sealed_sample(2 * CHUNK_BYTES + 100)
FULL = sealed_sample(2 * CHUNK_BYTES)


def open_until_failure(sealed: bytes) -> tuple[bytes, EnvelopeError | None]:
    """What was given out, and what was then raised."""
    given_out = bytearray()
    try:
        for plaintext in OpenReader(BytesIO(sealed), [IDENTITY]):
            given_out += plaintext
    except EnvelopeError as error:
        return bytes(given_out), error
    return bytes(given_out), None


@settings(max_examples=30, deadline=None)
@given(length=st.integers(0, 3 * CHUNK_BYTES), step=st.sampled_from([1000, 4096, 65536, 1 << 20]))
def test_reader_gives_the_content_whatever_the_stream_gives(length: int, step: int) -> None:
    """Short reads of a pipe change nothing."""
    reader = OpenReader(Trickle(sealed_sample(length), step=step), [IDENTITY])
    assert b"".join(reader) == content(length)


def test_reader_shows_the_header_that_it_opened() -> None:
    """The header is there as it stands in the file, for whoever compares its digest with the manifest."""
    assert OpenReader(BytesIO(THREE), [IDENTITY]).header.raw == THREE[: header_end(THREE)]


def test_reader_finds_the_matching_identity_among_others() -> None:
    """Identities of others are passed over."""
    assert open_sealed(THREE, [OTHER, IDENTITY]) == content(2 * CHUNK_BYTES + 100)


def change_stanza(sealed: bytes) -> bytes:
    """The file with one character of its first stanza's body changed, and the header still well formed."""
    place = sealed.index(b"\n", sealed.index(b"-> ")) + 1
    return sealed[:place] + (b"B" if sealed[place : place + 1] == b"A" else b"A") + sealed[place + 1 :]


TRUNCATIONS = [
    (kept, chunks)
    for border, chunks in ((0, 0), (SEALED_CHUNK_BYTES, 1), (2 * SEALED_CHUNK_BYTES, 2))
    for kept in range(border, border + 20)
] + [
    (border - lost, chunks)
    for border, chunks in ((SEALED_CHUNK_BYTES, 0), (2 * SEALED_CHUNK_BYTES, 1), (2 * SEALED_CHUNK_BYTES + 116, 2))
    for lost in range(1, 20)
]


@pytest.mark.parametrize(("kept", "chunks"), TRUNCATIONS)
def test_truncated_file_gives_exactly_its_whole_chunks(kept: int, chunks: int) -> None:
    """Cut at any byte near a border of chunks, the file gives all whole chunks, then says truncated and by how much."""
    given_out, error = open_until_failure(THREE[: chunk_start(THREE, 0) + kept])
    assert given_out == content(chunks * CHUNK_BYTES)
    assert isinstance(error, TruncatedError)
    assert (error.whole_chunks, error.torn_bytes) == (chunks, kept - chunks * SEALED_CHUNK_BYTES)


@pytest.mark.parametrize("lost", [1, 15, 16, 17, SEALED_CHUNK_BYTES])
def test_file_with_a_full_final_chunk_is_truncated_too(lost: int) -> None:
    """A final chunk of full length that is torn, or gone, is missed."""
    given_out, error = open_until_failure(FULL[:-lost])
    assert given_out == content(CHUNK_BYTES)
    assert isinstance(error, TruncatedError)


def test_every_cut_of_a_small_file_is_noticed() -> None:
    """No prefix of a file passes for the file: header, nonce and chunk are each missed by their own error."""
    sealed = sealed_sample(40)
    for kept in range(len(sealed)):
        expected = HeaderTruncatedError if kept < header_end(sealed) + NONCE_BYTES else TruncatedError
        with pytest.raises(expected):
            open_sealed(sealed[:kept], [IDENTITY])


def test_header_only_file_says_that_there_is_no_content() -> None:
    """A file that ends right after its header, or inside the nonce, names the place."""
    for nonce_bytes in (0, 7):
        with pytest.raises(HeaderTruncatedError, match=f"got {nonce_bytes}; there is no content"):
            OpenReader(BytesIO(THREE[: header_end(THREE) + nonce_bytes]), [IDENTITY])


FAULTS: dict[str, tuple[Callable[[], bytes], type[EnvelopeError], int, str]] = {
    "empty file": (lambda: b"", HeaderTruncatedError, 0, "ends inside its age header"),
    "another format": (lambda: b"\x00\x00\x00\x20ftypisom", HeaderError, 0, "not an age file"),
    "body of the stanza": (lambda: change_stanza(THREE), NoMatchError, 0, "no identity given opens this file"),
    "bit in the MAC": (lambda: flip(THREE, header_end(THREE) - 20), HeaderMacError, 0, "MAC is wrong"),
    "bit in the nonce": (lambda: flip(THREE, header_end(THREE)), ChunkError, 0, "chunk 0 is damaged"),
    "bit in chunk 1": (lambda: flip(THREE, chunk_start(THREE, 1) + 5), ChunkError, 1, "chunk 1 is damaged"),
    "bit in a full final chunk": (lambda: flip(FULL, len(FULL) - 1), ChunkError, 1, "chunk 1 is damaged"),
    "cut": (lambda: THREE[:-1], TruncatedError, 2, "2 whole chunks can be opened, the 115 bytes after them"),
    "data after a full final chunk": (lambda: FULL + b"x", TrailingDataError, 2, "data follows the final chunk"),
    "chunks exchanged": (
        lambda: (
            THREE[: chunk_start(THREE, 0)]
            + THREE[chunk_start(THREE, 1) : chunk_start(THREE, 2)]
            + THREE[chunk_start(THREE, 0) : chunk_start(THREE, 1)]
            + THREE[chunk_start(THREE, 2) :]
        ),
        ChunkError,
        0,
        "chunk 0 is damaged",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_called_by_its_name(name: str) -> None:
    """Each way of being wrong has its own error and words, and gives exactly the whole chunks before it."""
    make, expected, chunks, words = FAULTS[name]
    given_out, error = open_until_failure(make())
    assert type(error) is expected
    assert words in str(error)
    assert given_out == content(chunks * CHUNK_BYTES)


def test_failing_disk_gives_first_what_it_read() -> None:
    """A medium error in the middle gives the whole chunks before it, then the error itself and not "truncated"."""
    failure = OSError(errno.EIO, "medium error")
    readable = THREE[: chunk_start(THREE, 2) + 50]
    reader = OpenReader(Trickle(readable, step=1 << 20, failure=failure), [IDENTITY])
    assert next(reader) + next(reader) == content(2 * CHUNK_BYTES)
    with pytest.raises(OSError, match="medium error"):
        next(reader)


def test_source_that_does_not_block_is_refused() -> None:
    """None from a source is no end of the file."""

    class Idle:
        def read(self, size: int, /) -> bytes | None:
            return None

    with pytest.raises(BlockingIOError, match="must be blocking"):
        OpenReader(Idle(), [IDENTITY])


def test_no_match_says_what_the_file_is_sealed_to() -> None:
    """The message names the kinds of recipients, so that a person knows which key to look for."""
    with pytest.raises(NoMatchError, match=r"1 recipients \(X25519\)") as caught:
        open_sealed(THREE, [OTHER])
    assert caught.value.stanza_types == ("X25519",)


def test_reader_opens_each_file_once() -> None:
    """The reader is an iterator: a second loop gives nothing instead of garbage."""
    reader = OpenReader(BytesIO(THREE), [IDENTITY])
    assert b"".join(reader)
    assert list(reader) == []
