"""Puts a teacher's day together: their lessons, what the unit of each room was told of them, and who sits where.

What the button does is read out of the snapshot that the unit was told. Pupils are named to whoever leads the lesson,
while it is not over: those who must sit out of the picture, and those without an answer. Nobody else's no is named,
and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.consent import repo as consent
from controller.consent.agreeing import agrees
from controller.consent.answers import Standing
from controller.consent.lessons import DecidedLesson, decide_lessons, read_span
from controller.consent.models import Who
from controller.consent.policy import Someone, needs_seat
from controller.consent.rules import Rules
from controller.consent.snapshots import ADULTS_ONLY
from controller.people.models import Person
from controller.people.policy import Name, listing_key
from controller.people.repo import names_of
from controller.services import Services
from controller.timetable import repo as timetables
from controller.timetable.models import Room
from controller.today.policy import (
    NO_RULES,
    NO_UNIT,
    OTHERS_UNIT,
    Answer,
    Button,
    Coarse,
    Heard,
    Phase,
    answer_at,
    answer_through,
    coarsen,
    phase_of,
)
from controller.today.units import Unit, units_in, units_of

_DAY = timedelta(days=1)
Found = tuple[int, Rules] | None
"""The version of the rules that holds, if the school has set any."""
_OPEN = (Standing.NOT_RETURNED, Standing.EXPIRED)


@dataclass(frozen=True, kw_only=True)
class LessonShown:
    """One lesson as a page tells it. Whoever does not lead it is told `openly` what everybody is, and no name.

    Where nobody leads all its teachers are told why (`tells_why`): it is the timetable's fault then. `seats`: who must
    sit out of the picture; `unanswered`: of whom an answer is missing.
    """

    id: str
    day: date
    begins_at: datetime
    ends_at: datetime
    phase: Phase
    room: str
    classes: tuple[str, ...]
    leads: bool
    tells_why: bool
    answer: Answer
    openly: Coarse
    unit: Unit | None
    seats: tuple[str, ...] = field(default=(), repr=False)
    unanswered: tuple[str, ...] = field(default=(), repr=False)

    @property
    def is_certain(self) -> bool:
        """Tell whether the unit can know what is said here."""
        return self.unit is None or self.unit.heard not in (Heard.BEHIND, Heard.NEVER)


@dataclass(frozen=True, kw_only=True)
class Days:
    """Today and tomorrow of one teacher; `own`: their units whose buttons go by no timetable, with what they do now.

    `lacks_own_yes`: the school's rules ask for the teacher's own yes, and they have not said it. `lacks_rules`: the
    school has set none, and that is what is missing first.
    """

    now: datetime
    today: Sequence[LessonShown]
    tomorrow: Sequence[LessonShown]
    own: Sequence[tuple[Unit, Answer]]
    lacks_own_yes: bool
    lacks_rules: bool

    def of(self, phase: Phase) -> list[LessonShown]:
        """Give today's lessons of one phase."""
        return [each for each in self.today if each.phase is phase]


def days_of(services: Services, session: Session, account: str) -> Days:
    """Read somebody's today and tomorrow."""
    shown = lessons_of(services, session, account)
    now = services.clock()
    today = now.astimezone(services.config.controller.time_zone).date()
    answers = [(unit, answer_at(unit.policy, now)) for unit in units_of(session, account)]
    found = consent.newest_rules(session)
    return Days(
        now=now,
        today=[each for each in shown if each.day == today],
        tomorrow=[each for each in shown if each.day != today],
        own=[(unit, _say_why(answer, found)) for unit, answer in answers if answer.reason == ADULTS_ONLY],
        lacks_own_yes=bool(shown) and _lacks_own_yes(session, account, today, found),
        lacks_rules=found is None,
    )


def _say_why(answer: Answer, found: Found) -> Answer:
    """Tell a school without rules from a room on trial: a unit is told the same of both."""
    return replace(answer, reason=NO_RULES) if answer.reason == ADULTS_ONLY and found is None else answer


def _lacks_own_yes(session: Session, account: str, today: date, found: Found) -> bool:
    asked = found is not None and found[1].teacher_opts_in
    return asked and not agrees(consent.agreements(session).get((Who.TEACHER, account), ()), today)


