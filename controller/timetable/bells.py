"""Bells and terms: a lesson's place in the day and in the year by names, so that tables need not repeat times and days.

A rule keeps the times that it was read with: whoever changes the bells reads the timetable once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from controller.devices.history import Deed
from controller.people.policy import tidy
from controller.roster.drafts import today
from controller.services import Services
from controller.timetable.asked import require_days, require_hours, require_weekdays
from controller.timetable.finding import read_directory
from controller.timetable.history import Happening, Told, note_event
from controller.timetable.models import NAME_CHARS, BellPeriod, Term
from controller.timetable.policy import SCHOOL_WEEK
from controller.timetable.refusals import Fault, TimetableRefusedError
from controller.timetable.table import Frame, Period


@dataclass(frozen=True, kw_only=True)
class NewPeriod:
    """A bell's name and times on some weekdays of a site; blank: of the whole school."""

    name: str
    begins: time
    ends: time
    site: str = ""
    weekdays: tuple[int, ...] = SCHOOL_WEEK

    def __post_init__(self) -> None:
        """Refuse what is wrong in itself."""
        require_name(self.name)
        require_hours(self.begins, self.ends)
        require_weekdays(self.weekdays)


@dataclass(frozen=True, kw_only=True)
class NewTerm:
    """A term's name and days at a site; blank: of the whole school."""

    name: str
    begins_on: date
    ends_on: date
    site: str = ""

    def __post_init__(self) -> None:
        """Refuse what is wrong in itself."""
        require_name(self.name)
        require_days(self.begins_on, self.ends_on)


def require_name(name: str) -> None:
    """Refuse what can be no name of a bell or a term."""
    if not name or len(name) > NAME_CHARS or not name.isprintable():
        raise TimetableRefusedError(Fault.NAME_MALFORMED, "name", most=NAME_CHARS, got=name[:NAME_CHARS])


def set_period(services: Services, new: NewPeriod, deed: Deed) -> None:
    """Say when a bell is on some weekdays; what was said of it for these weekdays is forgotten."""
    with services.database.writing() as session:
        for row in session.scalars(select(BellPeriod).where(BellPeriod.site == new.site)):
            if _key(row.name) == _key(new.name):
                _leave(session, row, new.weekdays)
        weekdays = "".join(map(str, sorted(new.weekdays)))
        row = BellPeriod(
            id=services.new_id(), site=new.site, name=new.name, weekdays=weekdays, begins=new.begins, ends=new.ends
        )
        session.add(row)
        note_event(session, Happening.BELLS_SET, deed, Told(about=row.id))


def _leave(session: Session, row: BellPeriod, weekdays: Sequence[int]) -> None:
    """Take weekdays from a bell; without any it is gone."""
    left = "".join(each for each in row.weekdays if int(each) not in weekdays)
    if left:
        row.weekdays = left
    else:
        session.delete(row)


def remove_period(services: Services, period: str, deed: Deed) -> None:
    """Forget a bell; rules that were read with it keep their times."""
    with services.database.writing() as session:
        row = session.get(BellPeriod, period)
        if row is None:
            raise TimetableRefusedError(Fault.ROW_UNKNOWN, "entry", got=period[:40])
        session.delete(row)
        note_event(session, Happening.BELLS_SET, deed, Told(about=period))


def set_term(services: Services, new: NewTerm, deed: Deed) -> None:
    """Say from when until when a term is; rules that were read with it keep their days."""
    with services.database.writing() as session:
        here = session.scalars(select(Term).where(Term.site == new.site)).all()
        same = [row.id for row in here if _key(row.name) == _key(new.name)]
        session.execute(delete(Term).where(Term.id.in_(same)))
        row = Term(id=services.new_id(), site=new.site, name=new.name, begins_on=new.begins_on, ends_on=new.ends_on)
        session.add(row)
        note_event(session, Happening.TERM_SET, deed, Told(about=row.id, day=new.begins_on))


def remove_term(services: Services, term: str, deed: Deed) -> None:
    """Forget a term; rules that were read with it keep their days."""
    with services.database.writing() as session:
        row = session.get(Term, term)
        if row is None:
            raise TimetableRefusedError(Fault.ROW_UNKNOWN, "entry", got=term[:40])
        session.delete(row)
        note_event(session, Happening.TERM_SET, deed, Told(about=term))


def list_periods(session: Session) -> Sequence[BellPeriod]:
    """Give the bells by site and time."""
    return session.scalars(select(BellPeriod).order_by(BellPeriod.site, BellPeriod.begins, BellPeriod.name)).all()


def list_terms(session: Session) -> Sequence[Term]:
    """Give the terms by site and first day."""
    return session.scalars(select(Term).order_by(Term.site, Term.begins_on, Term.name)).all()


def read_frame(session: Session, services: Services, *, starts_on: date, site: str) -> Frame:
    """Read what a table is read by."""
    return Frame(
        directory=read_directory(session, max(starts_on, today(services))),
        periods={
            (row.site, int(weekday), _key(row.name)): Period(row.begins, row.ends)
            for row in list_periods(session)
            for weekday in row.weekdays
        },
        terms={(row.site, _key(row.name)): (row.begins_on, row.ends_on) for row in list_terms(session)},
        starts_on=starts_on,
        site=site,
    )


def _key(name: str) -> str:
    return tidy(name).casefold()
