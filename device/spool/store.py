"""The one gate to the spool: every path below it is made here, from checked ids and numbers, and nowhere else.

Makes folders, lays the sealed key, counts and removes; never reads media, and never decides what may be removed (that
is retention's question). Layout and modes: docs/ARCHITECTURE.md.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from protocol.durable import PRIVATE, SHARED, Files, replace_file
from protocol.ids import is_id, parse_id
from protocol.manifest import KEY_INDEX

FOLDER_MODE = 0o750
LAST_INDEX = 999_999
_KEY = "key.age"
_MANIFEST = "manifest"
_RESERVE = ".reserve"
FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says when no space is left; only then it helps to give the reserve back."""


class SpoolStore:
    """The spool under `root`; everything that changes it goes through `files`."""

    def __init__(self, root: Path, files: Files) -> None:
        self.root = root
        self.files = files

    def prepare(self) -> None:
        """Make the spool's own folder."""
        self.files.make_folder(self.root, FOLDER_MODE)

    def recordings(self) -> tuple[str, ...]:
        """Name the recordings that have a folder, in the order of their names; foreign names are passed over."""
        names = (entry.name for entry in os.scandir(self.root) if entry.is_dir(follow_symlinks=False))
        return tuple(sorted(name for name in names if is_id(name)))

    def create(self, recording: str) -> None:
        """Make a recording's folder, durably; one that stands there already is an error."""
        folder = self.folder(recording)
        if folder.exists():
            raise FileExistsError(f"{folder}: a new recording needs a folder that is not there")
        self.files.make_folder(folder, FOLDER_MODE)
        self.files.sync_folder(self.root)

    def put_key(self, recording: str, sealed: bytes) -> None:
        """Lay the recording's sealed identity, durably."""
        replace_file(self.object_path(recording, KEY_INDEX), sealed, mode=SHARED, files=self.files)

    def folder(self, recording: str) -> Path:
        """Name a recording's folder."""
        return self.root / parse_id(recording, "recording")

    def manifest_path(self, recording: str) -> Path:
        """Name a recording's manifest."""
        return self.folder(recording) / _MANIFEST

    def object_path(self, recording: str, index: int) -> Path:
        """Name an object of a recording: 0 is `key.age`, segments count from 1."""
        if not 0 <= index <= LAST_INDEX:
            raise ValueError(f"recording {recording}: expected an index of 0 to {LAST_INDEX}, got {index}")
        return self.folder(recording) / (_KEY if index == KEY_INDEX else f"{index:06d}.age")

    def find_strays(self, recording: str, indexes: tuple[int, ...]) -> tuple[str, ...]:
        """Name what lies in a recording's folder beside its manifest and the objects of these indexes."""
        known = {_MANIFEST, *(self.object_path(recording, index).name for index in indexes)}
        try:
            return tuple(sorted(set(os.listdir(self.folder(recording))) - known))
        except FileNotFoundError:
            return ()  # released in the meantime

    def size_bytes(self, recording: str, index: int) -> int | None:
        """Give the length of an object's file, or None when there is no regular file."""
        try:
            found = os.stat(self.object_path(recording, index), follow_symlinks=False)
        except FileNotFoundError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def remove_object(self, recording: str, index: int) -> None:
        """Unlink one object; the caller has asked retention."""
        self.files.unlink(self.object_path(recording, index))

    def remove_recording(self, recording: str) -> None:
        """Remove a whole recording, key first and manifest last, durably; the caller has asked retention."""
        folder = self.folder(recording)
        self.files.unlink(folder / _KEY)
        self.files.sync_folder(folder)
        for path in sorted(folder.iterdir()):
            if path.name != _MANIFEST:
                self.files.unlink(path)
        self.files.sync_folder(folder)
        self.files.unlink(folder / _MANIFEST)
        self.files.remove_folder(folder)
        self.files.sync_folder(self.root)

    def is_empty(self, recording: str) -> bool:
        """Tell whether nothing at all lies in a recording's folder."""
        return not os.listdir(self.folder(recording))

    def remove_drafts(self, recording: str) -> None:
        """Remove what a replacement that was cut off left behind."""
        for path in self.folder(recording).glob(".*.new"):
            self.files.unlink(path)

    def require_writable(self) -> None:
        """Raise `OSError` when nothing can be made here: the card is read-only, or the folder somebody else's.

        Writes nothing: a unit asks every few seconds, and a card is worn by writing.
        """
        if os.access(self.root, os.W_OK | os.X_OK):
            return
        is_read_only = bool(os.statvfs(self.root).f_flag & os.ST_RDONLY)
        code = errno.EROFS if is_read_only else errno.EACCES
        raise OSError(code, os.strerror(code), str(self.root))

    @property
    def reserve_bytes(self) -> int:
        """Tell how much is set aside now."""
        try:
            return os.stat(self.root / _RESERVE).st_size
        except FileNotFoundError:
            return 0

    def hold_reserve(self, size_bytes: int) -> None:
        """Set `size_bytes` of the disk aside, so that a recording that fills it can still be ended well.

        Raises `OSError` when the disk has not that much.
        """
        if self.reserve_bytes == size_bytes:
            return
        path = self.root / _RESERVE
        descriptor = self.files.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE)
        try:
            self.files.truncate(descriptor, 0)
            self.files.allocate(descriptor, size_bytes)
        except OSError:
            self.files.unlink(path)
            raise
        finally:
            self.files.close(descriptor)

    def release_reserve(self) -> None:
        """Give the reserve back to the disk: now is when it is needed."""
        self.files.unlink(self.root / _RESERVE)
