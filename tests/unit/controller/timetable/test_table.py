"""A timetable as a table: what is read, everything that is wrong at once, the difference, applying it, next year's."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from controller.consent.rules import Rules
from controller.devices.history import Deed
from controller.roster.drafts import Vanishing
from controller.roster.flaws import Flawed
from controller.timetable.asked import DayChange
from controller.timetable.bells import NewPeriod, NewTerm, set_period, set_term
from controller.timetable.drafts import Preview, apply_draft, discard_draft, end_drafts, make_draft, preview
from controller.timetable.found import Reading, decode_found, encode_found
from controller.timetable.importing import Sent, read_file
from controller.timetable.models import LessonChange, LessonRule, Room, RuleSource, TimetableDraft
from controller.timetable.plan import Plan
from controller.timetable.refusals import Fault, TimetableRefusedError
from controller.timetable.writing import editing
from tests.classes import enter_classes
from tests.house import House, make_house
from tests.ruled import set_first_rules

TODAY = date(2026, 11, 24)
HEADER = "room,weekday,begins,ends,classes,teachers,from,until\n"


@pytest.fixture
def school(tmp_path: Path) -> Iterator[House]:
    """Give a school with class 3B and its teacher Ada Moreno."""
    house = make_house(tmp_path)
    ada = house.add_teacher("Ada Moreno")
    house.add_teacher("Bea Pardo", room="Room 14")
    enter_classes(house, by=ada.id, teacher=ada.id)
    set_first_rules(house.services, Rules())
    yield house
    house.services.database.close()


def read(house: House, text: str | bytes, *, starts_on: date = TODAY) -> Reading:
    """Read a table."""
    data = text if isinstance(text, bytes) else text.encode()
    return read_file(house.services, io.BytesIO(data), Sent(name="lessons.csv", starts_on=starts_on))


def draft(house: House, text: str, *, starts_on: date = TODAY) -> Preview:
    """Read a table into a draft, and give what it would do."""
    reading = read(house, text, starts_on=starts_on)
    assert reading.found, reading.flaws
    assert decode_found(encode_found(reading.found)) == reading.found
    return preview(house.services, make_draft(house.services, reading, starts_on, deed(house)))


def take(house: House, text: str, *, starts_on: date = TODAY, vanishing: Vanishing = Vanishing.USUAL) -> Plan:
    """Read a table and apply it."""
    shown = draft(house, text, starts_on=starts_on)
    return apply_draft(house.services, shown.draft, basis=shown.basis, vanishing=vanishing, deed=deed(house))


def deed(house: House) -> Deed:
    """Say that the office does it now."""
    return Deed("office", house.clock())


def rules(house: House) -> list[tuple[str, int, time, date, date | None]]:
    """Give the rules that stand: room, weekday, beginning, first and last day."""
    with house.services.database.reading() as session:
        rows = session.execute(select(Room.name, LessonRule).join(Room, Room.id == LessonRule.room))
        return sorted((name, row.weekday, row.begins, row.begins_on, row.ends_on) for name, row in rows)


SCHOOL = HEADER + (
    "Room 12,Monday,09:00,09:45,3B,Ada Moreno,,\n"
    'Room 12,martes,9:00,9:45,3b,"Moreno, Ada",,2027-06-30\n'
    "Hall,5,10:00,11:00,3B,bea@school.example;ada@school.example,,\n"
)


def test_table_is_shown_before_anything_changes_and_then_applied(school: House) -> None:
    """New rooms are named, so that a mistyped one is seen; afterwards the rules are there."""
    shown = draft(school, SCHOOL)
    assert rules(school) == []
    assert shown.plan.sums()["lessons_begun"] == 3
    assert {place.name for place in shown.plan.new_places} == {"Room 12", "Hall"}
    apply_draft(school.services, shown.draft, basis=shown.basis, vanishing=Vanishing.USUAL, deed=deed(school))
    assert rules(school) == [
        ("Hall", 4, time(10), TODAY, None),
        ("Room 12", 0, time(9), TODAY, None),
        ("Room 12", 1, time(9), TODAY, date(2027, 6, 30)),
    ]


@pytest.mark.parametrize(("column", "row"), [("date", "9999-12-31,,"), ("from", ",2,2062-09-01")])
def test_day_of_a_mistyped_year_is_told_with_its_row(school: House, column: str, row: str) -> None:
    """Before anybody decides, and not by a refusal of the whole draft."""
    reading = read(school, f"room,begins,ends,date,weekday,from\nHall,9:00,9:45,{row}\n")
    assert reading.found is None
    assert [(each.flawed, each.row, each.column) for each in reading.flaws] == [(Flawed.DAYS_FAR, 2, column)]


def test_same_table_again_changes_nothing(school: House) -> None:
    """Also a teacher who was only an account before is the same one."""
    take(school, SCHOOL)
    assert draft(school, SCHOOL).plan.changes_nothing
    with pytest.raises(TimetableRefusedError) as refused:
        take(school, SCHOOL)
    assert refused.value.wrong.fault is Fault.NOTHING_CHANGES


def test_lesson_that_stays_keeps_what_was_said_of_its_days(school: House) -> None:
    """One row changes; the others' substitutions stay."""
    take(school, SCHOOL)
    with school.services.database.reading() as session:
        monday = session.scalars(select(LessonRule.id).where(LessonRule.weekday == 0)).one()
    with editing(school.services, deed(school)) as edit:
        edit.change_day(DayChange(rule=monday, day=TODAY + timedelta(days=6), is_cancelled=True))
    plan = take(school, SCHOOL.replace("10:00,11:00", "11:00,12:00"))
    assert (len(plan.begun), len(plan.ended), len(plan.kept)) == (1, 1, 2)
    with school.services.database.reading() as session:
        assert session.scalars(select(LessonChange.rule)).all() == [monday]


