"""A door to the disk that fails at a chosen operation: the process is killed, the power goes, or the disk refuses.

What a power cut leaves is modelled: a file has what its last sync saw, a name is there when its folder was synced
after it was made. That is the least that Linux promises. Of what was written after the last sync nothing is left, or a
half, or zeros in its length, as file systems do that write a file's length before its bytes.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from protocol.durable import Files


class Cut(BaseException):
    """The process is gone; nothing may catch this as an error of the disk."""


class Tail(Enum):
    """What a power cut leaves of the bytes that were written since the last sync."""

    NOTHING = "nothing"
    HALF = "half"
    ZEROS = "zeros"

    def left_of(self, durable: bytes, written: bytes) -> bytes:
        """Give a file's content after the cut; one that was replaced or truncated is as its last sync saw it."""
        tail = written[len(durable) :] if written.startswith(durable) else b""
        kept = {Tail.NOTHING: b"", Tail.HALF: tail[: len(tail) // 2], Tail.ZEROS: bytes(len(tail))}
        return durable + kept[self]


@dataclass
class _Inode:
    mode: int
    durable: bytes = b""


@dataclass
class CountingFiles(Files):
    """Counts the operations that change the disk; `names` tells what they were."""

    names: list[str] = field(default_factory=list)

    def _happens(self, name: str) -> None:
        self.names.append(name)

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        """See `Files.open`."""
        if flags & os.O_CREAT:
            self._happens(f"open {path.name}")
        return super().open(path, flags, mode)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """See `Files.write`."""
        self._happens("write")
        return super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """See `Files.sync`."""
        self._happens("sync")
        super().sync(descriptor)

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        """See `Files.truncate`."""
        self._happens("truncate")
        super().truncate(descriptor, size_bytes)

    def replace(self, source: Path, target: Path) -> None:
        """See `Files.replace`."""
        self._happens(f"replace {target.name}")
        super().replace(source, target)

    def unlink(self, path: Path) -> None:
        """See `Files.unlink`."""
        self._happens(f"unlink {path.name}")
        super().unlink(path)

    def make_folder(self, path: Path, mode: int = 0o750) -> None:
        """See `Files.make_folder`."""
        self._happens(f"make_folder {path.name}")
        super().make_folder(path, mode)

    def remove_folder(self, path: Path) -> None:
        """See `Files.remove_folder`."""
        self._happens(f"remove_folder {path.name}")
        super().remove_folder(path)

    def allocate(self, descriptor: int, size_bytes: int) -> None:
        """See `Files.allocate`."""
        self._happens("allocate")
        super().allocate(descriptor, size_bytes)

    def sync_folder(self, path: Path) -> None:
        """See `Files.sync_folder`."""
        self._happens(f"sync_folder {path.name}")
        super().sync_folder(path)


class KilledFiles(CountingFiles):
    """The process is killed at operation `at`: a write happens by half, everything else does not happen."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._at = at

    def _happens(self, name: str) -> None:
        super()._happens(name)
        if len(self.names) >= self._at:
            raise Cut(f"operation {self._at}: {name}")

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """Write the first half before dying."""
        if len(self.names) + 1 == self._at:
            os.write(descriptor, data[: len(data) // 2])
        return super().write(descriptor, data)


class PoweredFiles(KilledFiles):
    """The power goes at operation `at`; `leave` then brings the disk below `root` to what was durable."""

    def __init__(self, root: Path, at: int, tail: Tail = Tail.NOTHING) -> None:
        super().__init__(at)
        self._root = root
        self._tail = tail
        self._inodes: dict[int, _Inode] = {}
        self._durable: dict[Path, _Inode] = {}

    def take_as_durable(self) -> None:
        """Take everything that lies below the root now as written long ago."""
        for path in sorted(self._root.rglob("*")):
            if path.is_file():
                inode = self._inode(path.stat())
                inode.durable = path.read_bytes()
                self._durable[path] = inode

    def sync(self, descriptor: int) -> None:
        """Remember what is durable of the file's content."""
        super().sync(descriptor)
        self._inode(os.fstat(descriptor)).durable = Path(f"/proc/self/fd/{descriptor}").read_bytes()

    def sync_folder(self, path: Path) -> None:
        """Remember what is durable of the folder's names."""
        super().sync_folder(path)
        self._durable = {name: inode for name, inode in self._durable.items() if name.parent != path}
        for entry in path.iterdir():
            if entry.is_file():
                self._durable[entry] = self._inode(entry.stat())

    def leave(self) -> None:
        """Make the disk what the cut left of it."""
        written: dict[int, bytes] = {}
        for path in list(self._root.rglob("*")):
            if path.is_file():
                written[id(self._inode(path.stat()))] = path.read_bytes()
                path.unlink()
        for path, inode in self._durable.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._tail.left_of(inode.durable, written.get(id(inode), inode.durable)))
            path.chmod(inode.mode)

    def _inode(self, found: os.stat_result) -> _Inode:
        return self._inodes.setdefault(found.st_ino, _Inode(stat.S_IMODE(found.st_mode)))


class RefusingFiles(CountingFiles):
    """The disk refuses operation `at` and the following, `times` in all, and works again afterwards."""

    def __init__(self, at: int, *, code: int = errno.EIO, times: int = 1) -> None:
        super().__init__()
        self._at = at
        self._code = code
        self._times = times

    def _happens(self, name: str) -> None:
        super()._happens(name)
        if self._at <= len(self.names) < self._at + self._times:
            raise OSError(self._code, f"operation {self._at} was refused: {name}")


class FullFiles(CountingFiles):
    """The disk is full from operation `at` on, until the reserve is given back."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._at = at
        self._relieved = False

    def unlink(self, path: Path) -> None:
        """Removing the reserve makes room."""
        self._relieved = self._relieved or (path.name == ".reserve" and len(self.names) >= self._at)
        super().unlink(path)

    def _happens(self, name: str) -> None:
        super()._happens(name)
        grows = name.split()[0] in ("open", "write", "allocate", "make_folder", "replace")
        if len(self.names) >= self._at and grows and not self._relieved:
            raise OSError(errno.ENOSPC, f"operation {self._at}: no space left: {name}")


def copy_tree(source: Path, target: Path) -> Path:
    """Copy a folder, for a run of its own."""
    shutil.copytree(source, target)
    return target
