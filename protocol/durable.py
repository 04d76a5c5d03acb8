"""Durable files: a file is either as it was or as it shall be, also after a power cut.

The unit's processes meet in such files, and the controller keeps keys and objects in them. `Files` is the one door to
the operating system, so that a test can fail every write, sync and rename in turn.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

PRIVATE = 0o600
SHARED = 0o640


class Files:
    """The real file system."""

    def open(self, path: Path, flags: int, mode: int = PRIVATE) -> int:
        """Open a file; the descriptor is closed on exec."""
        return os.open(path, flags | os.O_CLOEXEC, mode)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """Write some of `data` and tell how much."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """Return when data and length of the file are on the disk."""
        os.fdatasync(descriptor)

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        """Cut the file."""
        os.ftruncate(descriptor, size_bytes)

    def close(self, descriptor: int) -> None:
        """Close the file."""
        os.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Rename over whatever stands there."""
        source.replace(target)

    def unlink(self, path: Path) -> None:
        """Remove a name; none there is no error."""
        path.unlink(missing_ok=True)

    def make_folder(self, path: Path, mode: int = 0o750) -> None:
        """Make a folder and its parents; one that stands there is no error."""
        path.mkdir(mode=mode, parents=True, exist_ok=True)

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        path.rmdir()

    def allocate(self, descriptor: int, size_bytes: int) -> None:
        """Have the disk set aside blocks for the first `size_bytes` of the file."""
        os.posix_fallocate(descriptor, 0, size_bytes)

    def sync_folder(self, path: Path) -> None:
        """Return when the folder's names are on the disk."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


REAL = Files()


def write_all(descriptor: int, data: bytes | memoryview, files: Files = REAL) -> None:
    """Write all of `data`, however little the system takes at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[files.write(descriptor, rest) :]


def replace_file(path: Path, data: bytes, *, mode: int = PRIVATE, files: Files = REAL) -> None:
    """Put `data` at `path`, durably: readers see the old content or the new, and nothing half-written stays."""
    draft = path.with_name(f".{path.name}.{threading.get_native_id()}.new")  # two threads never share a draft
    try:
        _write_draft(draft, data, mode, files)
        files.replace(draft, path)
    except BaseException:
        files.unlink(draft)
        raise
    files.sync_folder(path.parent)


def _write_draft(draft: Path, data: bytes, mode: int, files: Files) -> None:
    descriptor = files.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        write_all(descriptor, data, files)
        files.sync(descriptor)
    finally:
        files.close(descriptor)


def append_durably(path: Path, data: bytes, *, mode: int = PRIVATE, files: Files = REAL) -> None:
    """Append `data` to a file and return when it is on the disk; a failed append leaves the file as it was."""
    stood = path.exists()
    descriptor = files.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode)
    try:
        before = os.fstat(descriptor).st_size
        try:
            write_all(descriptor, data, files)
            files.sync(descriptor)
            if before == 0:  # the name is new, or was made by an append that a cut kept from syncing it
                files.sync_folder(path.parent)
        except BaseException:
            files.truncate(descriptor, before)
            if not stood:
                files.unlink(path)
            raise
    finally:
        files.close(descriptor)


def destroy_file(path: Path, files: Files = REAL) -> None:
    """Take a secret's file away, overwrite it, and return when its name is gone from the disk; none is no error.

    Readers find the whole file or none: it loses its name first. A call that was cut off at any operation is repeated,
    and finishes. Overwriting reaches what the medium lets it reach: flash, copy-on-write file systems, snapshots and
    backups keep what they keep.
    """
    doomed = path.with_name(f".{path.name}.destroyed")
    if path.exists():
        files.replace(path, doomed)
        files.sync_folder(path.parent)
    if doomed.exists():
        _overwrite(doomed, files)
        files.unlink(doomed)
    if path.parent.is_dir():
        files.sync_folder(path.parent)


def _overwrite(path: Path, files: Files) -> None:
    descriptor = files.open(path, os.O_WRONLY)
    try:
        write_all(descriptor, bytes(os.fstat(descriptor).st_size), files)
        files.sync(descriptor)
    finally:
        files.close(descriptor)
