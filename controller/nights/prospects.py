"""What an owner is told of a recording that is on its way: by about when it is here, or what keeps it. Pure.

Shown to its owner alone. The gravest is said, and what is safe is said with it; an estimate is given only where nothing
is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from controller.devices.models import DeviceState
from controller.nights.words import about
from controller.recordings.titles import mark
from controller.uploads.expecting import Prospect, expected_end
from controller.uploads.explain import explain

AWAY = timedelta(hours=1)
"""How long a unit is away before its owner is told: a restart takes a minute."""


class Trouble(StrEnum):
    """What keeps a recording."""

    SERVER_FULL = "server_full"
    QUARANTINED = "quarantined"
    LOST = "lost"
    NEEDS_PERSON = "needs_person"
    CARD_DAMAGED = "card_damaged"
    UNREACHABLE = "unreachable"
    ASKED_AGAIN = "asked_again"


WORDS = {
    Trouble.SERVER_FULL: mark("The school’s server is full. The recording waits on its card, where it is safe."),
    Trouble.QUARANTINED: mark(
        "Its unit is quarantined and delivers nothing until somebody has looked at it. The recording waits on its card."
    ),
    Trouble.LOST: mark("Its unit was declared lost: what has not arrived will not arrive."),
    Trouble.NEEDS_PERSON: mark(
        "Something on its unit’s card cannot be delivered. Please tell whoever runs Backrow at your school."
    ),
    Trouble.CARD_DAMAGED: mark(
        "Something on its unit’s card is damaged. What is whole still arrives; please tell whoever runs Backrow."
    ),
    Trouble.UNREACHABLE: mark(
        "Its unit cannot be reached: look whether it has power and network. The recording waits on its card."
    ),
    Trouble.ASKED_AGAIN: mark("A part of it arrived damaged and is being asked for again."),
}
NEXT_NIGHTS = mark("It does not fit into this night any more, and is expected in one of the next ones.")


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What is known around a recording that is on its way; `away_since` is None while its unit is in touch."""

    state: DeviceState
    server_full: bool
    reasons: frozenset[str]
    away_since: datetime | None
    part_quarantined: bool
    reason: int | None = None
    """What the scheduler wrote down for the unit's owner; None where it never spoke of what waits."""


@dataclass(frozen=True)
class Outlook:
    """What is said: `words` to be translated, or else the time by about which it is here, or neither.

    `why` its unit sends now or waits, to be translated, where nothing is wrong; empty where that is not known.
    """

    words: str = ""
    ready_by: datetime | None = None
    why: str = ""


def judge_trouble(seen: Circumstances, now: datetime) -> Trouble | None:
    """Tell what keeps the recording, the gravest first; None where nothing is wrong."""
    found = (
        (Trouble.LOST, seen.state is DeviceState.LOST),
        (Trouble.QUARANTINED, seen.state is DeviceState.QUARANTINED),
        (Trouble.SERVER_FULL, seen.server_full),
        (Trouble.NEEDS_PERSON, "delivery_stuck" in seen.reasons),
        (Trouble.CARD_DAMAGED, "spool_damaged" in seen.reasons),
        (Trouble.UNREACHABLE, seen.away_since is not None and now - seen.away_since >= AWAY),
        (Trouble.ASKED_AGAIN, seen.part_quarantined),
    )
    return next((trouble for trouble, holds in found if holds), None)


def look_out(seen: Circumstances, prospect: Prospect | None, now: datetime) -> Outlook:
    """Say what keeps a recording, or else by about when it is here; nothing where that is not known."""
    trouble = judge_trouble(seen, now)
    if trouble:
        return Outlook(WORDS[trouble])
    why = explain(seen.reason) if seen.reason else ""
    if prospect is None or prospect.ahead_bytes <= 0:
        return Outlook(why=why)
    at = expected_end(prospect, now)
    return Outlook(ready_by=about(at), why=why) if at else Outlook(NEXT_NIGHTS, why=why)
