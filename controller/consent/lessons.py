"""Puts together who will be in each lesson and how they stand, and decides on it: for some rooms, some days ahead.

Reads each table once for all rooms. What is decided stands in policy.py; how a day's lessons come about, in
controller/timetable/policy.py.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.accounts.models import Role
from controller.accounts.roles import accounts_with
from controller.calendar.models import FreeDays
from controller.consent import repo
from controller.consent.agreeing import agrees, principal_agrees
from controller.consent.answers import Answer, Stand, stand_on
from controller.consent.models import Agreement, Blackout, Who
from controller.consent.policy import Decided, Lesson, Someone, decide
from controller.consent.repo import Known, Member
from controller.consent.rules import Rules
from controller.roster.models import ClassRole, SchoolClass
from controller.timetable import repo as timetables
from controller.timetable.policy import Held, lessons_on

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class DecidedLesson:
    """A lesson and the decision on it; `owner` is the account whose recording it would be.

    `people`: whose answer counts, by id: all who will be there, its lead only when they have said something.
    """

    held: Held
    owner: str | None
    decided: Decided
    people: Mapping[str, Someone]


@dataclass(frozen=True, kw_only=True)
class Span:
    """For which days, in which zone, and which of them are without school at a site."""

    first: date
    last: date
    zone: tzinfo
    free_days: Mapping[str, Collection[date]]

    def days(self) -> Iterator[date]:
        """Give the days in order."""
        day = self.first
        while day <= self.last:
            yield day
            day += _DAY


@dataclass(frozen=True, kw_only=True)
class Registry:
    """All that decisions on some lessons are made of, read at one moment."""

    rules: Rules
    members: Mapping[str, Sequence[Member]]
    classes: Mapping[str, SchoolClass]
    people: Mapping[str, Known]
    answers: Mapping[str, Sequence[Answer]]
    agreements: Mapping[tuple[Who, str], Sequence[Agreement]]
    blackouts: Sequence[Blackout]
    teachers: Collection[str]
    """The accounts that have the teacher's role: nobody else owns what is recorded."""
    sites: Mapping[str, str]
    """The site of each room."""


def read_span(session: Session, days: tuple[date, date], zone: tzinfo, sites: Collection[str]) -> Span:
    """Read which days, from the first to the last of two, are without school at some sites."""
    first, last = days
    rows = session.scalars(select(FreeDays).where(FreeDays.last_day >= first, FreeDays.first_day <= last)).all()
    span = Span(first=first, last=last, zone=zone, free_days={})
    free = {
        site: {
            day for row in rows if row.site in ("", site) for day in span.days() if row.first_day <= day <= row.last_day
        }
        for site in sites
    }
    return replace(span, free_days=free)


def decide_lessons(session: Session, rules: Rules, sites: Mapping[str, str], span: Span) -> list[DecidedLesson]:
    """Decide on the lessons of some rooms; `sites` names each room's site."""
    held = list(_held(session, sites, span))
    return decide_each(_read(session, rules, sites, [lesson for _, lesson in held], span), held)


def decide_each(known: Registry, held: Iterable[tuple[date, Held]]) -> list[DecidedLesson]:
    """Decide on lessons of some days by what is known of them."""
    deciding = _Deciding(known)
    return [deciding.decide(lesson, day) for day, lesson in held]


def _held(session: Session, sites: Mapping[str, str], span: Span) -> Iterator[tuple[date, Held]]:
    timetable = timetables.read_timetable(session, span.first, span.last, set(sites))
    for day in span.days():
        free = {site: day in days for site, days in span.free_days.items()}
        for is_free in {free.get(site, False) for site in sites.values()}:
            for lesson in lessons_on(day, timetable, zone=span.zone, is_free=is_free):
                if lesson.room in sites and free.get(sites[lesson.room], False) == is_free:
                    yield day, lesson


def _read(session: Session, rules: Rules, sites: Mapping[str, str], held: Sequence[Held], span: Span) -> Registry:
    classes = {name for lesson in held for name in lesson.classes}
    members = repo.members_of(session, classes, span.first, span.last)
    people = {member.person for each in members.values() for member in each}
    people |= {person for lesson in held for person in (*lesson.guests, *lesson.teachers)}
    return Registry(
        rules=rules,
        members=members,
        classes=repo.classes_by_id(session, classes),
        people=repo.known_people(session, people),
        answers=repo.answers_of(session, people),
        agreements=repo.agreements(session),
        blackouts=repo.blackouts(session, min((lesson.begins_at for lesson in held), default=_LONG_AGO)),
        teachers=accounts_with(session, (Role.TEACHER,)),
        sites=sites,
    )


_LONG_AGO = datetime.min.replace(year=1970, tzinfo=UTC)


