"""Reading and writing the audit tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from controller.audit.models import Incident, View

SAME_VIEW = timedelta(minutes=30)
DAY = timedelta(days=1)
MOST_A_DAY = 100
"""Incidents of one unit that are written down in 24 hours."""


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
    same = _like(incident)
    if session.scalars(same.limit(1)).first() is None:
        _note(session, incident)


def note_daily(session: Session, incident: Incident) -> None:
    """Write an incident down, unless there is one of its kind, of this unit and recording, of the last 24 hours."""
    if session.scalars(_like(incident).where(Incident.at > incident.at - DAY).limit(1)).first() is None:
        _note(session, incident)


def units_with(session: Session, kinds: Collection[str], *, since: datetime) -> frozenset[str]:
    """Give the units of which an incident of one of these kinds was written down since."""
    return frozenset(session.scalars(select(Incident.device).where(Incident.kind.in_(kinds), Incident.at > since)))


def _like(incident: Incident) -> Select[int]:
    device, recording, kind = incident.device, incident.recording, incident.kind
    return select(Incident.id).where(Incident.device == device, Incident.recording == recording, Incident.kind == kind)


def _note(session: Session, incident: Incident) -> None:
    """A unit that means harm can make up recordings without end: of the incidents of a day only the first are kept."""
    lately = select(func.count(Incident.id)).where(Incident.device == incident.device, Incident.at > incident.at - DAY)
    if (session.scalar(lately) or 0) < MOST_A_DAY:
        session.add(incident)
