"""The files of one unfinished upload: `ID.info` (what was announced), `ID.part` (the bytes), and, while a body with a
checksum is arriving, `ID.unverified` (how far the bytes are good).

An upload exists exactly as long as its info file does. One that was made outlives its process at once, and a power cut
once it is settled, which it must be before a byte of it is acknowledged. Every step is ordered so that a power cut at
any point leaves either the state before or the state after. Knows no threads and no streams; `PartialFiles` is the only
door to the disk. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

import fcntl
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from protocol import tus
from protocol.codec import CodecError, encode_canonical, parse_canonical
from protocol.durable import SHARED, Files, replace_file, write_all

_UPLOAD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class IncomingError(Exception):
    """An upload cannot go on; each kind has its own class."""


class UploadNotFoundError(IncomingError):
    """There is no such upload here: never made, discarded, expired, or already taken in."""


class UploadBusyError(IncomingError):
    """Another process is writing to this upload."""


class StoreFaultError(IncomingError):
    """The disk refused; what was acknowledged before still stands."""

    def __init__(self, path: Path, error: OSError | ValueError) -> None:
        super().__init__(f"{path}: {error}")
        self.errno = error.errno if isinstance(error, OSError) else None


@contextmanager
def disk_faults(path: Path) -> Iterator[None]:
    """Turn the disk's errors into ours, so that nobody takes them for those of the network."""
    try:
        yield
    except FileNotFoundError as error:
        raise UploadNotFoundError(f"{path}: there is no such upload") from error
    except OSError as error:
        raise StoreFaultError(path, error) from error


