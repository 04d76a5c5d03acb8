"""Reads the masks that hold."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controller.masks.models import MaskVersion
from controller.masks.policy import read_areas
from protocol.masks import Area, Mask


def history(session: Session, room: str) -> list[MaskVersion]:
    """Give the versions of a room's mask, the newest first."""
    rows = select(MaskVersion).where(MaskVersion.room == room).order_by(MaskVersion.version.desc())
    return list(session.scalars(rows))


def areas_of(row: MaskVersion | None) -> tuple[Area, ...]:
    """Give what a version hides; nothing where there is none."""
    return read_areas(row.areas.splitlines()) if row else ()


def masks_of(session: Session, rooms: Collection[str]) -> dict[str, Mask]:
    """Give the masks that hold in some rooms, by room; rooms in which nothing is hidden are left out."""
    newest = select(MaskVersion.room, func.max(MaskVersion.version)).group_by(MaskVersion.room)
    held = {room: version for room, version in session.execute(newest) if room in rooms}
    rows = [session.get_one(MaskVersion, key) for key in held.items()]
    return {row.room: Mask(room=row.room, version=row.version, areas=areas) for row in rows if (areas := areas_of(row))}
