"""A table of answers waits as a draft until somebody who saw the difference decides; after 7 days it ends.

Applying writes down what differs, all or nothing, in one transaction with what the units are told; it is refused when
answers came in between (`basis`).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from controller.consent.answering import AnswerRefusedError, Said, enter_answers
from controller.consent.answers import Giver
from controller.forms.difference import Difference, TableAnswer, compare
from controller.forms.facts import ASKED
from controller.forms.importing import held_answers, newest_number
from controller.forms.models import AnswerDraft
from controller.forms.policy import Choice, grants_of
from controller.forms.refusals import Fault, FormRefusedError
from controller.forms.versions import read_version, rules_in_force
from controller.roster.drafts import today
from controller.services import Services

DRAFT_LASTS = timedelta(days=7)


def encode_answers(answers: Sequence[TableAnswer]) -> bytes:
    """Pack answers for a draft's row."""
    return zlib.compress(json.dumps(answers, default=date.isoformat, separators=(",", ":")).encode(), 1)


def decode_answers(data: bytes) -> list[TableAnswer]:
    """Read what `encode_answers` wrote."""
    return [
        TableAnswer(
            person=person,
            giver=Giver(giver),
            choice=Choice(choice),
            holds_from=date.fromisoformat(first),
            holds_until=date.fromisoformat(last) if last else None,
            version=version,
            names_end=names_end,
        )
        for person, giver, choice, first, last, version, names_end in json.loads(zlib.decompress(data))
    ]


def make_draft(services: Services, answers: Sequence[TableAnswer], *, by: str) -> str:
    """Keep a table that was read without flaws until somebody decides, and give the draft's id."""
    now = services.clock()
    row = AnswerDraft(
        id=services.new_id(), content=encode_answers(answers), made_at=now, made_by=by, ends_at=now + DRAFT_LASTS
    )
    with services.database.writing() as session:
        session.add(row)
    return row.id


def waiting_drafts(session: Session, services: Services) -> list[AnswerDraft]:
    """Give the drafts that wait, the newest first."""
    held = select(AnswerDraft).where(AnswerDraft.ends_at > services.clock()).order_by(AnswerDraft.made_at.desc())
    return list(session.scalars(held))


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What applying a draft would write down, and on which state of the registry that was worked out."""

    draft: str
    difference: Difference
    basis: int


def preview(session: Session, services: Services, draft: str) -> Preview:
    """Work out what applying a draft would change now; raise `FormRefusedError` when it waits no more."""
    row = session.get(AnswerDraft, draft)
    if row is None or row.ends_at <= services.clock():
        raise FormRefusedError(Fault.DRAFT_UNKNOWN, "draft")
    answers = decode_answers(row.content)
    held = held_answers(session, {each.person for each in answers}, rules_in_force(session))
    return Preview(draft=draft, difference=compare(answers, held, today(services)), basis=newest_number(session))


def apply_draft(services: Services, draft: str, *, basis: int, by: str) -> int:
    """Write down what somebody saw; give how many lines that were. Raises `FormRefusedError`."""
    with services.database.writing() as session:
        shown = preview(session, services, draft)
        if shown.basis != basis:
            raise FormRefusedError(Fault.CHANGED_MEANWHILE, "draft")
        if not shown.difference.changes:
            raise FormRefusedError(Fault.NOTHING_CHANGES, "draft")
        said = _said(session, [each.answer for each in shown.difference.changes])
        try:
            enter_answers(services, session, said, by=by)
        except AnswerRefusedError:
            raise FormRefusedError(Fault.PEOPLE_CHANGED, "draft") from None
        session.execute(delete(AnswerDraft).where(AnswerDraft.id == draft))
        return len(said)


def _said(session: Session, answers: Sequence[TableAnswer]) -> list[Said]:
    sound = rules_in_force(session).sound
    forms = {each: read_version(session, each) for each in {answer.version for answer in answers} if each}
    said = []
    for answer in answers:
        form = forms.get(answer.version)
        asked, asks_voice = (form.facts.asked, form.facts.sound) if form else (ASKED, sound)
        grants = grants_of(answer.choice, asked, asks_voice=asks_voice)
        said.append(
            Said(
                person=answer.person,
                giver=answer.giver,
                picture=grants.picture,
                voice=grants.voice,
                holds_from=answer.holds_from,
                holds_until=answer.holds_until,
                is_withdrawal=answer.choice is Choice.WITHDRAWN,
                form_version=answer.version or None,
                basis="table",
            )
        )
    return said


def discard_draft(services: Services, draft: str) -> None:
    """Throw a draft away; nothing was changed by it."""
    with services.database.writing() as session:
        session.execute(delete(AnswerDraft).where(AnswerDraft.id == draft))


def end_drafts(services: Services) -> int:
    """Throw away the drafts for which nobody decided; tell how many."""
    over = AnswerDraft.ends_at <= services.clock()
    with services.database.writing() as session:
        number = session.scalar(select(func.count()).select_from(AnswerDraft).where(over)) or 0
        session.execute(delete(AnswerDraft).where(over))
    return number
