"""Boxes: splitting in any pieces, timing of fragments, padding, and what is refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.media.boxes import BoxError, BoxSplitter, iterate_boxes, padding_box, parse_moof


def box(kind: bytes, body: bytes) -> bytes:
    """A box of 32-bit length."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


def moof(*trafs: bytes) -> bytes:
    """A movie fragment of these track fragments."""
    return box(b"moof", box(b"mfhd", bytes(8)) + b"".join(box(b"traf", traf) for traf in trafs))


def tfhd(track: int, *, duration: int | None = None, flags: int | None = None) -> bytes:
    """A track fragment header with optional defaults."""
    present = 0x020000 | (0x8 if duration is not None else 0) | (0x20 if flags is not None else 0)
    fields = [track, *(value for value in (duration, flags) if value is not None)]
    return box(b"tfhd", struct.pack(f">{len(fields) + 1}I", present, *fields))


def tfdt(start: int) -> bytes:
    """A 64-bit decode time."""
    return box(b"tfdt", struct.pack(">IQ", 1 << 24, start))


STREAM = box(b"ftyp", b"iso5") + box(b"moov", bytes(40)) + box(b"free", b"") + box(b"mdat", bytes(range(200)))
KINDS = [b"ftyp", b"moov", b"free", b"mdat"]


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=12).map(sorted))
def test_splitter_finds_the_same_boxes_in_any_pieces(cuts: list[int]) -> None:
    """However the bytes are cut up on their way, the same boxes come out whole."""
    splitter, found = BoxSplitter(), []
    for start, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True):
        found += splitter.feed(STREAM[start:end])
    assert [kind for kind, _ in found] == KINDS
    assert b"".join(data for _, data in found) == STREAM


def test_splitter_holds_an_incomplete_box_back() -> None:
    """A box is given only when its last byte is there."""
    splitter = BoxSplitter()
    assert splitter.feed(STREAM[:11]) == []
    assert [kind for kind, _ in splitter.feed(STREAM[11:12])] == [b"ftyp"]


@pytest.mark.parametrize("length", [0, 7, 1 << 31])
def test_splitter_refuses_impossible_lengths(length: int) -> None:
    """A length that no box of ours can have is an error that names box and length."""
    with pytest.raises(BoxError, match=f"'mdat'.*{length}"):
        BoxSplitter().feed(struct.pack(">I4s", length, b"mdat"))


def test_iterating_refuses_a_cut_box() -> None:
    """The last box must be whole."""
    with pytest.raises(BoxError, match="'mdat'"):
        list(iterate_boxes(STREAM[:-1]))
    with pytest.raises(BoxError, match="3 stray bytes"):
        list(iterate_boxes(STREAM + b"abc"))


def test_moof_with_defaults_gives_start_and_duration() -> None:
    """Durations and flags may stand once, in the header; the first sample is no keyframe there."""
    trun = box(b"trun", struct.pack(">III", 0x1, 5, 0))
    run = parse_moof(moof(tfhd(1, duration=3600, flags=0x01010000) + tfdt(90_000) + trun))[1]
    assert (run.start, run.duration, run.samples, run.begins_with_sync) == (90_000, 18_000, 5, False)


def test_moof_with_durations_of_its_own_sums_them() -> None:
    """Variable frame rate: each sample says how long it lasts, and the first one's flags stand apart."""
    samples = struct.pack(">IIIII", 0x105, 2, 0, 0x02000000, 3600) + struct.pack(">I", 7200)
    run = parse_moof(moof(tfhd(1, duration=1, flags=0x01010000) + tfdt(5) + box(b"trun", samples)))[1]
    assert (run.start, run.duration, run.begins_with_sync) == (5, 10_800, True)


def test_moof_with_flags_for_each_sample_reads_the_first() -> None:
    """Flags in the run itself count for the first sample, whatever the default says."""
    trun = box(b"trun", struct.pack(">III", 0x501, 2, 0) + struct.pack(">4I", 10, 0x01010000, 20, 0x02000000))
    run = parse_moof(moof(tfhd(7, flags=0x02000000) + tfdt(0) + trun))[7]
    assert (run.duration, run.begins_with_sync) == (30, False)


@pytest.mark.parametrize("size", [8, 9, 65_536])
def test_padding_is_one_free_box_of_exactly_that_size(size: int) -> None:
    """Sealing fills a chunk to the byte, and every player skips it."""
    padding = padding_box(size)
    assert len(padding) == size
    assert [kind for kind, _ in iterate_boxes(padding)] == [b"free"]


def test_padding_below_a_box_is_refused() -> None:
    """There is no box of seven bytes."""
    with pytest.raises(ValueError, match="at least 8"):
        padding_box(7)
