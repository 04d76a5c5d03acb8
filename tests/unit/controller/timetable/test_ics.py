"""A room's calendar as a timetable: repetitions, exceptions, zones, what its names stand for, and hostile files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from controller.devices.history import Deed
from controller.roster.drafts import Vanishing
from controller.timetable.drafts import apply_draft, make_draft, preview, set_meaning
from controller.timetable.found import FoundLesson, Meant, Passed, Place, Reading
from controller.timetable.importing import Sent, read_file
from controller.timetable.models import LessonChange, LessonRule, RuleSource
from controller.timetable.occurrences import Occurrence, make_rules
from controller.timetable.refusals import Fault, TimetableRefusedError
from controller.timetable.writing import editing
from tests.classes import enter_classes
from tests.house import House, make_house

TODAY = date(2026, 11, 24)
MATHS = """BEGIN:VEVENT
UID:maths
SUMMARY:3B - Ada Moreno
DTSTART;TZID=Europe/Madrid:20261130T090000
DTEND;TZID=Europe/Madrid:20261130T094500
RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20270329T220000Z
EXDATE;TZID=Europe/Madrid:20261207T090000
END:VEVENT"""

FAR = "TZID=America/Los_Angeles:99991231T235900"
"""A moment that the school's clock, further east, cannot show."""


@pytest.fixture
def school(tmp_path: Path) -> Iterator[House]:
    """Give a school with class 3B and its teacher Ada Moreno."""
    house = make_house(tmp_path)
    ada = house.add_teacher("Ada Moreno")
    enter_classes(house, by=ada.id, teacher=ada.id)
    yield house
    house.services.database.close()


def calendar(*events: str) -> bytes:
    """Put events into a calendar, with the line ends of one."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test", *events, "END:VCALENDAR", ""]
    return "\n".join(lines).replace("\n", "\r\n").encode()


def event(*lines: str, summary: str = "Art") -> str:
    """Make an event on Monday 30 November from nine to ten, with more lines."""
    times = () if any(line.startswith("DTSTART") for line in lines) else ("DTSTART:20261130T090000", "DURATION:PT1H")
    return "\n".join(("BEGIN:VEVENT", f"UID:{summary}", f"SUMMARY:{summary}", *times, *lines, "END:VEVENT"))


def read(house: House, data: bytes) -> Reading:
    """Read the calendar of Room 12."""
    with editing(house.services, Deed("office", house.clock())) as edit:
        room = edit.add_room("", "Room 12")
    return read_file(house.services, io.BytesIO(data), Sent(name="room.ics", starts_on=TODAY, room=room))


def lessons(house: House, *events: str) -> list[FoundLesson]:
    """Read events, and give what they are."""
    reading = read(house, calendar(*events))
    assert reading.found, reading.flaws
    return list(reading.found.lessons)


def test_weekly_event_becomes_one_rule_with_the_days_it_is_left_out(school: House) -> None:
    """By the school's clock, over the change of the clocks, too; its class and teacher are proposed by its name."""
    reading = read(school, calendar(MATHS))
    assert reading.found
    (lesson,) = reading.found.lessons
    assert (lesson.weekday, lesson.begins, lesson.ends) == (0, time(9), time(9, 45))
    assert (lesson.begins_on, lesson.ends_on, lesson.without) == (
        date(2026, 11, 30),
        date(2027, 3, 29),
        (date(2026, 12, 7),),
    )
    (meant,) = reading.found.meant.values()
    assert (len(meant.classes), len(meant.teachers)) == (1, 1)


def test_calendar_is_applied_and_read_again_without_a_change(school: House) -> None:
    """The left-out day is a change of that day; the same file once more changes nothing."""
    reading = read(school, calendar(MATHS))
    deed = Deed("office", school.clock())
    shown = preview(school.services, make_draft(school.services, reading, TODAY, deed))
    apply_draft(school.services, shown.draft, basis=shown.basis, vanishing=Vanishing.USUAL, deed=deed)
    with school.services.database.reading() as session:
        assert [(row.day, row.is_cancelled) for row in session.scalars(select(LessonChange))] == [
            (date(2026, 12, 7), True)
        ]
        assert session.scalars(select(LessonRule.source)).all() == [RuleSource.CALENDAR]
    again = make_draft(school.services, read(school, calendar(MATHS)), TODAY, deed)
    assert preview(school.services, again).plan.changes_nothing


def test_moved_occurrence_is_there_and_not_here(school: House) -> None:
    """An override takes its day out of the series, and is a lesson of its own."""
    override = MATHS.replace("RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20270329T220000Z\n", "").replace("20261130", "20261215")
    override = override.replace("EXDATE;TZID=Europe/Madrid:20261207T090000", "RECURRENCE-ID:20261214T080000Z")
    found = lessons(school, MATHS, override)
    assert [(each.weekday, each.begins_on, each.without) for each in found] == [
        (0, date(2026, 11, 30), (date(2026, 12, 7), date(2026, 12, 14))),
        (1, date(2026, 12, 15), ()),
    ]


