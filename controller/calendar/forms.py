"""What an admin asks for on the calendar's page, from the fields of a form to the change: one list.

Which fields a form has stands in controller/templates/calendar. Nothing here tells of recordings (promise P7).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Protocol

from controller.calendar import changes
from controller.calendar.changes import DAYS, ByDay
from controller.calendar.reading import (
    read_caps,
    read_day,
    read_free_day,
    read_hours,
    read_other_day,
    read_trickle,
    read_until,
)
from controller.devices.history import Deed
from controller.services import Services


class Fields(Protocol):
    """The fields of a form, as Werkzeug gives them."""

    def get(self, key: str, default: str) -> str:
        """Give one field."""

    def getlist(self, key: str) -> Sequence[str]:
        """Give all fields of one name."""


def act(services: Services, action: str, fields: Fields, deed: Deed) -> None:
    """Do what a form asks for; raise `CalendarRefusedError`. `action` is one of `ACTIONS`."""
    ACTIONS[action](services, fields.get("site", ""), fields, deed)


def _set_hours(services: Services, site: str, fields: Fields, deed: Deed) -> None:
    days = {name: read_hours(fields.get(name, ""), name) for name in DAYS}
    changes.set_hours(services, site, days, deed)


def _drop_hours(services: Services, site: str, _fields: Fields, deed: Deed) -> None:
    changes.drop_hours(services, site, deed)


def _set_caps(services: Services, site: str, fields: Fields, deed: Deed) -> None:
    rows = zip(fields.getlist("cap_hours"), fields.getlist("cap_rate"), strict=False)
    texts = [f"{hours.strip()}={_with_unit(rate)}" for hours, rate in rows if hours.strip() or rate.strip()]
    changes.set_caps(services, site, read_caps(texts), deed)


def _with_unit(rate: str) -> str:
    """Read a figure as Mbit/s, which stands beside the field."""
    return f"{rate.strip()}M" if rate.strip().replace(".", "", 1).replace(",", "", 1).isdecimal() else rate


def _set_trickle(services: Services, site: str, fields: Fields, deed: Deed) -> None:
    trickle = read_trickle(fields.get("hours", ""), _with_unit(fields.get("rate", "")))
    changes.set_trickle(services, site, trickle, deed)


def _end_trickle(services: Services, site: str, _fields: Fields, deed: Deed) -> None:
    changes.set_trickle(services, site, None, deed)


def _let_send_by_day(services: Services, _site: str, fields: Fields, deed: Deed) -> None:
    wanted = ByDay.ALLOWED if fields.get("wanted", "") == ByDay.ALLOWED else ByDay.NOT_ALLOWED
    changes.let_send_by_day(services, fields.get("unit", ""), wanted, deed)


def _add_free_days(services: Services, site: str, fields: Fields, deed: Deed) -> None:
    texts = (fields.get("first_day", ""), fields.get("last_day", ""), fields.get("label", ""))
    changes.add_free_days(services, site, [read_free_day(*texts, today=today(services, deed))], deed)


def _remove_free_days(services: Services, site: str, fields: Fields, deed: Deed) -> None:
    changes.remove_free_days(services, site, fields.get("row", ""), deed)


def _set_other_day(services: Services, site: str, fields: Fields, deed: Deed) -> None:
    texts = (fields.get("day", ""), fields.get("hours", ""), fields.get("label", ""))
    changes.set_other_day(services, site, read_other_day(*texts, today=today(services, deed)), deed)


def _remove_other_day(services: Services, site: str, fields: Fields, deed: Deed) -> None:
    changes.remove_other_day(services, site, read_day(fields.get("day", ""), "day"), deed)


def _pause(services: Services, site: str, fields: Fields, deed: Deed) -> None:
    until = read_until(fields.get("until", ""), deed.at, services.config.controller.time_zone)
    changes.pause(services, site, until, deed)


def _resume(services: Services, site: str, _fields: Fields, deed: Deed) -> None:
    changes.resume(services, site, deed)


def today(services: Services, deed: Deed) -> date:
    """Give the school's day."""
    return deed.at.astimezone(services.config.controller.time_zone).date()


ACTIONS: Mapping[str, Callable[[Services, str, Fields, Deed], None]] = {
    "hours": _set_hours,
    "drop-hours": _drop_hours,
    "caps": _set_caps,
    "trickle": _set_trickle,
    "trickle-off": _end_trickle,
    "room": _let_send_by_day,
    "free-days": _add_free_days,
    "free-days-remove": _remove_free_days,
    "other-day": _set_other_day,
    "other-day-remove": _remove_other_day,
    "pause": _pause,
    "resume": _resume,
}
