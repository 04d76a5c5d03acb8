"""A read timetable waits as a draft until somebody who saw the difference applies or discards it; after 7 days it ends.

As with rosters the difference is worked out anew whenever it is asked for, and applying is refused when the timetable
was changed since (`basis`). Next year's is applied ahead: it begins on its own first day.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from controller.db import batches
from controller.devices.history import OPERATOR, Deed
from controller.roster.drafts import Vanishing, today
from controller.services import Services
from controller.timetable.checking import FARTHEST
from controller.timetable.found import FoundTimetable, Meant, Place, Reading, decode_found, encode_found
from controller.timetable.history import Happening, Told, newest_event, note_event
from controller.timetable.models import (
    LessonChange,
    LessonRule,
    LessonRuleClass,
    LessonRuleTeacher,
    Room,
    RuleSource,
    TimetableDraft,
)
from controller.timetable.plan import HeldRule, Plan, plan_timetable
from controller.timetable.refusals import Fault, TimetableRefusedError
from controller.timetable.writing import editing

DRAFT_LASTS = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What applying a draft would do, and on which state of the timetable that was worked out."""

    draft: str
    found: FoundTimetable
    plan: Plan
    basis: int

    @property
    def summaries(self) -> Mapping[str, int]:
        """Give what a calendar calls its lessons, with how many each is."""
        return Counter(lesson.summary for lesson in self.found.lessons if self.found.source is RuleSource.CALENDAR)

    @property
    def unmatched(self) -> Collection[str]:
        """Give the summaries of which nobody and nothing is known: nothing is recorded in their lessons."""
        return [summary for summary in self.summaries if summary not in self.found.meant]


def make_draft(services: Services, reading: Reading, starts_on: date, deed: Deed) -> str:
    """Keep a timetable that was read without flaws until somebody decides, and give the draft's id."""
    if reading.found is None:
        raise ValueError("only a timetable without flaws can wait for a decision")
    require_start(services, starts_on)
    row = TimetableDraft(
        id=services.new_id(),
        source=reading.found.source,
        starts_on=starts_on,
        content=encode_found(reading.found),
        made_at=deed.at,
        made_by=deed.by,
        ends_at=deed.at + DRAFT_LASTS,
    )
    with services.database.writing() as session:
        session.add(row)
        note_event(session, Happening.DRAFTED, deed, Told(about=row.id, day=starts_on))
    return row.id


def require_start(services: Services, starts_on: date) -> None:
    """Refuse a first day that is over or too far away."""
    now = today(services)
    if starts_on < now:
        raise TimetableRefusedError(Fault.DAY_PAST, "starts_on", today=now.isoformat(), got=starts_on.isoformat())
    if starts_on > now + FARTHEST:
        raise TimetableRefusedError(Fault.DAY_FAR, "starts_on", most=FARTHEST.days, got=starts_on.isoformat())


def waiting_drafts(session: Session, services: Services) -> list[TimetableDraft]:
    """Give the drafts that wait, the newest first."""
    held = select(TimetableDraft).where(TimetableDraft.ends_at > services.clock())
    return list(session.scalars(held.order_by(TimetableDraft.made_at.desc())))


def find_draft(session: Session, services: Services, draft: str) -> TimetableDraft:
    """Give a draft that still waits; raise `TimetableRefusedError`."""
    row = session.get(TimetableDraft, draft)
    if row is None or row.ends_at <= services.clock():
        raise TimetableRefusedError(Fault.DRAFT_UNKNOWN, "draft", got=draft[:40])
    return row


def set_meaning(services: Services, draft: str, meant: Mapping[str, Meant]) -> None:
    """Keep what a person says that the summaries of a calendar stand for."""
    with services.database.writing() as session:
        row = find_draft(session, services, draft)
        found = decode_found(row.content)
        known = {lesson.summary for lesson in found.lessons}
        said = {**found.meant, **meant}
        told = {summary: each for summary, each in said.items() if summary in known and each != Meant()}
        row.content = encode_found(replace(found, meant=told))


def preview(services: Services, draft: str) -> Preview:
    """Work out what applying a draft would do now; a first day that has passed becomes today."""
    with services.database.reading() as session:
        row = find_draft(session, services, draft)
        starts_on = max(row.starts_on, today(services))
        found, basis = decode_found(row.content), newest_event(session)
        held = read_held(session, found.places, starts_on)
        known = _known_places(session)
    plan = plan_timetable(found, held, known=known, starts_on=starts_on)
    return Preview(draft=draft, found=found, plan=plan, basis=basis)


