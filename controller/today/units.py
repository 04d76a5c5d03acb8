"""Finds the unit of a room, the snapshot that was issued to it last, and whether it can know that by now.

Read of presence, health and the outbox; none of them tells when a room records (promise P7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.bridge.outbox import waiting_topics
from controller.devices.models import LIVING, Device, Health, Presence
from controller.timetable.models import Room
from controller.today.policy import Heard, heard_of
from protocol.documents import Policy, peek_document
from protocol.topics import Down, down_topic


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A unit, what it was told last, whether it knows that by now, since when it is away, and whether it is well."""

    device: str
    label: str
    owner: str
    policy: Policy | None
    heard: Heard
    since: datetime | None
    is_well: bool

    def known_until(self, now: datetime) -> datetime | None:
        """Give until when its snapshot must hold to be gone by: a unit that is reachable gets the next one in time."""
        return now if self.heard in (Heard.CURRENT, Heard.ON_ITS_WAY) else None


def units_in(session: Session, rooms: Sequence[Room]) -> Mapping[str, Unit]:
    """Give the unit of each room that has one, by the room's id; of several the one that comes first by its label."""
    places = {(room.site, room.name): room.id for room in rooms}
    named = select(Device).where(Device.state.in_(LIVING), Device.room_name.in_({room.name for room in rooms}))
    standing = [row for row in session.scalars(named) if (row.site, row.room_name) in places]
    first = {places[row.site, row.room_name]: row for row in sorted(standing, key=lambda row: row.label, reverse=True)}
    units = describe_units(session, list(first.values()))
    return {room: units[row.id] for room, row in first.items()}


def units_of(session: Session, account: str) -> Sequence[Unit]:
    """Give the units that belong to somebody, by their label."""
    mine = select(Device).where(Device.state.in_(LIVING), Device.owner == account).order_by(Device.label)
    return list(describe_units(session, session.scalars(mine).all()).values())


def describe_units(session: Session, rows: Sequence[Device]) -> dict[str, Unit]:
    """Describe some units, by their id."""
    ids = [row.id for row in rows]
    there = {row.device: row for row in session.scalars(select(Presence).where(Presence.device.in_(ids)))}
    health = {row.device: row for row in session.scalars(select(Health).where(Health.device.in_(ids)))}
    waiting = waiting_topics(session, [down_topic(each, Down.POLICY) for each in ids])
    found = {}
    for row in rows:
        waits = down_topic(row.id, Down.POLICY) in waiting
        found[row.id] = _describe(row, there.get(row.id), health.get(row.id), waits=waits)
    return found


def _describe(row: Device, presence: Presence | None, health: Health | None, *, waits: bool) -> Unit:
    policy = peek_document(Policy, row.policy_line) if row.policy_line else None
    since = presence.changed_at if presence else None
    return Unit(
        device=row.id,
        label=row.label,
        owner=row.owner,
        policy=policy,
        heard=heard_of(
            online=presence.online if presence else None,
            since=since,
            issued_at=policy.issued_at if policy else None,
            waits=waits,
        ),
        since=since,
        is_well=health is None or health.fit,
    )
