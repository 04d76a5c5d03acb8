"""A lesson of a few seconds through the real path, with a drawn picture and keys that exist for the test alone.

Muxer, sealing, spool, manifest, receipt and release are the recorder's own, in a folder of their own on the same card.
The real camera is not touched, nothing of it can be delivered, and everything is erased, also what a cut left behind.
"""

from __future__ import annotations

import hashlib
import os
import queue
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TypedDict

from device.consent import PressDecision
from device.hardware.ports import Camera, Clock, Disk
from device.identity import DocumentStore
from device.media.playing import Played, play
from device.media.segments import SegmentLimits
from device.recorder.begin import Beginner, SpoolLimits
from device.recorder.media import MediaWriter
from device.recorder.moments import Moments
from device.recorder.states import Event, Kind, TakeEnd
from device.recorder.take import Take
from device.selftest.report import StepFailed
from device.spool.keeping import SpoolKeeper
from device.spool.manifest import Signer
from device.spool.releasing import Releaser, UndoRule
from device.spool.store import SpoolStore
from protocol.documents import (
    Document,
    Epoch,
    Keyring,
    KeyringKey,
    Purpose,
    Receipt,
    ReceiptItem,
    Recipients,
    issue_document,
)
from protocol.durable import REAL, SHARED, replace_file
from protocol.envelope import (
    NoMatchError,
    RandomAccessReader,
    generate_x25519,
    open_sealed,
    parse_identities,
)
from protocol.envelope.keys import KeyIdentity
from protocol.ids import ID_BYTES, make_id
from protocol.manifest import CloseReason, Manifest, parse_manifest
from protocol.signing import SigningKey

SECONDS = 3
FPS = 25
SEGMENT_S = 1.0
LIMIT_S = 60.0
POLL_S = 0.1
NEEDED_BYTES = 16 * 1024 * 1024
CARD = "replace the card; the parts list names ones that last"
SOFTWARE = "restart the unit; if it happens again, tell whoever runs Backrow"
IN_THE_CLEAR = (b"moof\0\0\0\x10mfhd", b"moov\0\0\0lmvhd", b"AGE-SECRET-KEY")  # long enough not to come by chance


