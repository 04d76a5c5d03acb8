"""Finds whose the rows of a table are, and what stands of them; what cannot be found goes into the table's flaws."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.consent.answers import Giver
from controller.consent.models import AnswerRow
from controller.consent.repo import Known, answers_of, known_people
from controller.consent.rules import Rules
from controller.db import batches
from controller.forms.difference import Held, TableAnswer
from controller.forms.lists import FoundAnswer, Table
from controller.forms.models import FormCode
from controller.forms.policy import Choice, Grants, are_possible, choice_of, default_days, givers_of, may_end
from controller.roster.flaws import Flawed, flaw


@dataclass(frozen=True, kw_only=True)
class Basis:
    """On what a table is read: the day and the rules."""

    day: date
    rules: Rules


def find_answers(session: Session, table: Table, basis: Basis) -> list[TableAnswer]:
    """Give the answers of a table with their people; look at its flaws before using them."""
    codes = _codes(session, {each.code for each in table.answers if each.code})
    named = {each.person for each in table.answers if not each.code} | {person for person, _ in codes.values()}
    known, found, rows = known_people(session, named), [], dict[tuple[str, Giver], int]()
    for each in table.answers:
        person, version = codes.get(each.code, ("", 0)) if each.code else (each.person, 0)
        if person not in known:
            where = "code" if each.code else "id"
            table.flaws.add(flaw(Flawed.NOBODY, table.file, each.row, where, got=each.code or each.person))
        elif each.person not in ("", person):  # one of them slipped by a row: a family's yes would be another child's
            table.flaws.add(flaw(Flawed.TWO_PEOPLE, table.file, each.row, "code", got=each.code))
        elif answer := _complete(table, each, known[person], (person, version), basis):
            first = rows.setdefault((person, answer.giver), each.row)
            if first != each.row:
                table.flaws.add(flaw(Flawed.DUPLICATE, table.file, each.row, "giver", got=answer.giver, first=first))
            found.append(answer)
    return found


def _complete(table: Table, row: FoundAnswer, known: Known, whose: tuple[str, int], basis: Basis) -> TableAnswer | None:
    """Put in what a row leaves out; None where it cannot be meant, which goes into the flaws."""
    givers = givers_of(is_adult=known.is_adult, of_age_on=known.of_age_on, today=basis.day)
    giver = row.giver or givers[0]
    first, last = default_days(basis.rules, basis.day)
    begins = row.holds_from or first
    ends = (row.holds_until or last) if may_end(row.choice) else None
    if giver not in givers:
        expected = ", ".join(givers)
        table.flaws.add(flaw(Flawed.CHOICE, table.file, row.row, "giver", expected=expected, got=giver))
    elif row.choice is Choice.VOICE and not basis.rules.sound:
        table.flaws.add(flaw(Flawed.CHOICE, table.file, row.row, "answer", expected="yes, no, withdrawn", got="voice"))
    elif not are_possible(begins, ends, basis.day):
        facts = {"first": begins.isoformat(), "last": ends.isoformat() if ends else "–"}
        table.flaws.add(flaw(Flawed.DAYS_FAR, table.file, row.row, "from", **facts))
    else:
        names_end = row.holds_until is not None
        return TableAnswer(whose[0], giver, row.choice, begins, ends, version=whose[1], names_end=names_end)
    return None


def _codes(session: Session, codes: Collection[str]) -> dict[str, tuple[str, int]]:
    """Give person and version of some codes."""
    found: dict[str, tuple[str, int]] = {}
    for batch in batches(codes):
        rows = session.scalars(select(FormCode).where(FormCode.code.in_(batch)))
        found.update((row.code, (row.person, row.form_version)) for row in rows)
    return found


def held_answers(session: Session, people: Collection[str], rules: Rules) -> dict[tuple[str, Giver], Held]:
    """Give what each giver's newest line says for some people."""
    return {
        (person, answer.giver): Held(
            choice_of(
                Grants(answer.picture, answer.voice if rules.sound else answer.picture),
                is_withdrawal=answer.is_withdrawal,
            ),
            answer.holds_from,
            answer.holds_until,
        )
        for person, answers in answers_of(session, people).items()
        for answer in answers
    }


def newest_number(session: Session) -> int:
    """Number the newest line of the registry; 0 before the first."""
    return session.scalars(select(AnswerRow.number).order_by(AnswerRow.number.desc()).limit(1)).first() or 0
