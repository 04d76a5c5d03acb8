"""The random-access reader: the last chunk is verified first, and only what is asked for is opened."""

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
    HeaderTruncatedError,
    NoMatchError,
    RandomAccessReader,
    Tail,
    TruncatedError,
)
from tests.unit.protocol.envelope.samples import (
    IDENTITY,
    OTHER,
    chunk_start,
    content,
    flip,
    header_end,
    sealed_sample,
    with_empty_final_chunk,
)

LENGTHS = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 4 * CHUNK_BYTES, 4 * CHUNK_BYTES + 99]
SEALED = {length: sealed_sample(length) for length in LENGTHS}
LONG = SEALED[4 * CHUNK_BYTES + 99]


class CountingFile(BytesIO):
    """A file that remembers which ranges were read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.reads: list[tuple[int, int]] = []

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and note where and how much."""
        start = self.tell()
        data = super().read(size)
        self.reads.append((start, len(data)))
        return data


@settings(max_examples=100, deadline=None)
@given(
    length=st.sampled_from(LENGTHS),
    ranges=st.lists(st.tuples(st.integers(0, 5 * CHUNK_BYTES), st.integers(0, 5 * CHUNK_BYTES)), max_size=6),
)
def test_any_ranges_in_any_order_are_the_slices_of_the_content(length: int, ranges: list[tuple[int, int]]) -> None:
    """Whatever was read before, each range is exactly the slice, shortened at the end like one."""
    reader = RandomAccessReader(BytesIO(SEALED[length]), [IDENTITY])
    assert (reader.size, reader.complete) == (length, True)
    for offset, count in ranges:
        assert reader.read_at(offset, count) == content(length)[offset : offset + count]


@pytest.mark.parametrize("offset", [chunk * CHUNK_BYTES + step for chunk in range(1, 5) for step in (-1, 0, 1)])
def test_ranges_at_the_borders_of_chunks_are_right(offset: int) -> None:
    """Around each border, ranges of a byte, two, and one chunk more or less."""
    plaintext = content(4 * CHUNK_BYTES + 99)
    for count in (0, 1, 2, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1):
        reader = RandomAccessReader(BytesIO(LONG), [IDENTITY])
        assert reader.read_at(offset, count) == plaintext[offset : offset + count]


def test_last_chunk_is_read_first_and_others_only_when_asked() -> None:
    """Opening reads the header and the last chunk; a range then reads its own chunks and nothing else."""
    file = CountingFile(LONG)
    reader = RandomAccessReader(file, [IDENTITY])
    payload_reads = [read for read in file.reads if read[1] and read[0] >= chunk_start(LONG, 0)]
    assert payload_reads == [(chunk_start(LONG, 4), 99 + 16)]
    file.reads.clear()
    reader.read_at(2 * CHUNK_BYTES + 5, 10)
    assert file.reads == [(chunk_start(LONG, 2), SEALED_CHUNK_BYTES)]
    file.reads.clear()
    reader.read_at(2 * CHUNK_BYTES + 50, 10)
    reader.read_at(4 * CHUNK_BYTES, 99)
    assert file.reads == []


def test_file_with_a_bad_end_is_refused_before_anything_is_given() -> None:
    """With the last chunk damaged, moved or cut, no size is believed and no byte is given."""
    moved = LONG[: chunk_start(LONG, 1)] + LONG[chunk_start(LONG, 2) :]
    for sealed, expected in (
        (flip(LONG, len(LONG) - 1), TruncatedError),
        (LONG[:-1], TruncatedError),
        (LONG[: chunk_start(LONG, 2)], TruncatedError),
        (moved, TruncatedError),
        (LONG + b"x", TruncatedError),
        (flip(SEALED[CHUNK_BYTES], 400), ChunkError),
        (LONG[: chunk_start(LONG, 0)], TruncatedError),
    ):
        with pytest.raises(expected):
            RandomAccessReader(BytesIO(sealed), [IDENTITY])


def test_damage_is_found_where_it_is_and_nowhere_else() -> None:
    """A damaged chunk in the middle refuses the ranges that touch it; the others open."""
    reader = RandomAccessReader(BytesIO(flip(LONG, chunk_start(LONG, 2) + 9)), [IDENTITY])
    plaintext = content(4 * CHUNK_BYTES + 99)
    for offset, count in ((2 * CHUNK_BYTES, 1), (CHUNK_BYTES, CHUNK_BYTES + 1), (0, 5 * CHUNK_BYTES)):
        with pytest.raises(ChunkError, match="chunk 2 is damaged"):
            reader.read_at(offset, count)
    assert reader.read_at(0, 2 * CHUNK_BYTES) == plaintext[: 2 * CHUNK_BYTES]
    assert reader.read_at(3 * CHUNK_BYTES, 2 * CHUNK_BYTES) == plaintext[3 * CHUNK_BYTES :]


