"""The life of an upload: made for an object that a manifest names, whole, and then held or quarantined.

Whoever finds an upload whole finishes it: the request that brought the last byte, a later look at it, or the sweep at
the start after a crash. Objects of one recording are finished one after the other, so that two uploads of the same
object end in one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from zlib import crc32

from sqlalchemy import bindparam, select

from controller.audit.models import Incident
from controller.audit.repo import note_once
from controller.claims.services import weigh_arrival
from controller.errors import Refusal
from controller.recordings import ingest, manifests
from controller.recordings.models import Recording, RecordingState
from controller.recordings.wanted import find_lying, find_wanted
from controller.services import Services
from controller.uploads.incoming import Claim, IncomingError, IncomingStore, UploadNotFoundError
from controller.uploads.models import Upload, UploadState
from controller.uploads.quotas import Quotas
from controller.uploads.repo import add_ended, find_upload
from protocol.errors import ProtocolError
from protocol.ids import parse_id
from protocol.manifest import KEY_INDEX, Manifest, Recovered

LASTS = timedelta(days=2)  # an upload that nobody continued for two nights is made again
STRIPES = 64

_OWNER = select(Recording.device).where(Recording.id == bindparam("recording"))

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Announcement:
    """How many lines of a manifest are held now, and which objects are wanted."""

    lines: int
    wanted: tuple[int, ...]


class Arrivals:
    """Uploads of one controller process, from their making to their end."""

    def __init__(self, services: Services, incoming: IncomingStore) -> None:
        self._services = services
        self._incoming = incoming
        self.quotas = Quotas(services, incoming)
        self._locks = tuple(threading.Lock() for _ in range(STRIPES))

    def announce(self, device: str, recording: str, data: bytes) -> Announcement:
        """Take in a manifest and tell what is wanted; raise `Refusal`, of which faults are written down."""
        self.require_room(len(data))
        self.quotas.require_recording(device, recording)
        try:
            return self._take_in_manifest(device, recording, data)
        except Refusal as refusal:
            with self._services.database.writing() as session:
                manifests.note_refusal(session, device, recording, refusal, self._services.clock())
            raise

    def _take_in_manifest(self, device: str, recording: str, data: bytes) -> Announcement:
        services = self._services
        with services.database.reading() as session:
            arrived = manifests.verify_arrived(session, services.manifests, data, device=device, recording=recording)
        ingest.refuse_when_ended(services, arrived.manifest)
        lying = find_lying(services, arrived.manifest)
        with services.database.writing() as session:
            now, zone = services.clock(), services.config.controller.time_zone
            row = manifests.take_in_manifest(session, services.objects, arrived, now=now)
            if row.first_seen_at == now:
                weigh_arrival(session, row, arrived.manifest, zone=zone, now=now)
            return Announcement(row.manifest_lines, find_wanted(services, session, row, arrived.manifest, lying=lying))

    def create(self, device: str, length_bytes: int, metadata: Mapping[str, bytes]) -> Claim:
        """Make an upload for the object that `metadata` names; raise `Refusal` when nobody waits for it."""
        recording, index = parse_object(metadata)
        now = self._services.clock()
        self._require_wanted(device, recording, (index, length_bytes))
        self.require_room(length_bytes)
        self.quotas.require_upload(device, length_bytes)
        upload = self._services.new_id()
        claim = self._incoming.create(upload, length_bytes=length_bytes, expires_at=now + LASTS, metadata=metadata)
        self.quotas.note_made(device, upload, length_bytes)
        return claim

    def _require_wanted(self, device: str, recording: str, wanted: tuple[int, int]) -> None:
        """Raise `Refusal` unless this device's manifest names an object of this index and length."""
        index, length_bytes = wanted
        announced = ingest.require_announced(self._services.database, recording)
        if announced.device != device:
            raise Refusal(HTTPStatus.FORBIDDEN, "recording_foreign", f"recording {recording} is of another device")
        if announced.state is RecordingState.DESTROYED:
            raise Refusal(HTTPStatus.GONE, "destroyed", "the owner had this recording destroyed")
        manifest = self._services.manifests.load(recording, announced.recorder_key)
        expected = manifest.expected(index)
        if expected is None:
            detail = f"the manifest that is held names no object {index} yet; send the manifest first"
            raise Refusal(HTTPStatus.CONFLICT, "not_announced", detail)
        if expected[1] != length_bytes:
            detail = f"Upload-Length: the manifest names {expected[1]} bytes for object {index}, got {length_bytes}"
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "length_mismatch", detail)
        if _needs_key(manifest, index) and not self._services.key_store.holds(recording):
            detail = f"segment {index} was recovered after a cut: send key.age (index 0) before it"
            raise Refusal(HTTPStatus.CONFLICT, "key_first", detail)

    def require_room(self, length_bytes: int) -> None:
        """Raise `Refusal` unless so many bytes find room above the reserve."""
        free, reserve = self._services.objects.free_bytes(), self._services.config.uploads.reserve_bytes
        if free < reserve + length_bytes:
            log.error("refused an upload of %d bytes: %d are free, %d stay in reserve", length_bytes, free, reserve)
            raise Refusal(HTTPStatus.INSUFFICIENT_STORAGE, "full", "the controller's disk is full; try again later")

    def find(self, device: str, upload: str) -> Claim | Upload | None:
        """Give a claim on an upload of this device that is arriving, else how it ended, else None.

        A claim fences whoever writes to the upload. One that is whole is finished first.
        """
        try:
            claim = self._incoming.claim(upload)
        except UploadNotFoundError:
            return self._ended(device, upload)
        recording, _ = parse_object(claim.upload.metadata)
        owner = self._services.database.find(_OWNER, recording=recording)
        if owner is None or owner[0] != device:
            return None
        if not claim.upload.is_complete:
            return claim
        self.finish(claim)
        return self._ended(device, upload)

    def _ended(self, device: str, upload: str) -> Upload | None:
        with self._services.database.reading() as session:
            return find_upload(session, upload, device)

    def finish(self, claim: Claim) -> None:
        """Hold the object of an upload that is whole, or put it into quarantine and raise `Refusal`."""
        recording, index = parse_object(claim.upload.metadata)
        with self._locks[crc32(recording.encode()) % STRIPES]:
            try:
                finished = self._incoming.finish(claim.upload.id)
            except UploadNotFoundError:
                self._require_taken_in(claim.upload.id)  # another request saw it whole, and finished it
                return
            found = (finished.path, index, finished.sha256.hex(), finished.size_bytes)
            self._finish(recording, ingest.Arrived(*found), claim.upload.id)

    def _require_taken_in(self, upload: str) -> None:
        with self._services.database.reading() as session:
            row = session.get(Upload, upload)
        if row and row.state is UploadState.QUARANTINED:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "digest_mismatch", row.detail)

    def _finish(self, recording: str, arrived: ingest.Arrived, upload: str) -> None:
        ended = self._ended_row(recording, arrived, upload, UploadState.TAKEN_IN)
        try:
            ingest.take_in(self._services, recording, arrived, also=lambda session: add_ended(session, ended))
        except ingest.DamagedError as damage:
            self._quarantine(recording, arrived, upload, damage)
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, damage.code, str(damage)) from None
        except Refusal as refusal:
            if refusal.status is HTTPStatus.GONE:
                self._incoming.discard(upload)
            raise
        if arrived.index == KEY_INDEX:
            self._incoming.discard(upload)  # durably: the epoch's identity opens this file
        else:
            self._incoming.let_go(upload)

    def _quarantine(self, recording: str, arrived: ingest.Arrived, upload: str, damage: ingest.DamagedError) -> None:
        log.warning("an object is not what was signed (%s); it is wanted again", damage.code)
        ended = self._ended_row(recording, arrived, upload, UploadState.QUARANTINED)
        ended.detail = str(damage)
        overflowed = self._keep_apart(ended, arrived)
        with self._services.database.writing() as session:
            add_ended(session, ended)
            note_once(session, _incident(ended, recording, damage.code, ended.detail))
            if overflowed:
                most = self._services.config.uploads.quarantine_bytes
                note_once(
                    session, _incident(ended, None, "quarantine_full", f"more than {most} bytes: the oldest went")
                )
        self._incoming.discard(upload)

    def _keep_apart(self, ended: Upload, arrived: ingest.Arrived) -> bool:
        """Put an object into quarantine; tell whether others had to go. A key is not kept: the epoch may open it."""
        if arrived.index == KEY_INDEX:
            return False
        return self._services.objects.quarantine(
            arrived.path,
            ended.device,
            f"{ended.recording}-{arrived.index:06d}",
            most_bytes=self._services.config.uploads.quarantine_bytes,
        )

    def _ended_row(self, recording: str, arrived: ingest.Arrived, upload: str, state: UploadState) -> Upload:
        return Upload(
            id=upload,
            device=ingest.require_announced(self._services.database, recording).device,
            recording=recording,
            object_index=arrived.index,
            size_bytes=arrived.size_bytes,
            state=state,
            ended_at=self._services.clock(),
            detail="",
        )

    def finish_whole(self) -> int:
        """Finish uploads that were whole when the process before this one was killed; tell how many."""
        return sum(self._finish_if_whole(upload) for upload in self._incoming.upload_ids())

    def _finish_if_whole(self, upload: str) -> bool:
        try:
            claim = self._incoming.claim(upload)
            if not claim.upload.is_complete:
                return False
            self.finish(claim)
        except UploadNotFoundError:
            self._incoming.discard(upload)  # killed after the move: the next manifest adopts the object in its place
            return False
        except (IncomingError, Refusal) as error:
            log.warning("upload %s was left as it is: %s", upload, error)
            return False
        return True


def _incident(ended: Upload, recording: str | None, kind: str, detail: str) -> Incident:
    return Incident(device=ended.device, recording=recording, kind=kind, detail=detail, at=ended.ended_at)


def parse_object(metadata: Mapping[str, bytes]) -> tuple[str, int]:
    """Read which object an upload is for from its metadata; raise `Refusal`."""
    try:
        recording = parse_id(metadata.get("recording", b"").decode("ascii"), "recording")
        index = int(metadata.get("index", b"").decode("ascii"))
    except (ProtocolError, ValueError) as error:
        detail = f"Upload-Metadata: expected recording and index, got {sorted(metadata)}: {error}"
        raise Refusal(HTTPStatus.BAD_REQUEST, "malformed", detail) from None
    return recording, index


def _needs_key(manifest: Manifest, index: int) -> bool:
    return index != KEY_INDEX and isinstance(manifest.segments[index - 1].ended, Recovered)
