"""What was read out of a file: lessons of rooms, before anything is compared with what stands. Pure.

Classes and teachers are ids by then. A draft keeps it as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from typing import Any, NamedTuple

from controller.roster.flaws import Flaw
from controller.timetable.models import RuleSource


class Place(NamedTuple):
    """A room by its site and name; it need not be known yet."""

    site: str
    name: str


class FoundLesson(NamedTuple):
    """A weekly lesson; with equal first and last day one that is on that day alone. `without`: days it is not held."""

    place: Place
    weekday: int
    begins: time
    ends: time
    begins_on: date
    ends_on: date | None
    classes: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ()
    without: tuple[date, ...] = ()
    summary: str = ""
    """What a calendar calls it."""


class Passed(StrEnum):
    """Why something in a file was passed over although nothing is wrong with it."""

    OVER = "over"
    CANCELLED = "cancelled"
    WHOLE_DAY = "whole_day"
    FAR = "far"


@dataclass(frozen=True, kw_only=True)
class FoundTimetable:
    """A timetable as a file says it. `places`: of which rooms it is the whole; `meant`: what summaries stand for."""

    source: RuleSource
    places: tuple[Place, ...]
    lessons: tuple[FoundLesson, ...]
    passed_over: Mapping[str, int] = field(default_factory=dict)
    meant: Mapping[str, Meant] = field(default_factory=dict)


class Meant(NamedTuple):
    """What a person said that a calendar's summary stands for; `is_none`: no lesson at all, the room is as usual."""

    classes: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ()
    is_none: bool = False


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What came of reading a file: a timetable, or everything that is wrong with it; never both."""

    found: FoundTimetable | None
    flaws: tuple[Flaw, ...] = ()
    flaws_in_all: int = 0


def encode_found(found: FoundTimetable) -> bytes:
    """Write it as JSON."""
    said = {
        "source": found.source.value,
        "places": found.places,
        "lessons": [_tell(lesson) for lesson in found.lessons],
        "passed_over": dict(found.passed_over),
        "meant": {summary: list(meant) for summary, meant in found.meant.items()},
    }
    return json.dumps(said, ensure_ascii=False).encode()


def _tell(lesson: FoundLesson) -> list[Any]:
    return [
        lesson.place,
        lesson.weekday,
        lesson.begins.isoformat(),
        lesson.ends.isoformat(),
        lesson.begins_on.isoformat(),
        lesson.ends_on.isoformat() if lesson.ends_on else None,
        lesson.classes,
        lesson.teachers,
        [day.isoformat() for day in lesson.without],
        lesson.summary,
    ]


def decode_found(data: bytes) -> FoundTimetable:
    """Read what `encode_found` wrote."""
    said = json.loads(data)
    return FoundTimetable(
        source=RuleSource(said["source"]),
        places=tuple(Place(*place) for place in said["places"]),
        lessons=tuple(_hear(lesson) for lesson in said["lessons"]),
        passed_over=said["passed_over"],
        meant={
            summary: Meant(tuple(classes), tuple(teachers), is_none)
            for summary, (classes, teachers, is_none) in said["meant"].items()
        },
    )


def _hear(said: list[Any]) -> FoundLesson:
    place, weekday, begins, ends, begins_on, ends_on, classes, teachers, without, summary = said
    return FoundLesson(
        Place(*place),
        weekday,
        time.fromisoformat(begins),
        time.fromisoformat(ends),
        date.fromisoformat(begins_on),
        date.fromisoformat(ends_on) if ends_on else None,
        tuple(classes),
        tuple(teachers),
        tuple(map(date.fromisoformat, without)),
        summary,
    )
