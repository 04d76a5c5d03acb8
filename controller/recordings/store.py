"""The store of sealed objects and manifests: `objects/<recording>/000001.age` and `objects/<recording>/manifest`.

Keeps bytes durably and never looks into them; it holds no key. Whoever calls has checked what is stored. Behind the
interface is a folder; a store elsewhere would keep the same promises: what `take_in` returned from survives a
power cut.
"""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import Protocol

from protocol.durable import REAL, SHARED, Files, replace_file

MANIFEST = "manifest"


class ObjectStore(Protocol):
    """Where sealed objects and manifests lie; identifiers have been checked by the caller."""

    def take_in(self, source: Path, recording: str, index: int) -> None:
        """Move a durable file into the store; an object that stood there is replaced."""

    def open(self, recording: str, index: int) -> BufferedReader:
        """Open an object for reading, seekable; raise `FileNotFoundError` when there is none."""

    def size_bytes(self, recording: str, index: int) -> int | None:
        """Give the length of an object, or None when there is none."""

    def set_aside(self, recording: str, index: int) -> None:
        """Take a damaged object from its place and keep it beside it until another is taken in; none is no error."""

    def is_there(self) -> bool:
        """Tell whether the store holds anything: an empty one, while rows say otherwise, is a disk that is away."""

    def put_manifest(self, recording: str, manifest: bytes) -> None:
        """Keep a manifest durably in place of the one before."""

    def read_manifest(self, recording: str) -> bytes:
        """Give the manifest; raise `FileNotFoundError` when there is none."""

    def destroy(self, recording: str) -> None:
        """Remove everything of a recording, also what is in quarantine; none there is no error."""

    def quarantine(self, source: Path, device: str, name: str, *, most_bytes: int) -> bool:
        """Move a file of a unit that is not what was signed to where nobody serves it; a name's newest stays.

        The oldest of this unit go so that `most_bytes` are kept; tell whether any had to.
        """

    def sweep_quarantine(self, before: datetime) -> None:
        """Remove what came into quarantine before an instant."""

    def free_bytes(self) -> int:
        """Tell how many bytes can still be stored."""


def object_name(index: int) -> str:
    """Give the file name of a segment, `000001.age`."""
    return f"{index:06d}.age"


def _aside_name(index: int) -> str:
    return f"{object_name(index)}.damaged"


class FolderStore:
    """The store in a folder of the local file system, in the same file system as `incoming/`."""

    def __init__(self, data: Path, files: Files = REAL) -> None:
        self._data = data
        self._objects = data / "objects"
        self._quarantine = data / "quarantine"
        self._files = files

    def take_in(self, source: Path, recording: str, index: int) -> None:
        """See `ObjectStore.take_in`."""
        folder = self._folder(recording)
        self._files.replace(source, folder / object_name(index))
        if (aside := folder / _aside_name(index)).exists():
            self._files.unlink(aside)
        self._files.sync_folder(folder)

    def open(self, recording: str, index: int) -> BufferedReader:
        """See `ObjectStore.open`."""
        return (self._objects / recording / object_name(index)).open("rb")

    def size_bytes(self, recording: str, index: int) -> int | None:
        """See `ObjectStore.size_bytes`."""
        try:
            return (self._objects / recording / object_name(index)).stat().st_size
        except FileNotFoundError:
            return None

    def set_aside(self, recording: str, index: int) -> None:
        """See `ObjectStore.set_aside`."""
        folder = self._objects / recording
        if (folder / object_name(index)).exists():
            self._files.replace(folder / object_name(index), folder / _aside_name(index))
            self._files.sync_folder(folder)

    def is_there(self) -> bool:
        """See `ObjectStore.is_there`."""
        return self._objects.is_dir() and any(self._objects.iterdir())

    def put_manifest(self, recording: str, manifest: bytes) -> None:
        """See `ObjectStore.put_manifest`."""
        replace_file(self._folder(recording) / MANIFEST, manifest, mode=SHARED, files=self._files)

    def read_manifest(self, recording: str) -> bytes:
        """See `ObjectStore.read_manifest`."""
        return (self._objects / recording / MANIFEST).read_bytes()

    def destroy(self, recording: str) -> None:
        """See `ObjectStore.destroy`."""
        folder = self._objects / recording
        for path in self._quarantine.glob(f"**/{recording}-*"):
            self._files.unlink(path)
        if folder.is_dir():
            shutil.rmtree(folder)
            self._files.sync_folder(self._objects)

    def quarantine(self, source: Path, device: str, name: str, *, most_bytes: int) -> bool:
        """See `ObjectStore.quarantine`."""
        folder = self._quarantine / device
        self._files.make_folder(folder)
        self._files.replace(source, folder / name)
        oldest = sorted(folder.iterdir(), key=lambda path: (path.stat().st_mtime_ns, path.name))
        left = sum(path.stat().st_size for path in oldest)
        too_much = left > most_bytes
        while left > most_bytes:
            left -= oldest[0].stat().st_size
            self._files.unlink(oldest.pop(0))
        self._files.sync_folder(folder)
        return too_much

    def sweep_quarantine(self, before: datetime) -> None:
        """See `ObjectStore.sweep_quarantine`."""
        for path in [path for path in self._quarantine.glob("**/*") if path.is_file()]:
            if path.stat().st_mtime < before.timestamp():
                self._files.unlink(path)

    def free_bytes(self) -> int:
        """See `ObjectStore.free_bytes`."""
        self._files.make_folder(self._data)
        status = os.statvfs(self._data)
        return status.f_bavail * status.f_frsize

    def _folder(self, recording: str) -> Path:
        folder = self._objects / recording
        if not folder.is_dir():
            self._files.make_folder(folder)
            self._files.sync_folder(self._objects)
            self._files.sync_folder(self._data)
        return folder
