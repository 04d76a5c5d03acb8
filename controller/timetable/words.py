"""The words of the timetable's pages: weekdays, history. Pure: gives texts to be translated."""

from __future__ import annotations

from controller.recordings.titles import mark
from controller.timetable.found import Passed
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
    Happening.DRAFTED.value: mark("A timetable was read"),
    Happening.APPLIED.value: mark("A timetable was applied"),
    Happening.DISCARDED.value: mark("A draft was discarded"),
    Happening.EXPIRED.value: mark("A draft ended, because nobody decided"),
    Happening.BELLS_SET.value: mark("The bells were set"),
    Happening.TERM_SET.value: mark("A term was set"),
    Happening.MASK_SET.value: mark("A mask was set"),
    Happening.MASK_ENDED.value: mark("Nothing is hidden any more"),
}
SOURCES = {
    RuleSource.HAND: mark("entered by hand"),
    RuleSource.TABLE: mark("from a table"),
    RuleSource.CALENDAR: mark("from a calendar"),
}
SUMS = {
    "rooms_new": mark("New rooms"),
    "lessons_begun": mark("Lessons that begin"),
    "lessons_ended": mark("Lessons that end"),
    "lessons_kept": mark("Lessons that stay as they are"),
    "days_cancelled": mark("Days on which a lesson that stays is not held"),
    "lessons_unled": mark("Lessons that begin and cannot be recorded"),
}
PASSED = {
    Passed.OVER.value: mark("Lessons that are over"),
    Passed.CANCELLED.value: mark("Cancelled events"),
    Passed.WHOLE_DAY.value: mark("Events of whole days"),
    Passed.FAR.value: mark("Events that are too far ahead"),
}
