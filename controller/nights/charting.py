"""The slots of a night as the chart needs them: what came, and what was allowed, of all parts or of one.

By day nothing is shown: few rooms may send by day, and a sum of them would be one of fewer than five (promise P7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controller.calendar import policy as calendar
from controller.calendar.repo import read_calendar
from controller.nights.chart import Point
from controller.nights.forecast import BITS
from controller.nights.line import FLUSH_S, SLOT, slot_of
from controller.nights.models import LineUse
from controller.nights.told import PartTold
from controller.services import Services
from protocol.schedule import Opening


def chart_points(services: Services, session: Session, part: PartTold) -> tuple[Point, ...]:
    """Give the slots from the beginning of a part's night to its end; the sites are those of the part and no others."""
    taken = _taken(session, part)
    allowed = _allowed(services, session, part)
    known_until = services.clock() - timedelta(seconds=FLUSH_S)
    first = slot_of(part.opens_at)
    count = -((first - part.closes_at) // SLOT)
    slots = [first + number * SLOT for number in range(count)]
    seconds = SLOT.total_seconds()
    return tuple(
        Point(at, taken.get(at, 0) * BITS / seconds if at + SLOT <= known_until else None, allowed[at]) for at in slots
    )


def _taken(session: Session, part: PartTold) -> Mapping[datetime, int]:
    slots = select(LineUse.slot_at, func.sum(LineUse.taken_bytes)).where(
        LineUse.site.in_(part.sites), LineUse.slot_at >= slot_of(part.opens_at), LineUse.slot_at < part.closes_at
    )
    return {at: int(count) for at, count in session.execute(slots.group_by(LineUse.slot_at))}


def _allowed(services: Services, session: Session, part: PartTold) -> Mapping[datetime, float]:
    """Give what the sites are allowed in each slot: by the calendar, together at most the total."""
    config = services.config
    held = read_calendar(session, config, part.opens_at)
    first, total_bps = slot_of(part.opens_at), config.uploads.rate_bps
    bits: dict[datetime, float] = {}
    for site in part.sites:
        found = calendar.openings(held.of(site), config.controller.time_zone, part.opens_at, part.closes_at)
        _add(bits, found, first)
    seconds = SLOT.total_seconds()
    count = -((first - part.closes_at) // SLOT)
    slots = [first + number * SLOT for number in range(count)]
    return {at: min(float(total_bps), bits.get(at, 0.0) / seconds) for at in slots}


def _add(bits: dict[datetime, float], found: Sequence[Opening], first: datetime) -> None:
    for opening in found:
        at = max(first, slot_of(opening.begins_at))
        while at < opening.ends_at:
            lasts = min(opening.ends_at, at + SLOT) - max(opening.begins_at, at)
            bits[at] = bits.get(at, 0.0) + opening.rate_bps * lasts.total_seconds()
            at += SLOT
