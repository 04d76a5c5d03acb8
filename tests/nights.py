"""A district, or one small school, whose units say what waits, and a night in which most of it comes.

Rows as the bridge, the meter and the units' door write them; what is told of them is made by the jobs themselves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from controller.accounts.models import AccountRole, Role
from controller.devices.models import Device, DeviceState, Health, Presence
from controller.nights.keeping import keep_nights
from controller.nights.line import SLOT
from controller.nights.models import LineUse
from controller.uploads.models import SpoolReportRow
from tests.house import House
from tests.school import new_id

NOON = datetime(2026, 11, 9, 11, tzinfo=UTC)
EVENING = datetime(2026, 11, 9, 20, 55, tzinfo=UTC)
OPENS = datetime(2026, 11, 9, 21, tzinfo=UTC)
"""22:00 in Madrid."""
CLOSES = datetime(2026, 11, 10, 5, tzinfo=UTC)
MORNING = CLOSES + timedelta(minutes=40)
GB = 1_000_000_000


@dataclass(frozen=True)
class Room:
    """One unit of a made-up school."""

    device: str
    site: str


def populate(house: House, rooms: Mapping[str, int]) -> list[Room]:
    """Add units, so many of each site, that are in touch and have space."""
    owner = _owner(house)
    made = [Room(new_id(), site) for site, count in rooms.items() for _ in range(count)]
    with house.services.database.writing() as session:
        for number, room in enumerate(made, start=1):
            session.add(
                Device(
                    id=room.device,
                    label=f"{room.site} {number}".strip() if room.site else f"Room {number}",
                    owner=owner,
                    state=DeviceState.ACTIVE,
                    site=room.site,
                    added_at=NOON,
                )
            )
        session.flush()
        for number, room in enumerate(made):
            session.add(
                Presence(device=room.device, birth=1, online=True, version="0.1.0", changed_at=NOON - timedelta(days=2))
            )
            session.add(
                Health(
                    device=room.device,
                    fit=True,
                    reason="",
                    school_days_left=9 + number % 20,
                    said_at=NOON,
                    received_at=NOON,
                )
            )
    return made


def _owner(house: House) -> str:
    with house.services.database.reading() as session:
        found = session.scalars(select(AccountRole.account).where(AccountRole.role == Role.TEACHER).limit(1)).first()
    return found or house.add_person("Olu Owner", Role.TEACHER).id


def say(house: House, waiting: Mapping[str, int]) -> None:
    """Let units say how many bytes wait."""
    with house.services.database.writing() as session:
        for device, count in waiting.items():
            session.merge(
                SpoolReportRow(
                    device=device,
                    waiting_bytes=count,
                    due_bytes=count // 3,
                    said_at=house.clock(),
                    received_at=house.clock(),
                )
            )


def send(house: House, begins_at: datetime, ends_at: datetime, rates: Mapping[str, float]) -> None:
    """Let bytes of sites come, at so many bit/s, with the unevenness of a real line."""
    cap_bps = house.services.config.uploads.rate_bps
    with house.services.database.writing() as session:
        for number in range((ends_at - begins_at) // SLOT):
            wave = 0.92 + 0.08 * math.sin(number / 3) * math.cos(number)
            for site, rate_bps in rates.items():
                taken = round(rate_bps * wave * SLOT.total_seconds() / 8)
                slot_at = begins_at + number * SLOT
                session.add(LineUse(site=site, slot_at=slot_at, taken_bytes=taken, cap_bps=cap_bps))


def lose_touch(house: House, device: str, since: datetime) -> None:
    """Let a unit go away."""
    with house.services.database.writing() as session:
        row = session.get_one(Presence, device)
        row.online, row.changed_at = False, since


def keep_at(house: House, at: datetime) -> None:
    """Let the job run at an instant."""
    house.clock.now = at
    keep_nights(house.services)


def live_through(house: House, rooms: list[Room], *, bytes_each: int = 3 * GB) -> None:
    """Live through a day and its night until the next morning: most comes, a few rooms are away or stuck."""
    keep_at(house, NOON)
    say(house, {room.device: bytes_each for room in rooms})
    keep_at(house, EVENING)
    sites = {room.site for room in rooms}
    total = len(rooms) * bytes_each * 8
    lasts_s = total / (house.services.config.uploads.rate_bps * 0.92)
    ends_at = OPENS + timedelta(seconds=lasts_s)
    share = house.services.config.uploads.rate_bps / len(rooms)
    send(house, OPENS, min(ends_at, CLOSES), {site: share * sum(room.site == site for room in rooms) for site in sites})
    if len(rooms) > 20:
        lose_touch(house, rooms[3].device, NOON - timedelta(days=1))
        lose_touch(house, rooms[11].device, OPENS + timedelta(hours=2))
        _make_stuck(house, rooms[17].device)
    house.clock.now = MORNING
    say(house, {room.device: 0 for room in rooms[: len(rooms) * 9 // 10]})
    keep_at(house, MORNING)


def _make_stuck(house: House, device: str) -> None:
    with house.services.database.writing() as session:
        row = session.get_one(Health, device)
        row.fit, row.reason, row.school_days_left = False, "delivery_stuck", 1
