"""What controller/recordings/boxes.py finds in segments that carry no index: the same as the recorder wrote."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from controller.recordings.boxes import BoxError, FoundFragments, find_fragments
from protocol.manifest import FragmentEntry
from tests.footage import FootageCache
from tests.lesson import MediaSegment, record_file


def _find(data: bytes) -> FoundFragments:
    return find_fragments(lambda at, length: data[at : at + length], len(data))


def test_found_index_is_the_recorders(takes: list[MediaSegment]) -> None:
    """In whole segments every offset, length, time and keyframe is what the recorder put into the manifest."""
    for segment in takes:
        found = _find(segment.data)
        assert (found.init_bytes, found.fragments) == (segment.init_bytes, segment.fragments)


@pytest.mark.parametrize("name", ["bigbuckbunny", "bikes", "variable_rate", "open_gop", "short_sound"])
def test_found_index_of_films_is_the_recorders(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """So it is for films: one keyframe, B-frames, a changing rate, sound that ends before the pictures."""
    cache = FootageCache(tmp_path_factory.mktemp("films"))
    for segment in record_file(cache.path(name), segment_s=3):
        assert _find(segment.data).fragments == segment.fragments


def test_cut_leaves_the_whole_fragments(takes: list[MediaSegment]) -> None:
    """Wherever a segment is cut, exactly the fragments before the cut are found."""
    segment = takes[0]
    ends = [one.offset + one.length for one in segment.fragments]
    for cut in {*range(0, len(segment.data), 997), *ends, *(end - 1 for end in ends)}:
        expected = tuple(one for one in segment.fragments if one.offset + one.length <= cut)
        assert _find(segment.data[:cut]).fragments == expected, f"cut at {cut}"


def test_padding_is_passed_over(takes: list[MediaSegment]) -> None:
    """A box of padding between fragments moves what follows, and is no fragment itself."""
    segment = takes[0]
    first, second = segment.fragments[:2]
    padding = struct.pack(">I4s", 64, b"free") + bytes(56)
    found = _find(segment.data[: second.offset] + padding + segment.data[second.offset :])
    assert found.fragments[0] == first
    assert found.fragments[1] == FragmentEntry(second.offset + 64, *second[1:])


def test_media_is_not_read(takes: list[MediaSegment]) -> None:
    """The walk reads headers and tables only: not a byte of picture or sound."""
    segment, asked = takes[0], 0

    def read_at(offset: int, length: int) -> bytes:
        nonlocal asked
        asked += length
        return segment.data[offset : offset + length]

    find_fragments(read_at, len(segment.data))
    assert asked < len(segment.data) / 20


@pytest.mark.parametrize("data", [b"", b"\0" * 8, b"\0\0\0\7free", b"\xff" * 100, Path(__file__).read_bytes()])
def test_what_is_no_media_gives_nothing(data: bytes) -> None:
    """Bytes that are no boxes give no fragments and no error."""
    assert _find(data) == FoundFragments(init_bytes=0, fragments=())


def test_tables_that_lie_are_refused(takes: list[MediaSegment]) -> None:
    """A table that promises more than it holds is named, not read past its end."""
    data = bytearray(takes[0].data)
    trun = data.index(b"trun", takes[0].fragments[0].offset)
    struct.pack_into(">I", data, trun + 8, 0xFFFFFF)
    with pytest.raises(BoxError, match="trun"):
        _find(bytes(data))
