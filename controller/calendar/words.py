"""The words of the calendar's page. Pure: gives texts to be translated, never translates."""

from __future__ import annotations

from controller.calendar.changes import DAYS, Changed
from controller.calendar.policy import Why
from controller.calendar.refusals import FIELDS
from controller.recordings.titles import mark

DAY_NAMES = {name: FIELDS[name] for name in DAYS}
CLOSED = {
    Why.HOURS: mark("Closed: it is not the hour."),
    Why.FREE_DAY: mark("Closed: a free day."),
    Why.OTHER_DAY: mark("Closed: this day has hours of its own."),
    Why.PAUSED: mark("Closed: paused."),
}
CHANGES = {
    Changed.HOURS.value: mark("Hours changed"),
    Changed.HOURS_DROPPED.value: mark("Own hours taken away"),
    Changed.CAPS.value: mark("Most at certain hours changed"),
    Changed.TRICKLE.value: mark("Allowance by day changed"),
    Changed.FREE_DAYS_ADDED.value: mark("Free days entered"),
    Changed.FREE_DAYS_REMOVED.value: mark("Free days taken away"),
    Changed.OTHER_DAY.value: mark("A day got hours of its own"),
    Changed.OTHER_DAY_REMOVED.value: mark("A day got its ordinary hours again"),
    Changed.PAUSED.value: mark("Paused"),
    Changed.RESUMED.value: mark("Resumed"),
}
