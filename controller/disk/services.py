"""Looks at the disk for whoever grants leases, remembers that it is full, and tells IT before it is.

What is told is of the server as a whole: never of a recording, and no figure of fewer than five rooms (promise P7).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controller.devices.models import Device
from controller.devices.policy import DELIVERING
from controller.disk import policy
from controller.disk.models import THE_ROW, DiskState
from controller.recordings import repo as recordings
from controller.services import Services
from controller.uploads import repo as uploads
from controller.uploads.models import Upload, UploadState

LOOKED_BACK = timedelta(days=7)

log = logging.getLogger(__name__)


def marks_of(services: Services) -> policy.Marks:
    """Give the marks of the configuration."""
    settings = services.config.uploads
    return policy.Marks(
        reserve_bytes=settings.reserve_bytes,
        low_bytes=settings.low_mark_bytes,
        high_bytes=settings.high_mark_bytes,
    )


def look(services: Services, session: Session, now: datetime) -> policy.Room:
    """Give the room for leases that are granted now, beside those that run. Writes nothing."""
    running = uploads.promises(session, now)
    state = session.get(DiskState, THE_ROW)
    disk = policy.Disk(
        free_bytes=services.objects.free_bytes(),
        promised_bytes=sum(policy.promise_of(rate_bps, ends_at=ends_at, now=now) for rate_bps, ends_at in running),
        was_full=state is not None and state.full_since is not None,
    )
    return policy.decide_room(disk, marks_of(services))


def remember(session: Session, room: policy.Room, now: datetime) -> None:
    """Write down whether the disk is full, and say in the log when that changes; call inside a writing session."""
    state = session.get(DiskState, THE_ROW)
    if state is None:
        state = DiskState(id=THE_ROW, full_since=None)
        session.add(state)
    if room.is_full and state.full_since is None:
        state.full_since = now
        log.error("the disk has no room for another lease: none is granted until there is; units keep what they hold")
    elif not room.is_full and state.full_since is not None:
        state.full_since = None
        log.info("the disk has room again: leases are granted")


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What IT is told of the disk. `nights_left`: None where it is not told.

    `damaged_since`: when the damage was found that is not repaired. `is_behind`: reading back takes over two cycles.
    """

    free_bytes: int
    low_bytes: int
    full_since: datetime | None
    nights_left: int | None
    damaged_since: datetime | None
    is_behind: bool

    @property
    def is_soon_full(self) -> bool:
        """Tell whether somebody has to do something soon."""
        few = self.nights_left is not None and self.nights_left < policy.SOON_NIGHTS
        return few or self.free_bytes < 2 * self.low_bytes

    @property
    def needs_somebody(self) -> bool:
        """Tell whether there is something to do."""
        return bool(self.full_since or self.damaged_since or self.is_soon_full or self.is_behind)


def find_outlook(services: Services, session: Session) -> Outlook:
    """Find what IT is told of the disk."""
    free, marks, now = services.objects.free_bytes(), marks_of(services), services.clock()
    cycle = timedelta(days=services.config.scrub.cycle_days)
    state = session.get(DiskState, THE_ROW)
    return Outlook(
        free_bytes=free,
        low_bytes=marks.low_bytes,
        full_since=state.full_since if state else None,
        nights_left=policy.nights_left(
            max(0, free - marks.low_bytes),
            taken_bytes=_taken_bytes(session, now - LOOKED_BACK),
            nights=LOOKED_BACK.days,
            rooms=session.scalar(select(func.count(Device.id)).where(Device.state.in_(DELIVERING))) or 0,
        ),
        damaged_since=recordings.damaged_since(session),
        is_behind=bool(recordings.due_for_reading(session, now - 2 * cycle, held_before=now - 2 * cycle, most=1)),
    )


def _taken_bytes(session: Session, since: datetime) -> int:
    taken = select(func.sum(Upload.size_bytes)).where(Upload.state == UploadState.TAKEN_IN, Upload.ended_at > since)
    return session.scalar(taken) or 0


def tell_outlook(services: Services) -> str:
    """Give the line of `backrow controller status`."""
    with services.database.reading() as session:
        seen = find_outlook(services, session)
    if seen.free_bytes <= services.config.uploads.reserve_bytes:
        verdict = "FULL: nothing is taken in until there is room"
    elif seen.full_since:
        verdict = f"FULL since {seen.full_since:%Y-%m-%d %H:%M} UTC: no lease is granted, units keep what they hold"
    else:
        verdict = "units may deliver"
    room = f"{seen.free_bytes / 1e9:.1f} GB free, {services.config.uploads.reserve_bytes / 1e9:.1f} GB kept in reserve"
    nights = "" if seen.nights_left is None else f" At the present rate there is room for {seen.nights_left} nights."
    damage = (
        f" DAMAGED data was found on {seen.damaged_since:%Y-%m-%d}: have the disk checked."
        if seen.damaged_since
        else ""
    )
    behind = " Reading back is behind: raise [scrub] bytes_per_s or cycle_days." if seen.is_behind else ""
    advice = " See docs/runbooks/server-disk.md." if seen.needs_somebody else ""
    return f"Disk: {room}: {verdict}.{nights}{damage}{behind}{advice}"
