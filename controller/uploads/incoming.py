"""The store of unfinished uploads: bytes come in over a stream and are durable before their offset is told.

Three laws. An offset that was told is durable; that of a whole upload is not told before it was moved. A newer request
fences an older one: whoever claimed an upload last has it, and the one before, even if it hangs in a read, writes not
one byte more. A body that is refused leaves nothing behind. Knows nothing of HTTP, leases or manifests. Defined in
docs/protocol/uploads.md.

    claim = store.claim(upload_id)                        # every request begins so; claim.upload.offset is durable
    claim = store.append(claim, body, limit_bytes=rest)   # PATCH; returns when the bytes are durable
    if claim.upload.is_complete:                          # its bytes are durable, and its name once it was moved
        finished = store.finish(upload_id)                # path and SHA-256; the object store moves the file,
        store.let_go(upload_id)                           # and what is left of the upload goes
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Lock

from controller.uploads.body import Body, BodyWriter, ChecksumMismatchError, RunningDigest, block_reader
from controller.uploads.partial import (
    IncomingError,
    Info,
    Partial,
    PartialFiles,
    StoreFaultError,
    UploadBusyError,
    UploadNotFoundError,
)
from protocol import tus

__all__ = [
    "Body",
    "BodyTooLongError",
    "ChecksumMismatchError",
    "Claim",
    "FencedError",
    "Finished",
    "IncomingError",
    "IncomingStore",
    "StoreFaultError",
    "UploadBusyError",
    "UploadIncompleteError",
    "UploadNotFoundError",
]

BLOCK_BYTES = 1024 * 1024


def _nothing() -> None:
    """Stop nothing."""


class FencedError(IncomingError):
    """A newer request has claimed the upload; what this one wrote before is kept, it may write no more."""


class BodyTooLongError(IncomingError):
    """The body goes on beyond its limit; nothing of it was kept."""


class UploadIncompleteError(IncomingError):
    """The upload is to be finished before all of it is here."""


@dataclass(frozen=True)
class Claim:
    """The right to write to an upload until somebody else claims it. `upload.offset` is durable."""

    ticket: int
    upload: tus.UploadState


@dataclass(frozen=True)
class Finished:
    """A whole, durable upload: where its bytes lie, and what they hash to."""

    path: Path
    sha256: bytes
    size_bytes: int


class _Upload:
    """What this process remembers of an upload; everything but the first two is touched under `lock` alone."""

    def __init__(self, partial: Partial, info: Info) -> None:
        self.partial = partial
        self.info = info
        self.lock = Lock()
        self.ticket = 0
        self.writer: BodyWriter | None = None
        self.stop_reading: Callable[[], None] = _nothing
        """Ends the wait of whoever reads the writer's body."""
        self.durable = info.length_bytes
        """Bytes that are durable; at most so many while the file is distrusted."""
        self.distrusted = True
        """Whether the file must be looked at, and cut off at `durable`, before anything is said about it."""
        self.digest = RunningDigest()
        """The hash of the file, as far as its bytes went through this process."""
        self.settled = False
        """Whether a power cut leaves its names and what was announced."""

    def require(self, claim: Claim) -> None:
        """Raise `FencedError` when the claim is no longer the newest, or was used already."""
        if self.ticket != claim.ticket or self.durable != claim.upload.offset:
            raise FencedError(f"{self.partial.path}: a newer request has claimed this upload")

    def writer_for(self, claim: Claim) -> BodyWriter:
        """Give the writer of the claim's body; raise `FencedError` when it may no longer write."""
        self.require(claim)
        if self.writer is None:
            raise FencedError(f"{self.partial.path}: the body of this claim has ended")
        return self.writer


