"""Recordings that came too late: their epoch had ended, nothing can open them, and they stay on their unit.

Their owner is told on their page, and may put the note aside; nobody else learns that there is one (promise P7).
Defined in docs/protocol/epochs.md ("Afterwards").
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.devices.models import Device
from controller.recordings.models import LateRecording
from protocol.manifest import Manifest


@dataclass(frozen=True, kw_only=True)
class LateEntry:
    """One of them as its owner's page shows it: the lesson's beginning and the unit's name."""

    recording: str
    began_at: datetime
    unit: str


def note_late(session: Session, manifest: Manifest, now: datetime) -> None:
    """Remember, once, that a recording came too late; one that was discarded at the button is no loss to tell of."""
    begun = manifest.begun
    if manifest.discarded or session.get(LateRecording, begun.recording) is not None:
        return
    session.add(
        LateRecording(
            recording=begun.recording,
            device=begun.device,
            owner=begun.owner,
            epoch=begun.epoch,
            began_at=min(manifest.began_at, now),
            learned_at=now,
        )
    )


def late_of(session: Session, owner: str) -> Sequence[LateEntry]:
    """Give what came too late of an owner's and was not put aside, the newest first."""
    mine = (LateRecording.owner == owner) & LateRecording.put_aside_at.is_(None)
    found = select(LateRecording, Device.label).join(Device, Device.id == LateRecording.device).where(mine)
    rows = session.execute(found.order_by(LateRecording.began_at.desc())).all()
    return [LateEntry(recording=row.recording, began_at=row.began_at, unit=label) for row, label in rows]


def are_late(session: Session, recordings: Collection[str]) -> frozenset[str]:
    """Give those of some recordings that came too late, put aside or not."""
    some = select(LateRecording.recording).where(LateRecording.recording.in_(recordings))
    return frozenset(session.scalars(some))


def put_aside(session: Session, recording: str, *, owner: str, now: datetime) -> bool:
    """Take the note off its owner's page; tell whether it was this owner's."""
    row = session.get(LateRecording, recording)
    if row is None or row.owner != owner:
        return False
    row.put_aside_at = row.put_aside_at or now
    return True
