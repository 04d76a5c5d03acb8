"""The life of an upload: made for an object that a manifest names, whole, and then held or quarantined.

Whoever finds an upload whole finishes it: the request that brought the last byte, a later look at it, or the sweep at
the start after a crash. Objects of one recording are finished one after the other, so that two uploads of the same
object end in one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from zlib import crc32

from sqlalchemy.orm import Session

from controller.audit.models import Incident
from controller.errors import Refusal
from controller.recordings import ingest, repo
from controller.recordings.models import RecordingState
from controller.services import Services
from controller.uploads.incoming import Claim, Finished, IncomingError, IncomingStore, UploadNotFoundError
from controller.uploads.models import Upload, UploadState
from controller.uploads.repo import arriving_uploads, forget_uploads
from protocol.errors import ProtocolError
from protocol.ids import parse_id
from protocol.manifest import KEY_INDEX, Manifest, Recovered

LASTS = timedelta(days=2)  # an upload that nobody continued for two nights is made again
STRIPES = 64

log = logging.getLogger(__name__)


class Arrivals:
    """Uploads of one controller process, from their making to their end."""

    def __init__(self, services: Services, incoming: IncomingStore) -> None:
        self._services = services
        self._incoming = incoming
        self._locks = tuple(threading.Lock() for _ in range(STRIPES))

    def create(self, device: str, length_bytes: int, metadata: Mapping[str, bytes]) -> Claim:
        """Make an upload for the object that `metadata` names; raise `Refusal` when nobody waits for it."""
        recording, index = parse_object(metadata)
        now = self._services.clock()
        with self._services.database.reading() as session:
            self._require_wanted(session, device, recording, (index, length_bytes))
        self._require_room(length_bytes)
        upload = self._services.new_id()
        with self._services.database.writing() as session:
            session.add(
                Upload(
                    id=upload,
                    device=device,
                    recording=recording,
                    object_index=index,
                    size_bytes=length_bytes,
                    state=UploadState.ARRIVING,
                    made_at=now,
                )
            )
        return self._incoming.create(upload, length_bytes=length_bytes, expires_at=now + LASTS, metadata=metadata)

    def _require_wanted(self, session: Session, device: str, recording: str, wanted: tuple[int, int]) -> None:
        """Raise `Refusal` unless this device's manifest names an object of this index and length."""
        index, length_bytes = wanted
        row, owner = ingest.require_rows(session, recording)
        if row.device != device:
            raise Refusal(HTTPStatus.FORBIDDEN, "recording_foreign", f"recording {recording} is of another device")
        if row.state is RecordingState.DESTROYED:
            raise Refusal(HTTPStatus.GONE, "destroyed", "the owner had this recording destroyed")
        manifest = self._services.manifests.load(recording, owner.recorder_key)
        expected = manifest.expected(index)
        if expected is None:
            detail = f"the manifest that is held names no object {index} yet; send the manifest first"
            raise Refusal(HTTPStatus.CONFLICT, "not_announced", detail)
        if expected[1] != length_bytes:
            detail = f"Upload-Length: the manifest names {expected[1]} bytes for object {index}, got {length_bytes}"
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "length_mismatch", detail)
        if _needs_key(manifest, index) and repo.find_held(session, recording, KEY_INDEX) is None:
            detail = f"segment {index} was recovered after a cut: send key.age (index 0) before it"
            raise Refusal(HTTPStatus.CONFLICT, "key_first", detail)

    def _require_room(self, length_bytes: int) -> None:
        free, reserve = self._services.objects.free_bytes(), self._services.config.uploads.reserve_bytes
        if free < reserve + length_bytes:
            log.error("refused an upload of %d bytes: %d are free, %d stay in reserve", length_bytes, free, reserve)
            raise Refusal(HTTPStatus.INSUFFICIENT_STORAGE, "full", "the controller's disk is full; try again later")

    def finish(self, upload: str) -> None:
        """Hold the object of an upload that is whole, or put it into quarantine and raise `Refusal`."""
        row = self._row(upload)
        with self._locks[crc32(row.recording.encode()) % STRIPES]:
            if self._row(upload).state is UploadState.ARRIVING:  # else another request saw it whole, and finished it
                self._finish(row, self._incoming.finish(upload))

    def _row(self, upload: str) -> Upload:
        with self._services.database.reading() as session:
            return session.get_one(Upload, upload)

    def _finish(self, row: Upload, finished: Finished) -> None:
        digest, size_bytes = finished.sha256.hex(), finished.size_bytes
        try:
            if not self._is_held(row, digest):
                arrived = ingest.Arrived(finished.path, row.object_index, digest, size_bytes)
                ingest.take_in(self._services, row.recording, arrived)
        except ingest.DamagedError as damage:
            self._quarantine(row, finished.path, damage)
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, damage.code, str(damage)) from None
        self._end(row, UploadState.TAKEN_IN)
        self._incoming.discard(row.id)

    def _is_held(self, row: Upload, digest: str) -> bool:
        with self._services.database.reading() as session:
            held = repo.find_held(session, row.recording, row.object_index)
        return held is not None and held.digest == digest and ingest.is_whole(self._services, held)

    def _quarantine(self, row: Upload, path: Path, damage: ingest.DamagedError) -> None:
        name = f"{row.recording}-{row.object_index:06d}-{row.id}"
        kept = self._services.objects.quarantine(path, name)
        log.warning("%s: kept as %s", damage, kept)
        self._end(row, UploadState.QUARANTINED, damage)
        self._incoming.discard(row.id)

    def _end(self, row: Upload, state: UploadState, damage: ingest.DamagedError | None = None) -> None:
        now = self._services.clock()
        with self._services.database.writing() as session:
            ended = session.get_one(Upload, row.id)
            ended.state, ended.ended_at, ended.detail = state, now, str(damage or "")
            if damage:
                session.add(
                    Incident(device=row.device, recording=row.recording, kind=damage.code, detail=str(damage), at=now)
                )

    def discard(self, upload: str) -> None:
        """Remove an upload that is not finished, and its row."""
        self._incoming.discard(upload)
        with self._services.database.writing() as session:
            forget_uploads(session, [upload])

    def finish_whole(self) -> int:
        """Finish uploads that were whole when the process before this one was killed; tell how many."""
        with self._services.database.reading() as session:
            rows = arriving_uploads(session)
        return sum(self._finish_if_whole(row.id) for row in rows)

    def _finish_if_whole(self, upload: str) -> bool:
        try:
            claim = self._incoming.claim(upload)
            if not claim.upload.is_complete:
                return False
            self.finish(upload)
        except UploadNotFoundError:
            self.discard(upload)  # killed after the move: the object is adopted from its place by the next manifest
            return False
        except (IncomingError, Refusal) as error:
            log.warning("upload %s was left as it is: %s", upload, error)
            return False
        return True


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
