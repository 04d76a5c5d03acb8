"""Writes one sealed stream into parts on a stick: durable piece by piece, under their names once all are whole.

What is written and not yet on the stick stays small: otherwise a slow stick would fill the machine's memory, and hold
up the recorder's own card. Names and sizes: protocol/stick_folder.py.
"""

from __future__ import annotations

import os

from protocol.durable import SHARED, Files
from protocol.stick_folder import MOST_PARTS, PART_BYTES, StickFolder

SYNC_EVERY_BYTES = 4 * 1024 * 1024


class PartsWriter:
    """A sink of `SealingWriter`. Every method raises `OSError` when the stick refuses, or was pulled out."""

    def __init__(self, folder: StickFolder, files: Files, *, part_bytes: int = PART_BYTES) -> None:
        self._folder = folder
        self._files = files
        self._part_bytes = part_bytes
        self._number = 0
        self._descriptor: int | None = None
        self._written = 0
        self._unsynced = 0

    def write(self, data: memoryview, /) -> int:
        """Write some of the bytes and tell how many; a part that is full is closed, and the next begun."""
        descriptor = self.fileno()
        taken = self._files.write(descriptor, data[: self._part_bytes - self._written])
        self._written += taken
        self._unsynced += taken
        if self._written == self._part_bytes:
            self._end_part()
        elif self._unsynced >= SYNC_EVERY_BYTES:
            self._files.sync(descriptor)
            self._unsynced = 0
        return taken

    def fileno(self) -> int:
        """Give the descriptor of the part that is being written."""
        if self._descriptor is None:
            self._number += 1
            if self._number > MOST_PARTS:
                raise OSError(f"an export has at most {MOST_PARTS} parts")
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            self._descriptor = self._files.open(self._folder.writing(self._number), flags, SHARED)
            self._written = 0
        return self._descriptor

    def finish(self) -> None:
        """Make all parts durable, and give them their names: the first one last, so that none of them counts before."""
        self._end_part()
        self._files.sync_folder(self._folder.path)
        for number in range(self._number, 0, -1):
            self._files.replace(self._folder.writing(number), self._folder.part(number))
        self._files.sync_folder(self._folder.path)

    def close(self) -> None:
        """Let go of the part that is open; what was not finished stays unfinished."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            self._files.close(descriptor)

    def _end_part(self) -> None:
        if self._descriptor is not None:
            self._files.sync(self._descriptor)
            self._unsynced = 0
        self.close()
