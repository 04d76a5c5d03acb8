"""Decides whose a recording is: what each word makes of it, what nobody owns from the start, and who may claim it.

Pure: one literal table of states, and judgements over plain values. By when it has to be claimed is decided by
school_days.py. Defined in docs/protocol/claims.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from controller.recordings.models import Ownership


class Said(StrEnum):
    """What was said of a recording, by a person or by what is known of it; also the lines of its history."""

    YES = "yes"
    SUBSTITUTE = "substitute"
    NOT_ME = "not_me"
    FREE_ROOM = "free_room"
    UNKNOWN_LESSON = "unknown_lesson"
    OWNER_GONE = "owner_gone"
    UNANSWERED = "unanswered"
    """Whoever was asked did not answer in time; they are still asked while it is nobody's."""
    CLAIMED = "claimed"
    """By somebody who has it from now on."""
    ASKED = "asked"
    """Claimed by somebody for whom a second person has to speak first."""
    VOUCHED = "vouched"
    REFUSED = "refused"
    OVER = "over"
    """Nobody claimed it in time: its key is destroyed."""


NOBODYS = frozenset(
    {Said.SUBSTITUTE, Said.NOT_ME, Said.FREE_ROOM, Said.UNKNOWN_LESSON, Said.OWNER_GONE, Said.UNANSWERED}
)
"""After these words a recording is nobody's."""
ANSWERS = (Said.YES, Said.SUBSTITUTE, Said.NOT_ME)
"""What whoever is named by the timetable can answer to *Was this you?*"""

NEXT: Mapping[tuple[Ownership, Said], Ownership] = {
    (Ownership.PROVISIONAL, Said.YES): Ownership.CONFIRMED,
    (Ownership.PROVISIONAL, Said.SUBSTITUTE): Ownership.UNCLAIMED,
    (Ownership.PROVISIONAL, Said.NOT_ME): Ownership.UNCLAIMED,
    (Ownership.PROVISIONAL, Said.FREE_ROOM): Ownership.UNCLAIMED,
    (Ownership.PROVISIONAL, Said.UNKNOWN_LESSON): Ownership.UNCLAIMED,
    (Ownership.PROVISIONAL, Said.OWNER_GONE): Ownership.UNCLAIMED,
    (Ownership.PROVISIONAL, Said.UNANSWERED): Ownership.UNCLAIMED,
    (Ownership.CONFIRMED, Said.NOT_ME): Ownership.UNCLAIMED,
    (Ownership.UNCLAIMED, Said.CLAIMED): Ownership.CONFIRMED,
    (Ownership.UNCLAIMED, Said.ASKED): Ownership.CLAIMED,
    (Ownership.UNCLAIMED, Said.OVER): Ownership.UNCLAIMED,
    (Ownership.CLAIMED, Said.VOUCHED): Ownership.CONFIRMED,
    (Ownership.CLAIMED, Said.REFUSED): Ownership.UNCLAIMED,
    (Ownership.CLAIMED, Said.OVER): Ownership.CLAIMED,
}
"""What is not named here cannot be said, and changes nothing."""


def judge(ownership: Ownership, said: Said) -> Ownership | None:
    """Tell what a word makes of a recording; None when it cannot be said of it."""
    return NEXT.get((ownership, said))


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """What is known of a recording when its manifest first comes. `lesson`: the manifest names one."""

    owner_teaches: bool
    """Its owner has an account with the teacher's role."""
    names_lesson: bool
    lesson_known: bool
    """The timetable has that lesson in the unit's room, or its owner in one of that room at that time."""
    room_is_owners: bool
    """The unit is its owner's own, whose room needs no timetable."""


def judge_arrival(arrival: Arrival) -> Said | None:
    """Tell why a recording is nobody's from the start; None when its owner is asked."""
    if not arrival.owner_teaches:
        return Said.OWNER_GONE
    if arrival.names_lesson:
        return None if arrival.lesson_known else Said.UNKNOWN_LESSON
    return None if arrival.room_is_owners else Said.FREE_ROOM


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """From an instant to before another one."""

    begins_at: datetime
    ends_at: datetime

    def shares(self, other: Stretch) -> timedelta:
        """Give for how long both last at once."""
        return max(timedelta(0), min(self.ends_at, other.ends_at) - max(self.begins_at, other.begins_at))


@dataclass(frozen=True, kw_only=True)
class Taught:
    """One lesson of the timetable in which an account's person teaches, leads or stands in."""

    account: str
    room: str
    time: Stretch


class Chance(StrEnum):
    """Whether somebody can have taught in a room at a time: the timetable says so, says nothing against it, or does."""

    NAMED = "named"
    POSSIBLE = "possible"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A room of a site, at a time."""

    room: str
    site: str
    time: Stretch


def judge_chance(account: str, place: Place, *, taught: Iterable[Taught], sites: Collection[str]) -> Chance:
    """Judge whether an account can have taught at a place; `sites`: those at which it teaches.

    A lesson elsewhere counts against it when it covers half of the time or more: presses come early and stop late.
    """
    mine = [each for each in taught if each.account == account and each.time.shares(place.time) > timedelta(0)]
    if any(each.room == place.room for each in mine):
        return Chance.NAMED
    length = place.time.ends_at - place.time.begins_at
    is_elsewhere = any(2 * each.time.shares(place.time) >= length for each in mine)
    return Chance.POSSIBLE if place.site in sites and not is_elsewhere else Chance.IMPOSSIBLE


MOST_WORDS_A_DAY = 5
"""Who says more often in 24 hours that they taught somewhere has to wait: claiming is no way to ask who records."""


def may_speak(said_at: Sequence[datetime], now: datetime) -> bool:
    """Tell whether somebody may say once more that they taught somewhere."""
    return sum(now - each < timedelta(days=1) for each in said_at) < MOST_WORDS_A_DAY
