"""A page as plain shapes, in millimetres from its upper left corner: what a card is before it is SVG or PDF.

Pure values, and text that is broken and fitted by Helvetica's own widths. Colours are "#rrggbb" or "" for none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from protocol.room.helvetica import Weight, width_of

BLACK, WHITE = "#000000", "#ffffff"
LEADING = 1.22
ASCENT = 0.72
"""How far the capitals of Helvetica rise above the line, in sizes."""


class Anchor(Enum):
    """Which end of a text stands at its place; the values are SVG's."""

    START = "start"
    MIDDLE = "middle"
    END = "end"


class Paper(Enum):
    """The sheets that schools print on: width and height in millimetres."""

    A4 = (210.0, 297.0)
    LETTER = (215.9, 279.4)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; `line` is the width of its edge."""

    x: float
    y: float
    width: float
    height: float
    fill: str = ""
    edge: str = ""
    line: float = 0.35


@dataclass(frozen=True, slots=True)
class Disc:
    """A circle around (x, y)."""

    x: float
    y: float
    radius: float
    fill: str = ""
    edge: str = ""
    line: float = 0.35


@dataclass(frozen=True, slots=True)
class Stroke:
    """A straight line."""

    x: float
    y: float
    to_x: float
    to_y: float
    colour: str = BLACK
    line: float = 0.35


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text whose letters stand on y; `size` is that of the font, in millimetres."""

    x: float
    y: float
    words: str
    size: float
    weight: Weight = Weight.REGULAR
    anchor: Anchor = Anchor.START
    colour: str = BLACK

    @property
    def width(self) -> float:
        """How wide it is."""
        return width_of(self.words, self.weight) * self.size

    @property
    def left(self) -> float:
        """Where it begins."""
        return self.x - {Anchor.START: 0.0, Anchor.MIDDLE: 0.5, Anchor.END: 1.0}[self.anchor] * self.width


Shape: TypeAlias = Box | Disc | Stroke | Text


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """One page: its shapes from back to front, and its title and language for whoever cannot see it."""

    paper: Paper
    title: str
    language: str
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class Place:
    """Room for a text: its upper left corner, width and lines; `size` is the largest, it shrinks to `least`."""

    x: float
    y: float
    width: float
    size: float
    lines: int = 1
    least: float = 2.6
    weight: Weight = Weight.REGULAR
    anchor: Anchor = Anchor.START
    colour: str = BLACK


def set_text(words: str, place: Place) -> tuple[Text, ...]:
    """Break words into lines that fit their place, smaller where they must be; what is too long even so ends in "…"."""
    size = place.size
    lines = break_lines(words, place.width / size, place.weight)
    while len(lines) > place.lines and size > place.least:
        size = max(place.least, size - 0.1)
        lines = break_lines(words, place.width / size, place.weight)
    shown = [*lines[: place.lines - 1], " ".join(lines[place.lines - 1 :])]
    shift = {Anchor.START: 0.0, Anchor.MIDDLE: place.width / 2, Anchor.END: place.width}[place.anchor]
    return tuple(
        Text(
            x=place.x + shift,
            y=place.y + size * (ASCENT + number * LEADING),
            words=_cut(line, place.width / size, place.weight),
            size=size,
            weight=place.weight,
            anchor=place.anchor,
            colour=place.colour,
        )
        for number, line in enumerate(shown)
    )


def break_lines(words: str, width: float, weight: Weight) -> list[str]:
    """Break words at spaces into lines of at most `width` sizes; a single longer word stands alone."""
    lines: list[str] = []
    for word in words.split():
        if lines and width_of(f"{lines[-1]} {word}", weight) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def _cut(line: str, width: float, weight: Weight) -> str:
    if width_of(line, weight) <= width:
        return line
    while line and width_of(f"{line}…", weight) > width:
        line = line[:-1]
    return f"{line.rstrip()}…"


def draw_modules(modules: Sequence[Sequence[object]], *, x: float, y: float, size: float) -> tuple[Shape, ...]:
    """Draw a QR code's modules (rows of truths, quiet zone included) into a square; runs of dark ones are one box."""
    step = size / len(modules)
    shapes: list[Shape] = [Box(x, y, size, size, WHITE)]
    for row, line in enumerate(modules):
        start = None
        for column, dark in enumerate([*line, False]):
            if dark and start is None:
                start = column
            elif not dark and start is not None:
                shapes.append(Box(x + start * step, y + row * step, (column - start) * step, step, BLACK))
                start = None
    return tuple(shapes)
