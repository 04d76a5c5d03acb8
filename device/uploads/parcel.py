"""A sealed file on its way: checked against the manifest first, then read piece by piece at the lease's pace.

Reads from the spool and never writes there; at most one block is in memory. The lease is looked at before every
block, so that nothing leaves after its end.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from device.uploads.courtesy import Courtesy, RoundTrip
from device.uploads.pace import BITS, Bucket
from device.world import Stop, World

LEAST_BLOCK_BYTES = 4 * 1024
SLICE_S = 0.25
PAUSE_S = 5.0  # after a longer one what was sent before it says nothing
LEAST_WAIT_S = 0.001  # less stays lent, and is waited for with the next block


class SpoolFileError(Exception):
    """A sealed file is missing, unreadable, or not what the manifest signed."""


class EndedError(Exception):
    """Sending must stop now, and nothing is wrong: the lease ended or was replaced, or the process shall end."""


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """One object of a recording, and what the signed manifest says of it."""

    recording: str
    index: int
    path: Path
    digest: str
    size_bytes: int

    def open(self) -> io.BufferedReader:
        """Open the file for reading; raise `SpoolFileError` when it cannot be."""
        try:
            return self.path.open("rb")
        except OSError as error:
            raise self._unreadable(error) from None

    def check(self) -> None:
        """Raise `SpoolFileError` unless the file holds exactly the bytes that the manifest signed."""
        try:
            with self.open() as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
        except OSError as error:
            raise self._unreadable(error) from None
        if (size, digest) != (self.size_bytes, self.digest):
            raise SpoolFileError(
                f"object {self.index}: {self.path.name} is not what the recorder signed: expected {self.size_bytes} "
                f"bytes with SHA-256 {self.digest[:16]}…, got {size} with {digest[:16]}…; the card is damaged or was "
                "changed, and this part of the recording cannot be delivered from it"
            )

    def _unreadable(self, error: OSError) -> SpoolFileError:
        return SpoolFileError(f"object {self.index}: {self.path.name} cannot be read: {error.strerror}")


def no_round_trip() -> RoundTrip | None:
    """Know no round trip: nobody is made way for."""
    return None


class Pacer:
    """Holds bytes back to the rate of the lease in force, asked for at every block, and makes way for others.

    `round_trip` gives that of the connection on which the bytes leave.
    """

    def __init__(self, world: World, stop: Stop, round_trip: Callable[[], RoundTrip | None] = no_round_trip) -> None:
        self._world = world
        self._stop = stop
        self._round_trip = round_trip
        self._bucket: Bucket | None = None
        self._courtesy = Courtesy()
        self._sent_bytes = 0
        self._looked_at_s = 0.0

    def now_s(self) -> float:
        """Give the monotonic time, in seconds, by which it paces."""
        return self._world.monotonic_s()

    def wait_for(self, count: int, rate_bps: Callable[[], int]) -> None:
        """Return when `count` more bytes may leave; `rate_bps` raises `EndedError` when none may any more.

        A rate that changes meanwhile counts from the next slice of waiting on, up and down.
        """
        self._bucket, wait_s = self._bucket_at(self._politely(rate_bps())).take(count, self._world.monotonic_s())
        self._sent_bytes += count
        while wait_s > LEAST_WAIT_S:
            self._stop.wait(min(wait_s, SLICE_S))
            self._bucket = self._bucket_at(self._politely(rate_bps()))
            wait_s = self._bucket.wait_s
            self._require_running()
        self._require_running()

    def _politely(self, lease_bps: int) -> int:
        """Give the rate that leaves room for others, after a look at the round trip a few times in a second."""
        now_s = self._world.monotonic_s()
        past_s = now_s - self._looked_at_s
        if past_s < SLICE_S:
            return self._courtesy.limit(lease_bps)
        found, sent_bps = self._round_trip(), self._sent_bytes * BITS / past_s
        self._sent_bytes, self._looked_at_s = 0, now_s
        if found and past_s < PAUSE_S:
            self._courtesy = self._courtesy.note(found, sent_bps=sent_bps, now_s=now_s)
        return self._courtesy.limit(lease_bps)

    def _bucket_at(self, rate_bps: int) -> Bucket:
        now_s = self._world.monotonic_s()
        bucket = self._bucket or Bucket(rate_bps, at_s=now_s)
        return bucket.settle(now_s).with_rate(rate_bps, now_s)

    def _require_running(self) -> None:
        if self._stop.is_set():
            raise EndedError("the uploader shall end")


class PacedBody:
    """`count` bytes of an open file as a request's body."""

    def __init__(self, file: io.BufferedReader, count: int, *, pacer: Pacer, rate_bps: Callable[[], int]) -> None:
        self._file = file
        self._count = count
        self._left = count
        self._pacer = pacer
        self._rate_bps = rate_bps

    def __len__(self) -> int:
        """Give the length that is announced; `requests` asks for it once, before sending."""
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        """Give blocks until the piece is whole."""
        while block := self.read(LEAST_BLOCK_BYTES * 16):
            yield block

    def read(self, size: int = -1) -> bytes:
        """Give the next block when it may leave, of a tenth of a second's worth; b"" at the end of the piece."""
        most = self._left if size < 0 else min(size, self._left)
        if most == 0:
            return b""
        want = min(most, max(LEAST_BLOCK_BYTES, self._rate_bps() // 80))
        self._pacer.wait_for(want, self._rate_bps)
        block = self._read_file(want)
        self._left -= len(block)
        return block

    def _read_file(self, want: int) -> bytes:
        try:
            block = self._file.read(want)
        except OSError as error:
            raise SpoolFileError(f"{self._file.name}: cannot be read: {error.strerror}") from None
        if not block:
            raise SpoolFileError(f"{self._file.name}: ended {self._left} bytes too early while it was sent")
        return block
