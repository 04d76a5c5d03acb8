"""A simulated night as a picture: use of the line against its cap, and a band for each site. SVG, written by us.

Pure: figures in, text out. Nothing is loaded by it and nothing runs in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from xml.sax.saxutils import escape

import numpy as np

from controller.simulation.figures import Figures
from controller.simulation.night import Told
from controller.uploads.scheduler.fleet import Floats

WIDTH, LEFT, RIGHT = 1000, 70, 20
LINE_TOP, LINE_HEIGHT = 70, 200
BANDS_TOP, BANDS_HEIGHT = 320, 300
COLUMNS = 240
SHADES = ("#ffffff", "#e3edf5", "#c3d9ea", "#9cc1dd", "#6fa4cb", "#4585b5", "#226699", "#0b4a78")
INK, FAINT, LATE = "#1f2933", "#9aa5b1", "#b4540a"


@dataclass(frozen=True)
class _Axis:
    """Seconds since the night opened, from the left edge to the right one."""

    begins_s: float
    ends_s: float

    def x(self, at_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (at_s - self.begins_s) / (self.ends_s - self.begins_s)


def draw_night(told: Told, figures: Figures, evening: datetime) -> str:
    """Draw a night that was simulated; hours are those of the wall clock."""
    axis = _Axis(told.stretches[0].begins_s, told.stretches[-1].ends_s)
    line, sites = _used(told, axis)
    height = BANDS_TOP + BANDS_HEIGHT + 50
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'role="img" aria-labelledby="title" font-family="Helvetica, Arial, sans-serif" font-size="13">',
        f'<title id="title">{escape(_title(figures))}</title>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(LEFT, 28, _title(figures), size=17),
        _text(LEFT, 56, "Use of the whole line, of its cap"),
        *_line(line, axis),
        _text(LEFT, BANDS_TOP - 14, "Use of each site’s cap, the site with most to send on top: white none, dark all"),
        *_bands(sites, told, axis),
        *_hours(axis, evening),
        *_marks(figures, axis),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _title(figures: Figures) -> str:
    ended = "the window closed first" if figures.makespan_ratio is None else f"{figures.makespan_ratio:.3f} × the bound"
    return f"{figures.units:,} units, {figures.sites} sites, seed {figures.seed} ({figures.binds} binds): {ended}"


def _used(told: Told, axis: _Axis) -> tuple[Floats, Floats]:
    """Give what part of the line and of each site was used, in columns of equal time."""
    record, sites = told.record, len(told.load.site_bps)
    edges = np.linspace(axis.begins_s, axis.ends_s, COLUMNS + 1)
    middle_s = np.array(record.at_s) + np.array(record.lasts_s) / 2
    column = np.clip(np.searchsorted(edges, middle_s) - 1, 0, COLUMNS - 1)
    bits, time_s = np.zeros((COLUMNS, sites)), np.zeros(COLUMNS)
    np.add.at(bits, column, np.array(record.sent_bits))
    np.add.at(time_s, column, np.array(record.lasts_s))
    rates = bits / np.maximum(time_s, 1e-9)[:, None]
    return rates.sum(axis=1) / told.load.total_bps, rates / told.load.site_bps


def _line(used: Floats, axis: _Axis) -> Iterator[str]:
    bottom, step = LINE_TOP + LINE_HEIGHT, (axis.ends_s - axis.begins_s) / COLUMNS
    points = [f"{axis.x(axis.begins_s):.1f},{bottom}"]
    for number, part in enumerate(used):
        level = bottom - LINE_HEIGHT * min(part, 1.05)
        points += [f"{axis.x(axis.begins_s + (number + each) * step):.1f},{level:.1f}" for each in (0, 1)]
    points.append(f"{axis.x(axis.ends_s):.1f},{bottom}")
    yield f'<polygon points="{" ".join(points)}" fill="{SHADES[4]}"/>'
    for percent in (0, 50, 100):
        y = bottom - LINE_HEIGHT * percent / 100
        yield _stroke(LEFT, y, WIDTH - RIGHT, y, INK if percent == 100 else FAINT)
        yield _text(LEFT - 8, y + 4, f"{percent} %", anchor="end")


def _bands(used: Floats, told: Told, axis: _Axis) -> Iterator[str]:
    load = told.load
    need = np.bincount(load.site, load.waiting_bytes * 8.0, len(load.site_bps)) / load.site_bps
    high, step = BANDS_HEIGHT / len(need), (axis.ends_s - axis.begins_s) / COLUMNS
    yield f'<g shape-rendering="crispEdges"><desc>{len(need)} sites</desc>'
    for row, site in enumerate(np.argsort(-need, kind="stable")):
        shade = np.ceil(np.clip(used[:, site], 0.0, 1.0) * (len(SHADES) - 1) - 0.05).astype(int)
        begin = 0
        for tone, run in groupby(shade):
            length = len(list(run))
            if tone > 0:
                x = axis.x(axis.begins_s + begin * step)
                width = axis.x(axis.begins_s + (begin + length) * step) - x
                yield (
                    f'<rect x="{x:.1f}" y="{BANDS_TOP + row * high:.2f}" width="{width:.1f}" '
                    f'height="{high:.2f}" fill="{SHADES[tone]}"/>'
                )
            begin += length
    yield "</g>"
    width = WIDTH - LEFT - RIGHT
    yield f'<rect x="{LEFT}" y="{BANDS_TOP}" width="{width}" height="{BANDS_HEIGHT}" fill="none" stroke="{FAINT}"/>'


def _hours(axis: _Axis, evening: datetime) -> Iterator[str]:
    hour = 3600
    for number in range(int(axis.begins_s // hour), int(axis.ends_s // hour) + 1):
        # by the wall clock, across a change of clocks, too
        shown = datetime.fromtimestamp(evening.timestamp() + number * hour, evening.tzinfo).strftime("%H:%M")
        yield _text(axis.x(number * hour), BANDS_TOP + BANDS_HEIGHT + 20, shown, anchor="middle")


def _marks(figures: Figures, axis: _Axis) -> Iterator[str]:
    """Mark the least time that any order needs, and the time that it took."""
    marks = [(figures.bound_s, "bound", "end", -4.0, INK)]
    if figures.makespan_s is not None:
        marks.append((figures.makespan_s, "all there", "start", 4.0, LATE))
    for at_s, words, anchor, aside, colour in marks:
        if at_s <= axis.ends_s:
            x = axis.x(at_s)
            yield _stroke(x, LINE_TOP - 8, x, BANDS_TOP + BANDS_HEIGHT, colour)
            yield _text(x + aside, LINE_TOP - 10, words, anchor=anchor)


def _stroke(x: float, y: float, to_x: float, to_y: float, colour: str) -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{colour}" stroke-width="1"/>'


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 13) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{INK}">{escape(words)}</text>'
    )
