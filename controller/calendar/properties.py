"""What a calendar file's properties say (RFC 5545), whoever reads it: days without school, or a room's lessons. Pure.

A property that could not be read gives None, never an error of the library.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from icalendar.prop import vBroken, vDDDLists

FOLD = re.compile(rb"\r?\n[ \t]")
ZONES = re.compile(rb"^BEGIN:VTIMEZONE.*?^END:VTIMEZONE[^\n]*\n?", re.MULTILINE | re.DOTALL | re.IGNORECASE)
"""A calendar's own time zones, which are not followed: their rules could keep the controller busy."""


def lasts_of(value: object) -> timedelta | None:
    """Give a duration."""
    length = None if isinstance(value, vBroken) else getattr(value, "dt", None)
    return length if isinstance(length, timedelta) else None


def each_of(value: object) -> list[object]:
    """Give the values of a property that can list several."""
    return list(value.dts) if isinstance(value, vDDDLists) else [value]


def moment_of(value: object) -> date | None:
    """Give the day or instant of a property; None where it is none or could not be read."""
    moment = None if isinstance(value, vBroken) else getattr(value, "dt", value)
    return moment if isinstance(moment, date) else None


def spelled(value: object) -> str:
    """Spell the beginning of a property as a calendar does, to be shown."""
    return spell(value)[:60]


def spell(value: object) -> str:
    """Spell a property as a calendar does."""
    into = getattr(value, "to_ical", None)
    return into().decode("utf-8", "replace") if into else str(value)
