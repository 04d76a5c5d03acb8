"""Deadlines in school days: never early, standing still while nobody could answer, over random calendars."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.calendar.clock import Span
from controller.claims.school_days import LONGEST_PAUSE, SchoolDays, deadline, judge_beat

MADRID = ZoneInfo("Europe/Madrid")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONDAY = datetime(2026, 11, 23, 2, 30, tzinfo=MADRID)
ZONES = ("Europe/Madrid", "America/Los_Angeles", "Australia/Lord_Howe", "Pacific/Apia", "UTC")

instants = st.timedeltas(timedelta(0), timedelta(days=700)).map(lambda each: datetime(2026, 1, 1, tzinfo=UTC) + each)
free_days = st.sets(st.dates(date(2026, 1, 1), date(2028, 12, 31)), max_size=200)
spans = st.tuples(instants, st.timedeltas(timedelta(0), timedelta(days=40))).map(
    lambda each: (each[0], each[0] + each[1])
)
schools = st.builds(SchoolDays, zone=st.sampled_from(ZONES).map(ZoneInfo), free=free_days)


def madrid(*day: int) -> datetime:
    """Give a midnight in Madrid."""
    return datetime.combine(date(*day), time(), MADRID)


def end(begins_at: datetime, days: int, *standstills: Span, free: tuple[date, ...] = ()) -> datetime | None:
    """Give a deadline in Madrid."""
    return deadline(begins_at, days, SchoolDays(zone=MADRID, free=free), standstills)


def test_ten_school_days_are_two_weeks() -> None:
    """Ready in the night to Monday, it can be claimed until the end of Monday two weeks later."""
    assert end(MONDAY, 10) == madrid(2026, 12, 8)


def test_weekends_and_free_days_do_not_count() -> None:
    """Each day without school moves the end by one school day; one on a Saturday moves nothing."""
    assert end(MONDAY, 10, free=(date(2026, 11, 25), date(2026, 11, 28), date(2026, 12, 7))) == madrid(2026, 12, 10)


def test_deadline_stands_still_while_the_controller_is_down() -> None:
    """Down for two school days it ends two school days later; down over a weekend it does not."""
    assert end(MONDAY, 10, (madrid(2026, 11, 25), madrid(2026, 11, 27))) == madrid(2026, 12, 10)
    assert end(MONDAY, 10, (madrid(2026, 11, 28), madrid(2026, 11, 30))) == madrid(2026, 12, 8)


def test_standstill_is_counted_once_however_often_it_was_measured() -> None:
    """Stretches that overlap are one stretch."""
    down = (madrid(2026, 11, 25), madrid(2026, 11, 26))
    assert end(MONDAY, 10, down, down, (down[0] + HOUR, down[1] - HOUR)) == end(MONDAY, 10, down)


def test_school_without_school_days_has_no_deadline() -> None:
    """Where the days never come together nothing is ever over."""
    days = tuple(date(2026, 11, 1) + number * DAY for number in range(5 * 366 + 60))
    assert end(MONDAY, 1, free=days) is None


@pytest.mark.parametrize("day", [(2026, 3, 29), (2026, 10, 25)])
def test_day_on_which_the_clock_changes_is_one_day(day: tuple[int, int, int]) -> None:
    """A school that has school on a Sunday of 23 or 25 hours: the part of it that is left is a part of one day."""

    class Sundays(SchoolDays):
        def holds(self, day: date) -> bool:
            return day.weekday() == 6

    school = Sundays(zone=MADRID)
    assert deadline(madrid(*day), 1, school, ()) == madrid(*day) + DAY


@given(instants, st.integers(1, 60), schools, st.lists(spans, max_size=6))
@settings(max_examples=150)
def test_deadline_leaves_all_the_school_days_that_were_promised(
    begins_at: datetime, days: int, school: SchoolDays, standstills: list[Span]
) -> None:
    """Before it lie at least that many school days, the first and last perhaps in part, in which nothing stood still.

    Counted by quarter-hours: a slow way that shares nothing with the one that is tested.
    """
    found = deadline(begins_at, days, school, standstills)
    assert found is not None
    step, counted = timedelta(minutes=30), timedelta(0)
    down = [span for span in standstills if span[0] < span[1]]
    at, last = begins_at, timedelta(0)
    while at < found:
        is_school = school.holds(at.astimezone(school.zone).date())
        if is_school and not any(begins < at + step and at < ends for begins, ends in down):
            counted += step
        at += step
        last = found - at
    slack = (len(down) * 2 + 2) * step + timedelta(hours=2) * 6  # edges of stretches, and days of 23 hours
    assert counted >= days * DAY - slack, last


@given(instants, st.integers(1, 20), schools, st.lists(spans, max_size=4), spans, st.dates())
def test_nothing_makes_a_deadline_earlier(
    begins_at: datetime, days: int, school: SchoolDays, standstills: list[Span], more: Span, free: date
) -> None:
    """One more standstill or free day, or a later beginning, never brings the end forward."""
    found = deadline(begins_at, days, school, standstills)
    freer = SchoolDays(zone=school.zone, free={*school.free, free})
    assert found is not None
    for other in (
        deadline(begins_at, days, school, [*standstills, more]),
        deadline(begins_at, days, freer, standstills),
        deadline(begins_at + HOUR, days, school, standstills),
        deadline(begins_at, days + 1, school, standstills),
    ):
        assert other is not None
        assert other >= found


@given(instants, st.integers(1, 20), schools)
def test_deadline_ends_with_a_school_day(begins_at: datetime, days: int, school: SchoolDays) -> None:
    """It is a midnight on the school's clock, and the day before it is one with school."""
    found = deadline(begins_at, days, school, ())
    assert found is not None
    shown = found.astimezone(school.zone)
    assert school.holds((found - HOUR).astimezone(school.zone).date())
    assert (shown.hour, shown.minute) == (0, 0) or school.span(shown.date())[0] == found


def test_beat_shows_a_standstill() -> None:
    """A pause of more than a quarter of an hour is one; the first beat, a usual one, and a clock set back are none."""
    assert judge_beat(None, MONDAY).stood_still is None
    assert judge_beat(MONDAY, MONDAY + LONGEST_PAUSE).stood_still is None
    assert judge_beat(MONDAY, MONDAY - 3 * DAY).stood_still is None
    assert judge_beat(MONDAY, MONDAY + 3 * DAY).stood_still == (MONDAY, MONDAY + 3 * DAY)