def lessons_of(services: Services, session: Session, account: str) -> list[LessonShown]:
    """Give somebody's lessons of today and tomorrow, in their order."""
    mine = set(session.scalars(select(Person.id).where(Person.account == account, Person.forgotten_at.is_(None))))
    rooms = _rooms_of(session, mine)
    found = consent.newest_rules(session)
    rules = found[1] if found else Rules()
    decided = [
        each for each in _decide(services, session, rules, rooms) if mine & {*each.held.teachers, each.held.lead}
    ]
    units = units_in(session, list(rooms.values()))
    looking = _Looking(
        account=account,
        now=services.clock(),
        sound=rules.sound,
        day_of=lambda at: at.astimezone(services.config.controller.time_zone).date(),
        rooms=consent.room_names(session),
        classes={key: row.title for key, row in consent.classes_by_id(session, _classes(decided)).items()},
        units=units,
    )
    named = _with_names(session, [looking.show(each) for each in decided])
    return [replace(each, answer=_say_why(each.answer, found)) for each in named]


def _rooms_of(session: Session, people: Collection[str]) -> dict[str, Room]:
    ids = {room for person in people for room in timetables.rooms_of_person(session, person)}
    return {room.id: room for room in session.scalars(select(Room).where(Room.id.in_(ids)))}


def _classes(decided: Iterable[DecidedLesson]) -> set[str]:
    return {class_id for each in decided for class_id in each.held.classes}


def _decide(services: Services, session: Session, rules: Rules, rooms: Mapping[str, Room]) -> list[DecidedLesson]:
    zone = services.config.controller.time_zone
    today = services.clock().astimezone(zone).date()
    sites = {room.id: room.site for room in rooms.values()}
    span = read_span(session, (today, today + _DAY), zone, set(sites.values()))
    decided = decide_lessons(session, rules, sites, span)
    return sorted(decided, key=lambda each: (each.held.begins_at, each.held.room))


@dataclass(frozen=True)
class _Named:
    """A lesson, and who is to be named with it, by id."""

    shown: LessonShown
    seats: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()


def _with_names(session: Session, lessons: Sequence[_Named]) -> list[LessonShown]:
    names = names_of(session, {person for each in lessons for person in (*each.seats, *each.unanswered)})
    return [
        replace(each.shown, seats=_listed(each.seats, names), unanswered=_listed(each.unanswered, names))
        for each in lessons
    ]


def _listed(people: Iterable[str], names: Mapping[str, Name]) -> tuple[str, ...]:
    found = sorted((names[person] for person in people if person in names), key=listing_key)
    return tuple(name.listed for name in found)


@dataclass(frozen=True, kw_only=True)
class _Looking:
    """What every lesson of one reader is looked at with."""

    account: str
    now: datetime
    sound: bool
    day_of: Callable[[datetime], date]
    rooms: Mapping[str, str]
    classes: Mapping[str, str]
    units: Mapping[str, Unit]

    def show(self, each: DecidedLesson) -> _Named:
        """Tell of one lesson what its reader may know."""
        held, unit = each.held, self.units.get(each.held.room)
        answer = self._answer(each, unit)
        leads = each.owner == self.account
        shown = LessonShown(
            id=held.id,
            day=self.day_of(held.begins_at),
            begins_at=held.begins_at,
            ends_at=held.ends_at,
            phase=phase_of(held.begins_at, held.ends_at, self.now),
            room=self.rooms[held.room],
            classes=tuple(self.classes[class_id] for class_id in held.classes if class_id in self.classes),
            leads=leads,
            tells_why=leads or held.lead is None,
            answer=self._owned(answer) if leads else answer,
            openly=coarsen(answer),
            unit=unit,
        )
        if not leads or shown.phase is Phase.OVER or answer.reason == ADULTS_ONLY:
            return _Named(shown)
        return _Named(shown, *self._people(answer, each.people))

    def _answer(self, each: DecidedLesson, unit: Unit | None) -> Answer:
        if unit is None:
            return Answer(button=Button.REFUSES, reason=NO_UNIT)
        begins_at = max(each.held.begins_at, min(self.now, each.held.ends_at - timedelta(seconds=1)))
        return answer_through(unit.policy, begins_at, each.held.ends_at, known_until=unit.known_until(self.now))

    def _owned(self, answer: Answer) -> Answer:
        """Warn of a button whose recording would belong to somebody else than who leads."""
        if answer.button is Button.REFUSES or answer.owner == self.account:
            return answer
        return Answer(button=Button.REFUSES, reason=OTHERS_UNIT)

    def _people(self, answer: Answer, people: Mapping[str, Someone]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        needs_seats = answer.button is Button.IF_SEATS_ARE_CHECKED
        seats = tuple(person for person, someone in people.items() if needs_seats and needs_seat(someone))
        return seats, tuple(person for person, someone in people.items() if self._is_open(someone))

    def _is_open(self, someone: Someone) -> bool:
        """Tell whether a pupil's answer is missing and would change something; silence can be a yes."""
        is_missing = someone.stand is not None and someone.stand.why in _OPEN
        return is_missing and not someone.is_adult and not (someone.shows and (someone.speaks or not self.sound))
