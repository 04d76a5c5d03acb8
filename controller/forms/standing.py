"""Says of people how they stand today and on which form they answered; the sums of a class. Decides no law of its own.

The law is controller/consent/answers.py's; who is asked is the rules'.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.consent.answers import Answer, Giver, Scope, Stand, Standing, stand_on
from controller.consent.models import AnswerRow
from controller.consent.repo import Known, answers_of, known_people
from controller.consent.rules import Rules
from controller.db import batches
from controller.forms.policy import Choice, Grants, choice_of
from controller.roster.models import ClassRole
from controller.roster.repo import Member

MISSING = frozenset({Standing.NOT_RETURNED, Standing.EXPIRED})
_NOBODY = Known(is_adult=False, of_age_on=None, account=None)


@dataclass(frozen=True, kw_only=True)
class PersonStand:
    """How somebody stands today; `older_forms`: the versions of older forms on which what counts was answered."""

    stand: Stand
    says: Choice
    older_forms: tuple[int, ...]

    @property
    def is_missing(self) -> bool:
        """Tell whether an answer is still to come: none was returned, or it has ended."""
        return self.stand.why in MISSING


@dataclass(frozen=True, kw_only=True)
class Question:
    """For what everybody's stand is asked: the day, the rules, the version of the form as it is now, if it has one."""

    day: date
    rules: Rules
    version: int | None


def stands_of(session: Session, people: Collection[str], asked: Question) -> dict[str, PersonStand]:
    """Give how some people stand."""
    answers, known, forms = answers_of(session, people), known_people(session, people), _forms_of(session, people)
    return {
        each: _stand_of(answers.get(each, []), known.get(each, _NOBODY), forms, asked) for each in dict.fromkeys(people)
    }


def _stand_of(answers: Sequence[Answer], known: Known, forms: Mapping[int, int], asked: Question) -> PersonStand:
    stand = stand_on(asked.day, answers, of_age_on=known.of_age_on, is_adult=known.is_adult, rules=asked.rules)
    newest: dict[Giver, Answer] = {answer.giver: answer for answer in answers}
    used = {forms[answer.number] for answer in newest.values() if answer.number in forms}
    voice = stand.voice if asked.rules.sound else stand.picture & {Scope.RECORD}
    return PersonStand(
        stand=stand,
        says=choice_of(Grants(stand.picture, voice), is_withdrawal=stand.why is Standing.WITHDRAWN),
        older_forms=tuple(sorted(used - {asked.version})),
    )


def _forms_of(session: Session, people: Collection[str]) -> dict[int, int]:
    """Give the version of the form of each line that has one, by the line's number."""
    found: dict[int, int] = {}
    for batch in batches(people):
        asked = select(AnswerRow.number, AnswerRow.form_version).where(
            AnswerRow.person.in_(batch), AnswerRow.form_version.is_not(None)
        )
        found.update((number, version) for number, version in session.execute(asked) if version is not None)
    return found


def is_asked(role: ClassRole, rules: Rules) -> bool:
    """Tell whether somebody in a class needs an answer by the rules."""
    return role is ClassRole.PUPIL or rules.adults


@dataclass(frozen=True, kw_only=True)
class Sums:
    """How many of a class are asked, said yes to something, no to everything, are missing, answered on older forms."""

    asked: int
    granted: int
    refused: int
    missing: int
    older: int


def sum_up(stands: Collection[PersonStand]) -> Sums:
    """Count how people stand."""
    missing = sum(each.is_missing for each in stands)
    granted = sum(each.stand.why is Standing.GRANTED and each.says is not Choice.REFUSED for each in stands)
    return Sums(
        asked=len(stands),
        granted=granted,
        refused=len(stands) - granted - missing,
        missing=missing,
        older=sum(bool(each.older_forms) for each in stands),
    )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Somebody of a class who is asked, and how they stand."""

    member: Member
    held: PersonStand
