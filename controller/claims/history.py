"""Tells the owner of a recording what was said of whose it is: who, what, when. To nobody else; the pages see to it.

Names come from the accounts that there are; the history itself holds opaque ids. Defined in docs/protocol/claims.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.accounts.repo import names_of
from controller.claims.models import OwnershipEvent
from controller.claims.words import SAID


@dataclass(frozen=True, kw_only=True)
class LineTold:
    """One line: what was said, in words to be translated, when, and by whom.

    `by`: an account, or None for what nobody said; `name`: empty for an account that is gone.
    """

    words: str
    at: datetime
    by: str | None
    name: str


def list_said(session: Session, recording: str) -> list[LineTold]:
    """Give what was said of whose a recording is, in order."""
    mine = select(OwnershipEvent).where(OwnershipEvent.recording == recording).order_by(OwnershipEvent.id)
    rows = session.scalars(mine).all()
    names = names_of(session, {row.by for row in rows if row.by})
    return [LineTold(words=SAID[row.said], at=row.at, by=row.by, name=names.get(row.by or "", "")) for row in rows]
