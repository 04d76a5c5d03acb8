"""What the signed schedule says of this moment, and whether a lease is to be asked for anew before it ends. Pure.

The schedule permits no byte and forbids none: it says when asking for a lease is worth while. What waits on the unit
comes in nowhere, so that the asking tells nothing of it (promise P7). Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from protocol.documents import Lease
from protocol.schedule import Schedule

RENEWED_WITHIN = 3  # a lease of which less than a third is left is asked for anew


class Line(StrEnum):
    """The school's line, as the unit knows it; without a schedule that holds it is not known."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


def judge_line(schedule: Schedule | None, now: datetime) -> Line:
    """Tell whether the line is open to the unit; `schedule` is the one that holds at `now`, if there is one."""
    if schedule is None:
        return Line.UNKNOWN
    return Line.OPEN if schedule.opening_at(now) else Line.CLOSED


def began_at(schedule: Schedule, now: datetime) -> datetime | None:
    """Tell since when the line has been open without a break, None while it is closed."""
    began: datetime | None = None
    end: datetime | None = None
    for opening in schedule.openings:
        if opening.begins_at > now:
            break
        began, end = (began if opening.begins_at == end else opening.begins_at), opening.ends_at
    return began if end is not None and now < end else None


def is_renewal_due(lease: Lease, schedule: Schedule | None, now: datetime) -> bool:
    """Tell whether little is left of a lease that nobody has renewed, and the line stays open beyond its end."""
    left, whole = lease.not_after - now, lease.not_after - max(lease.issued_at, lease.not_before)
    return left < whole / RENEWED_WITHIN and judge_line(schedule, lease.not_after) is not Line.CLOSED