def test_what_was_entered_by_hand_stays(school: House) -> None:
    """A table replaces what tables brought, and counts the lessons that meet another teacher's."""
    take(school, SCHOOL)
    with school.services.database.writing() as session:
        session.scalars(select(LessonRule).where(LessonRule.weekday == 0)).one().source = RuleSource.HAND
    other = (
        HEADER + "Room 12,Monday,09:30,10:00,3B,bea@school.example,,\nHall,5,10:00,11:00,3B,Bea Pardo;Ada Moreno,,\n"
    )
    plan = take(school, other, vanishing=Vanishing.MEANT)
    assert plan.unled == 1
    assert ("Room 12", 0, time(9), TODAY, None) in rules(school)


def test_next_years_table_is_applied_ahead(school: House) -> None:
    """This year's ends the day before; the room of this year that next year's does not name stays as it is."""
    autumn = date(2027, 9, 1)
    take(school, SCHOOL)
    take(school, HEADER + "Room 12,Monday,08:00,09:00,3B,Ada Moreno,,\n", starts_on=autumn)
    assert rules(school) == [
        ("Hall", 4, time(10), TODAY, None),
        ("Room 12", 0, time(8), autumn, None),
        ("Room 12", 0, time(9), TODAY, date(2027, 8, 31)),
        ("Room 12", 1, time(9), TODAY, date(2027, 6, 30)),
    ]


def test_table_that_lost_its_rows_is_stopped(school: House) -> None:
    """More than a tenth would vanish and nothing takes its place: only when somebody says that it is meant."""
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
    rows = [f"Room 12,{day},{hour:02}:00,{hour:02}:45,3B,Ada Moreno,,\n" for day in days for hour in range(8, 14)]
    take(school, HEADER + "".join(rows))
    with pytest.raises(TimetableRefusedError) as refused:
        take(school, HEADER + "".join(rows[:20]))
    assert refused.value.wrong.fault is Fault.TOO_MUCH_VANISHES
    assert len(rules(school)) == 30
    take(school, HEADER + "".join(rows[:20]), vanishing=Vanishing.MEANT)
    assert len(rules(school)) == 20


def test_draft_is_refused_when_the_timetable_changed_since(school: House) -> None:
    """Somebody who looked at an older difference looks again."""
    shown = draft(school, SCHOOL)
    take(school, HEADER + "Room 12,Friday,09:00,09:45,3B,Ada Moreno,,\n")
    with pytest.raises(TimetableRefusedError) as refused:
        apply_draft(school.services, shown.draft, basis=shown.basis, vanishing=Vanishing.USUAL, deed=deed(school))
    assert refused.value.wrong.fault is Fault.CHANGED_MEANWHILE


