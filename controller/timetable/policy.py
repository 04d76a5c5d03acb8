"""Resolves the timetable of one day: rules, what differs that day and rooms' usual teachers become lessons of rooms.

Pure. Two lessons that meet in one room at one time are one lesson of both, so that everybody who is there counts
together. Times are the wall clock's; instants come out in UTC. Defined in docs/protocol/consent.md ("The timetable").
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, tzinfo
from itertools import pairwise

from protocol.ids import ID_BYTES, make_id

WEEKDAYS = 7
SCHOOL_WEEK = (0, 1, 2, 3, 4)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A lesson that comes back each week, or with `day` one that is on that day alone.

    `teachers` in the order in which they are named: the first leads, and the recording would be theirs.
    """

    id: str
    room: str
    weekday: int
    """Monday is 0."""
    begins: time
    ends: time
    begins_on: date
    ends_on: date | None = None
    classes: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse times and days that run backwards, and a weekday that is none."""
        if self.ends <= self.begins:
            raise ValueError(f"ends: expected a time after {self.begins:%H:%M}, got {self.ends:%H:%M}")
        if self.ends_on is not None and self.ends_on < self.begins_on:
            raise ValueError(f"ends_on: expected {self.begins_on} or later, got {self.ends_on}")
        if not 0 <= self.weekday < WEEKDAYS:
            raise ValueError(f"weekday: expected 0 (Monday) to 6, got {self.weekday}")

    def is_on(self, day: date) -> bool:
        """Tell whether it is held on a day, as far as it alone says."""
        return day.weekday() == self.weekday and self.begins_on <= day and (self.ends_on is None or day <= self.ends_on)


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is different with a rule on one day; None leaves as it is."""

    rule: str
    day: date
    is_cancelled: bool = False
    teachers: tuple[str, ...] | None = None
    room: str | None = None


@dataclass(frozen=True, kw_only=True)
class Usual:
    """A room's usual teacher and classes: on some weekdays between two times, wherever no rule says otherwise."""

    id: str
    room: str
    teachers: tuple[str, ...]
    classes: tuple[str, ...]
    begins: time
    ends: time
    begins_on: date
    ends_on: date | None = None
    weekdays: tuple[int, ...] = SCHOOL_WEEK

    def is_on(self, day: date) -> bool:
        """Tell whether it holds on a day, as far as it alone says."""
        return (
            day.weekday() in self.weekdays and self.begins_on <= day and (self.ends_on is None or day <= self.ends_on)
        )


@dataclass(frozen=True, kw_only=True)
class Guest:
    """Somebody who is in a class, or in a room, from a day until a day, beside those who always are."""

    person: str
    class_id: str | None
    room: str | None
    begins_on: date
    ends_on: date

    def is_in(self, lesson: Held, day: date) -> bool:
        """Tell whether they are in a lesson."""
        there = self.class_id in lesson.classes if self.class_id else self.room == lesson.room
        return there and self.begins_on <= day <= self.ends_on


@dataclass(frozen=True, kw_only=True)
class Timetable:
    """All that lessons are made of."""

    rules: Sequence[Rule] = ()
    changes: Sequence[Change] = ()
    usual: Sequence[Usual] = ()
    guests: Sequence[Guest] = ()


@dataclass(frozen=True, kw_only=True)
class Held:
    """One lesson of one room on one day. `lead`: whose recording it would be; None where two lessons disagree.

    `id` is opaque and the same whenever the day is resolved, as long as its time and what it is made of stay.
    """

    id: str
    room: str
    begins_at: datetime
    ends_at: datetime
    classes: tuple[str, ...]
    teachers: tuple[str, ...]
    lead: str | None
    guests: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Piece:
    begins: time
    ends: time
    source: str
    classes: tuple[str, ...]
    teachers: tuple[str, ...]


