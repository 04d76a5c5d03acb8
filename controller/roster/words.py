"""The words of the roster's pages: sums, history, what was passed over. Pure: gives texts to be translated."""

from __future__ import annotations

from controller.recordings.titles import mark
from controller.roster.found import Passed
from controller.roster.history import Happening
from controller.roster.models import ClassRole, Source

SUMS = {
    "pupils_new": mark("New pupils"),
    "adults_new": mark("New adults"),
    "people_renamed": mark("People with another name"),
    "people_turned": mark("Pupils who become adults, adults who become pupils"),
    "people_moved": mark("People in another class"),
    "people_gone": mark("People in no class any more"),
    "classes_new": mark("New classes"),
    "classes_changed": mark("Classes with other facts"),
    "classes_gone": mark("Classes that end"),
    "memberships_begun": mark("Memberships that begin"),
    "memberships_ended": mark("Memberships that end"),
    "memberships_redated": mark("Memberships with other days"),
    "memberships_unchanged": mark("Memberships that stay"),
}
PASSED = {
    Passed.GONE: mark("Rows marked as deleted, or that name somebody who is"),
    Passed.GUARDIAN: mark("Guardians"),
    Passed.NO_CLASS: mark("People in no class"),
}
HAPPENED = {
    Happening.DRAFTED.value: mark("A roster was read"),
    Happening.APPLIED.value: mark("A roster was applied"),
    Happening.DISCARDED.value: mark("A draft was discarded"),
    Happening.EXPIRED.value: mark("A draft ended, because nobody decided"),
    Happening.FORGOTTEN.value: mark("A person was forgotten"),
}
ROLES = {
    ClassRole.PUPIL: mark("Pupil"),
    ClassRole.TEACHER: mark("Teacher"),
    ClassRole.AIDE: mark("Other adult"),
}
SOURCES = {
    Source.ONEROSTER: mark("From the school’s system"),
    Source.TABLE: mark("From a table or a list"),
}
