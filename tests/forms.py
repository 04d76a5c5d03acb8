"""Printed forms for tests: codes of the form as the settings are now, and a consent keeper's class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import timedelta

from sqlalchemy import select

from controller.consent.answers import Giver
from controller.consent.models import AnswerRow
from controller.consent.repo import newest_rules
from controller.consent.rules import Rules
from controller.consent.ruling import UNSET, set_rules
from controller.forms.composing import compose_now
from controller.forms.difference import TableAnswer
from controller.forms.drafts import make_draft
from controller.forms.entering import Entry, enter, find_form, undo_entry
from controller.forms.issuing import codes_of, issue_codes
from controller.forms.policy import Choice
from controller.forms.versions import Content
from controller.roster.drafts import today
from controller.roster.models import SchoolClass
from controller.roster.repo import members_on
from tests.classes import paste, take
from tests.house import House


@dataclass(frozen=True, kw_only=True)
class Pile:
    """A class, its pupils in the order of the list, and the code on the form of each."""

    class_id: str
    pupils: Sequence[str]
    codes: Sequence[str]
    version: int


def let_hold(house: House, rules: Rules) -> None:
    """Let other rules hold, with a reason for whatever needs one."""
    with house.services.database.reading() as session:
        held = newest_rules(session)
    reasons = {"pupils": "a test", **{each.name: "a test" for each in fields(Rules)}}
    set_rules(house.services, rules, seen=held[0] if held else UNSET, reasons=reasons, by="officer")


def compose_here(house: House) -> Content:
    """Make the form as the settings are now."""
    with house.app.test_request_context(), house.services.database.reading() as session:
        return compose_now(session, house.services)


def print_class(house: House, class_id: str) -> Pile:
    """Give every pupil of a class a code of the form as it is now."""
    with house.services.database.reading() as session:
        members = members_on(session, class_id, today(house.services))
    pupils = [member.person for member in members if member.role == "pupil"]
    version = issue_codes(house.services, pupils, compose_here(house))
    with house.services.database.reading() as session:
        codes = codes_of(session, pupils, version)
    return Pile(class_id=class_id, pupils=pupils, codes=[codes[pupil] for pupil in pupils], version=version)


def make_pile(house: House, names: Sequence[str], *, by: str, title: str = "4C") -> Pile:
    """Make a class of some pupils, and print their forms."""
    take(house, paste(house, "\n".join(names), title=title, by=by), by=by)
    with house.services.database.reading() as session:
        class_id = session.scalars(select(SchoolClass.id).where(SchoolClass.title == title)).one()
    return print_class(house, class_id)


def enter_answers(house: House, pile: Pile, *, by: str) -> None:
    """Enter something of everything: guardians who differ, a slip, each box; the last of the pile say nothing."""
    day = today(house.services)
    both = (Giver.GUARDIAN_1, Giver.GUARDIAN_2)
    said = (*zip((Choice.GRANTED, Choice.REFUSED), both, strict=True), (Choice.GRANTED, Giver.SELF))
    for choice, giver in said:
        _enter(house, pile.codes[0], Entry(choice=choice, giver=giver, holds_from=day, holds_until=None), by)
    undo_entry(house.services, _newest(house), by=by)
    for code, choice in zip(pile.codes[1:], Choice, strict=False):
        entry = Entry(choice=choice, giver=Giver.GUARDIAN_1, holds_from=day, holds_until=day + timedelta(days=200))
        _enter(house, code, entry, by)


def fill_forms(house: House, class_id: str, *, by: str) -> dict[str, str]:
    """Print the forms of a class, enter something, and give the addresses of all pages of forms by a name."""
    pile = print_class(house, class_id)
    enter_answers(house, pile, by=by)
    day = today(house.services)
    answers = [
        TableAnswer(each, Giver.GUARDIAN_2, Choice.REFUSED, day, None, 0, names_end=False) for each in pile.pupils
    ]
    draft = make_draft(house.services, answers, by=by)
    return {
        "forms": "/forms",
        "forms-class": f"/forms/classes/{pile.class_id}",
        "forms-sheets": f"/forms/classes/{pile.class_id}/sheets?whose=everybody",
        "forms-notice": "/forms/notice",
        "forms-entry": "/forms/entry",
        "forms-entry-wrong": "/forms/entry?code=0",
        "forms-entry-form": f"/forms/entry?code={pile.codes[0]}",
        "forms-version": f"/forms/versions/{pile.version}",
        "forms-table": "/forms/table",
        "forms-difference": f"/forms/drafts/{draft}",
        "forms-person": f"/forms/people/{pile.pupils[0]}",
    }


def _enter(house: House, code: str, entry: Entry, by: str) -> None:
    day = today(house.services)
    with house.services.database.reading() as session:
        form = find_form(session, code, day)
    enter(house.services, form, entry, by=by, today=day)


def _newest(house: House) -> int:
    with house.services.database.reading() as session:
        return session.scalars(select(AnswerRow.number).order_by(AnswerRow.number.desc())).first() or 0
