"""Requests that a program may send again: under an `Idempotency-Key` of its own each is done once, and answered alike.

The key is claimed before anything is done and gets its answer after it: a server that is killed in between does nothing
twice, and says that it does not know the outcome. Defined in docs/protocol/rest.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from controller.devices.models import KeyedRequest
from controller.devices.refusals import ChangeRefusedError, Fault
from controller.services import Services

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
LONGEST_KEY = 200
KEPT = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a program is answered: status and JSON. `is_replayed`: this was said before, and nothing was done now."""

    status: int
    body: str
    is_replayed: bool = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Who asks, under which key, and for what: the digest of address and body."""

    account: str
    key: str
    digest: str


def describe_asked(*, account: str, key: str, path: str, body: bytes) -> Asked:
    """Bind a key to its request; raise `ChangeRefusedError` for one that is none."""
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise ChangeRefusedError(Fault.KEY_MALFORMED, HEADER, most=LONGEST_KEY)
    digest = hashlib.sha256(path.encode() + b"\0" + body).hexdigest()
    return Asked(account=account, key=key, digest=digest)


def perform_once(services: Services, asked: Asked, perform: Callable[[], Answer]) -> Answer:
    """Do what is asked for, or give the answer of the time before; raise `ChangeRefusedError` where neither may be."""
    with services.database.writing() as session:
        held = _claim(services, session, asked)
    if held is not None:
        return held
    answer = perform()
    with services.database.writing() as session:
        row = session.get_one(KeyedRequest, (asked.account, asked.key))
        row.status, row.answer = answer.status, answer.body
    return answer


def forget_old(session: Session, now: datetime) -> None:
    """Forget keys and answers that have been kept long enough; the jobs do it, too, where nobody asks any more."""
    session.execute(delete(KeyedRequest).where(KeyedRequest.at < now - KEPT))


def _claim(services: Services, session: Session, asked: Asked) -> Answer | None:
    now = services.clock()
    forget_old(session, now)
    row = session.get(KeyedRequest, (asked.account, asked.key))
    if row is None:
        session.add(KeyedRequest(account=asked.account, key=asked.key, asked=asked.digest, at=now))
        return None
    if row.asked != asked.digest:
        raise ChangeRefusedError(Fault.KEY_REUSED, HEADER)
    if row.status is None or row.answer is None:
        raise ChangeRefusedError(Fault.OUTCOME_UNKNOWN, HEADER)
    return Answer(status=row.status, body=row.answer, is_replayed=True)
