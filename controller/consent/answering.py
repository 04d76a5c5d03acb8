"""Writes down what families and adults answer, and tells the units that it concerns at once.

Nothing is ever changed or removed: whoever corrects a mistake writes another line. The units' new snapshots are issued
in the same transaction, so that none is told later than the bridge's next look (promise P3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from controller.consent import repo
from controller.consent.answers import Giver, Scope
from controller.consent.models import AnswerRow
from controller.devices.policies import reissue_for_rooms
from controller.errors import OperatorError
from controller.people.models import Kind, Person
from controller.services import Services
from controller.timetable.repo import rooms_of_classes, rooms_of_person

UNDO_WITHIN = timedelta(hours=24)


class AnswerRefusedError(OperatorError):
    """Something cannot be written down; the message names the field, what was expected, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one giver says for one person. A form that grants nothing is a refusal."""

    person: str
    giver: Giver
    picture: frozenset[Scope]
    voice: frozenset[Scope]
    holds_from: date
    holds_until: date | None = None
    is_withdrawal: bool = False
    form_version: int | None = None
    basis: str = "paper"


def write_answers(services: Services, said: Sequence[Said], *, by: str) -> int:
    """Write answers down, all or none, and issue anew what they change; give how many units are told something else.

    Raises `AnswerRefusedError`.
    """
    with services.database.writing() as session:
        return enter_answers(services, session, said, by=by)


def enter_answers(services: Services, session: Session, said: Sequence[Said], *, by: str) -> int:
    """Write answers down in a transaction of the caller's, as `write_answers` does in one of its own."""
    for each in said:
        _require(session, each)
        session.add(_row(each, by, services.clock()))
    session.flush()
    return reissue_for_rooms(services, session, _rooms_of(session, {each.person for each in said}))


def take_back(services: Services, number: int, *, by: str) -> int:
    """Let a line not count that was a slip of whoever wrote it down; give how many units are told something else.

    Another line says so, and both stay. What somebody said and changed their mind about is another answer instead:
    after `UNDO_WITHIN` a line is not taken back any more. Raises `AnswerRefusedError`.
    """
    now = services.clock()
    with services.database.writing() as session:
        row = session.get(AnswerRow, number)
        if row is None or row.undoes is not None:
            raise AnswerRefusedError(f"number: no answer has the number {number}")
        if row.recorded_at + UNDO_WITHIN <= now or repo.undone_among(session, [number]):
            raise AnswerRefusedError(
                f"number: {number} was taken back already or is too old; write down what holds now"
            )
        session.add(_undoing(row, by, now))
        session.flush()
        return reissue_for_rooms(services, session, _rooms_of(session, [row.person]))


def _undoing(row: AnswerRow, by: str, now: datetime) -> AnswerRow:
    return AnswerRow(
        person=row.person,
        giver=row.giver,
        picture="",
        voice="",
        holds_from=row.holds_from,
        basis="slip",
        undoes=row.number,
        recorded_by=by,
        recorded_at=now,
    )


def _row(said: Said, by: str, now: datetime) -> AnswerRow:
    return AnswerRow(
        person=said.person,
        giver=said.giver,
        picture=repo.write_scopes(said.picture),
        voice=repo.write_scopes(said.voice),
        holds_from=said.holds_from,
        holds_until=said.holds_until,
        is_withdrawal=said.is_withdrawal,
        form_version=said.form_version,
        basis=said.basis,
        recorded_by=by,
        recorded_at=now,
    )


def _require(session: Session, said: Said) -> None:
    person = session.get(Person, said.person)
    if person is None or person.forgotten_at is not None:
        raise AnswerRefusedError(f"person: nobody is known by {said.person[:40]!r}; import the class lists first")
    if person.kind is Kind.ADULT and said.giver is not Giver.SELF:
        raise AnswerRefusedError(f"giver: an adult answers for themselves, got {said.giver.value}")
    if said.holds_until is not None and said.holds_until < said.holds_from:
        raise AnswerRefusedError(f"holds_until: expected {said.holds_from} or later, got {said.holds_until}")


def _rooms_of(session: Session, people: Iterable[str]) -> set[str]:
    """Give the rooms in which some people can be."""
    classes = {each for person in people for each in repo.classes_of(session, person)}
    return rooms_of_classes(session, classes) | {room for person in people for room in rooms_of_person(session, person)}
