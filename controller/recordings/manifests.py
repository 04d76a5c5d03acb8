"""Manifests on the controller: taking in what a unit sends, and reading what is held.

A manifest is believed only when the device's registered recorder key signed every line, it names this device and this
recording, and it continues what is held. A fork is refused and written down. Defined in docs/protocol/manifest.md.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.audit.models import Incident
from controller.audit.repo import note_once
from controller.devices.models import Device
from controller.enrollment.models import RecorderKey
from controller.errors import Refusal
from controller.recordings.models import OMITTED, Recording, RecordingState
from controller.recordings.store import ObjectStore
from protocol.errors import ProtocolError
from protocol.ids import parse_id
from protocol.manifest import (
    TICKS_PER_SECOND,
    CloseReason,
    Event,
    EventName,
    ForkError,
    Manifest,
    Sealed,
    parse_manifest,
    require_extension,
)
from protocol.signing import SignatureError, VerifyingKey

log = logging.getLogger(__name__)
UNDISCARD = timedelta(days=1)
"""How long a discard at the button can be taken back: the unit's own limit lies within the same day."""


class Manifests:
    """Verified manifests out of the object store; the last few are remembered by the digest of their bytes."""

    def __init__(self, objects: ObjectStore, keep: int = 32) -> None:
        self._objects = objects
        self._keep = keep
        self._known: OrderedDict[tuple[str, str], Manifest] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, recording: str, recorder_key: str) -> Manifest:
        """Give the manifest that is held, verified; raise `FileNotFoundError` when none is."""
        return self.verify(self._objects.read_manifest(recording), recorder_key)

    def verify(self, data: bytes, recorder_key: str) -> Manifest:
        """Verify a manifest's bytes; raise a `ProtocolError` that names the line."""
        place = (hashlib.sha256(data).hexdigest(), recorder_key)
        with self._lock:
            known = self._known.get(place)
        if known is None:
            known = parse_manifest(data, VerifyingKey.parse(recorder_key, "recorder key"))
        with self._lock:
            self._known[place] = known
            self._known.move_to_end(place)
            if len(self._known) > self._keep:
                self._known.popitem(last=False)
        return known


@dataclass(frozen=True)
class Summary:
    """What pages and receipts want to know of a manifest."""

    segments: int
    duration_ms: int
    sound_verdict: str | None
    speech_permille: int | None
    closed: bool = field(default=False)


def summarize(manifest: Manifest) -> Summary:
    """Sum a manifest up; the length of a segment that a power cut tore is not known and counts as nothing."""
    sealed = [segment.ended for segment in manifest.segments if isinstance(segment.ended, Sealed)]
    ticks = sum(segment.duration_ticks for segment in sealed)
    sounds = [
        line.content.sound
        for line in manifest.events
        if isinstance(line.content, Event) and line.content.name is EventName.SOUND and line.content.sound
    ]
    return Summary(
        segments=len(manifest.segments),
        duration_ms=ticks * 1000 // TICKS_PER_SECOND,
        sound_verdict=OMITTED if manifest.begun.without_sound else sounds[-1].verdict.value if sounds else None,
        speech_permille=sounds[-1].speech_permille if sounds else None,
        closed=manifest.closed is not None,
    )


@dataclass(frozen=True, kw_only=True)
class ArrivedManifest:
    """A manifest that was verified: its bytes, and the recorder's key that signed it."""

    manifest: Manifest
    data: bytes
    signed_by: str


def verify_arrived(
    session: Session, manifests: Manifests, data: bytes, *, device: str, recording: str
) -> ArrivedManifest:
    """Verify a manifest that `device` sent for `recording`; raise `Refusal`.

    What began under one key goes on under it; a recording that is new may be signed by any key that the unit ever had,
    for it may have been made before the newest one.
    """
    held = session.get(Recording, recording)
    keys = (held.recorder_key,) if held and held.device == device else recorder_keys(session, device)
    try:
        arrived = _verify_by_any(manifests, data, keys)
        parse_id(arrived.manifest.begun.owner, "owner")
    except ProtocolError as error:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "manifest_unverified", str(error)) from None
    named = (arrived.manifest.begun.device, arrived.manifest.begun.recording)
    if named != (device, recording):
        detail = f"the manifest is of recording {named[1]} of device {named[0]}, not of {recording} of {device}"
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "manifest_foreign", detail)
    return arrived


def recorder_keys(session: Session, device: str) -> tuple[str, ...]:
    """Give all keys that a unit's recorder ever signed with, the newest first."""
    newest = session.get_one(Device, device).recorder_key
    ever = select(RecorderKey.key).where(RecorderKey.device == device).order_by(RecorderKey.since.desc())
    return tuple(dict.fromkeys(key for key in (newest, *session.scalars(ever)) if key))


def _verify_by_any(manifests: Manifests, data: bytes, keys: tuple[str, ...]) -> ArrivedManifest:
    refusal: ProtocolError = SignatureError("this unit's recorder has no key yet")
    for key in keys:
        try:
            return ArrivedManifest(manifest=manifests.verify(data, key), data=data, signed_by=key)
        except SignatureError as error:
            refusal = error
    raise refusal