class _Span(TypedDict):
    generation: int
    version: int
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What a rehearsal plays on; `guard` is asked again and again, and raises when the unit is needed."""

    folder: Path
    device: str
    camera: Camera
    clock: Clock
    disk: Disk
    guard: Callable[[], None]


class Rehearsal:
    """One made-up lesson; its methods are the steps, in this order, and raise `StepFailed` with what to do."""

    def __init__(self, stage: Stage) -> None:
        if stage.camera.facts.is_production:
            raise ValueError(f"{stage.camera.facts.description}: a rehearsal never starts a camera that sees a room")
        self._stage = stage
        self._root, self._recorder, self._receipts = (SigningKey.generate() for _ in range(3))
        self._epoch = generate_x25519()
        self._store = SpoolStore(stage.folder / "spool", REAL)
        self._moments = Moments(stage.clock)
        self._signer = Signer(key=self._recorder, moment=self._moments.moment, files=REAL)
        self._documents = DocumentStore(
            stage.folder / "state", device=stage.device, root=self._root.verifying, files=REAL
        )
        self._recording = ""

    def record(self) -> str:
        """Film, mux, seal and write; close the manifest."""
        self.erase()
        self._issue()
        recording = self._beginner().begin(_permit())
        self._recording = recording.name
        writer = MediaWriter(recording, self._stage.camera.picture, SegmentLimits(target_s=SEGMENT_S, bound_s=5.0))
        self._film(writer)
        recording.close(CloseReason.STOPPED)
        return f"{SECONDS} seconds of a drawn picture with sound"

    def verify(self) -> str:
        """Check every line's signature and every file's digest, and that nothing on the card is in the clear."""
        manifest = self._manifest()
        if manifest.closed is None or not manifest.segments:
            raise StepFailed("the record of what was written is not whole", SOFTWARE)
        for index in manifest.objects():
            data = self._store.object_path(self._recording, index).read_bytes()
            if (hashlib.sha256(data).hexdigest(), len(data)) != manifest.expected(index):
                raise StepFailed("the card gave back something else than was written to it", CARD)
            if any(mark in data for mark in IN_THE_CLEAR):
                raise StepFailed("something stands on the card that is not sealed", SOFTWARE)
        return f"{len(manifest.segments)} sealed files"

    def open(self) -> str:
        """Open with the test's own key, at any place, and play; no other key opens it."""
        identities = parse_identities(self._open_key(self._epoch).decode("ascii"))
        manifest = self._manifest()
        played = [self._play(segment.index, identities) for segment in manifest.segments]
        pictures, sound_s = sum(each.pictures for each in played), sum(each.sound_s for each in played)
        if pictures != SECONDS * FPS or abs(sound_s - SECONDS) > 0.5:
            raise StepFailed(f"{pictures} of {SECONDS * FPS} pictures and {sound_s:.1f} s of sound came back", SOFTWARE)
        try:
            self._open_key(generate_x25519())
        except NoMatchError:
            return f"{pictures} pictures and their sound"
        raise StepFailed("a key that is not the right one opens what was sealed", SOFTWARE)

    def release(self) -> str:
        """Erase it as a delivered lesson is: on a signed receipt for exactly these bytes."""
        manifest, releaser = self._manifest(), self._releaser()
        releaser.release(now=self._moments.now_at(), trusted=True, active="", in_force=None)
        if self._store.recordings() != (self._recording,):
            raise StepFailed("it was erased without a receipt", SOFTWARE)
        self._put(f"receipts/{self._recording}", self._receipt(manifest), self._receipts)
        releaser.release(now=self._moments.now_at(), trusted=True, active="", in_force=None)
        if self._store.recordings():
            raise StepFailed("a receipt did not free the card", SOFTWARE)
        return "only once a signed receipt was there"

    def erase(self) -> None:
        """Remove everything of the rehearsal, whatever became of it."""
        if self._stage.folder.exists():
            shutil.rmtree(self._stage.folder)

    def _film(self, writer: MediaWriter) -> None:
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        take = Take(self._stage.camera, None, writer=writer, clock=self._stage.clock, post=events.put)
        take.start()
        try:
            ended = self._wait_for_the_end(events)
        finally:
            take.dispose()
        if ended.cause is TakeEnd.DISK_FAILED:
            raise StepFailed(f"the card refused to be written ({ended.reason})", CARD)
        if ended.cause is not TakeEnd.FINISHED:
            raise StepFailed(f"the drawn picture broke off ({ended.cause.value} {ended.reason})", SOFTWARE)

    def _wait_for_the_end(self, events: queue.SimpleQueue[Event]) -> Event:
        deadline_s = self._stage.clock.monotonic_s() + LIMIT_S
        while self._stage.clock.monotonic_s() < deadline_s:
            self._stage.guard()
            try:
                event = events.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if event.kind is Kind.TAKE_ENDED:
                return event
        raise StepFailed(f"{SECONDS} seconds were not written within {LIMIT_S:.0f}", CARD)

    def _open_key(self, identity: KeyIdentity) -> bytes:
        return open_sealed(self._store.object_path(self._recording, 0).read_bytes(), [identity])

    def _play(self, index: int, identities: tuple[KeyIdentity, ...]) -> Played:
        """Read a segment as the player does, the end before the beginning, and decode all of it."""
        self._stage.guard()
        with self._store.object_path(self._recording, index).open("rb") as file:
            reader = RandomAccessReader(file, identities)
            middle = reader.size // 2
            end = reader.read_at(middle, reader.size)
            return play(reader.read_at(0, middle) + end)

    def _manifest(self) -> Manifest:
        return parse_manifest(self._store.manifest_path(self._recording).read_bytes(), self._recorder.verifying)

    def _beginner(self) -> Beginner:
        self._store.prepare()
        return Beginner(
            device=self._stage.device,
            camera="selftest",
            store=self._store,
            signer=self._signer,
            documents=self._documents,
            moments=self._moments,
            disk=self._stage.disk,
            limits=SpoolLimits(lesson_bytes=NEEDED_BYTES, reserve_bytes=NEEDED_BYTES // 16),
            random_bytes=os.urandom,
        )

    def _releaser(self) -> Releaser:
        return Releaser(
            self._store,
            self._documents,
            keeper=SpoolKeeper(self._store, self._signer),
            receipts=self._stage.folder / "state" / "receipts",
            undo=UndoRule(until=time(18), zone=UTC, grace=timedelta()),
        )

    def _issue(self) -> None:
        """Sign a keyring and an epoch that hold for this hour."""
        now, hour = self._moments.now_at(), timedelta(hours=1)
        receipts = KeyringKey(purpose=Purpose.RECEIPT, public=self._receipts.verifying.encode())
        span = _Span(generation=1, version=1, issued_at=now - hour, expires_at=now + hour)
        epoch = Epoch(name="selftest", begins_at=now - hour, ends_at=now + hour, recipient=str(self._epoch.recipient))
        self._put("keyring", Keyring(**span, school="self-test", keys=(receipts,)), self._root)
        self._put("recipients", Recipients(**span, epochs=(epoch,)), self._root)

    def _receipt(self, manifest: Manifest) -> Receipt:
        now = self._moments.now_at()
        named = ((index, manifest.expected(index)) for index in manifest.objects())
        return Receipt(
            generation=1,
            version=1,
            issued_at=now,
            expires_at=now + timedelta(hours=1),
            device=self._stage.device,
            recording=self._recording,
            manifest_lines=len(manifest.lines),
            manifest_head=manifest.head,
            items=tuple(ReceiptItem(index=at, digest=one[0], size_bytes=one[1]) for at, one in named if one),
        )

    def _put(self, name: str, document: Document, key: SigningKey) -> None:
        path = self._stage.folder / "state" / name
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        replace_file(path, issue_document(document, key), mode=SHARED)


def _permit() -> PressDecision:
    """Nobody presses in a rehearsal; what is drawn needs nobody's consent."""
    owner = make_id(os.urandom(ID_BYTES))
    return PressDecision(allowed=True, reason="selftest", owner=owner, policy_generation=1, policy_version=1)
