"""Whether something can be had today, looked up for its owner: what the calendar allows the unit's site, and its state.

Asked by the owner's pages alone (promise P7). What it means is judged by explain.py, which has the words, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from controller.calendar.policy import Hours, openings, standing
from controller.calendar.repo import read_calendar
from controller.devices.models import Device, Presence
from controller.devices.policy import DELIVERING
from controller.disk.models import THE_ROW, DiskState
from controller.recordings.models import Recording
from controller.services import Services
from controller.uploads import today
from controller.uploads.explain import NOT_TODAY, Asked, NotToday, judge_today
from protocol.schedule import Opening, OpeningKind


@dataclass(frozen=True)
class TodayTold:
    """What an owner is told of a recording: why it cannot be had today (empty where it can), and whether they asked."""

    not_today: str
    is_wished: bool


@dataclass(frozen=True)
class UnitToday:
    """What holds for one unit now: the hours of its site, what is open by day before midnight, what stands against."""

    device: Device
    by_day: tuple[Opening, ...]
    not_today: NotToday | None


def find_unit(services: Services, session: Session, device: str) -> UnitToday:
    """Find what holds for a unit now."""
    now, config = services.clock(), services.config
    row, zone = session.get_one(Device, device), config.controller.time_zone
    hours = read_calendar(session, config, now).of(row.site)
    by_day = _by_day(services, hours)
    disk = session.get(DiskState, THE_ROW)
    asked = Asked(
        standing=standing(hours, zone, now),
        opens_by_day=bool(by_day),
        delivers=row.state in DELIVERING,
        server_full=bool(disk and disk.full_since),
        reachable=_is_reachable(services, session, row),
    )
    return UnitToday(row, by_day, judge_today(asked))


def _by_day(services: Services, hours: Hours) -> tuple[Opening, ...]:
    now, zone = services.clock(), services.config.controller.time_zone
    ahead = openings(hours, zone, now, today.end_of_day(now, zone))
    return tuple(opening for opening in ahead if opening.kind is OpeningKind.TRICKLE)


def _is_reachable(services: Services, session: Session, device: Device) -> bool:
    presence = session.get(Presence, device.id)
    lease = timedelta(seconds=services.config.uploads.lease_s)
    asked = device.asked_at is not None and device.asked_at > services.clock() - lease
    return bool(presence and presence.online) or asked


def find_today(services: Services, session: Session, row: Recording) -> TodayTold:
    """Find what the owner of a recording that still arrives is told."""
    refused = find_unit(services, session, row.device).not_today
    wish = today.Wish(row.device, row.id, row.owner)
    return TodayTold(NOT_TODAY[refused] if refused else "", today.holds(session, wish, services.clock()))
