"""Recovery of a torn tail: the exact account of what a cut left, with and without a key, at every byte that matters."""

from io import BytesIO

import pytest

from protocol.envelope import (
    CHUNK_BYTES,
    SEALED_CHUNK_BYTES,
    HeaderTruncatedError,
    NoMatchError,
    TruncatedError,
    open_sealed,
    read_header_bytes,
    recover,
)
from tests.unit.protocol.envelope.samples import (
    IDENTITY,
    NONCE_BYTES,
    OTHER,
    chunk_start,
    content,
    flip,
    header_end,
    sealed_sample,
    with_empty_final_chunk,
)

THREE = sealed_sample(2 * CHUNK_BYTES + 100)
FULL = sealed_sample(2 * CHUNK_BYTES)
HEADER_END = header_end(THREE)
PAYLOAD_START = HEADER_END + NONCE_BYTES
CUTS = sorted(
    {
        PAYLOAD_START + border + step
        for border in (0, SEALED_CHUNK_BYTES, 2 * SEALED_CHUNK_BYTES)
        for step in range(-3, 40)
    }
    | set(range(len(THREE) - 30, len(THREE)))
)


@pytest.mark.parametrize("length", [cut for cut in CUTS if cut >= PAYLOAD_START])
def test_cut_at_any_byte_leaves_exactly_the_whole_chunks(length: int) -> None:
    """The account of sizes, the account with the key, and what really opens, agree for every length of the file."""
    torn = THREE[:length]
    chunks = (length - PAYLOAD_START) // SEALED_CHUNK_BYTES
    by_size, by_key = recover(BytesIO(torn)), recover(BytesIO(torn), [IDENTITY])
    for account in (by_size, by_key):
        assert account.header == THREE[:HEADER_END]
        assert account.payload_start == PAYLOAD_START
        assert (account.whole_chunks, account.plaintext_bytes) == (chunks, chunks * CHUNK_BYTES)
        assert account.whole_end == PAYLOAD_START + chunks * SEALED_CHUNK_BYTES
        assert account.torn_bytes == length - account.whole_end
    assert (by_size.final_present, by_key.final_present) == (None, False)
    with pytest.raises(TruncatedError) as caught:
        open_sealed(torn, [IDENTITY])
    assert (caught.value.whole_chunks, caught.value.torn_bytes) == (by_key.whole_chunks, by_key.torn_bytes)


@pytest.mark.parametrize("length", [HEADER_END, HEADER_END + 1, PAYLOAD_START - 1, PAYLOAD_START])
def test_header_only_file_has_nothing_to_recover(length: int) -> None:
    """A file cut after its header, inside its nonce or right after it, holds no content, and that is no error."""
    for identities in (None, [IDENTITY]):
        account = recover(BytesIO(THREE[:length]), identities)
        assert (account.whole_chunks, account.plaintext_bytes, account.torn_bytes) == (0, 0, 0)
        assert account.whole_end == account.payload_start == min(length, PAYLOAD_START)
        assert not account.final_present


@pytest.mark.parametrize("length", [0, 1, 21, 22, 100, HEADER_END - 1])
def test_cut_header_cannot_be_recovered(length: int) -> None:
    """Without a whole header nothing opens, ever: that is said as an error."""
    with pytest.raises(HeaderTruncatedError, match=f"after {length} bytes"):
        recover(BytesIO(THREE[:length]))


@pytest.mark.parametrize("length", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES])
def test_whole_file_is_known_as_whole_with_the_key(length: int) -> None:
    """With the key the final chunk is found, of any length, and nothing is torn."""
    sealed = sealed_sample(length)
    account = recover(BytesIO(sealed), [IDENTITY])
    assert (account.final_present, account.plaintext_bytes) == (True, length)
    assert (account.whole_end, account.torn_bytes) == (len(sealed), 0)


def test_without_a_key_a_short_final_chunk_is_not_told_from_a_torn_one() -> None:
    """Sizes alone say how much is surely whole; the rest is reported as torn, and final_present as unknown."""
    account = recover(BytesIO(THREE))
    assert (account.whole_chunks, account.torn_bytes, account.final_present) == (2, 116, None)


def test_with_a_key_only_chunks_that_authenticate_in_order_count() -> None:
    """A damaged chunk ends the account, even though whole chunks follow it; zeros of an unfilled block do too."""
    damaged = recover(BytesIO(flip(THREE, chunk_start(THREE, 1))), [IDENTITY])
    assert (damaged.whole_chunks, damaged.final_present) == (1, False)
    zeros = recover(BytesIO(THREE[: chunk_start(THREE, 1)] + bytes(2 * SEALED_CHUNK_BYTES)), [IDENTITY])
    assert (zeros.whole_chunks, zeros.torn_bytes) == (1, 2 * SEALED_CHUNK_BYTES)


def test_data_after_a_full_final_chunk_is_reported_as_torn() -> None:
    """What follows the final chunk is not of the file."""
    account = recover(BytesIO(FULL + b"tail"), [IDENTITY])
    assert (account.final_present, account.plaintext_bytes, account.torn_bytes) == (True, 2 * CHUNK_BYTES, 4)


def test_recovery_with_a_wrong_key_is_no_match() -> None:
    """A key that does not open the header is said, not reported as an empty file."""
    with pytest.raises(NoMatchError):
        recover(BytesIO(THREE), [OTHER])


def test_recovery_changes_nothing() -> None:
    """The file is only read."""
    file = BytesIO(THREE[:-1])
    recover(file, [IDENTITY])
    assert file.getvalue() == THREE[:-1]


def test_recovered_bytes_cut_at_whole_end_open_the_same() -> None:
    """Whoever cuts the file at whole_end loses nothing that could be opened."""
    torn = THREE[:-1]
    account = recover(BytesIO(torn))
    again = recover(BytesIO(torn[: account.whole_end]), [IDENTITY])
    assert (again.plaintext_bytes, again.torn_bytes) == (account.plaintext_bytes, 0)
    assert content(again.plaintext_bytes) == content(2 * CHUNK_BYTES)


def test_header_bytes_are_read_exactly() -> None:
    """The header alone, from wherever the file stood; the position is then at the payload nonce."""
    file = BytesIO(THREE)
    file.seek(500)
    assert read_header_bytes(file) == THREE[:HEADER_END]
    assert file.read(NONCE_BYTES) == THREE[HEADER_END:PAYLOAD_START]


def test_empty_final_chunk_does_not_make_a_file_whole() -> None:
    """A final chunk that holds nothing after others is against the format: it is torn bytes, not an end."""
    account = recover(BytesIO(with_empty_final_chunk()), [IDENTITY])
    assert (account.final_present, account.whole_chunks, account.torn_bytes) == (False, 1, 16)


@pytest.mark.parametrize("written", [1, SEALED_CHUNK_BYTES - 16, SEALED_CHUNK_BYTES, SEALED_CHUNK_BYTES + 5])
@pytest.mark.parametrize("zeros", [SEALED_CHUNK_BYTES, 2 * SEALED_CHUNK_BYTES + 7])
def test_zeros_that_the_disk_left_are_no_chunks(written: int, zeros: int) -> None:
    """A file's length may outlive its bytes at a power cut: without a key such chunks do not count either."""
    sealed = FULL[: PAYLOAD_START + written] + bytes(zeros)
    assert recover(BytesIO(sealed)).whole_chunks == recover(BytesIO(sealed), [IDENTITY]).whole_chunks
