"""The outbox's rows: what shall be published is written in the same transaction as the fact that it tells of.

Rows are sent in order and marked when the broker has confirmed them; a row that was sent twice does no harm, because
everything on these topics is a whole signed document.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from controller.bridge.models import Outbox
from controller.db import batches
from protocol.messages import MESSAGE_LIMIT_BYTES
from protocol.topics import Down, down_topic

KEPT = timedelta(days=1)
RETAINED = frozenset({Down.KEYRING, Down.RECIPIENTS, Down.POLICY, Down.SCHEDULE})
"""Kinds that the broker keeps. Leases and receipts are not: they would tell its readers how often a room records."""


def enqueue(session: Session, *, device: str, kind: Down, line: bytes, now: datetime) -> None:
    """Put a document for one device into the outbox; an unsent older one of a retained kind is dropped for it."""
    enqueue_all(session, {device: line}, kind=kind, now=now)


def enqueue_all(session: Session, lines: Mapping[str, bytes], *, kind: Down, now: datetime) -> None:
    """Do the same for many devices, by their ids, with a document each.

    What is longer than the broker carries is not put there, for it would end the bridge's connection again and again:
    the unit takes it from HTTPS, where it looks for every kind of document by itself.
    """
    topics = {down_topic(device, kind): line for device, line in lines.items()}
    retain = kind in RETAINED
    for batch in batches(topics) if retain else ():
        session.execute(delete(Outbox).where(Outbox.topic.in_(batch), Outbox.sent_at.is_(None)))
    session.add_all(
        Outbox(topic=topic, payload=line, retain=retain, made_at=now)
        for topic, line in topics.items()
        if len(line) <= MESSAGE_LIMIT_BYTES
    )


def forget_retained(session: Session, device: str, now: datetime) -> None:
    """Have the broker forget what it keeps for a device that is let in no more: an empty payload does that."""
    for kind in sorted(RETAINED):
        enqueue(session, device=device, kind=kind, line=b"", now=now)


def unsent(session: Session, most: int) -> Sequence[Outbox]:
    """Give the oldest rows that were not confirmed yet."""
    waiting = select(Outbox).where(Outbox.sent_at.is_(None)).order_by(Outbox.id).limit(most)
    return session.scalars(waiting).all()


def mark_sent(session: Session, ids: Sequence[int], now: datetime) -> None:
    """Mark rows as confirmed by the broker."""
    session.execute(update(Outbox).where(Outbox.id.in_(ids)).values(sent_at=now))


def forget_sent(session: Session, now: datetime) -> None:
    """Remove rows that were confirmed more than a day ago."""
    session.execute(delete(Outbox).where(Outbox.sent_at < now - KEPT))


def waiting_topics(session: Session, topics: Collection[str]) -> set[str]:
    """Give which of some topics have something that was not sent yet."""
    asked = select(Outbox.topic).where(Outbox.sent_at.is_(None), Outbox.topic.in_(topics))
    return set(session.scalars(asked))
