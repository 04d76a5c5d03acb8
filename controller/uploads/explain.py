"""Why a unit sends now or waits, in words for the owner of its recordings. Nobody else is told (promise P7).

Pure: gives texts to be translated, never translates. The codes are the scheduler's.
"""

from __future__ import annotations

from controller.recordings.titles import mark
from controller.uploads.scheduler.reasons import Reason

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
