"""Writes down who watches, and tells the owner. A view is a sitting: pauses under half an hour belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from controller.accounts.repo import names_of
from controller.audit.repo import newest_view, record_view, views_of
from controller.db import Database

NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Who watched, by account and name, and when it began."""

    viewer: str
    name: str
    began_at: datetime


def note_view(database: Database, *, recording: str, viewer: str, now: datetime) -> None:
    """Write down that `viewer` watches now; while they go on watching, at most once a minute."""
    with database.reading() as session:
        newest = newest_view(session, recording=recording, viewer=viewer)
    if newest and now - newest.last_at < NOTED_EVERY:
        return
    with database.writing() as session:
        record_view(session, recording=recording, viewer=viewer, now=now)


def list_watched(session: Session, recording: str) -> Sequence[Watched]:
    """Give every view of a recording, the newest first, with the names of whoever still has an account."""
    views = views_of(session, recording)
    names = names_of(session, {view.viewer for view in views})
    return [Watched(viewer=view.viewer, name=names.get(view.viewer, ""), began_at=view.began_at) for view in views]