def test_file_that_shrinks_while_it_is_open_is_damaged() -> None:
    """A chunk that is no longer there is damage, not silence."""
    file = BytesIO(LONG)
    reader = RandomAccessReader(file, [IDENTITY])
    file.truncate(chunk_start(LONG, 2) + 100)
    with pytest.raises(ChunkError, match="chunk 2"):
        reader.read_at(2 * CHUNK_BYTES, 10)


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1)])
def test_negative_range_is_our_own_mistake(offset: int, length: int) -> None:
    """A negative offset or length is a ValueError, as it is no fault of the file."""
    reader = RandomAccessReader(BytesIO(LONG), [IDENTITY])
    with pytest.raises(ValueError, match="0 or more"):
        reader.read_at(offset, length)


def test_unopenable_files_are_called_as_by_the_streaming_reader() -> None:
    """The header's faults are the same errors; armor cannot be sought and is no age header."""
    for sealed, identity, expected in (
        (LONG, OTHER, NoMatchError),
        (LONG[:50], IDENTITY, HeaderTruncatedError),
        (LONG[: header_end(LONG) + 15], IDENTITY, HeaderTruncatedError),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n", IDENTITY, HeaderError),
    ):
        with pytest.raises(expected):
            RandomAccessReader(BytesIO(sealed), [identity])


def torn_lengths() -> list[int]:
    """File lengths at and around every border of chunks of LONG, down to an empty payload."""
    starts = [chunk_start(LONG, index) for index in range(5)]
    return [length for start in starts for length in range(start - 3, start + 20) if length >= starts[0]]


@pytest.mark.parametrize("length", torn_lengths())
def test_torn_file_opens_as_its_whole_chunks(length: int) -> None:
    """Cut anywhere, a file opened as torn has exactly its whole chunks, all readable, and says it is incomplete."""
    reader = RandomAccessReader(BytesIO(LONG[:length]), [IDENTITY], tail=Tail.TORN)
    whole = (length - chunk_start(LONG, 0)) // SEALED_CHUNK_BYTES * CHUNK_BYTES
    assert (reader.size, reader.complete) == (whole, False)
    assert reader.read_at(0, 1 << 20) == content(whole)
    assert reader.read_at(whole, 1) == b""


@pytest.mark.parametrize("length", LENGTHS)
def test_whole_file_opened_as_torn_is_complete(length: int) -> None:
    """Torn is a permission, not a loss: a file that has its final chunk keeps it."""
    reader = RandomAccessReader(BytesIO(SEALED[length]), [IDENTITY], tail=Tail.TORN)
    assert (reader.size, reader.complete) == (length, True)
    assert reader.read_at(0, length) == content(length)


@pytest.mark.parametrize("garbage", [1, 500, SEALED_CHUNK_BYTES, SEALED_CHUNK_BYTES + 1, 3 * SEALED_CHUNK_BYTES])
def test_garbage_after_a_power_cut_is_left_out(garbage: int) -> None:
    """Blocks that the file system gave the file but never filled are passed over back to the last authentic chunk."""
    torn = LONG[: chunk_start(LONG, 2)] + bytes(garbage)
    reader = RandomAccessReader(BytesIO(torn), [IDENTITY], tail=Tail.TORN)
    assert (reader.size, reader.complete) == (2 * CHUNK_BYTES, False)
    assert reader.read_at(0, 1 << 20) == content(2 * CHUNK_BYTES)


def test_torn_file_still_needs_its_header() -> None:
    """Nothing opens without header and nonce, torn or not."""
    with pytest.raises(EnvelopeError, match="no content in it"):
        RandomAccessReader(BytesIO(LONG[: header_end(LONG)]), [IDENTITY], tail=Tail.TORN)


def test_empty_final_chunk_is_no_end_of_a_file() -> None:
    """A final chunk that holds nothing after others is refused, and as a torn file it is left out."""
    sealed = with_empty_final_chunk()
    with pytest.raises(ChunkError, match="final chunk is empty"):
        RandomAccessReader(BytesIO(sealed), [IDENTITY])
    torn = RandomAccessReader(BytesIO(sealed), [IDENTITY], tail=Tail.TORN)
    assert (torn.size, torn.complete) == (CHUNK_BYTES, False)