def take_in_manifest(session: Session, objects: ObjectStore, arrived: ArrivedManifest, *, now: datetime) -> Recording:
    """Keep a verified manifest durably and bring its recording's row up to date; raise `Refusal` for a fork.

    Call inside a writing session: two manifests of one recording are taken in one after the other.
    """
    manifest, data = arrived.manifest, arrived.data
    row = session.get(Recording, manifest.begun.recording, with_for_update=True)
    if row is None:
        row = _begin(session, arrived, now)
    if row.state is RecordingState.DESTROYED:
        return row
    held = _continued(_read_held(objects, row.id), arrived, row)
    if len(data) > len(held):
        objects.put_manifest(row.id, data)
    if len(data) >= len(held):
        _update(row, manifest, now)
    return row


def _begin(session: Session, arrived: ArrivedManifest, now: datetime) -> Recording:
    manifest = arrived.manifest
    if manifest.discarded:
        detail = "the teacher discarded this recording at the button; it is not taken in"
        raise Refusal(HTTPStatus.CONFLICT, "discarded", detail)
    begun = manifest.begun
    row = Recording(
        id=begun.recording,
        device=begun.device,
        owner=begun.owner,
        recorder_key=arrived.signed_by,
        state=RecordingState.ARRIVING,
        began_at=manifest.began_at,
        first_seen_at=now,
        manifest_head=manifest.head,
        receipt_version=0,
        receipt_acked=0,
    )
    session.add(row)
    return row


def _read_held(objects: ObjectStore, recording: str) -> bytes:
    try:
        return objects.read_manifest(recording)
    except FileNotFoundError:
        return b""


def _continued(held: bytes, arrived: ArrivedManifest, row: Recording) -> bytes:
    """Give what is held and goes on in what arrived, nothing where the disk has lost it; raise `Refusal` for a fork."""
    try:
        require_extension(held, arrived.data, row.id)
    except ForkError as error:
        if _verifies(held, row.recorder_key):
            raise Refusal(HTTPStatus.CONFLICT, "manifest_fork", str(error)) from None
        log.error("the server's disk: a manifest is damaged; it is taken in anew")
        held = b""
    if not held and not contains_head(arrived.manifest, row):
        detail = f"recording {row.id}: line {row.manifest_lines} is not the one that was held, or is missing"
        raise Refusal(HTTPStatus.CONFLICT, "manifest_fork", detail)
    return held


def _verifies(data: bytes, recorder_key: str) -> bool:
    try:
        parse_manifest(data, VerifyingKey.parse(recorder_key, "recorder key"))
    except ProtocolError:
        return False
    return True


def contains_head(manifest: Manifest, row: Recording) -> bool:
    """Tell whether a manifest is the one that a recording's row knows, or continues it."""
    if not row.manifest_lines:
        return True
    lines = manifest.lines
    return len(lines) >= row.manifest_lines and lines[row.manifest_lines - 1].digest == row.manifest_head


def _update(row: Recording, manifest: Manifest, now: datetime) -> None:
    summary = summarize(manifest)
    row.began_at = min(manifest.began_at, row.first_seen_at)  # the unit's clock may be ahead, and may be set later
    row.segments, row.duration_ms, row.closed = summary.segments, summary.duration_ms, summary.closed
    row.sound_verdict, row.speech_permille = summary.sound_verdict, summary.speech_permille
    if row.manifest_head != manifest.head or row.receipt_version == 0:
        row.receipt_due = True
    row.manifest_lines, row.manifest_head = len(manifest.lines), manifest.head
    _follow_discard(row, manifest, now)


def _follow_discard(row: Recording, manifest: Manifest, now: datetime) -> None:
    """Lock what was discarded at the button after some of it had arrived; unlock it when that was taken back."""
    by_button = manifest.closed is not None and manifest.closed.reason is CloseReason.DISCARDED
    if manifest.discarded and row.state in (RecordingState.ARRIVING, RecordingState.READY):
        row.state, row.locked_at, row.destroy_after = RecordingState.LOCKED, now, now + UNDISCARD
    elif by_button and not manifest.discarded and row.state is RecordingState.LOCKED:
        row.state, row.locked_at, row.destroy_after = RecordingState.ARRIVING, None, None


def note_refusal(session: Session, device: str, recording: str, refusal: Refusal, now: datetime) -> None:
    """Write down a manifest that no honest unit sends, once however often it is sent."""
    note_once(session, Incident(device=device, recording=recording, kind=refusal.code, detail=refusal.detail, at=now))


def read_for_release(manifests: Manifests, row: Recording) -> Manifest | None:
    """Give the manifest of a recording that is about to be destroyed; None when it is not there to be read any more."""
    try:
        return manifests.load(row.id, row.recorder_key)
    except (OSError, ProtocolError):
        log.error("a manifest that is due to be destroyed cannot be read; what it is of is destroyed all the same")
        return None