class IncomingStore:
    """The unfinished uploads in one folder, which lies in the same file system as the object store.

    Safe for threads. One process at a time writes to an upload; others may sweep meanwhile.
    """

    def __init__(self, root: Path, files: PartialFiles | None = None, *, block_bytes: int = BLOCK_BYTES) -> None:
        self._root = root
        self._files = files or PartialFiles()
        self._block_bytes = block_bytes
        self._uploads: dict[str, _Upload] = {}
        self._lock = Lock()
        self._files.make_folder(root)

    def create(
        self,
        upload_id: str,
        *,
        length_bytes: int,
        expires_at: datetime | None = None,
        metadata: Mapping[str, bytes] | None = None,
    ) -> Claim:
        """Make an empty upload and claim it; the caller picks an identifier that was never used before.

        A power cut may take it away until some of its bytes were acknowledged. Raises `StoreFaultError`.
        """
        partial = Partial(self._root, upload_id, self._files)
        upload = _Upload(partial, Info(length_bytes, expires_at, dict(metadata or {})))
        partial.create(upload.info)
        upload.durable, upload.distrusted = 0, False
        with self._lock:
            self._uploads[upload_id] = upload
        return self.claim(upload_id)

    def claim(self, upload_id: str) -> Claim:
        """Take an upload over: fence whoever writes to it, make what they wrote durable, and tell the offset.

        Raises `UploadNotFoundError`, `UploadBusyError` (another process writes to it), `StoreFaultError`.
        """
        upload = self._remembered(upload_id)
        with upload.lock:
            upload.ticket += 1
            if upload.writer:
                upload.stop_reading()
                self._end(upload, upload.writer, upload.writer.keep_what_came)
            info, offset = upload.info, self._durable_or_forgotten(upload, upload_id)
            state = tus.UploadState(upload_id, info.length_bytes, offset, info.expires_at, info.metadata)
            return Claim(upload.ticket, state)

    def offset(self, upload_id: str) -> int:
        """Tell how many bytes are durable; like every newer request this fences whoever writes."""
        return self.claim(upload_id).upload.offset

    def append(
        self,
        claim: Claim,
        body: Body,
        *,
        limit_bytes: int,
        checksum: tus.Checksum | None = None,
        stop_reading: Callable[[], None] = _nothing,
    ) -> Claim:
        """Write a body at the claim's offset; the claim that comes back holds the new offset, which is durable.

        That of a whole upload is so only once the caller has moved its file durably; it is not to be told before.
        A body of more than `limit_bytes` raises `BodyTooLongError` and one that does not match `checksum` raises
        `ChecksumMismatchError`; nothing of either is kept. When the stream raises, what came is kept (unless there is a
        checksum) and the stream's error goes on to the caller. Raises `FencedError` when a newer request took over, and
        `StoreFaultError` when the disk refuses. `stop_reading` is called from the thread that fences this body, so that
        whoever hangs in its `read` need not wait for the link's time-out.
        """
        upload = self._remembered(claim.upload.id)
        self._begin(upload, claim, limit_bytes=limit_bytes, checksum=checksum)
        with upload.lock:
            if upload.ticket == claim.ticket:
                upload.stop_reading = stop_reading
        try:
            self._pump(upload, claim, body, limit_bytes)
        except BaseException as error:
            self._break_off(upload, claim, error)
            raise
        with upload.lock:
            writer = upload.writer_for(claim)
            self._end(upload, writer, writer.keep)
            return replace(claim, upload=replace(claim.upload, offset=self._durable_bytes(upload)))

    def finish(self, upload_id: str) -> Finished:
        """Give the path and the SHA-256 of a whole upload; whoever called moves the file away and calls `discard`.

        Raises `UploadIncompleteError`, `UploadNotFoundError` (it was taken in already), `StoreFaultError`.
        """
        upload = self._remembered(upload_id)
        with upload.lock:
            length, durable = upload.info.length_bytes, self._durable_bytes(upload)
            if durable != length:
                raise UploadIncompleteError(f"{upload.partial.path}: expected {length} bytes, got {durable}")
            for block in upload.partial.read(start=upload.digest.position, end=length):
                upload.digest.feed(block, at=upload.digest.position)
            return Finished(upload.partial.path, upload.digest.value(), length)

    def discard(self, upload_id: str) -> None:
        """Remove an upload and its bytes, durably; fences whoever writes to it. One that is gone is no error.

        Raises `UploadBusyError` (another process writes to it), `StoreFaultError`.
        """
        with suppress(UploadNotFoundError):
            upload = self._remembered(upload_id)
            with upload.lock:
                upload.ticket += 1
                writer, upload.writer, upload.distrusted = upload.writer, None, True
                if writer:
                    upload.stop_reading()
                    writer.close()
                upload.partial.remove()
        self._forget(upload_id)

    def let_go(self, upload_id: str) -> None:
        """Let go of an upload whose file the caller has moved away; raises `StoreFaultError`."""
        with suppress(UploadNotFoundError):
            upload = self._remembered(upload_id)
            with upload.lock:
                upload.ticket += 1
                upload.partial.remove_announced()
        self._forget(upload_id)

    def upload_ids(self) -> list[str]:
        """List the uploads that are here, for example to take in at start what became whole just before a crash."""
        return sorted(path.stem for path in self._root.glob("*.info") if not path.name.startswith("."))

    def holds(self, upload_id: str) -> bool:
        """Tell whether an upload is here, finished or not; a name that is none is not."""
        return (self._root / f"{upload_id}.info").exists()

    def announced(self) -> Iterator[tuple[str, Info]]:
        """Give every upload that is here with what was announced for it; what cannot be read is left to the sweep."""
        for upload_id in self.upload_ids():
            with suppress(IncomingError):
                yield upload_id, self._remembered(upload_id).info

    def sweep(self, now: datetime) -> list[str]:
        """Remove uploads that expired unfinished, and what crashes left behind; give the identifiers of the expired.

        What is being written to, also by another process, is left alone. Raises `StoreFaultError`.
        """
        names = {path.name.lstrip(".").partition(".")[0] for path in self._root.iterdir()}
        return [name for name in sorted(names) if self._sweep_one(name, now)]

    def _begin(self, upload: _Upload, claim: Claim, *, limit_bytes: int, checksum: tus.Checksum | None) -> None:
        start, rest = claim.upload.offset, claim.upload.length - claim.upload.offset
        if not 0 <= limit_bytes <= rest:
            raise ValueError(f"limit_bytes: expected 0 to {rest}, got {limit_bytes}")
        with upload.lock:
            upload.require(claim)
            if upload.writer:
                raise FencedError(f"{upload.partial.path}: this claim is being used already")
            self._durable_bytes(upload)
            upload.writer = BodyWriter(
                upload.partial, self._files, digest=upload.digest, start=start, checksum=checksum
            )

    def _pump(self, upload: _Upload, claim: Claim, body: Body, limit_bytes: int) -> None:
        """Write block after block. The lock is held for each write, and never while the stream is read."""
        with upload.lock:
            upload.writer_for(claim).begin()
        next_block, rest = block_reader(body, self._block_bytes), limit_bytes
        while block := next_block(rest or 1):
            if len(block) > rest:
                raise BodyTooLongError(f"{upload.partial.path}: the body goes on beyond {limit_bytes} bytes")
            with upload.lock:
                upload.writer_for(claim).write(block)
            rest -= len(block)

    def _break_off(self, upload: _Upload, claim: Claim, error: BaseException) -> None:
        """End a body that did not come whole, unless a newer request has done so already."""
        with upload.lock:
            if upload.ticket == claim.ticket and upload.writer:
                keep = _keep_nothing if isinstance(error, BodyTooLongError) else upload.writer.keep_what_came
                self._end(upload, upload.writer, keep)

    def _end(self, upload: _Upload, writer: BodyWriter, keep: Callable[[], int | None]) -> None:
        """Let the writer keep what it may, close it, and cut off whatever it did not keep."""
        upload.writer, upload.stop_reading, upload.distrusted = None, _nothing, True
        try:
            with closing(writer):
                kept = keep()
                self._settle(upload, kept or 0)
            if kept is not None:
                upload.durable, upload.distrusted = kept, False
        finally:
            self._durable_bytes(upload)

    def _settle(self, upload: _Upload, acknowledged: int) -> None:
        """Make the upload itself durable, once; without one byte it may go, and a whole one is moved, or met again."""
        if not upload.settled and 0 < acknowledged < upload.info.length_bytes:
            upload.partial.settle(upload.info)
            upload.settled = True

    def _durable_or_forgotten(self, upload: _Upload, upload_id: str) -> int:
        """Tell how much is durable, and forget an upload that somebody else has removed or taken in."""
        try:
            return self._durable_bytes(upload)
        except UploadNotFoundError:
            self._forget(upload_id)
            raise

    def _durable_bytes(self, upload: _Upload) -> int:
        """Tell how much is durable; a file that nobody writes to and that shows anything else is put in order first."""
        if upload.writer:
            return upload.durable
        if upload.durable != upload.partial.size_bytes() and not upload.distrusted:
            upload.durable, upload.distrusted = upload.info.length_bytes, True
        if upload.distrusted:
            upload.durable = upload.partial.recover(upload.durable, upload.info)
            upload.distrusted, upload.settled = False, True
            if upload.digest.position > upload.durable:
                upload.digest = RunningDigest()
        return upload.durable

    def _sweep_one(self, upload_id: str, now: datetime) -> bool:
        """Remove what stands under one name if it is an expired upload or no upload at all; tell if it was expired."""
        try:
            partial = Partial(self._root, upload_id, self._files)
            expired = partial.is_expired(now)
            if expired is not False:
                partial.remove()
                self._forget(upload_id)
            return bool(expired)
        except (UploadNotFoundError, UploadBusyError):
            return False

    def _remembered(self, upload_id: str) -> _Upload:
        with self._lock:
            upload = self._uploads.get(upload_id)
            if upload is None:
                partial = Partial(self._root, upload_id, self._files)
                upload = self._uploads[upload_id] = _Upload(partial, partial.load_info())
            return upload

    def _forget(self, upload_id: str) -> None:
        with self._lock:
            self._uploads.pop(upload_id, None)


def _keep_nothing() -> None:
    """Keep nothing of a body that was refused."""