def test_zone_counts_by_its_name_also_that_of_windows(school: House) -> None:
    """Nine in Lisbon is ten in Madrid; a time in UTC is the school's hour of that day."""
    found = lessons(
        school,
        event("DTSTART;TZID=GMT Standard Time:20261130T090000", "DTEND;TZID=GMT Standard Time:20261130T100000"),
        event("DTSTART:20261201T080000Z", "DTEND:20261201T090000Z", summary="Music"),
    )
    assert [(each.weekday, each.begins) for each in found] == [(0, time(10)), (1, time(9))]


def test_event_every_other_week_stays_on_its_weeks(school: House) -> None:
    """Weeks A and B: single lessons, none in between."""
    found = lessons(school, event("RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4"))
    assert [each.begins_on for each in found] == [
        date(2026, 11, 30),
        date(2026, 12, 14),
        date(2026, 12, 28),
        date(2027, 1, 11),
    ]
    assert all(each.begins_on == each.ends_on for each in found)


def test_event_without_end_becomes_a_rule_without_end(school: House) -> None:
    """Repetitions are followed for a year; what goes on then goes on."""
    (lesson,) = lessons(school, event("RRULE:FREQ=WEEKLY"))
    assert lesson.ends_on is None


def test_what_is_no_lesson_is_passed_over_and_counted(school: House) -> None:
    """Whole days, cancelled events, and what is over."""
    reading = read(
        school,
        calendar(
            MATHS,
            event("DTSTART;VALUE=DATE:20261130", summary="Trip"),
            event("STATUS:CANCELLED", summary="Gone"),
            event("DTSTART:20200101T090000", "DURATION:PT1H", summary="Old"),
        ),
    )
    assert reading.found
    expected = {Passed.WHOLE_DAY.value: 1, Passed.CANCELLED.value: 1, Passed.OVER.value: 1}
    assert dict(reading.found.passed_over) == expected


def test_name_of_which_nothing_is_known_is_told_and_takes_the_room(school: House) -> None:
    """Nothing is recorded in it; a person can say what it stands for, or that it is no lesson."""
    deed = Deed("office", school.clock())
    draft = make_draft(
        school.services,
        read(school, calendar(MATHS, event("DTSTART:20261201T120000", "DURATION:PT1H", summary="Lunch"))),
        TODAY,
        deed,
    )
    shown = preview(school.services, draft)
    assert (list(shown.unmatched), shown.plan.unled, len(shown.plan.begun)) == (["Lunch"], 1, 2)
    set_meaning(school.services, draft, {"Lunch": Meant(is_none=True), "Unknown": Meant(("x",))})
    shown = preview(school.services, draft)
    assert (list(shown.unmatched), len(shown.plan.begun)) == ([], 1)


@pytest.mark.parametrize(
    ("lines", "flawed", "column"),
    [
        (("RRULE:FREQ=SECONDLY",), "repeats_too_often", "RRULE"),
        (("RRULE:FREQ=DAILY;BYHOUR=1,2,3,4;BYMINUTE=0,1,2",), "repeats_too_often", "RRULE"),
        (("RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",), "repeats_too_often", "RRULE"),
        (("RRULE:FREQ=YEARLY;BYWEEKNO=54",), "repeats_too_often", "RRULE"),
        (("RRULE:FREQ=DAILY;BYMONTH=13",), "repeat_malformed", "RRULE"),
        (("RRULE:FREQ=DAILY;INTERVAL=7;BYDAY=TU",), "repeat_malformed", "RRULE"),
        (("RRULE:FREQ=DAILY;INTERVAL=0",), "repeat_malformed", "RRULE"),
        (("DTSTART:00010101T000000", "DURATION:PT1H", "RRULE:FREQ=DAILY"), "repeat_malformed", "RRULE"),
        (("DTSTART;TZID=Nowhere/At All:20261130T090000", "DURATION:PT1H"), "zone_unknown", "TZID"),
        (("DTSTART;TZID=../../etc/passwd:20261130T090000", "DURATION:PT1H"), "zone_unknown", "TZID"),
        (("DTSTART:20261130T090000",), "moment_malformed", "DTEND"),
        (("DTSTART:yesterday", "DURATION:PT1H"), "moment_malformed", "DTSTART"),
        (("RRULE:FREQ=MONTHLY;BYDAY=99MO",), "repeat_malformed", "RRULE"),
        (("RRULE:FREQ=MONTHLY;BYMONTHDAY=0",), "repeat_malformed", "RRULE"),
        (("DTSTART:20261130T090000", "DURATION:P500000W"), "moment_malformed", "DTEND"),
        ((f"DTSTART;{FAR}", "DURATION:PT1H"), "moment_malformed", "DTSTART"),
        ((f"RDATE;{FAR}",), "moment_malformed", "DTSTART"),
        ((f"EXDATE;{FAR}",), "moment_malformed", "EXDATE"),
        ((f"RECURRENCE-ID;{FAR}",), "moment_malformed", "RECURRENCE-ID"),
        (("RECURRENCE-ID;RANGE=THISANDFUTURE:20261130T090000",), "moment_malformed", "RECURRENCE-ID"),
    ],
)
def test_event_that_cannot_be_followed_is_named(
    school: House, lines: tuple[str, ...], flawed: str, column: str
) -> None:
    """By its number and property; nothing of the file is kept."""
    reading = read(school, calendar(MATHS, event(*lines)))
    assert reading.found is None
    assert {(flaw.row, flaw.column, flaw.flawed.value) for flaw in reading.flaws} == {(2, column, flawed)}


