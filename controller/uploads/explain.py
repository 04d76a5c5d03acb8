"""Why a unit sends now or waits, and why a lesson cannot come today, in words for the owner. Nobody else is told (P7).

Pure: gives texts to be translated, never translates. The codes are the scheduler's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.calendar.policy import Closed, Open, Standing, Why
from controller.recordings.titles import mark
from controller.uploads.scheduler.reasons import Reason
from protocol.schedule import OpeningKind

WORDS = {
    Reason.NOTHING_WAITS: mark("Nothing waits on the unit."),
    Reason.SENDS: mark("It is being delivered now."),
    Reason.SENDS_DUE: mark("It is being delivered now, ahead of others: the unit’s card would be full tomorrow."),
    Reason.SENDS_TODAY: mark("It is being delivered by day."),
    Reason.CLOSED: mark("It waits until the school’s line opens for recordings."),
    Reason.NOT_BY_DAY: mark("It waits for the night; by day only what was asked for today is delivered."),
    Reason.DUE_FIRST: mark(
        "It waits: tonight there is more than the line can carry, and what has to leave first goes first."
    ),
    Reason.TURN_COMES: mark("It waits for its turn; whoever needs longest goes first."),
    Reason.ROOM_FROM_NEXT: mark("Its turn has come; it begins within a minute."),
}


def explain(reason: int) -> str:
    """Give the words for a reason as it stands in the database; raise `ValueError` for a number that is no reason."""
    return WORDS[Reason(reason)]


class NotToday(StrEnum):
    """Why a lesson cannot be had today."""

    NOT_DELIVERING = "not_delivering"
    SERVER_FULL = "server_full"
    PAUSED = "paused"
    NIGHT_IS_OPEN = "night_is_open"
    NOTHING_BY_DAY = "nothing_by_day"
    UNREACHABLE = "unreachable"


NOT_TODAY = {
    NotToday.NOT_DELIVERING: mark("It cannot be asked for today: its unit delivers nothing at the moment."),
    NotToday.SERVER_FULL: mark("It cannot be asked for today: the school’s server is full."),
    NotToday.PAUSED: mark("It cannot be asked for now: your school has paused the sending."),
    NotToday.NIGHT_IS_OPEN: mark("It need not be asked for now: the school’s line is open for all recordings."),
    NotToday.NOTHING_BY_DAY: mark(
        "It cannot be asked for today: your school lets units send at night only, or the hours by day are over."
    ),
    NotToday.UNREACHABLE: mark(
        "It cannot be asked for now: its unit cannot be reached. Look whether it is switched on, then come back."
    ),
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What stands for or against a wish; `opens_by_day`: the allowance by day is open, or opens before midnight."""

    standing: Standing
    opens_by_day: bool
    delivers: bool
    server_full: bool
    reachable: bool


def judge_today(asked: Asked) -> NotToday | None:
    """Tell why a wish for today cannot be fulfilled, what can be helped least first, or None where it can."""
    held = asked.standing
    found = (
        (NotToday.NOT_DELIVERING, not asked.delivers),
        (NotToday.SERVER_FULL, asked.server_full),
        (NotToday.PAUSED, isinstance(held, Closed) and held.why is Why.PAUSED),
        (NotToday.NIGHT_IS_OPEN, isinstance(held, Open) and held.kind is OpeningKind.NIGHT and not asked.opens_by_day),
        (NotToday.NOTHING_BY_DAY, not asked.opens_by_day),
        (NotToday.UNREACHABLE, not asked.reachable),
    )
    return next((reason for reason, holds in found if holds), None)