def apply_draft(services: Services, draft: str, *, basis: int, vanishing: Vanishing, deed: Deed) -> Plan:
    """Apply what somebody saw, with what the units of its rooms are told; `basis` is that of the preview."""
    shown = preview(services, draft)
    if shown.basis != basis:
        raise TimetableRefusedError(Fault.CHANGED_MEANWHILE, "draft")
    require_applicable(shown.plan, vanishing)
    with editing(services, deed) as edit:
        if newest_event(edit.session) != basis:
            raise TimetableRefusedError(Fault.CHANGED_MEANWHILE, "draft")
        row = find_draft(edit.session, services, draft)
        edit.follow(shown.plan, row.source)
        edit.session.delete(row)
    return shown.plan


def require_applicable(plan: Plan, vanishing: Vanishing) -> None:
    """Refuse a plan that changes nothing, or lets vanish more than somebody said."""
    if plan.changes_nothing:
        raise TimetableRefusedError(Fault.NOTHING_CHANGES, "file")
    if plan.is_too_much and vanishing is not Vanishing.MEANT:
        raise TimetableRefusedError(Fault.TOO_MUCH_VANISHES, "vanishing", gone=plan.vanishing, before=plan.before)


def discard_draft(services: Services, draft: str, deed: Deed) -> None:
    """Throw a draft away; nothing was changed by it."""
    with services.database.writing() as session:
        session.delete(find_draft(session, services, draft))
        note_event(session, Happening.DISCARDED, deed, Told(about=draft))


def end_drafts(services: Services) -> int:
    """Throw away the drafts for which nobody decided; tell how many."""
    now = services.clock()
    with services.database.writing() as session:
        over = session.scalars(select(TimetableDraft.id).where(TimetableDraft.ends_at <= now)).all()
        session.execute(delete(TimetableDraft).where(TimetableDraft.id.in_(over)))
        for each in over:
            note_event(session, Happening.EXPIRED, Deed(OPERATOR, now), Told(about=each))
    return len(over)


def _known_places(session: Session) -> set[Place]:
    return {Place(site, name) for site, name in session.execute(select(Room.site, Room.name))}


def read_held(session: Session, places: Collection[Place], day: date) -> list[HeldRule]:
    """Read the rules of some rooms that are not over before a day."""
    wanted = set(places)
    rooms = {row.id: Place(row.site, row.name) for row in session.scalars(select(Room))}
    here = [room for room, place in rooms.items() if place in wanted]
    going_on = or_(LessonRule.ends_on.is_(None), LessonRule.ends_on >= day)
    rows = [
        row
        for batch in batches(here)
        for row in session.scalars(select(LessonRule).where(LessonRule.room.in_(batch), going_on))
    ]
    classes, teachers, cancelled = _parts(session, [row.id for row in rows])
    return [
        HeldRule(
            *(row.id, rooms[row.room], row.source, row.weekday, row.begins, row.ends, row.begins_on, row.ends_on),
            classes=tuple(classes[row.id]),
            teachers=tuple(teachers[row.id]),
            cancelled=frozenset(cancelled[row.id]),
        )
        for row in rows
    ]


def _parts(
    session: Session, rules: Collection[str]
) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]], Mapping[str, list[date]]]:
    """Give classes, teachers in order, and days without it of some rules."""
    classes, teachers = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    cancelled = defaultdict[str, list[date]](list)
    for batch in batches(rules):
        in_class = select(LessonRuleClass.rule, LessonRuleClass.class_id).where(LessonRuleClass.rule.in_(batch))
        for rule, class_id in session.execute(in_class.order_by(LessonRuleClass.class_id)):
            classes[rule].append(class_id)
        taught = select(LessonRuleTeacher.rule, LessonRuleTeacher.person).where(LessonRuleTeacher.rule.in_(batch))
        for rule, person in session.execute(taught.order_by(LessonRuleTeacher.place)):
            teachers[rule].append(person)
        off = select(LessonChange.rule, LessonChange.day).where(
            LessonChange.rule.in_(batch), LessonChange.is_cancelled.is_(True)
        )
        for rule, day in session.execute(off):
            cancelled[rule].append(day)
    return classes, teachers, cancelled
