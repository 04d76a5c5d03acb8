"""A stick's folders and files: where the parts of a unit's export lie, where the school's answer, and the note.

Writes whole files or none, opens nothing but regular files of this layout, and follows no link: what lies on a stick
is whatever somebody put there. Looks into no file. Layout: docs/protocol/stick.md.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Self

from protocol.durable import SHARED, Files, write_all
from protocol.ids import is_id, parse_id

TOP = "backrow"
NOTE = "READ ME.txt"
ANSWER = "from-school.age"
_PART = "to-school.{:03d}"
_WRITING = ".writing"
PART_BYTES = 1024 * 1024 * 1024
"""How long every part is but the last: FAT32 holds no file of 4 GiB."""
MOST_PARTS = 999
_READABLE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class StickFolder:
    """What one unit has on the stick that is at `root`."""

    root: Path
    device: str

    def __post_init__(self) -> None:
        """Refuse a device that is no identifier: it becomes the name of a folder."""
        parse_id(self.device, "device")

    @property
    def path(self) -> Path:
        """Name the unit's folder."""
        return self.root / TOP / self.device

    @property
    def answer(self) -> Path:
        """Name the file of the school's answer."""
        return self.path / ANSWER

    def part(self, number: int) -> Path:
        """Name a part of a whole export; parts count from 1."""
        return self.path / _PART.format(number)

    def writing(self, number: int) -> Path:
        """Name a part of an export that is being written."""
        return self.path / (_PART.format(number) + _WRITING)

    def make(self, files: Files) -> None:
        """Make the folder, and refuse one that is a link; raise `OSError`."""
        for folder in (self.path.parent, self.path):
            files.make_folder(folder)
            _require_folder(folder)

    def parts(self) -> tuple[Path, ...]:
        """Name the parts of the whole export that lies here, none when there is none."""
        found = []
        for number in range(1, MOST_PARTS + 1):
            if not os.path.lexists(self.part(number)):
                break
            found.append(self.part(number))
        return tuple(found)

    def is_torn(self) -> bool:
        """Tell whether an export was begun here and never finished: the stick was pulled out."""
        return os.path.lexists(self.writing(1)) and not self.parts()

    def clear(self, files: Files) -> None:
        """Remove every part, whole exports beginning with their first part: what is left then is no export."""
        if not self.path.is_dir():
            return
        prefix = _PART.split("{")[0]
        for path in sorted(path for path in self.path.iterdir() if path.name.startswith(prefix)):
            files.unlink(path)
        files.sync_folder(self.path)


def unit_folders(root: Path) -> tuple[StickFolder, ...]:
    """Give the folders of units on a stick, in the order of their names; what is none is passed over."""
    top = root / TOP
    if not _is_folder(top):
        return ()
    names = sorted(entry.name for entry in os.scandir(top) if entry.is_dir(follow_symlinks=False))
    return tuple(StickFolder(root, name) for name in names if is_id(name))


def open_file(path: Path) -> FileIO:
    """Open a file of a stick for reading; raise `OSError` for what is no regular file, a link included."""
    descriptor = os.open(path, _READABLE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path}: expected a file; what is there is none")
    return FileIO(descriptor, "rb")


def lay_file(path: Path, data: bytes, files: Files) -> None:
    """Put a small file on a stick: as it was or as it shall be, also when the stick is pulled out; raise `OSError`."""
    draft = path.with_name(f"{path.name}.new")
    files.unlink(draft)  # also a link, which is not followed
    descriptor = files.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, SHARED)
    try:
        write_all(descriptor, data, files)
        files.sync(descriptor)
    finally:
        files.close(descriptor)
    files.replace(draft, path)
    files.sync_folder(path.parent)


class PartsReader:
    """The parts of an export as one stream; a context manager that leaves none open."""

    def __init__(self, parts: tuple[Path, ...]) -> None:
        """Take the parts in order; each is opened when it is come to."""
        self._parts = list(parts)
        self._file: FileIO | None = None

    def read(self, size: int, /) -> bytes:
        """Give the next bytes, b"" at the end of the last part; raise `OSError`."""
        while self._file or self._parts:
            if self._file is None:
                self._file = open_file(self._parts.pop(0))
            if data := self._file.read(size):
                return data
            self.close()
        return b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the part that is open."""
        if self._file:
            self._file.close()
        self._file = None


def _require_folder(path: Path) -> None:
    if not _is_folder(path):
        raise OSError(f"{path}: expected a folder; what is there is none")


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False