class _Deciding:
    """Decides lesson by lesson; who is together once is looked at anew only where the days can make a difference."""

    def __init__(self, known: Registry) -> None:
        self._known = known
        self._turns: dict[str, list[date]] = {}
        self._turns_together: dict[tuple[object, ...], list[date]] = {}
        self._people: dict[tuple[str, int], Someone] = {}
        self._lessons: dict[tuple[object, ...], tuple[Lesson, Mapping[str, Someone]]] = {}
        self._decided: dict[tuple[object, ...], Decided] = {}

    def decide(self, held: Held, day: date) -> DecidedLesson:
        """Decide on a lesson of a day."""
        site = self._known.sites[held.room]
        is_dark = any(_covers(blackout, held, site) for blackout in self._known.blackouts)
        who = (held.classes, held.guests, held.teachers, held.lead, site)
        if who not in self._turns_together:
            self._turns_together[who] = sorted(set(self._turns_of_all(held, site)))
        together = (who, bisect_right(self._turns_together[who], day))
        if together not in self._lessons:
            there = self._people_of(held, day)
            self._lessons[together] = (self._describe(held, site, day, list(there.values())), there)
        lesson, people = self._lessons[together]
        key = (together, is_dark)
        if key not in self._decided:
            self._decided[key] = decide(self._known.rules, replace(lesson, is_blacked_out=is_dark))
        return DecidedLesson(held, lesson.owner, self._decided[key], people)

    def _turns_of_all(self, held: Held, site: str) -> Iterator[date]:
        """Give the days on which anything begins or is over of which the decision on a lesson at a site is made."""
        known = self._known
        lead = known.people.get(held.lead or "")
        there = [member for name in held.classes for member in known.members.get(name, ())]
        for person in {*(member.person for member in there), *held.guests, *held.teachers, held.lead or ""}:
            yield from self._turns_of(person)
        for member in there:
            yield from _bounds(member.begins_on, member.ends_on)
        for name in held.classes:
            if row := known.classes.get(name):
                yield from _bounds(row.begins_on, row.ends_on)
        for about in ((Who.TEACHER, (lead and lead.account) or ""), (Who.PRINCIPAL, site), (Who.PRINCIPAL, "")):
            for word in known.agreements.get(about, ()):
                yield from _bounds(word.holds_from, word.holds_until)

    def _describe(self, held: Held, site: str, day: date, people: Sequence[Someone]) -> Lesson:
        known = self._known
        lead = known.people.get(held.lead or "")
        owner = lead.account if lead and lead.is_adult and lead.account in known.teachers else None
        return Lesson(
            owner=owner,
            classes_known=bool(held.classes) and all(_is_held(known.classes.get(each), day) for each in held.classes),
            people=people,
            teacher_opted_in=owner is not None and agrees(known.agreements.get((Who.TEACHER, owner), ()), day),
            principal_agreed=principal_agrees(known.agreements, site, day),
        )

    def _people_of(self, held: Held, day: date) -> dict[str, Someone]:
        """Give who is in a lesson, each once: pupils and aides of its classes, guests, co-teachers.

        Who is in a class as a pupil counts as one, also when they are listed as an adult elsewhere. Who leads it agrees
        by a word of their own, and is among them only when they have answered as everybody does: a no is heard.
        """
        members = [
            member
            for name in held.classes
            for member in self._known.members.get(name, ())
            if member.begins_on <= day and (member.ends_on is None or day <= member.ends_on)
        ]
        pupils = {member.person for member in members if member.role is ClassRole.PUPIL}
        there = [member.person for member in members if not self._only_teaches(member)]
        others = dict.fromkeys(person for person in (*there, *held.guests, *held.teachers) if person != held.lead)
        people = ((person, self._someone(person, day)) for person in others)
        found = {
            person: replace(someone, is_adult=False) if someone.is_adult and person in pupils else someone
            for person, someone in people
        }
        if held.lead and (lead := self._someone(held.lead, day)).has_spoken:
            found[held.lead] = lead
        return found

    def _only_teaches(self, member: Member) -> bool:
        """Tell whether a member is an adult who teaches the class: the timetable says in which lessons they are."""
        known = self._known.people.get(member.person)
        return member.role is ClassRole.TEACHER and known is not None and known.is_adult

    def _someone(self, person: str, day: date) -> Someone:
        """Tell how somebody stands on a day; of who is not known nothing is. It is decided anew where it can change."""
        turns = self._turns.get(person)
        if turns is None:
            turns = self._turns[person] = sorted(self._turns_of(person))
        key = (person, bisect_right(turns, day))
        found = self._people.get(key)
        if found is None:
            known = self._known.people.get(person)
            stand = self._stand_of(person, known, day) if known else None
            found = self._people[key] = Someone(stand=stand, is_adult=known is not None and known.is_adult)
        return found

    def _turns_of(self, person: str) -> list[date]:
        """Give the days on which an answer for somebody begins to hold or is over, or they come of age."""
        known = self._known.people.get(person)
        turns = [known.of_age_on] if known and known.of_age_on else []
        for answer in self._known.answers.get(person, ()):
            turns += _bounds(answer.holds_from, answer.holds_until)
        return turns

    def _stand_of(self, person: str, known: Known, day: date) -> Stand:
        answers = self._known.answers.get(person, ())
        return stand_on(day, answers, of_age_on=known.of_age_on, is_adult=known.is_adult, rules=self._known.rules)


def _bounds(first: date, last: date | None) -> tuple[date, ...]:
    """Give the days on which something that holds from a day to another begins to hold and is over."""
    return (first,) if last is None else (first, last + _DAY)


def _is_held(row: SchoolClass | None, day: date) -> bool:
    return row is not None and row.begins_on <= day and (row.ends_on is None or day <= row.ends_on)


def is_dark(blackout: Blackout, *, room: str | None, site: str) -> bool:
    """Tell whether a blackout is of a room, which is at a site."""
    return blackout.room == room if blackout.room else blackout.site in ("", site)


def _covers(blackout: Blackout, held: Held, site: str) -> bool:
    return (
        is_dark(blackout, room=held.room, site=site)
        and blackout.begins_at < held.ends_at
        and held.begins_at < blackout.ends_at
    )
