"""Finds the fragments of a segment whose index was never written: walks the boxes of its plaintext.

Pure: reads through a function, only box headers and `moov`/`moof`, never the media itself. Whatever is cut off at the
end is left out. For segments that a power cut ended (`recovered` lines); sealed ones carry their index in the manifest.
Defined by ISO/IEC 14496-12 (`tfhd`, `tfdt`, `trun`, `trex`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from protocol.manifest import TICKS_PER_SECOND, FragmentEntry

ReadAt = Callable[[int, int], bytes]
LONGEST_HEADER_BOX = 4 * 1024 * 1024
_NOT_SYNC = 0x10000
_VIDEO = b"vide"


class BoxError(ValueError):
    """A box is not what ISO/IEC 14496-12 says."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """One box: its kind, where it begins, the length of its header, and its whole length."""

    kind: bytes
    offset: int
    header_bytes: int
    size_bytes: int

    @property
    def end(self) -> int:
        """Give the place after the box."""
        return self.offset + self.size_bytes


@dataclass(frozen=True, kw_only=True)
class Track:
    """What `moov` says of a track: its time scale, whether it shows pictures, and what `trex` assumes of a sample."""

    timescale: int
    shows_pictures: bool
    sample_duration: int
    sample_flags: int


@dataclass(frozen=True, kw_only=True)
class FoundFragments:
    """The length of the init and the fragments that are whole."""

    init_bytes: int
    fragments: tuple[FragmentEntry, ...]


def find_fragments(read_at: ReadAt, size_bytes: int) -> FoundFragments:
    """Walk a segment's plaintext of `size_bytes`; without a whole init there are no fragments.

    Raises `BoxError` for boxes that make no sense.
    """
    tracks: dict[int, Track] = {}
    init_bytes = 0
    moof: Box | None = None
    found: list[FragmentEntry] = []
    for box in walk_boxes(read_at, 0, size_bytes):
        if box.kind == b"moov":
            tracks, init_bytes = _parse_moov(_read_body(read_at, box)), box.end
        elif box.kind == b"moof":
            moof = box
        elif box.kind == b"mdat" and moof and tracks:
            found.append(_describe_fragment(_read_body(read_at, moof), tracks, moof.offset, box.end))
            moof = None
    return FoundFragments(init_bytes=init_bytes, fragments=tuple(found))


def walk_boxes(read_at: ReadAt, start: int, end: int) -> Iterator[Box]:
    """Give the whole boxes between two places; stop at the first that is cut off or makes no sense."""
    offset = start
    while offset + 8 <= end:
        box = _parse_box(read_at(offset, 16), offset, end)
        if box is None or box.end > end:
            return
        yield box
        offset = box.end


def _parse_box(head: bytes, offset: int, end: int) -> Box | None:
    size, kind = struct.unpack_from(">I4s", head)
    header_bytes = 8
    if size == 1 and len(head) == 16:
        (size,), header_bytes = struct.unpack_from(">Q", head, 8), 16
    if size < header_bytes:
        return None
    return Box(kind=kind, offset=offset, header_bytes=header_bytes, size_bytes=size)


def _read_body(read_at: ReadAt, box: Box) -> bytes:
    length = box.size_bytes - box.header_bytes
    if length > LONGEST_HEADER_BOX:
        raise BoxError(f"a {box.kind!r} box of {length} bytes at {box.offset}: expected at most {LONGEST_HEADER_BOX}")
    return read_at(box.offset + box.header_bytes, length)


def _children(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    for box in walk_boxes(lambda at, length: body[at : at + length], 0, len(body)):
        yield box.kind, body[box.offset + box.header_bytes : box.end]


def _descend(body: bytes, *path: bytes) -> Iterator[bytes]:
    """Give the bodies of all boxes that lie along a path."""
    for kind, inner in _children(body):
        if kind == path[0]:
            yield from _descend(inner, *path[1:]) if len(path) > 1 else (inner,)


def _first(body: bytes, *path: bytes) -> bytes:
    found = next(_descend(body, *path), None)
    if found is None:
        raise BoxError(f"expected a box {b'/'.join(path).decode('ascii')}, found none")
    return found


def _unpack(form: str, body: bytes, place: int) -> int:
    try:
        number: int = struct.unpack_from(form, body, place)[0]
    except struct.error as error:
        raise BoxError(f"a box of {len(body)} bytes ends before its field at {place}: {error}") from None
    return number


def _parse_moov(moov: bytes) -> dict[int, Track]:
    tracks: dict[int, Track] = {}
    for trak in _descend(moov, b"trak"):
        tkhd, mdhd = _first(trak, b"tkhd"), _first(trak, b"mdia", b"mdhd")
        number = _unpack(">I", tkhd, 20 if tkhd[:1] == b"\1" else 12)
        duration, flags = _parse_trex(moov, number)
        tracks[number] = Track(
            timescale=_unpack(">I", mdhd, 20 if mdhd[:1] == b"\1" else 12) or 1,
            shows_pictures=_first(trak, b"mdia", b"hdlr")[8:12] == _VIDEO,
            sample_duration=duration,
            sample_flags=flags,
        )
    return tracks


def _parse_trex(moov: bytes, number: int) -> tuple[int, int]:
    for trex in _descend(moov, b"mvex", b"trex"):
        if _unpack(">I", trex, 4) == number:
            return _unpack(">I", trex, 12), _unpack(">I", trex, 20)
    return 0, 0


def _describe_fragment(moof: bytes, tracks: dict[int, Track], offset: int, end: int) -> FragmentEntry:
    """Time and kind of a fragment by its pictures; one of sound alone by its sound, and nothing can begin there."""
    trafs = [(tracks.get(_unpack(">I", _first(traf, b"tfhd"), 4)), traf) for traf in _descend(moof, b"traf")]
    known = [(track, traf) for track, traf in trafs if track]
    if not known:
        raise BoxError(f"the fragment at {offset} belongs to no track that the init names")
    track, traf = max(known, key=lambda pair: pair[0].shows_pictures)
    start = _parse_tfdt(_first(traf, b"tfdt"))
    defaults = _parse_tfhd(_first(traf, b"tfhd"), track)
    runs = [_parse_trun(trun, *defaults) for trun in _descend(traf, b"trun")]
    keyframe = track.shows_pictures and bool(runs) and not runs[0][1] & _NOT_SYNC
    ticks = [at * TICKS_PER_SECOND // track.timescale for at in (start, start + sum(run[0] for run in runs))]
    return FragmentEntry(offset, end - offset, ticks[0], ticks[1] - ticks[0], int(keyframe))


def _parse_tfdt(tfdt: bytes) -> int:
    return _unpack(">Q" if tfdt[:1] == b"\1" else ">I", tfdt, 4)


def _parse_tfhd(tfhd: bytes, track: Track) -> tuple[int, int]:
    """Give duration and flags that this fragment assumes of a sample; optional fields stand in order of their bits."""
    flags = int.from_bytes(tfhd[1:4], "big")
    place, found = 8, {}
    for bit, width in ((0x1, 8), (0x2, 4), (0x8, 4), (0x10, 4), (0x20, 4)):
        if flags & bit:
            found[bit] = int.from_bytes(tfhd[place : place + width], "big")
            place += width
    return found.get(0x8, track.sample_duration), found.get(0x20, track.sample_flags)


def _parse_trun(trun: bytes, duration: int, sample_flags: int) -> tuple[int, int]:
    """Give the duration of a run and the flags of its first sample."""
    flags, count = int.from_bytes(trun[1:4], "big"), _unpack(">I", trun, 4)
    place = 8 + 4 * bool(flags & 0x1)
    if flags & 0x4:
        sample_flags = _unpack(">I", trun, place)
        place += 4
    fields = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    if len(trun) < place + 4 * len(fields) * count:
        raise BoxError(f"a trun of {count} samples has {len(trun)} bytes")
    if flags & 0x400 and not flags & 0x4 and count:
        sample_flags = _unpack(">I", trun, place + 4 * fields.index(0x400))
    if not flags & 0x100:
        return duration * count, sample_flags
    stride = 4 * len(fields)
    return sum(_unpack(">I", trun, place + stride * sample) for sample in range(count)), sample_flags
