"""One person's answers: how they stand and why, every line with who wrote it down, the forms that were printed."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, abort, render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.accounts.repo import names_of as account_names
from controller.auth.access import for_roles
from controller.consent.answers import Giver
from controller.consent.models import AnswerRow
from controller.forms import words
from controller.forms.codes import spell_code
from controller.forms.composing import compose_now
from controller.forms.entering import Line, lines_of
from controller.forms.keepers import ANSWER_KEEPERS
from controller.forms.models import FormCode
from controller.forms.policy import givers_of
from controller.forms.standing import Question, stands_of
from controller.forms.versions import find_version, rules_in_force
from controller.people.models import Kind, Person
from controller.people.policy import Name
from controller.people.repo import names_of
from controller.roster.drafts import today
from controller.roster.repo import classes_of_person
from controller.services import Services


class PersonPages:
    """What a consent keeper sees of one person."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the page's address."""
        room.add_url_rule("/forms/people/<person>", view_func=self.person)

    @for_roles(*ANSWER_KEEPERS)
    def person(self, person: str) -> str:
        """Show everything that was ever answered for somebody, the newest first."""
        day = today(self._services)
        with self._services.database.reading() as session:
            row = session.get(Person, person)
            if row is None:
                abort(404)
            version = find_version(session, compose_now(session, self._services))
            asked = Question(day=day, rules=rules_in_force(session), version=version)
            lines = _lines(session, self._services, person)
            is_adult = row.kind is Kind.ADULT
            return render_template(
                "forms/person.html",
                words=words,
                row=row,
                name=names_of(session, [person]).get(person, Name("", "")),
                classes=classes_of_person(session, person, day),
                held=stands_of(session, [person], asked)[person],
                asked=asked,
                lines=lines,
                heard=givers_of(is_adult=is_adult, of_age_on=row.of_age_on, today=day),
                disagree=_disagree(lines, givers_of(is_adult=is_adult, of_age_on=row.of_age_on, today=day)),
                writers=account_names(session, {line.row.recorded_by for line in lines}),
                codes=session.scalars(
                    select(FormCode).where(FormCode.person == person).order_by(FormCode.form_version.desc())
                ).all(),
                spell=spell_code,
            )


def _lines(session: Session, services: Services, person: str) -> list[Line]:
    asked = select(AnswerRow).where(AnswerRow.person == person).order_by(AnswerRow.number.desc())
    return lines_of(session, services, session.scalars(asked).all())


def _disagree(lines: Sequence[Line], heard: Sequence[Giver]) -> bool:
    """Tell whether the newest lines of those who are heard say different things; `lines`: the newest first."""
    newest: dict[Giver, tuple[str, str]] = {}
    for line in lines:
        if line.row.giver in heard and line.row.undoes is None and not line.was_undone:
            newest.setdefault(line.row.giver, (line.row.picture, line.row.voice))
    return len(set(newest.values())) > 1
