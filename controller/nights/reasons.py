"""Why rooms send or wait while a night runs, as sums for IT: three groups of the scheduler's reasons, in fives.

Counts what the newest tick wrote down and lets policy.py say which of it may be shown. Nothing of a day is counted, and
nothing of what an owner asked for: who has nothing, is away or sends by day is in no group (promise P7, ADR 30).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controller.devices.models import Device
from controller.nights.models import Night
from controller.nights.policy import tell_in_fives
from controller.recordings.titles import mark
from controller.uploads.models import SpoolReportRow
from controller.uploads.scheduler.reasons import Reason


class Group(StrEnum):
    """Rooms that are told of together; the value is the column of `Night` in which their number stands."""

    SENDING = "told_sending"
    DUE_FIRST = "told_due_first"
    TURN = "told_turn"


MEMBERS = {
    Group.SENDING: frozenset({Reason.SENDS, Reason.SENDS_DUE}),
    Group.DUE_FIRST: frozenset({Reason.DUE_FIRST}),
    Group.TURN: frozenset({Reason.TURN_COMES, Reason.ROOM_FROM_NEXT}),
}
WORDS = {
    Group.SENDING: mark("About %(num)s rooms are sending now."),
    Group.DUE_FIRST: mark(
        "About %(num)s rooms wait: there is more than the line can carry, and what has to leave first goes first."
    ),
    Group.TURN: mark("About %(num)s rooms wait for their turn; whoever needs longest goes first."),
}


def keep_reasons(session: Session, rows: Sequence[Night], *, rooms: int, now: datetime) -> None:
    """Bring what is told of the reasons of one part up to now; nothing of it is left once its night is over.

    `rooms` can send: who is known to be away, or kept out, is nobody to hide behind.
    """
    runs = any(row.opens_at <= now < row.closes_at for row in rows)
    counted = _count(session, [row.site for row in rows]) if runs else dict.fromkeys(Group, 0)
    told = {group: getattr(rows[0], group) for group in Group} if runs else counted
    for group, number in tell_in_fives(counted, told=told, rooms=rooms).items():
        for row in rows:
            setattr(row, group, number)


def _count(session: Session, sites: Collection[str]) -> dict[Group, int]:
    held = select(SpoolReportRow.reason, func.count()).join(Device, Device.id == SpoolReportRow.device)
    rows = session.execute(held.where(Device.site.in_(sites)).group_by(SpoolReportRow.reason))
    found = {reason: count for reason, count in rows}
    return {group: sum(found.get(int(reason), 0) for reason in members) for group, members in MEMBERS.items()}
