"""The use of the line against what was allowed, as a picture (SVG) and as rows of a table. Pure.

Colours come from the pages' own style sheet by class, so that light and dark both can be read and nothing is inline
(docs/adr/0011-pages-without-inline-anything.md). Words come in translated and are escaped here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from html import escape
from itertools import groupby

WIDTH, HEIGHT = 480.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 8.0, 28.0, 26.0
MEGA = 1_000_000
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
LINES = 4


@dataclass(frozen=True)
class Point:
    """What came in one slot and what was allowed in it, in bit/s; `used_bps` is None for one still to come."""

    at: datetime
    used_bps: float | None
    cap_bps: float


@dataclass(frozen=True)
class Words:
    """What the picture is called and says, in the reader's language."""

    title: str
    said: str
    used: str
    allowed: str
    unit: str


@dataclass(frozen=True)
class HourRow:
    """One hour of the table: means of its slots; `used_bps` is None where nothing of it has been yet."""

    at: datetime
    used_bps: float | None
    cap_bps: float


def by_hour(points: Sequence[Point]) -> tuple[HourRow, ...]:
    """Give the means of every hour."""
    rows = []
    for at, found in groupby(points, key=lambda point: point.at.replace(minute=0, second=0, microsecond=0)):
        slots = list(found)
        used = [slot.used_bps for slot in slots if slot.used_bps is not None]
        mean = sum(used) / len(used) if used else None
        rows.append(HourRow(at, mean, sum(slot.cap_bps for slot in slots) / len(slots)))
    return tuple(rows)


def draw(points: Sequence[Point], words: Words, zone: tzinfo, slot: timedelta) -> str:
    """Draw the slots, which follow each other without a gap, as an SVG; empty where there are none."""
    if not points:
        return ""
    plot = _Plot(points[0].at, points[-1].at + slot, _top(points), slot)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-labelledby="chart-title chart-said" '
        'xmlns="http://www.w3.org/2000/svg">',
        f'<title id="chart-title">{escape(words.title)}</title><desc id="chart-said">{escape(words.said)}</desc>',
        *_grid(plot, words.unit),
        *_hours(plot, zone),
        f'<path class="used" d="{_area(plot, points)}"/>',
        f'<path class="allowed" d="{_steps(plot, points)}"/>',
        "</svg>",
    ]
    return "".join(parts)


def _top(points: Sequence[Point]) -> float:
    """Give the upper end of the scale: a round number of Mbit/s above everything, so that four lines are round, too."""
    most = max(max(point.used_bps or 0.0, point.cap_bps) for point in points) / MEGA or 1.0
    size = 10.0 ** (len(str(int(most / LINES))) - 1) if most >= LINES else 0.01
    while True:
        for step in STEPS:
            if step * size * LINES >= most:
                return step * size * LINES * MEGA
        size *= 10


@dataclass(frozen=True)
class _Plot:
    """Where a time and a rate lie in the picture."""

    begins_at: datetime
    ends_at: datetime
    top_bps: float
    slot: timedelta

    def x(self, at: datetime) -> float:
        share = (at - self.begins_at) / (self.ends_at - self.begins_at)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, rate_bps: float) -> float:
        return round(HEIGHT - BOTTOM - rate_bps / self.top_bps * (HEIGHT - TOP - BOTTOM), 1)


def _grid(plot: _Plot, unit: str) -> Iterator[str]:
    for number in range(LINES + 1):
        rate_bps = plot.top_bps * number / LINES
        y = plot.y(rate_bps)
        yield f'<path class="grid" d="M{LEFT:g} {y:g}H{WIDTH - RIGHT:g}"/>'
        text = f"{rate_bps / MEGA:g}"
        yield f'<text class="label" x="{LEFT - 6:g}" y="{y + 4:g}" text-anchor="end">{text}</text>'
    yield f'<text class="label" x="0" y="12">{escape(unit)}</text>'


def _hours(plot: _Plot, zone: tzinfo) -> Iterator[str]:
    every = timedelta(hours=2 if plot.ends_at - plot.begins_at > timedelta(hours=6) else 1)
    at = plot.begins_at.astimezone(zone).replace(minute=0, second=0, microsecond=0).astimezone(plot.begins_at.tzinfo)
    while at <= plot.ends_at:
        if at >= plot.begins_at:
            x, shown = plot.x(at), at.astimezone(zone)
            anchor = "end" if x > WIDTH - 30 else "middle"
            yield f'<path class="grid" d="M{x:g} {HEIGHT - BOTTOM:g}v4"/>'
            yield f'<text class="label" x="{x:g}" y="{HEIGHT - 8:g}" text-anchor="{anchor}">{shown:%H:%M}</text>'
        at += every


def _area(plot: _Plot, points: Sequence[Point]) -> str:
    found = [point for point in points if point.used_bps is not None]
    if not found:
        return f"M{LEFT:g} {plot.y(0):g}"
    steps = "".join(f"V{plot.y(point.used_bps or 0):g}H{plot.x(point.at + plot.slot):g}" for point in found)
    return f"M{plot.x(found[0].at):g} {plot.y(0):g}{steps}V{plot.y(0):g}Z"


def _steps(plot: _Plot, points: Sequence[Point]) -> str:
    first = f"M{plot.x(points[0].at):g} {plot.y(points[0].cap_bps):g}"
    return first + "".join(f"V{plot.y(point.cap_bps):g}H{plot.x(point.at + plot.slot):g}" for point in points)
