"""Reading and writing the audit tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.audit.models import Incident, View

SAME_VIEW = timedelta(minutes=30)


def newest_view(session: Session, *, recording: str, viewer: str) -> View | None:
    """Give the newest view of a recording by one person."""
    mine = select(View).where(View.recording == recording, View.viewer == viewer).order_by(View.id.desc())
    return session.scalars(mine.limit(1)).first()


def record_view(session: Session, *, recording: str, viewer: str, now: datetime) -> View:
    """Write down that `viewer` watches `recording`; requests within half an hour of each other are one view."""
    view = newest_view(session, recording=recording, viewer=viewer)
    if view is None or now - view.last_at > SAME_VIEW:
        view = View(recording=recording, viewer=viewer, began_at=now, last_at=now)
        session.add(view)
    view.last_at = max(view.last_at, now)
    return view


def views_of(session: Session, recording: str) -> Sequence[View]:
    """Give all views of a recording, the newest first."""
    return session.scalars(select(View).where(View.recording == recording).order_by(View.id.desc())).all()


def note_once(session: Session, incident: Incident) -> None:
    """Write an incident down, unless this unit's recording has one of its kind: a unit tries again and again."""
    device, recording, kind = incident.device, incident.recording, incident.kind
    same = select(Incident.id).where(Incident.device == device, Incident.recording == recording, Incident.kind == kind)
    if session.scalars(same.limit(1)).first() is None:
        session.add(incident)
