"""Enters what stands on a form: finds whose it is by its code, writes the answer down, gives the last ones.

Writing and its consequences for the units are controller/consent/answering.py's; this module changes nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.consent.answering import UNDO_WITHIN, AnswerRefusedError, Said, take_back, write_answers
from controller.consent.answers import Giver
from controller.consent.models import AnswerRow
from controller.consent.repo import read_scopes, undone_among
from controller.forms.codes import Slip, Slipped, near_codes, read_code, spell_code
from controller.forms.facts import FormFacts
from controller.forms.models import FormCode
from controller.forms.policy import Choice, Grants, are_possible, choice_of, choices_of, givers_of, grants_of, may_end
from controller.forms.refusals import Fault, FormRefusedError, refuse_slip
from controller.forms.versions import read_version
from controller.people.models import Kind, Person
from controller.services import Services

LAST_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class FoundForm:
    """Whose form a code is on, of which version, and who can answer on it."""

    code: str
    person: str
    version: int
    facts: FormFacts
    givers: tuple[Giver, ...]

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Give the boxes of the form."""
        return choices_of(asks_voice=self.facts.sound)


def find_form(session: Session, text: str, today: date) -> FoundForm:
    """Find a form by what was typed or scanned; raise `FormRefusedError` that says which character, or what to do."""
    code = read_code(text)
    if isinstance(code, Slipped):
        raise _nearest(session, code)
    row = session.get(FormCode, code)
    if row is None:
        raise FormRefusedError(Fault.CODE_UNKNOWN, "code")
    person, content = session.get_one(Person, row.person), read_version(session, row.form_version)
    if person.forgotten_at is not None or content is None:
        raise FormRefusedError(Fault.FORGOTTEN, "code")
    givers = givers_of(is_adult=person.kind is Kind.ADULT, of_age_on=person.of_age_on, today=today)
    return FoundForm(code=code, person=row.person, version=row.form_version, facts=content.facts, givers=givers)


def _nearest(session: Session, slipped: Slipped) -> FormRefusedError:
    """Look for the form that was meant: of the codes one slip away hardly ever two were printed."""
    if slipped.slip is not Slip.CHECK:
        return refuse_slip(slipped)
    near = {each.code: each for each in near_codes(slipped.got)}
    found = session.scalars(select(FormCode.code).where(FormCode.code.in_(near))).all()
    if len(found) != 1:
        return refuse_slip(slipped)
    meant = near[found[0]]
    place, code = meant.place, spell_code(meant.code)
    if meant.is_swap:
        return FormRefusedError(Fault.CODE_SWAPPED, "code", place=place, next=place + 1, code=code)
    return FormRefusedError(Fault.CODE_NEAR, "code", place=place, code=code)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What was read off a form and pressed."""

    choice: Choice
    giver: Giver
    holds_from: date
    holds_until: date | None


def enter(services: Services, form: FoundForm, entry: Entry, *, by: str, today: date) -> int:
    """Write down what stands on a form; give how many units were told something else. Raises `FormRefusedError`."""
    last = entry.holds_until if may_end(entry.choice) else None
    if entry.choice not in form.choices:
        raise FormRefusedError(Fault.CHOICE_UNKNOWN, "said")
    if entry.giver not in form.givers:
        raise FormRefusedError(Fault.GIVER_WRONG, "giver")
    if not are_possible(entry.holds_from, last, today):
        raise FormRefusedError(Fault.DAYS_WRONG, "days", first=str(entry.holds_from), last=str(last or "–"))
    grants = grants_of(entry.choice, form.facts.asked, asks_voice=form.facts.sound)
    said = Said(
        person=form.person,
        giver=entry.giver,
        picture=grants.picture,
        voice=grants.voice,
        holds_from=entry.holds_from,
        holds_until=last,
        is_withdrawal=entry.choice is Choice.WITHDRAWN,
        form_version=form.version,
    )
    return write_answers(services, [said], by=by)


def undo_entry(services: Services, number: int, *, by: str) -> None:
    """Take a line back that was a slip at the keyboard; raise `FormRefusedError` when that is too late."""
    try:
        take_back(services, number, by=by)
    except AnswerRefusedError:
        raise FormRefusedError(Fault.TOO_LATE, "number") from None


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the registry as pages show it."""

    row: AnswerRow
    choice: Choice
    was_undone: bool
    can_undo: bool


def lines_of(session: Session, services: Services, rows: Sequence[AnswerRow]) -> list[Line]:
    """Say of some lines what they say, and whether they count and can still be taken back."""
    undone = undone_among(session, [row.number for row in rows])
    now = services.clock()
    return [
        Line(
            row=row,
            choice=choice_of(Grants(read_scopes(row.picture), read_scopes(row.voice)), is_withdrawal=row.is_withdrawal),
            was_undone=row.number in undone,
            can_undo=row.undoes is None and row.number not in undone and now < row.recorded_at + UNDO_WITHIN,
        )
        for row in rows
    ]


def last_lines(session: Session, services: Services, by: str) -> list[Line]:
    """Give the last lines that somebody wrote down, the newest first; those that take others back are not shown."""
    asked = select(AnswerRow).where(AnswerRow.recorded_by == by, AnswerRow.undoes.is_(None))
    rows = session.scalars(asked.order_by(AnswerRow.number.desc()).limit(LAST_SHOWN)).all()
    return lines_of(session, services, rows)


def newest_lines(session: Session, services: Services, person: str) -> list[Line]:
    """Give the newest line that counts of each giver for somebody."""
    asked = select(AnswerRow).where(AnswerRow.person == person, AnswerRow.undoes.is_(None)).order_by(AnswerRow.number)
    lines = lines_of(session, services, session.scalars(asked).all())
    return list({line.row.giver: line for line in lines if not line.was_undone}.values())
