"""When the storage identity rotates, what the next one is called, and by when nothing anywhere opens a recording. Pure.

A storage identity's name begins with the day on which it was made (UTC); the newest name is in force. The bound of
promise P8 is the latest of file, rotation and epoch. Defined in docs/protocol/epochs.md.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LATE = timedelta(days=2)  # a rotation that has begun is finished within hours, unless something keeps it


def parse_made_at(name: str) -> datetime | None:
    """Read when a storage identity was made from its name; None when the name does not say."""
    try:
        return datetime.strptime(name[:10], "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def name_next(names: Collection[str], now: datetime) -> str:
    """Name a new storage identity: by the day, and after every name that there is."""
    day, newest = f"{now.astimezone(UTC):%Y-%m-%d}", max(names, default="")
    if day > newest:
        return day
    base, number = newest[:10], newest[11:]
    return f"{base}-{int(number) + 1:03d}" if number.isdecimal() else f"{base}-002"


def is_due(names: Collection[str], now: datetime, every: timedelta) -> bool:
    """Tell whether a new storage identity is to be made: the newest has served its time, and no rotation goes on."""
    made_at = parse_made_at(max(names, default=""))
    return len(names) == 1 and made_at is not None and now >= made_at + every


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """How the storage identity rotates: the names there are, how often, and whether it does so by itself."""

    names: tuple[str, ...]
    every: timedelta
    is_automatic: bool


def rotated_by(rotation: Rotation, *, file_at: datetime, now: datetime) -> datetime | None:
    """Give the instant by which every identity is destroyed that ever opened an entry whose file goes at `file_at`.

    None when nobody can say: it does not rotate by itself, or a rotation is late.
    """
    made_at = parse_made_at(max(rotation.names, default=""))
    if made_at is None or not rotation.is_automatic:
        return None
    if (len(rotation.names) > 1 and now > made_at + LATE) or now > made_at + rotation.every + LATE:
        return None
    at = made_at + rotation.every
    while at < file_at:
        at += rotation.every
    return max(at, now) + LATE


@dataclass(frozen=True, kw_only=True)
class Bound:
    """By when nothing anywhere opens a recording (P8): an instant, or None and what it waits for without a date."""

    at: datetime | None
    waits_for_rotation: bool
    waits_for_epoch: bool


def find_bound(*, file_at: datetime, rotation_at: datetime | None, epoch_at: datetime | None) -> Bound:
    """Give the latest of three: the key entry's file, the storage identity's rotation, the epoch's end."""
    known = [at for at in (file_at, rotation_at, epoch_at) if at is not None]
    return Bound(
        at=max(known) if len(known) == 3 else None,
        waits_for_rotation=rotation_at is None,
        waits_for_epoch=epoch_at is None,
    )
