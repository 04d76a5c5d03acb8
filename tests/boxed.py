"""Changes MP4 files as editing programs do: an edit list of any stretches, which ffmpeg writes for none."""

import struct
from collections.abc import Iterator, Sequence

_EMPTY = -1


def set_edits(film: bytes, stretches: Sequence[tuple[float, float]]) -> bytes:
    """Give every track of a film these stretches (start and length in seconds; a start of -1 shows nothing).

    The film's index (`moov`) must stand at its end, so that nothing moves.
    """
    at, size = _find(film, b"moov")
    if at + size != len(film):
        raise ValueError(f"the index ends at byte {at + size} of {len(film)}; it must stand at the end")
    moov = film[at:]
    header, _ = _find(moov, b"mvhd")
    (timescale,) = struct.unpack_from(">I", moov, header + 20)
    parts = [moov[o : o + n] for o, n, _ in _boxes(moov, 8)]
    tracks = [_edit(part, timescale, stretches) if part[4:8] == b"trak" else part for part in parts]
    return film[:at] + _box(b"moov", b"".join(tracks))


def _edit(trak: bytes, timescale: int, stretches: Sequence[tuple[float, float]]) -> bytes:
    media, _ = _find(trak, b"mdia", b"mdhd")
    (media_scale,) = struct.unpack_from(">I", trak, media + 20)
    try:
        at, _ = _find(trak, b"edts", b"elst")
        (begins,) = struct.unpack_from(">i", trak, at + 20)
    except KeyError:
        begins = 0
    rows = [
        struct.pack(">IiHH", round(s * timescale), _EMPTY if at < 0 else begins + round(at * media_scale), 1, 0)
        for at, s in stretches
    ]
    edits = _box(b"edts", _box(b"elst", struct.pack(">II", 0, len(rows)) + b"".join(rows)))
    parts = [trak[o : o + n] for o, n, kind in _boxes(trak, 8) if kind != b"edts"]
    return _box(b"trak", parts[0] + edits + b"".join(parts[1:]))


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _boxes(data: bytes, begin: int, end: int | None = None) -> Iterator[tuple[int, int, bytes]]:
    while begin < (len(data) if end is None else end):
        size, kind = struct.unpack_from(">I4s", data, begin)
        yield begin, size, kind
        begin += size


def _find(data: bytes, *path: bytes) -> tuple[int, int]:
    """Where a box stands; the first kind of the path may be the outermost box itself."""
    begin, end = (8, len(data)) if data[4:8] in (b"moov", b"trak") else (0, len(data))
    for wanted in path:
        begin, end = next(((o, o + n) for o, n, kind in _boxes(data, begin, end) if kind == wanted), (-1, -1))
        if begin < 0:
            raise KeyError(wanted)
        found, begin = (begin, end - begin), begin + 8
    return found