BOMB = event("RRULE:FREQ=WEEKLY;BYMONTH=2;UNTIL=20270101T000000Z")
MONTHLY_BOMB = event("RRULE:FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30")
MANY = event("DTSTART:20220101T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY")


@pytest.mark.parametrize(
    ("data", "flawed"),
    [
        (calendar("SUMMARY:" + "x" * 10_000_000), "line_too_long"),
        (calendar("SUMMARY:" + "\n ".join(["x" * 70] * 2000)), "line_too_long"),
        (calendar(MATHS).replace(b"Ada", b"\xff\xfe"), "encoding"),
        (calendar(MATHS).replace(b"Ada", b"\0"), "not_text"),
        (calendar(*["BEGIN:VEVENT\nEND:VEVENT"] * 5_001), "too_many_events"),
        (calendar(*["X-A;B=c:d"] * 100_001), "too_many_lines"),
        (calendar(*["BEGIN:VALARM\nEND:VALARM"] * 50_001), "too_many_lines"),
        (calendar(event("EXDATE:" + ",".join(["20260901T080000"] * 2_000)) * 11), "too_many_days"),
        (calendar(*[BOMB] * 501), "too_many_events"),
        (calendar(*[MANY] * 60), "too_many_events"),
        (calendar(*[MONTHLY_BOMB] * 21), "too_many_events"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "calendar_unreadable"),
        (calendar(), "file_empty"),
    ],
)
def test_hostile_calendar_is_refused_with_its_reason(school: House, data: bytes, flawed: str) -> None:
    """No file fills the memory, keeps the controller busy, or is read by guessing."""
    reading = read(school, data)
    assert reading.found is None
    assert flawed in {flaw.flawed.value for flaw in reading.flaws}


def test_lesson_that_goes_on_to_the_end_of_all_clocks_goes_on(school: House) -> None:
    """So some programs write *for ever*; by the school's clock that instant would be in a year that there is not."""
    (lesson,) = lessons(school, event("RRULE:FREQ=WEEKLY;UNTIL=99991231T235959Z"))
    assert (lesson.begins_on, lesson.ends_on) == (date(2026, 11, 30), None)


def test_bomb_of_rules_that_never_come_true_is_followed_to_the_horizon_alone(school: House) -> None:
    """Rules of which no day comes in time, or ever: the file has no lesson, and the reading ends."""
    reading = read(school, calendar(*[BOMB] * 100, MONTHLY_BOMB))
    assert [flaw.flawed.value for flaw in reading.flaws] == ["file_empty"]


def test_calendar_without_its_room_is_refused(school: House) -> None:
    """A table names its rooms; a calendar does not."""
    with pytest.raises(TimetableRefusedError) as refused:
        read_file(school.services, io.BytesIO(calendar(MATHS)), Sent(name="room.ics", starts_on=TODAY))
    assert refused.value.wrong.fault is Fault.ROOM_UNKNOWN


days = st.sets(st.integers(0, 400), max_size=60).map(
    lambda found: {date.fromordinal(TODAY.toordinal() + n) for n in found}
)


@given(days)
def test_rules_are_held_on_the_days_of_their_events_and_on_no_other(found: set[date]) -> None:
    """Whatever way events come back: no day is lost, and none is made up before the horizon."""
    horizon = date.fromordinal(TODAY.toordinal() + 400)
    rules = make_rules(Place("", "R"), (Occurrence(day, time(9), time(10), "x") for day in found), horizon)
    held = [
        day
        for rule in rules
        for day in (date.fromordinal(number) for number in range(TODAY.toordinal(), horizon.toordinal() + 1))
        if day.weekday() == rule.weekday
        and rule.begins_on <= day
        and (rule.ends_on is None or day <= rule.ends_on)
        and day not in rule.without
    ]
    assert sorted(held) == sorted(found)
