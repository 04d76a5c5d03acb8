"""Decides what applying a timetable changes: which lessons begin, end and stay, and how much would vanish. Pure.

A file is the whole of what files of its kind brought for the rooms that it speaks of; what somebody entered by hand
stays. A lesson that stands already is left as it is, so that what was said of its single days stays, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import NamedTuple

from controller.timetable.found import FoundLesson, FoundTimetable, Place
from controller.timetable.models import RuleSource

MOST_VANISHING = 10  # of a hundred lessons, without somebody saying that it is meant
FEW = 3
_DAY = timedelta(days=1)


class HeldRule(NamedTuple):
    """A rule as it stands; `cancelled`: the days on which it is not held."""

    id: str
    place: Place
    source: RuleSource
    weekday: int
    begins: time
    ends: time
    begins_on: date
    ends_on: date | None
    classes: tuple[str, ...]
    teachers: tuple[str, ...]
    cancelled: frozenset[date] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that applying a timetable would do from a day on."""

    starts_on: date
    new_places: Sequence[Place]
    begun: Sequence[FoundLesson]
    ended: Sequence[HeldRule]
    kept: Sequence[HeldRule]
    cancelled: Sequence[tuple[str, date]]
    """Rules that stay, and days on which they are not held any more."""
    vanishing: int
    """How many lessons end at whose time nothing begins in their room."""
    before: int
    unled: int
    """How many lessons begin in which nobody leads, or that meet another of somebody else: they cannot be recorded."""

    @property
    def is_too_much(self) -> bool:
        """Tell whether somebody must say that so much shall vanish."""
        return self.vanishing > FEW and self.vanishing * 100 > self.before * MOST_VANISHING

    @property
    def changes_nothing(self) -> bool:
        """Tell whether everything stands already."""
        return not (self.begun or self.ended or self.new_places or self.cancelled)

    def sums(self) -> dict[str, int]:
        """Count what it would do."""
        return {
            "rooms_new": len(self.new_places),
            "lessons_begun": len(self.begun),
            "lessons_ended": len(self.ended),
            "lessons_kept": len(self.kept),
            "days_cancelled": len(self.cancelled),
            "lessons_unled": self.unled,
        }


def plan_timetable(found: FoundTimetable, held: Sequence[HeldRule], *, known: Iterable[Place], starts_on: date) -> Plan:
    """Compare what a file says with what stands; `held`: all rules that are not over before `starts_on`."""
    places = set(found.places)
    mine = [rule for rule in held if rule.place in places and rule.source is found.source]
    lessons = list(
        dict.fromkeys(_from(lesson, starts_on) for lesson in _meant(found) if not _is_over(lesson, starts_on))
    )
    standing: dict[tuple[object, ...], list[HeldRule]] = {}
    for rule in mine:
        standing.setdefault(_key(rule, starts_on), []).append(rule)
    begun, kept, cancelled = [], [], list[tuple[str, date]]()
    for lesson in lessons:
        same = standing.get(_key(lesson, starts_on))
        if not same:
            begun.append(lesson)
            continue
        rule = same.pop()
        kept.append(rule)
        cancelled += [(rule.id, day) for day in lesson.without if day >= starts_on and day not in rule.cancelled]
    ended = [rule for rules in standing.values() for rule in rules]
    others = [rule for rule in held if rule.place in places and rule.source is not found.source]
    return Plan(
        starts_on=starts_on,
        new_places=[place for place in found.places if place not in set(known)],
        begun=begun,
        ended=ended,
        kept=kept,
        cancelled=cancelled,
        vanishing=sum(not any(_meets(rule, lesson) for lesson in begun) for rule in ended),
        before=len(mine),
        unled=_unled(begun, [*kept, *others]),
    )


def _meant(found: FoundTimetable) -> Iterable[FoundLesson]:
    """Put in what a person said that summaries stand for; what stands for nothing is left out."""
    for lesson in found.lessons:
        meant = found.meant.get(lesson.summary)
        if meant is None:
            yield lesson
        elif not meant.is_none:
            yield lesson._replace(classes=meant.classes, teachers=meant.teachers)


def _is_over(lesson: FoundLesson, starts_on: date) -> bool:
    return lesson.ends_on is not None and lesson.ends_on < starts_on


def _from(lesson: FoundLesson, starts_on: date) -> FoundLesson:
    without = tuple(day for day in lesson.without if day >= starts_on)
    return lesson._replace(begins_on=max(lesson.begins_on, starts_on), without=without, summary="")


def _key(one: FoundLesson | HeldRule, starts_on: date) -> tuple[object, ...]:
    """Give what makes two lessons the same from a day on: they are held on the same days."""
    first, classes = max(one.begins_on, starts_on), frozenset(one.classes)
    first += (one.weekday - first.weekday()) % 7 * _DAY
    last = one.ends_on and one.ends_on - (one.ends_on.weekday() - one.weekday) % 7 * _DAY
    return (one.place, one.weekday, one.begins, one.ends, classes, one.teachers, first, last)


def _meets(one: FoundLesson | HeldRule, other: FoundLesson | HeldRule) -> bool:
    """Tell whether two lessons are ever in one room at one time."""
    return (
        one.place == other.place
        and one.weekday == other.weekday
        and (one.begins < other.ends and other.begins < one.ends)
        and (one.ends_on is None or other.begins_on <= one.ends_on)
        and (other.ends_on is None or one.begins_on <= other.ends_on)
    )


def _unled(begun: Sequence[FoundLesson], stays: Sequence[HeldRule]) -> int:
    """Count the lessons that begin and cannot be recorded, whatever people answer."""
    near: dict[tuple[Place, int], list[FoundLesson | HeldRule]] = {}
    everything: list[FoundLesson | HeldRule] = [*begun, *stays]
    for each in everything:
        near.setdefault((each.place, each.weekday), []).append(each)
    return sum(
        not lesson.teachers
        or not lesson.classes
        or any(
            _meets(lesson, other) and lesson.teachers[:1] != other.teachers[:1]
            for other in near[lesson.place, lesson.weekday]
        )
        for lesson in begun
    )
