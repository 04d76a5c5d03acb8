"""The words of the timetable's pages: weekdays, history. Pure: gives texts to be translated."""

from __future__ import annotations

from controller.recordings.titles import mark
from controller.timetable.history import Happening
from controller.timetable.models import RuleSource

WEEKDAYS = (
    mark("Monday"),
    mark("Tuesday"),
    mark("Wednesday"),
    mark("Thursday"),
    mark("Friday"),
    mark("Saturday"),
    mark("Sunday"),
)
HAPPENED = {
    Happening.ROOM_ADDED.value: mark("The room was made known"),
    Happening.PERSON_ADDED.value: mark("A teacher was made known"),
    Happening.USUAL_SET.value: mark("A usual lesson was set"),
    Happening.USUAL_ENDED.value: mark("A usual lesson was ended"),
    Happening.RULE_ADDED.value: mark("A weekly lesson was added"),
    Happening.RULE_CHANGED.value: mark("A weekly lesson was changed"),
    Happening.RULE_ENDED.value: mark("A weekly lesson was ended"),
    Happening.DAY_CHANGED.value: mark("A day was changed"),
    Happening.DAY_AS_ALWAYS.value: mark("A day is as always again"),
    Happening.GUEST_ADDED.value: mark("A guest was added"),
    Happening.GUEST_ENDED.value: mark("A guest’s days were ended"),
}
SOURCES = {
    RuleSource.HAND: mark("entered by hand"),
    RuleSource.TABLE: mark("from a table"),
    RuleSource.CALENDAR: mark("from a calendar"),
}