class PartialFiles(Files):
    """The real file system, with what partial files need beside the common operations."""

    def write_at(self, descriptor: int, data: memoryview, offset: int) -> int:
        """Write some of `data` at `offset` and tell how much."""
        return os.pwrite(descriptor, data, offset)

    def read_at(self, descriptor: int, size_bytes: int, offset: int) -> bytes:
        """Read up to `size_bytes` from `offset`."""
        return os.pread(descriptor, size_bytes, offset)

    def read_file(self, path: Path) -> bytes:
        """Read a whole small file."""
        return path.read_bytes()

    def size_bytes(self, path: Path) -> int:
        """Tell how long the file at `path` is."""
        return path.stat().st_size

    def has_name(self, descriptor: int) -> bool:
        """Whether an open file still stands under a name."""
        return os.fstat(descriptor).st_nlink > 0

    def try_lock(self, descriptor: int) -> bool:
        """Lock an open file against other processes until it is closed; False when one of them has it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def begin_writeback(self, descriptor: int, offset: int, size_bytes: int) -> None:
        """Have the system begin to write a range to the disk, without waiting; promises nothing about durability."""
        os.posix_fadvise(descriptor, offset, size_bytes, os.POSIX_FADV_DONTNEED)


@dataclass(frozen=True)
class Info:
    """What was announced when the upload was made."""

    length_bytes: int
    expires_at: datetime | None
    metadata: Mapping[str, bytes]

    def encode(self) -> bytes:
        """Encode as the content of the info file."""
        expires_at = self.expires_at.isoformat() if self.expires_at else None
        metadata = tus.encode_metadata(self.metadata)
        return encode_canonical({"length_bytes": self.length_bytes, "expires_at": expires_at, "metadata": metadata})


def parse_info(data: bytes) -> Info:
    """Parse the content of an info file; raise `ValueError` when it is damaged."""
    try:
        fields = parse_canonical(data, "info")
        expires_at = fields["expires_at"]
        metadata = tus.parse_metadata(fields["metadata"])
        return Info(int(fields["length_bytes"]), expires_at and datetime.fromisoformat(expires_at), metadata)
    except (CodecError, KeyError, TypeError, AttributeError, tus.HeaderError) as error:
        raise ValueError(f"damaged info file: {error}") from error


def _is_torn(data: bytes) -> bool:
    """Tell whether a power cut left this of an info file that was never settled: nothing, zeros, or a beginning."""
    rest = data.rstrip(b"\0")
    return not rest or (rest.startswith(b"{") and not rest.endswith(b"}"))


class Partial:
    """The files of one upload."""

    def __init__(self, root: Path, upload_id: str, files: PartialFiles) -> None:
        if not _UPLOAD_ID.fullmatch(upload_id):
            raise UploadNotFoundError(f"{upload_id[:64]!a}: expected 1 to 64 letters, digits, '_' and '-' as an upload")
        self.path = root / f"{upload_id}.part"
        self._info = root / f"{upload_id}.info"
        self._unverified = root / f"{upload_id}.unverified"
        self._id = upload_id
        self._root = root
        self._files = files

    def create(self, info: Info) -> None:
        """Make the upload, which is not settled yet; raise `StoreFaultError` when one of that name stands already."""
        with disk_faults(self.path):
            descriptor = self._open(os.O_CREAT | os.O_EXCL)
            try:
                self._announce(info)
            except OSError:
                self._files.unlink(self._info)
                self._files.unlink(self.path)
                raise
            finally:
                self._files.close(descriptor)

    def _announce(self, info: Info) -> None:
        """Write the info file; whoever finds it half written finds the part file locked, or what a cut left."""
        descriptor = self._files.open(self._info, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, SHARED)
        try:
            write_all(descriptor, info.encode(), self._files)
        finally:
            self._files.close(descriptor)

    def settle(self, info: Info) -> None:
        """Make the upload itself durable: what was announced, and the names of its files.

        The info file is written anew: nobody knows what became of pages that the system was to write by itself. One
        that somebody removed is not brought back. Raises `UploadNotFoundError` then, `StoreFaultError`.
        """
        with disk_faults(self._info):
            self._files.size_bytes(self._info)
            replace_file(self._info, info.encode(), mode=SHARED, files=self._files)

    def load_info(self) -> Info:
        """Load what was announced; raise `UploadNotFoundError` or `StoreFaultError`.

        What was never settled, and torn by a power cut, is no upload: nothing of it was acknowledged.
        """
        with disk_faults(self._info):
            data = self._files.read_file(self._info)
        if _is_torn(data):
            raise UploadNotFoundError(f"{self._info}: a power cut left a part of it, before anything was acknowledged")
        try:
            return parse_info(data)
        except ValueError as error:
            raise StoreFaultError(self._info, error) from error

    def size_bytes(self) -> int:
        """Tell how long the part file is; not all of it need be durable."""
        with disk_faults(self.path):
            return self._files.size_bytes(self.path)

    def open(self) -> int:
        """Open the part file for writing and lock it against other processes; raise `UploadBusyError`."""
        with disk_faults(self.path):
            return self._open()

    def recover(self, limit_bytes: int, info: Info) -> int:
        """Bring an upload that nobody writes to into order, and give the durable length of its part file.

        Bytes of a body whose checksum was not confirmed, and bytes past `limit_bytes`, are cut off. What a killed
        process had not yet synced is synced: from here on the upload and its bytes survive a power cut.
        """
        with disk_faults(self.path):
            descriptor = self._open()
            try:
                good = self._recover(descriptor, limit_bytes)
                self.settle(info)
                return good
            finally:
                self._files.close(descriptor)

    def _recover(self, descriptor: int, limit_bytes: int) -> int:
        size = self._files.size_bytes(self.path)
        good = min(size, limit_bytes, self._verified_bytes())
        if good < size:
            self._files.truncate(descriptor, good)
        self._files.sync(descriptor)
        self._files.unlink(self._unverified)
        return good

    def mark_unverified(self, offset: int) -> None:
        """Note durably that bytes from `offset` on are not good until the note is cleared."""
        with disk_faults(self._unverified):
            replace_file(self._unverified, b"%d\n" % offset, mode=SHARED, files=self._files)

    def clear_unverified(self) -> None:
        """Remove the note durably."""
        with disk_faults(self._unverified):
            self._files.unlink(self._unverified)
            self._files.sync_folder(self._root)

    def read(self, *, start: int, end: int, block_bytes: int = 1024 * 1024) -> Iterator[bytes]:
        """Read the part file from `start` to `end` in blocks; raise `StoreFaultError` when it ends before."""
        with disk_faults(self.path):
            descriptor = self._files.open(self.path, os.O_RDONLY)
            try:
                while start < end:
                    block = self._files.read_at(descriptor, min(block_bytes, end - start), start)
                    if not block:
                        raise StoreFaultError(self.path, ValueError(f"expected {end} bytes, got {start}"))
                    yield block
                    start += len(block)
            finally:
                self._files.close(descriptor)

    def is_expired(self, now: datetime) -> bool | None:
        """Whether the upload was left unfinished too long; None where no upload stands, only what is left of one."""
        try:
            info = self.load_info()
            size = self.size_bytes()
        except UploadNotFoundError:
            return None
        return info.expires_at is not None and info.expires_at <= now and size < info.length_bytes

    def remove(self) -> None:
        """Remove the upload durably; its info file goes first, so that half a removal is a removal.

        Raises `UploadBusyError` when another process writes to it.
        """
        with disk_faults(self.path):
            descriptor = self._open_if_there()
            try:
                for path in (self._info, self.path, self._unverified, *self._root.glob(f".{self._id}.*")):
                    self._files.unlink(path)
                self._files.sync_folder(self._root)
            finally:
                if descriptor is not None:
                    self._files.close(descriptor)

    def remove_announced(self) -> None:
        """Remove what is left of an upload whose part file was moved away.

        Not durably: an info file that a power cut brings back is no upload without its part file.
        """
        with disk_faults(self.path):
            self._files.unlink(self._info)
            self._files.unlink(self._unverified)

    def _open_if_there(self) -> int | None:
        try:
            return self._open()
        except FileNotFoundError:
            return None

    def _open(self, flags: int = 0) -> int:
        descriptor = self._files.open(self.path, os.O_RDWR | flags, SHARED)
        try:
            if not self._files.try_lock(descriptor):
                raise UploadBusyError(f"{self.path}: another process is writing to it; ask again later")
            if not self._files.has_name(descriptor):
                raise FileNotFoundError(self.path)
        except BaseException:
            self._files.close(descriptor)
            raise
        return descriptor

    def _verified_bytes(self) -> int:
        try:
            return int(self._files.read_file(self._unverified))
        except FileNotFoundError:
            return sys.maxsize
