"""Reading and writing the units' tables. Every function takes the session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.devices.models import LIVING, Device, Health, Presence
from protocol import messages


def devices(session: Session) -> Sequence[Device]:
    """Give the units that the school counts as its own, by label."""
    return session.scalars(select(Device).where(Device.state.in_(LIVING)).order_by(Device.label)).all()


def note_presence(session: Session, said: messages.Presence, now: datetime) -> bool:
    """Write presence down; tell whether it is a birth that was not known. An older birth's will changes nothing."""
    row = session.get(Presence, said.device)
    if row and said.birth < row.birth:
        return False
    born = said.online and (row is None or said.birth > row.birth)
    if row is None:
        row = Presence(device=said.device, birth=said.birth, online=said.online, version="", changed_at=now)
        session.add(row)
    if row.online != said.online or born:
        row.changed_at = now
    row.birth, row.online, row.version = said.birth, said.online, said.version[:64]
    return born


def note_health(session: Session, said: messages.Health, now: datetime) -> None:
    """Write down what a unit says of itself; what it said earlier than what is known changes nothing."""
    row = session.get(Health, said.device)
    if row and said.at < row.said_at:
        return
    row = row or Health(device=said.device)
    row.fit, row.reason, row.school_days_left = said.fit, said.reason[:500], said.school_days_left
    row.said_at, row.received_at = said.at, now
    session.add(row)


def stands_in(session: Session, site: str, room_name: str) -> bool:
    """Tell whether a living unit stands in a room of a site."""
    there = select(Device.id).where(Device.site == site, Device.room_name == room_name, Device.state.in_(LIVING))
    return session.scalars(there.limit(1)).first() is not None
