"""ISO base media boxes, as far as a fragmented MP4 needs them (ISO/IEC 14496-12): splitting, timing, padding.

Never changes a box. Lengths and offsets are bytes of the plaintext.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from device.media.errors import MediaError

_HEADER = struct.Struct(">I4s")
_NOT_SYNC = 0x00010000
_MAX_BOX = 1 << 30


class BoxError(MediaError):
    """Bytes that should be boxes are not; nobody but our own muxer writes them, so this is a defect."""


@dataclass(frozen=True, slots=True)
class TrackRun:
    """What a `moof` says of one track: ticks are of the track's own timescale."""

    track_id: int
    start: int
    duration: int
    samples: int
    begins_with_sync: bool


class BoxSplitter:
    """Cuts a stream of bytes, in pieces of any size, into whole top-level boxes."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Take the next bytes and return the (type, whole box) pairs that are complete now; raises BoxError."""
        self._pending += data
        whole: list[tuple[bytes, bytes]] = []
        while len(self._pending) >= _HEADER.size:
            length, kind = _HEADER.unpack_from(self._pending)
            if not _HEADER.size <= length <= _MAX_BOX:
                raise BoxError(f"box {kind!r}: length {length}, expected {_HEADER.size} to {_MAX_BOX}")
            if len(self._pending) < length:
                break
            whole.append((kind, bytes(self._pending[:length])))
            del self._pending[:length]
        return whole


def iterate_boxes(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield (type, body) of each box in `data`; raises BoxError when the last one is cut."""
    offset = 0
    view = memoryview(data)
    while offset < len(data):
        if len(data) - offset < _HEADER.size:
            raise BoxError(f"{len(data) - offset} stray bytes after the last box at {offset}")
        length, kind = _HEADER.unpack_from(view, offset)
        if length < _HEADER.size or offset + length > len(data):
            raise BoxError(f"box {kind!r} at {offset}: length {length}, {len(data) - offset} bytes are left")
        yield kind, view[offset + _HEADER.size : offset + length]
        offset += length


def parse_moof(moof: bytes) -> dict[int, TrackRun]:
    """Read a whole `moof` box into its track runs, by track id; raises BoxError."""
    runs: dict[int, TrackRun] = {}
    for kind, body in iterate_boxes(moof[_HEADER.size :]):
        if kind == b"traf":
            run = _parse_traf(bytes(body))
            runs[run.track_id] = run
    return runs


def padding_box(size: int) -> bytes:
    """Make a `free` box of `size` bytes in all, at least 8; players skip it (ISO/IEC 14496-12, 8.1.2)."""
    if size < _HEADER.size:
        raise ValueError(f"padding of {size} bytes: a box needs at least {_HEADER.size}")
    return _HEADER.pack(size, b"free") + bytes(size - _HEADER.size)


@dataclass(frozen=True, slots=True)
class _Defaults:
    track_id: int
    duration: int
    flags: int


def _parse_traf(traf: bytes) -> TrackRun:
    defaults, start = _Defaults(0, 0, 0), 0
    duration, samples, first_flags = 0, 0, None
    for kind, body in iterate_boxes(traf):
        if kind == b"tfhd":
            defaults = _parse_tfhd(body)
        elif kind == b"tfdt":
            start = int.from_bytes(body[4:12] if body[0] else body[4:8], "big")
        elif kind == b"trun":
            durations, flags = _parse_trun(body, defaults)
            duration, samples = duration + sum(durations), samples + len(durations)
            first_flags = flags if first_flags is None else first_flags
    return TrackRun(defaults.track_id, start, duration, samples, not (first_flags or 0) & _NOT_SYNC)


def _parse_tfhd(body: memoryview) -> _Defaults:
    """8.8.7: optional fields stand in the order of their flags."""
    flags = int.from_bytes(body[1:4], "big")
    (track_id,) = struct.unpack_from(">I", body, 4)
    offset, found = 8, {}
    for flag, width in ((0x1, 8), (0x2, 4), (0x8, 4), (0x10, 4), (0x20, 4)):
        if flags & flag:
            found[flag] = int.from_bytes(body[offset : offset + width], "big")
            offset += width
    return _Defaults(track_id, found.get(0x8, 0), found.get(0x20, 0))


def _parse_trun(body: memoryview, defaults: _Defaults) -> tuple[list[int], int]:
    """8.8.8: return the samples' durations and the flags of the first sample."""
    flags, (count,) = int.from_bytes(body[1:4], "big"), struct.unpack_from(">I", body, 4)
    offset = 8 + 4 * bool(flags & 0x1)
    first_flags = defaults.flags
    if flags & 0x4:
        (first_flags,) = struct.unpack_from(">I", body, offset)
        offset += 4
    fields = [flag for flag in (0x100, 0x200, 0x400, 0x800) if flags & flag]
    if flags & 0x400 and not flags & 0x4 and count:
        (first_flags,) = struct.unpack_from(">I", body, offset + 4 * fields.index(0x400))
    if 0x100 not in fields:
        return [defaults.duration] * count, first_flags
    stride = 4 * len(fields)
    return [struct.unpack_from(">I", body, offset + index * stride)[0] for index in range(count)], first_flags
