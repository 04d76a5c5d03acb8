"""Wishes for today: a lesson, or all that waits on a unit, is needed before the night.

Kept until the day is over by the school's clock, taken back by whoever asked, and over when the recording is here. Only
who asked is told of it (promise P7). What it changes is decided by the scheduler. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from controller.recordings.models import Recording, RecordingState
from controller.uploads.models import TodayWish

WHOLE_UNIT = ""


def end_of_day(now: datetime, zone: tzinfo) -> datetime:
    """Give the school's next midnight."""
    local = now.astimezone(zone)
    return datetime.combine(local.date() + timedelta(days=1), time(), zone)


def wished(session: Session, now: datetime) -> dict[str, str | None]:
    """Give the units of which something is needed today, each with the recording that was asked for first."""
    wishes = select(TodayWish.device, TodayWish.recording, Recording.state).outerjoin(
        Recording, Recording.id == TodayWish.recording
    )
    found: dict[str, str | None] = {}
    for device, recording, state in session.execute(wishes.where(TodayWish.ends_at > now).order_by(TodayWish.asked_at)):
        if recording == WHOLE_UNIT:
            found.setdefault(device, None)
        elif state is RecordingState.ARRIVING:
            found[device] = found.get(device) or recording
    return found


@dataclass(frozen=True)
class Wish:
    """What somebody needs today: a recording, or with `WHOLE_UNIT` all that waits on a unit."""

    device: str
    recording: str
    asked_by: str


def holds(session: Session, wish: Wish, now: datetime) -> bool:
    """Tell whether a wish was made and still holds."""
    row = session.get(TodayWish, (wish.device, wish.recording, wish.asked_by))
    return row is not None and row.ends_at > now


def keep_wish(session: Session, wish: Wish, *, now: datetime, zone: tzinfo) -> None:
    """Keep a wish until the end of the day; the same wish again changes nothing."""
    if not holds(session, wish, now):
        ends_at = end_of_day(now, zone)
        session.merge(
            TodayWish(
                device=wish.device, recording=wish.recording, asked_by=wish.asked_by, asked_at=now, ends_at=ends_at
            )
        )


def take_back(session: Session, wish: Wish) -> None:
    """Take a wish back; none is no error."""
    row = session.get(TodayWish, (wish.device, wish.recording, wish.asked_by))
    if row:
        session.delete(row)


def forget_over(session: Session, now: datetime) -> None:
    """Remove wishes of days that are over, and of recordings that are here: nobody shall read them later."""
    session.execute(delete(TodayWish).where(TodayWish.ends_at <= now))
    arriving = select(Recording.id).where(Recording.state == RecordingState.ARRIVING)
    session.execute(delete(TodayWish).where(TodayWish.recording != WHOLE_UNIT, TodayWish.recording.not_in(arriving)))