def lessons_on(day: date, timetable: Timetable, *, zone: tzinfo, is_free: bool) -> tuple[Held, ...]:
    """Give a day's lessons, by room and time; on a day without school only those of rules for that very day."""
    rooms: dict[str, list[_Piece]] = {}
    for room, piece in _ruled(day, timetable, is_free=is_free):
        rooms.setdefault(room, []).append(piece)
    usual = [] if is_free else [each for each in timetable.usual if each.is_on(day)]
    left = [(each.room, piece) for each in usual for piece in _left_over(each, rooms.get(each.room, []))]
    for room, piece in left:
        rooms.setdefault(room, []).append(piece)
    found = (_hold(day, room, piece, zone) for room in sorted(rooms) for piece in _apart(rooms[room]))
    return tuple(
        _with_guests(lesson, day, timetable.guests)
        for lesson in found
        if lesson.begins_at < lesson.ends_at  # not in the hour that the wall clock leaves out
    )


def _ruled(day: date, timetable: Timetable, *, is_free: bool) -> Iterator[tuple[str, _Piece]]:
    changed: Mapping[str, Change] = {change.rule: change for change in timetable.changes if change.day == day}
    for rule in timetable.rules:
        if not rule.is_on(day) or (is_free and not rule.begins_on == rule.ends_on == day):
            continue
        change = changed.get(rule.id, Change(rule=rule.id, day=day))
        if not change.is_cancelled:
            teachers = rule.teachers if change.teachers is None else _stand_in(change.teachers, rule.teachers)
            yield change.room or rule.room, _Piece(rule.begins, rule.ends, rule.id, rule.classes, teachers)


def _stand_in(substitutes: tuple[str, ...], teachers: tuple[str, ...]) -> tuple[str, ...]:
    """Put substitutes in the place of whoever leads; who teaches beside them is in the room all the same."""
    return tuple(dict.fromkeys((*(substitutes or ("",)), *teachers[1:])))


def _left_over(usual: Usual, pieces: Collection[_Piece]) -> Iterator[_Piece]:
    """Give what the rules of a room leave of the usual hours."""
    free = [(usual.begins, usual.ends)]
    for piece in pieces:
        before = [(begins, min(ends, piece.begins)) for begins, ends in free]
        after = [(max(begins, piece.ends), ends) for begins, ends in free]
        free = [(begins, ends) for begins, ends in (*before, *after) if begins < ends]
    for begins, ends in sorted(free):
        yield _Piece(begins, ends, usual.id, usual.classes, usual.teachers)


def _apart(pieces: Sequence[_Piece]) -> Iterator[_Piece]:
    """Cut pieces where they begin and end, and make one of those that lie at the same time."""
    if all(before.ends <= after.begins for before, after in pairwise(sorted(pieces, key=lambda each: each.begins))):
        yield from sorted(pieces, key=lambda each: each.begins)
        return
    cuts = sorted({moment for piece in pieces for moment in (piece.begins, piece.ends)})
    for begins, ends in pairwise(cuts):
        there = sorted(
            (piece for piece in pieces if piece.begins <= begins and ends <= piece.ends), key=lambda each: each.source
        )
        if there:
            yield replace(_together(there), begins=begins, ends=ends)


def _together(pieces: Sequence[_Piece]) -> _Piece:
    if len(pieces) == 1:
        return pieces[0]
    leads = {piece.teachers[:1] for piece in pieces}
    teachers = _all_of(piece.teachers for piece in pieces)
    return replace(
        pieces[0],
        source="+".join(piece.source for piece in pieces),
        classes=_all_of(piece.classes for piece in pieces),
        teachers=teachers if len(leads) == 1 else ("", *teachers),
    )


def _all_of(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for one in lists for each in one))


def _hold(day: date, room: str, piece: _Piece, zone: tzinfo) -> Held:
    digest = hashlib.sha256(f"{day}|{room}|{piece.begins}|{piece.ends}|{piece.source}".encode()).digest()
    return Held(
        id=make_id(digest[:ID_BYTES]),
        room=room,
        begins_at=_instant(day, piece.begins, zone),
        ends_at=_instant(day, piece.ends, zone),
        classes=piece.classes,
        teachers=tuple(teacher for teacher in piece.teachers if teacher),
        lead=(piece.teachers[0] or None) if piece.teachers else None,
    )


def _instant(day: date, moment: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, moment, tzinfo=zone).astimezone(UTC)


def _with_guests(lesson: Held, day: date, guests: Iterable[Guest]) -> Held:
    there = tuple(dict.fromkeys(guest.person for guest in guests if guest.is_in(lesson, day)))
    return replace(lesson, guests=there) if there else lesson
