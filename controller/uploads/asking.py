"""When a unit that got no lease should ask again: at the next tick, or when the line of its site opens for it.

Each unit has its own offset into a window, so that a school's units do not come at the same second. Nothing is said of
what waits. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from controller.calendar.offsets import stagger
from controller.calendar.policy import openings
from controller.calendar.repo import read_calendar
from controller.devices.models import Device
from controller.services import Services
from controller.uploads import today
from protocol.schedule import OpeningKind

AHEAD = timedelta(days=2)
LATEST = timedelta(hours=6)
"""Nobody is told to stay away for longer: a pause is lifted, hours are changed."""


def seconds_until_worth_while(services: Services, device: str) -> int:
    """Give whole seconds after which asking again is worth while: a tick while the line is open, at most `LATEST`."""
    now, tick_s = services.clock(), services.config.uploads.tick_s
    with services.database.reading() as session:
        row = session.get_one(Device, device)
        hours = read_calendar(session, services.config, now).of(row.site)
        by_day = row.sends_by_day or device in today.wished(session, now)
    found = openings(hours, services.config.controller.time_zone, now - AHEAD, now + AHEAD)
    mine = [each for each in stagger(found, device) if by_day or each.kind is OpeningKind.NIGHT]
    opens_at = next((max(each.begins_at, now) for each in mine if each.ends_at > now), now + LATEST)
    return max(tick_s, int(_wait(opens_at, now).total_seconds()))


def _wait(opens_at: datetime, now: datetime) -> timedelta:
    return min(opens_at - now, LATEST)
