"""Taking in: an upload that is whole becomes an object that is held, or goes into quarantine.

The order is the promise: digest and length against the signed manifest, then the file durably in its place, then the
row, and only from the row a receipt. Killed between any two of them, the next manifest or upload finishes the work.
`key.age` is opened with the epoch's identity and kept only in the key store, sealed to the storage identity.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from controller.audit.models import Incident
from controller.audit.repo import note_once
from controller.db import Database
from controller.epochs.services import has_ended, refuse_ended
from controller.errors import Refusal
from controller.recordings import policy, repo
from controller.recordings.late import note_late
from controller.recordings.models import HeldObject, Recording, RecordingState
from controller.services import Services
from protocol.envelope import EnvelopeError, KeyIdentity, open_sealed, parse_identities, read_header_bytes, recover
from protocol.manifest import KEY_INDEX, Manifest, Recovered, digest_of

KEY_LIMIT_BYTES = 64 * 1024

_ANNOUNCED = select(Recording.device, Recording.state, Recording.recorder_key).where(
    Recording.id == bindparam("recording")
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arrived:
    """A whole object in a durable file, with the SHA-256 of its bytes in hexadecimal."""

    path: Path
    index: int
    digest: str
    size_bytes: int


class DamagedError(Exception):
    """What arrived is not what the recorder signed; `code` is for the unit."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


def _nothing_more(session: Session) -> None:
    """Write nothing beside the object's row."""


def take_in(
    services: Services,
    recording: str,
    arrived: Arrived,
    also: Callable[[Session], object] = _nothing_more,
) -> None:
    """Check an object and hold it durably; raise `DamagedError` when it is not what was signed, else `Refusal`.

    The same object twice does no harm. On return its row is committed, with what `also` writes, and a receipt is due;
    what is left of the file is the caller's to remove.
    """
    announced = require_announced(services.database, recording)
    manifest = services.manifests.load(recording, announced.recorder_key)
    require_expected(manifest, arrived)
    if arrived.index == KEY_INDEX:
        _take_in_key(services, manifest, arrived)
    else:
        _take_in_segment(services, manifest, arrived)
    with services.database.writing() as session:
        if repo.lock_state(session, recording) is RecordingState.DESTROYED:
            _forget(services, recording)
            raise Refusal(HTTPStatus.GONE, "destroyed", "the owner had this recording destroyed")
        hold(session, manifest, arrived, services.clock())
        also(session)


@dataclass(frozen=True)
class Announced:
    """What the door must know of a recording whose manifest came."""

    device: str
    state: RecordingState
    recorder_key: str


def require_announced(database: Database, recording: str) -> Announced:
    """Tell what is known of a recording; raise `Refusal` when its manifest never came."""
    found = database.find(_ANNOUNCED, recording=recording)
    if found is None:
        raise Refusal(HTTPStatus.CONFLICT, "not_announced", f"send the manifest of recording {recording} first")
    return Announced(*found)


def require_expected(manifest: Manifest, arrived: Arrived) -> None:
    """Raise `DamagedError` unless length and digest are those that the manifest names."""
    expected = manifest.expected(arrived.index)
    got = (arrived.digest, arrived.size_bytes)
    if got != expected:
        named = f"{expected[1]} bytes with SHA-256 {expected[0]}" if expected else "nothing yet"
        raise DamagedError(
            "digest_mismatch",
            f"object {arrived.index} of recording {manifest.begun.recording}: the manifest names {named}, "
            f"got {arrived.size_bytes} bytes with SHA-256 {arrived.digest}",
        )


def _take_in_key(services: Services, manifest: Manifest, arrived: Arrived) -> None:
    """Re-wrap the key. Whoever called removes the file then: no copy that the epoch's identity opens outlives this."""
    identity = _open_key(services, manifest, arrived)
    services.key_store.put(manifest.begun.recording, identity)


def _open_key(services: Services, manifest: Manifest, arrived: Arrived) -> KeyIdentity:
    epoch = services.keys.epochs.get(manifest.begun.epoch)
    if epoch is None:
        refuse_when_ended(services, manifest)
        detail = f"this controller has no identity of epoch {manifest.begun.epoch}; it must be put into keys/epochs"
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "epoch_unknown", detail)
    try:
        text = open_sealed(_read_key(arrived), [epoch]).decode("ascii")
        (identity,) = parse_identities(text)
    except (EnvelopeError, UnicodeDecodeError, ValueError) as error:
        raise DamagedError("key_unreadable", f"key.age does not hold one identity: {error}") from None
    if str(identity.recipient) != manifest.begun.recipient:
        raise DamagedError("key_foreign", "key.age holds an identity that is not the one the segments are sealed to")
    return identity


