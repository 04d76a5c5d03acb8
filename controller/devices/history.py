"""A unit's history: what was done to it, when and by whom. IT reads it: nothing here ever tells of a recording (P7)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.devices.models import DeviceEvent

OPERATOR, UNIT = "operator", "unit"
"""Who did it when it was no account: somebody on the server's command line, the unit itself."""


class Happening(StrEnum):
    """What a line of the history can say."""

    PREPARED = "prepared"
    READIED = "secret_made"
    CLAIMED_AGAIN = "secret_reused"
    HOLD_LIFTED = "hold_lifted"
    ADOPTED = "adopted"
    ENROLLED = "enrolled"
    RENEWED = "renewed"
    RECORDER_KEY = "recorder_key"
    READOPTED = "readopted"
    IDENTIFIED = "identified"
    MOVED = "moved"
    TOOK_OVER = "took_over"
    REPLACED = "replaced"
    OTHER_BOARD = "other_board"
    QUARANTINED = "quarantined"
    ACCEPTED = "accepted"
    RETIRED = "retired"
    LOST = "lost"
    REMOVED = "removed"
    BREACH_PACK = "breach_pack"
    EPOCH_WAIVED = "epoch_waived"
    BY_DAY = "by_day"
    NOT_BY_DAY = "not_by_day"


PLACING = (Happening.MOVED, Happening.TOOK_OVER, Happening.REPLACED)
"""What gives a unit another place."""


@dataclass(frozen=True)
class Deed:
    """Who does something to a unit, and when: an account's id, `OPERATOR` or `UNIT`.

    `within`: the sites whose units they run, None for all; a unit of another site does not exist for them.
    """

    by: str
    at: datetime
    within: frozenset[str] | None = None


def note_event(session: Session, device: str, what: Happening, deed: Deed, detail: str = "") -> None:
    """Write one line of a unit's history."""
    session.add(DeviceEvent(device=device, at=deed.at, what=what.value, by=deed.by, detail=detail))


def events_of(session: Session, device: str) -> Sequence[DeviceEvent]:
    """Give a unit's history, the newest first."""
    return session.scalars(
        select(DeviceEvent).where(DeviceEvent.device == device).order_by(DeviceEvent.id.desc())
    ).all()


def newest_of(session: Session, device: str, kinds: Collection[Happening]) -> DeviceEvent | None:
    """Give the newest line of some kinds in a unit's history."""
    wanted = DeviceEvent.what.in_([kind.value for kind in kinds])
    newest = select(DeviceEvent).where(DeviceEvent.device == device, wanted).order_by(DeviceEvent.id.desc())
    return session.scalars(newest.limit(1)).first()
