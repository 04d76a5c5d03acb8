"""Reads what the forms of rooms send into what can be asked of the timetable. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from werkzeug.datastructures import MultiDict

from controller.timetable.asked import (
    DayChange,
    NewGuest,
    NewRule,
    NewUsual,
    read_day,
    read_day_or_none,
    read_time,
)
from controller.timetable.found import Meant
from controller.timetable.refusals import Fault, TimetableRefusedError

Form = MultiDict[str, str]


def read_usual(form: Form, room: str, today: date) -> NewUsual:
    """Read a usual lesson."""
    return NewUsual(
        room=room,
        teacher=form.get("teacher", ""),
        classes=_chosen(form.getlist("class")),
        begins=read_time(form.get("begins", ""), "begins"),
        ends=read_time(form.get("ends", ""), "ends"),
        begins_on=read_day_or_none(form.get("begins_on", ""), "begins_on") or today,
        ends_on=read_day_or_none(form.get("ends_on", ""), "ends_on"),
        weekdays=read_weekdays(form.getlist("weekday")),
    )


def read_rule(form: Form, room: str, today: date) -> NewRule:
    """Read a weekly lesson, or with `only` one of a single day."""
    first = read_day_or_none(form.get("begins_on", ""), "begins_on") or today
    last = read_day_or_none(form.get("ends_on", ""), "ends_on")
    weekday = form.get("weekday", "")
    return NewRule(
        room=room,
        weekday=read_weekdays([weekday])[0] if weekday else first.weekday(),
        begins=read_time(form.get("begins", ""), "begins"),
        ends=read_time(form.get("ends", ""), "ends"),
        begins_on=first,
        ends_on=last if weekday else first,
        classes=_chosen(form.getlist("class")),
        teachers=_chosen(form.getlist("teacher")),
    )


def read_change(form: Form, rule: str) -> DayChange:
    """Read what is different on a day."""
    return DayChange(
        rule=rule,
        day=read_day(form.get("day", ""), "day"),
        is_cancelled=form.get("what") == "cancelled",
        teacher=form.get("teacher") or None,
        room=form.get("room") or None,
    )


def read_guest(form: Form, room: str, today: date) -> NewGuest:
    """Read a guest, of the room or of one of its classes."""
    first = read_day_or_none(form.get("begins_on", ""), "begins_on") or today
    class_id = form.get("class") or None
    return NewGuest(
        person=form.get("person", ""),
        class_id=class_id,
        room=None if class_id else room,
        begins_on=first,
        ends_on=read_day_or_none(form.get("ends_on", ""), "ends_on") or first,
    )


def read_meanings(form: Form) -> dict[str, Meant]:
    """Read what the summaries of a calendar stand for; the fields of each end with its number."""
    return {
        summary: Meant(
            _chosen(form.getlist(f"class-{number}")),
            _chosen(form.getlist(f"teacher-{number}")),
            form.get(f"none-{number}") == "yes",
        )
        for number, summary in enumerate(form.getlist("summary"))
    }


def _chosen(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value for value in values if value)


def read_weekdays(texts: Iterable[str]) -> tuple[int, ...]:
    """Read the numbers of weekdays; Monday is 0."""
    try:
        return tuple(int(text) for text in texts)
    except ValueError:
        raise TimetableRefusedError(Fault.WEEKDAY_MALFORMED, "weekdays", got=", ".join(texts)[:40]) from None
