"""Opens what a unit recorded, with the school's keys, as the controller will; and looks for what must not be there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from device.media.boxes import BoxSplitter, iterate_boxes, parse_moof
from protocol.envelope import CHUNK_BYTES, OpenReader, PayloadError, open_sealed, parse_identities
from protocol.envelope.keys import KeyIdentity
from protocol.manifest import TICKS_PER_SECOND, Manifest, Recovered, Sealed, Segment
from tests.school import School, UnitBundle

PLAIN_MARKS = (b"ftypiso", b"moof\x00\x00\x00\x10mfhd", b"AGE-SECRET-KEY-", b"mvhd\x00\x00\x00\x00")
"""What every plaintext of ours has in it; long enough not to turn up in sealed bytes by chance."""


@dataclass(frozen=True)
class OpenedSegment:
    """A segment's plaintext as far as it opens, and how much whole fragments of it play."""

    segment: Segment
    plaintext: bytes
    ticks: int


@dataclass(frozen=True)
class OpenedRecording:
    """A verified manifest and its opened segments."""

    manifest: Manifest
    segments: tuple[OpenedSegment, ...]

    @property
    def seconds(self) -> float:
        """How long everything that can be had plays."""
        return sum(segment.ticks for segment in self.segments) / TICKS_PER_SECOND


def open_recording(school: School, unit: UnitBundle, folder: Path) -> OpenedRecording:
    """Verify the manifest, compare every object with it, and open all of them; fails where anything does not fit."""
    manifest = unit.manifest(folder)
    assert (folder / "manifest").read_bytes().endswith(b"\n")
    sealed_key = (folder / "key.age").read_bytes()
    assert manifest.expected(0) == (hashlib.sha256(sealed_key).hexdigest(), len(sealed_key))
    epoch = school.epoch_identities[manifest.begun.epoch]
    (identity,) = parse_identities(open_sealed(sealed_key, [epoch]).decode())
    return OpenedRecording(manifest, tuple(_open_segment(folder, each, identity) for each in manifest.segments))


def _open_segment(folder: Path, segment: Segment, identity: KeyIdentity) -> OpenedSegment:
    sealed = (folder / f"{segment.index:06d}.age").read_bytes()
    if segment.ended is not None:
        assert (segment.ended.digest, segment.ended.size_bytes) == (hashlib.sha256(sealed).hexdigest(), len(sealed))
    if isinstance(segment.ended, Sealed):
        plaintext = open_sealed(sealed, [identity])
        _check_index(segment.ended, plaintext)
        return OpenedSegment(segment, plaintext, segment.ended.duration_ticks)
    plaintext = _open_tail(sealed, identity) if sealed else b""
    if isinstance(segment.ended, Recovered):
        assert len(plaintext) >= segment.ended.whole_chunks * CHUNK_BYTES
    return OpenedSegment(segment, plaintext, sum(_whole_fragments(plaintext)))


def _open_tail(sealed: bytes, identity: KeyIdentity) -> bytes:
    chunks: list[bytes] = []
    try:
        chunks.extend(OpenReader(BytesIO(sealed), [identity]))
    except PayloadError:
        return b"".join(_open_until_torn(sealed, identity))
    return b"".join(chunks)


def _open_until_torn(sealed: bytes, identity: KeyIdentity) -> Iterator[bytes]:
    try:
        yield from OpenReader(BytesIO(sealed), [identity])
    except PayloadError:
        return


def _check_index(sealed: Sealed, plaintext: bytes) -> None:
    """Every fragment lies where the manifest says, and what lies between fragments is padding."""
    assert plaintext[4:8] == b"ftyp"
    end = sealed.init_bytes
    for entry in sealed.fragments:
        between = plaintext[end : entry.offset]
        assert all(kind == b"free" for kind, _ in iterate_boxes(between))
        assert plaintext[entry.offset + 4 : entry.offset + 8] == b"moof"
        end = entry.offset + entry.length
    assert all(kind == b"free" for kind, _ in iterate_boxes(plaintext[end:]))


def _whole_fragments(plaintext: bytes) -> Iterator[int]:
    """Give the duration of each fragment that is whole: its `moof` and its `mdat`."""
    pending = 0
    for kind, box in BoxSplitter().feed(plaintext):
        if kind == b"moof":
            runs = parse_moof(box)
            pending = runs[1].duration if 1 in runs else 0
        elif kind == b"mdat":
            yield pending


def find_plaintext(folder: Path, *canaries: bytes) -> list[str]:
    """Name every file under `folder` in which something stands that must never be written in the clear."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with suppress(FileNotFoundError):  # processes run, and tidy up
                data = path.read_bytes()
                found += [f"{path}: {mark!r}" for mark in (*PLAIN_MARKS, *canaries) if mark in data]
    return found