def refuse_when_ended(services: Services, manifest: Manifest) -> None:
    """Raise `Refusal`, and tell the owner, when nothing can open a recording any more: its epoch has ended.

    One whose key was delivered in time goes on arriving, and so does the word that its owner had it destroyed.
    """
    begun = manifest.begun
    if services.key_store.holds(begun.recording) or begun.epoch in services.keys.epochs:
        return
    with services.database.writing() as session:
        is_destroyed = repo.lock_state(session, begun.recording) is RecordingState.DESTROYED
        if is_destroyed or not has_ended(session, begun.epoch):
            return
        refusal, now = refuse_ended(begun.epoch), services.clock()
        note_late(session, manifest, now)
        note_once(
            session,
            Incident(
                device=begun.device,
                recording=begun.recording,
                kind=refusal.code,
                detail=refusal.detail,
                at=now,
            ),
        )
    raise refusal


def _read_key(arrived: Arrived) -> bytes:
    if arrived.size_bytes > KEY_LIMIT_BYTES:
        raise DamagedError("key_unreadable", f"key.age: expected at most {KEY_LIMIT_BYTES} bytes")
    return arrived.path.read_bytes()


def _take_in_segment(services: Services, manifest: Manifest, arrived: Arrived) -> None:
    segment = manifest.segments[arrived.index - 1]
    if isinstance(segment.ended, Recovered):
        _check_recovered(services, manifest, segment.ended, arrived)
    services.objects.take_in(arrived.path, manifest.begun.recording, arrived.index)


def _check_recovered(services: Services, manifest: Manifest, ended: Recovered, arrived: Arrived) -> None:
    """A torn segment was not vouched for as a whole when it was written, only its header was: look inside."""
    recording = manifest.begun.recording
    opened = manifest.segments[ended.index - 1].opened
    try:
        identity = services.key_store.get(recording)
    except FileNotFoundError:
        detail = f"segment {ended.index} was recovered after a cut: send key.age (index 0) before it"
        raise Refusal(HTTPStatus.CONFLICT, "key_first", detail) from None
    with arrived.path.open("rb") as file:
        if digest_of(_header(file)) != opened.header_digest:
            detail = f"segment {ended.index}: the header is not the one that the recorder opened this segment with"
            raise DamagedError("recovered_mismatch", detail)
        tail = recover(file, [identity])
    if tail.whole_chunks < ended.whole_chunks:
        _note_short(services, manifest, ended, tail.whole_chunks)


def _header(file: BinaryIO) -> bytes:
    try:
        return read_header_bytes(file)
    except EnvelopeError as error:
        raise DamagedError("recovered_mismatch", str(error)) from None


def _note_short(services: Services, manifest: Manifest, ended: Recovered, authentic: int) -> None:
    """Fewer chunks authenticate than lay on the card: what a torn write leaves, and what an edit leaves.

    The segment is taken in all the same: playback stops at the first chunk that is not authentic, and refusing it
    would keep the rest of the lesson from its owner for ever.
    """
    detail = f"segment {ended.index}: {ended.whole_chunks} whole chunks lay on the card, {authentic} are authentic"
    log.warning("of a segment that a power cut ended less is authentic than lay on the card; it is held all the same")
    with services.database.writing() as session:
        session.add(
            Incident(
                device=manifest.begun.device,
                recording=manifest.begun.recording,
                kind="recovered_short",
                detail=detail,
                at=services.clock(),
            )
        )


def hold(session: Session, manifest: Manifest, arrived: Arrived, now: datetime) -> None:
    """Write down that an object is held durably, and that a receipt is due; what is written already stays."""
    held = HeldObject(
        recording=manifest.begun.recording,
        object_index=arrived.index,
        digest=arrived.digest,
        size_bytes=arrived.size_bytes,
        held_at=now,
    )
    if repo.add_held(session, held) == len(manifest.objects()):
        settle(session, session.get_one(Recording, manifest.begun.recording), manifest, now)


def settle(session: Session, row: Recording, manifest: Manifest, now: datetime) -> None:
    """Make a recording ready when it is whole; one that is locked only notes it, for when the deletion is undone."""
    held = repo.held_indexes(session, row.id)
    if policy.is_whole(closed=row.closed, objects=manifest.objects(), held=held):
        row.ready_at = row.ready_at or now
        if row.state is RecordingState.ARRIVING:
            row.state = RecordingState.READY


def _forget(services: Services, recording: str) -> None:
    services.key_store.destroy(recording)
    services.objects.destroy(recording)
