"""Printed forms for tests: codes of the form as the settings are now, and a consent keeper's class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import select

from controller.auth.languages import days_in, languages_spoken, say_in
from controller.consent.repo import newest_rules
from controller.consent.rules import Rules
from controller.consent.ruling import UNSET, set_rules
from controller.forms.issuing import codes_of, issue_codes
from controller.forms.versions import Content, compose
from controller.forms.wording import Speech
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
    with house.make_app().test_request_context(), house.services.database.reading() as session:
        speeches = {language: Speech(say_in(language), days_in(language)) for language in languages_spoken()}
        return compose(session, house.services.config.retention, speeches)


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
