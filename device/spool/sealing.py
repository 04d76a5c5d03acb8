"""Seals one segment while it is being made: the media never touch the card in the clear, not even for a moment.

Every fragment is on the disk when `write_fragment` returns, except what age must hold back; where that is more than a
quarter of a second of media, padding pushes it out. Never continues a file: a cut segment is recovered as it is and the
next one is a new file. Formats: docs/protocol/envelope.md and docs/protocol/manifest.md.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from pathlib import Path
from typing import NamedTuple

from device.media.boxes import padding_box
from device.media.muxer import Fragment, InitSegment
from device.media.segments import SegmentIndex
from protocol.durable import SHARED, Files
from protocol.envelope import Recipient, SealingWriter
from protocol.manifest import TICKS_PER_SECOND, FragmentEntry, Sealed

HELD_BACK_LIMIT_TICKS = TICKS_PER_SECOND // 4
LEAST_PADDING_BYTES = 8


class _Stretch(NamedTuple):
    """Where a fragment stands in the plaintext, and how long it plays."""

    begin: int
    end: int
    ticks: int


class _Sink:
    """The segment's file; keeps the digest of everything that it took."""

    def __init__(self, path: Path, files: Files) -> None:
        self._files = files
        self._descriptor = files.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SHARED)
        self._open = True
        self.digest = hashlib.sha256()

    def write(self, data: memoryview, /) -> int:
        taken = self._files.write(self._descriptor, data)
        self.digest.update(data[:taken])
        return taken

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        if self._open:
            self._open = False
            self._files.close(self._descriptor)


class SegmentWriter:
    """One segment file being sealed; its age header is on the disk, and no media is, once it has been made.

    Every method raises `OSError` when the disk fails; the segment is torn then, and `abandon` is all that is left.
    """

    def __init__(self, path: Path, *, number: int, recipient: Recipient, files: Files) -> None:
        self.number = number
        self.media = SegmentIndex(length=0)
        self._sink = _Sink(path, files)
        self._writer = SealingWriter(self._sink, [recipient], sync=files.sync)
        self._unsent: deque[_Stretch] = deque()
        self._init_bytes = 0
        try:
            self._writer.flush()
            files.sync_folder(path.parent)
        except BaseException:
            self._sink.close()
            raise

    @property
    def header_digest(self) -> str:
        """Give the digest of the age header, for the `opened` line."""
        return self._writer.header_sha256.hex()

    @property
    def sealed_bytes(self) -> int:
        """Tell how many bytes the file has taken."""
        return self._writer.sealed_bytes

    def write_init(self, init: InitSegment) -> None:
        """Begin the segment with the take's init, so that it plays alone."""
        self._init_bytes = len(init.data)
        self.media = SegmentIndex.begin(init)
        self._writer.write(init.data)

    def write_fragment(self, fragment: Fragment) -> None:
        """Seal a fragment; on return all but at most a quarter of a second of it is on the disk."""
        self._writer.write(fragment.data)
        entry = self.media.add(fragment)
        self._unsent.append(_Stretch(entry.offset, self.media.length, entry.duration_ticks))
        if self._held_back_ticks() > HELD_BACK_LIMIT_TICKS:
            self._pad(max(self._writer.bytes_to_release, LEAST_PADDING_BYTES))
        self._writer.flush()

    def finish(self) -> Sealed:
        """Write the final chunk, durably, and give the line that says what the file now is."""
        self._writer.finish()
        self._sink.close()
        return Sealed(
            index=self.number,
            digest=self._sink.digest.hexdigest(),
            size_bytes=self._writer.sealed_bytes,
            init_bytes=self._init_bytes,
            duration_ticks=self.media.duration_ticks,
            fragments=tuple(
                FragmentEntry(
                    offset=entry.offset,
                    length=entry.length,
                    start_ticks=entry.start_ticks,
                    duration_ticks=entry.duration_ticks,
                    keyframe=int(entry.keyframe),
                )
                for entry in self.media.entries
            ),
        )

    def abandon(self) -> None:
        """Close the file as it is, for recovery to look at; idempotent."""
        self._sink.close()

    def _pad(self, size: int) -> None:
        self._writer.write(padding_box(size))
        self.media.add_padding(size)

    def _held_back_ticks(self) -> float:
        """Tell how much media no flush can make durable yet."""
        durable = self.media.length - self._writer.held_back
        while self._unsent and self._unsent[0].end <= durable:
            self._unsent.popleft()
        return sum(
            each.ticks * (each.end - max(each.begin, durable)) / (each.end - each.begin) for each in self._unsent
        )
