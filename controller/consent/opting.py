"""Writes down whether teachers and principals agree to recording, and tells the units that it concerns at once.

A teacher speaks for their own lessons alone, a principal for their own sites; somebody at the server's command line
enters what either has signed. Nothing is ever changed: whoever takes a word back writes another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.accounts.models import Account, Role
from controller.accounts.role_policy import sites_of
from controller.accounts.roles import held_by, roles_of
from controller.consent.models import Agreement, Who
from controller.consent.places import require_site
from controller.consent.refusals import ConsentRefusedError, Fault
from controller.devices.history import OPERATOR
from controller.devices.policies import reissue_for_account, reissue_for_site, renew_all
from controller.services import Services

LONGEST = timedelta(days=3 * 366)
"""So far ahead a first or last day can be: a year that was mistyped is further."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """Whether a teacher (`about` their account) or a principal (`about` a site, or nothing for all) agrees.

    It holds from a day on, until another one inclusive or, without, until there is a newer word.
    """

    who: Who
    about: str
    agrees: bool
    holds_from: date
    holds_until: date | None = None


def write_agreements(services: Services, words: Sequence[Word], *, by: str) -> int:
    """Write down what teachers and principals say, all or none; give how many units are told something else.

    A principal's no for the whole school is one for every site as well, where a site's own word would count before it.
    `by`: the account that speaks, or `OPERATOR`. Raises `ConsentRefusedError`.
    """
    now = services.clock()
    today = now.astimezone(services.config.controller.time_zone).date()
    with services.database.writing() as session:
        for word in _spread(session, words):
            _require_days(word, today)
            _REQUIRE[word.who](session, word, by)
            session.add(
                Agreement(
                    who=word.who,
                    about=word.about,
                    agrees=word.agrees,
                    holds_from=word.holds_from,
                    holds_until=word.holds_until,
                    recorded_by=by,
                    recorded_at=now,
                )
            )
        session.flush()
        return sum(
            _tell(services, session, who, about) for who, about in dict.fromkeys((w.who, w.about) for w in words)
        )


def _tell(services: Services, session: Session, who: Who, about: str) -> int:
    """Issue anew what a word can change, and nothing else: a district's teachers agree one after the other."""
    if who is Who.TEACHER:
        return reissue_for_account(services, session, about)
    return reissue_for_site(services, session, about) if about else renew_all(services, session)


def _spread(session: Session, words: Sequence[Word]) -> list[Word]:
    """Add a no for each site of which a principal has said something, to one for the whole school."""
    spoken = select(Agreement.about).where(Agreement.who == Who.PRINCIPAL, Agreement.about != "").distinct()
    sites = sorted(session.scalars(spoken))
    found = list(words)
    for word in words:
        if word.who is Who.PRINCIPAL and not word.about and not word.agrees:
            found += [replace(word, about=site) for site in sites]
    return found


def _require_days(word: Word, today: date) -> None:
    first, last = word.holds_from, word.holds_until
    if first < today:
        raise ConsentRefusedError(Fault.DAY_OVER, "holds_from", today=str(today), got=str(first))
    if last is not None and last < first:
        raise ConsentRefusedError(Fault.DAYS_REVERSED, "holds_until", first=str(first), last=str(last))
    for name, day in (("holds_from", first), ("holds_until", last)):
        if day is not None and day > today + LONGEST:
            raise ConsentRefusedError(Fault.DAY_TOO_FAR, name, most=str(today + LONGEST), got=str(day))


def _require_teacher(session: Session, word: Word, by: str) -> None:
    """A teacher's word is of somebody who teaches; who does no more can still take theirs back."""
    if session.get(Account, word.about) is None:
        raise ConsentRefusedError(Fault.ACCOUNT_UNKNOWN, "about", got=word.about[:40])
    if by not in (OPERATOR, word.about):
        raise ConsentRefusedError(Fault.NOT_YOURS, "about")
    if word.agrees and Role.TEACHER not in roles_of(session, word.about):
        raise ConsentRefusedError(Fault.NOT_A_TEACHER, "about")


def _require_principal(session: Session, word: Word, by: str) -> None:
    require_site(session, word.about)
    if by == OPERATOR:
        return
    sites = sites_of(held_by(session, by), Role.PRINCIPAL)
    if sites is not None and word.about not in sites:
        raise ConsentRefusedError(Fault.NOT_YOURS, "site")


_REQUIRE = {Who.TEACHER: _require_teacher, Who.PRINCIPAL: _require_principal}
