"""Of which parts of a night that runs something new is told: those in which five rooms or more can send (promise P7).

A room that IT sees is away, or kept out, adds nothing to a sum that another one could hide behind. Reads what is seen
of units, and no bytes. Defined in docs/adr/0030-what-is-told-of-a-night.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from controller.nights.models import Night
from controller.nights.outcomes import SENDING, judge
from controller.nights.policy import Part, coarsen
from controller.nights.seeing import SeenUnit

Rows = Sequence[Night]
"""The rows of one night whose sums are shown together: a part."""


def large_enough(parts: Iterable[Rows], units: Sequence[SeenUnit], now: datetime) -> list[Rows]:
    """Give the parts of which five rooms or more can send as things stand.

    What would have to be put together with another part, were this the night's end, is left out, and that other one
    with it: else the report's sum less the last that was told of the one would be the other's.
    """
    by_day: dict[date, dict[str, Rows]] = {}
    for rows in parts:
        by_day.setdefault(rows[0].day, {})[rows[0].site] = rows
    return [rows for named in by_day.values() for rows in _alone(named, units, now)]


def _alone(named: dict[str, Rows], units: Sequence[SeenUnit], now: datetime) -> list[Rows]:
    told = coarsen(Part((name,), count_senders(units, rows, now)) for name, rows in named.items())
    return [named[part.sites[0]] for part in told if len(part.sites) == 1]


def count_senders(units: Iterable[SeenUnit], rows: Rows, now: datetime) -> int:
    """Count the rooms of a part that can send as things stand, whether or not they have anything."""
    by_site = {row.site: row for row in rows}
    return sum(_could_send(unit, by_site[unit.site], now) for unit in units if unit.site in by_site)


def _could_send(unit: SeenUnit, row: Night, now: datetime) -> bool:
    """Tell whether a room is let in, and known neither to be away nor to be kept out."""
    until = min(now, row.closes_at)
    return unit.may_deliver and judge(unit.seen, opens_at=row.opens_at, closes_at=until) in SENDING