def test_draft_ends_by_itself_or_is_discarded(school: House) -> None:
    """After seven days, or at once; nothing of it stays."""
    discard_draft(school.services, draft(school, SCHOOL).draft, deed(school))
    draft(school, SCHOOL)
    assert end_drafts(school.services) == 0
    school.clock.now += timedelta(days=7)
    assert end_drafts(school.services) == 1
    with school.services.database.reading() as session:
        assert session.scalars(select(TimetableDraft)).all() == []


def test_bells_and_terms_stand_for_times_and_days(school: House) -> None:
    """On Wednesdays the same bell is earlier; the term bounds the rule."""
    for weekdays, begins in (((0, 1, 2, 3, 4), time(9)), ((2,), time(8, 30))):
        period = NewPeriod(name="P3", begins=begins, ends=time(10), weekdays=weekdays)
        set_period(school.services, period, deed(school))
    term = NewTerm(name="Autumn", begins_on=date(2026, 9, 1), ends_on=date(2026, 12, 18))
    set_term(school.services, term, deed(school))
    take(school, "room,weekday,period,classes,teachers,term\nR,Mon,p3,3B,Ada Moreno,autumn\nR,Wed,P3,3B,Ada Moreno,\n")
    assert rules(school) == [("R", 0, time(9), TODAY, date(2026, 12, 18)), ("R", 2, time(8, 30), TODAY, None)]


WRONG = (
    "room,weekday,date,period,begins,ends,classes,teachers,term,from,until\n"
    ",Monday,,,09:00,10:00,,,,,\n"
    "R,Funday,,,09:00,10:00,,,,,\n"
    "R,Monday,2026-11-30,,09:00,10:00,,,,,\n"
    "R,,2026-13-30,,09:00,10:00,,,,,\n"
    "R,Monday,,,9.00,10:00,,,,,\n"
    "R,Monday,,,10:00,09:00,,,,,\n"
    "R,Monday,,P9,,,,,,,\n"
    "R,Monday,,,09:00,10:00,9Z,,,,\n"
    "R,Monday,,,09:00,10:00,,Nobody,,,\n"
    "R,Monday,,,09:00,10:00,,,Spring,,\n"
    "R,Monday,,,09:00,10:00,,,,2027-01-01,2026-12-01\n"
    "R,Monday,,,11:00,12:00,,,,,\n"
    "R,Monday,,,11:00,12:00,,,,,\n"
)


def test_everything_wrong_is_told_at_once_with_row_and_column(school: House) -> None:
    """Nothing is read of a file in which anything is wrong."""
    reading = read(school, WRONG)
    assert reading.found is None
    assert [(flaw.row, flaw.column, flaw.flawed.value) for flaw in reading.flaws] == [
        (2, "room", "blank"),
        (3, "weekday", "choice"),
        (4, "weekday", "one_of_two"),
        (5, "date", "date_malformed"),
        (6, "begins", "time_malformed"),
        (7, "ends", "times_reversed"),
        (8, "period", "period_not_known"),
        (9, "classes", "class_not_known"),
        (10, "teachers", "teacher_not_known"),
        (11, "term", "term_not_known"),
        (12, "until", "dates_reversed"),
        (14, "room", "duplicate"),
    ]


@pytest.mark.parametrize(
    ("data", "flawed"),
    [
        (b"", "file_empty"),
        (b"room,weekday\n", "file_empty"),
        (b"weekday\nMonday\n", "column_missing"),
        ("room,weekday,begins,ends\nAula \xf1,1,9:00,10:00\n".encode("latin-1"), "encoding"),
        (b"room\n" + b"x" * 300_000, "line_too_long"),
        (b"room,weekday,begins,ends\nR,1,9:00,10:00\n" + b"R,1\0,9:00,10:00\n", "not_text"),
        (b"room,date,begins,ends\n" + b"R,2020-01-06,9:00,9:45\n" * 50_001, "too_many_rows"),
        (b"x" * (16 * 1024 * 1024 + 1), "file_too_large"),
    ],
)
def test_hostile_table_is_refused_with_its_reason(school: House, data: bytes, flawed: str) -> None:
    """No file fills the memory or is read by guessing."""
    reading = read(school, data)
    assert reading.found is None
    assert flawed in {flaw.flawed.value for flaw in reading.flaws}
