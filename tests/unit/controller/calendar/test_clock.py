"""The wall clock: which instants show a time, on ordinary nights and on those when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.calendar.clock import instants, read_clock, union, without
from controller.calendar.window import parse_window

ZONES = sorted(available_timezones() - {"localtime", "posixrules"})
zones = st.sampled_from(ZONES).map(ZoneInfo)
moments = st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
HOUR = timedelta(hours=1)


def at(day: int, hour: int, minute: int = 0, *, month: int = 3, year: int = 2026) -> datetime:
    """Make an instant of UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def shown(zone: str, window: str, on: datetime) -> list[tuple[datetime, datetime]]:
    """Give when a zone's clock shows the times of a window that begins on the date of `on`."""
    clock = read_clock(ZoneInfo(zone), on - timedelta(days=2), on + timedelta(days=3))
    return list(instants(*parse_window(window).on(on.date()), clock))


def test_hour_that_the_clock_skips_is_not_open() -> None:
    """In Madrid 02:00 to 03:00 does not exist on 29 March 2026; a window from 02:30 begins at the jump."""
    assert shown("Europe/Madrid", "02:00-03:00", at(29, 0)) == []
    assert shown("Europe/Madrid", "02:30-04:00", at(29, 0)) == [(at(29, 1), at(29, 2))]
    assert shown("Europe/Madrid", "22:00-02:30", at(28, 0)) == [(at(28, 21), at(29, 1))]
    assert shown("Europe/Madrid", "22:00-06:00", at(28, 0)) == [(at(28, 21), at(29, 4))]


def test_hour_that_the_clock_shows_twice_is_open_twice() -> None:
    """In Madrid 02:00 to 03:00 comes twice on 25 October 2026: two hours; a part of it opens, closes, opens again."""
    october = {"month": 10}
    assert shown("Europe/Madrid", "02:00-03:00", at(25, 0, **october)) == [(at(25, 0, **october), at(25, 2, **october))]
    assert shown("Europe/Madrid", "02:15-02:45", at(25, 0, **october)) == [
        (at(25, 0, 15, **october), at(25, 0, 45, **october)),
        (at(25, 1, 15, **october), at(25, 1, 45, **october)),
    ]
    assert shown("Europe/Madrid", "22:00-02:30", at(24, 0, **october)) == [
        (at(24, 20, **october), at(25, 0, 30, **october)),
        (at(25, 1, **october), at(25, 1, 30, **october)),
    ]


def test_half_an_hour_is_skipped_and_shown_twice_on_lord_howe() -> None:
    """Lord Howe's clock goes 02:00 to 02:30 on 4 October 2026, and 02:00 back to 01:30 on 5 April."""
    assert shown("Australia/Lord_Howe", "02:00-02:30", at(4, 0, month=10)) == []
    assert shown("Australia/Lord_Howe", "02:00-03:00", at(4, 0, month=10)) == [
        (at(3, 15, 30, month=10), at(3, 16, month=10))
    ]
    assert shown("Australia/Lord_Howe", "01:30-02:00", at(5, 0, month=4)) == [
        (at(4, 14, 30, month=4), at(4, 15, 30, month=4))
    ]


def test_day_that_never_was_is_not_open() -> None:
    """Samoa went from 29 to 31 December 2011: the night of the 29th ends at midnight, the 30th has none."""
    samoa = {"month": 12, "year": 2011}
    assert shown("Pacific/Apia", "22:00-06:00", at(29, 0, **samoa)) == [(at(30, 8, **samoa), at(30, 10, **samoa))]
    assert shown("Pacific/Apia", "always", at(30, 0, **samoa)) == []


@given(zone=zones, begins=moments, hours=st.integers(1, 24 * 40))
def test_stretches_cover_a_range_and_say_the_clock_of_any_zone(zone: ZoneInfo, begins: datetime, hours: int) -> None:
    """Stretches meet, change their offset where they meet, and say the zone's own offset at both ends and inside."""
    stretches = read_clock(zone, begins, begins + hours * HOUR)
    assert (stretches[0].begins_at, stretches[-1].ends_at) == (begins, begins + hours * HOUR)
    assert all(a.ends_at == b.begins_at and a.offset != b.offset for a, b in pairwise(stretches))
    for each in stretches:
        inside = (
            each.begins_at,
            each.begins_at + (each.ends_at - each.begins_at) / 2,
            each.ends_at - timedelta.resolution,
        )
        assert {instant.astimezone(zone).utcoffset() for instant in inside} == {each.offset}


@given(
    zone=zones, near=moments, begins=st.integers(0, 1439), minutes=st.integers(1, 1440), probe=st.integers(-3000, 6000)
)
def test_instant_is_open_exactly_when_the_clock_shows_it(
    zone: ZoneInfo, near: datetime, begins: int, minutes: int, probe: int
) -> None:
    """For any zone, day, hours and instant: it is in a span if and only if the wall clock shows a time of the hours."""
    first = datetime.combine(near.astimezone(zone).date(), datetime.min.time()) + timedelta(minutes=begins)
    last = first + timedelta(minutes=minutes)
    spans = list(instants(first, last, read_clock(zone, near - timedelta(days=4), near + timedelta(days=6))))
    instant = near + timedelta(minutes=probe)
    is_shown = first <= instant.astimezone(zone).replace(tzinfo=None) < last
    assert any(a <= instant < b for a, b in spans) is is_shown


@pytest.mark.parametrize("minutes", [0, 90])
def test_zone_without_changes_is_one_stretch(minutes: int) -> None:
    """A fixed offset, also one of no name, is read as one stretch."""
    fixed = timezone(timedelta(minutes=minutes))
    assert [s.offset for s in read_clock(fixed, at(1, 0), at(31, 0))] == [timedelta(minutes=minutes)]


ranges = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), max_size=8)


@given(ranges, ranges)
def test_spans_are_joined_and_holes_taken_out(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    """An hour is in the union when it is in any span, and left over when it is in no hole; results are apart."""
    spans = [(at(1, 0) + a * HOUR, at(1, 0) + (a + n) * HOUR) for a, n in one]
    holes = [(at(1, 0) + a * HOUR, at(1, 0) + (a + n) * HOUR) for a, n in other]
    joined = union(spans)
    left = without(joined, holes)
    assert all(a[1] < b[0] for a, b in pairwise(joined))
    for hour in (at(1, 0) + number * HOUR for number in range(60)):
        in_spans, in_holes = (any(a <= hour < b for a, b in each) for each in (spans, holes))
        assert any(a <= hour < b for a, b in joined) is in_spans
        assert any(a <= hour < b for a, b in left) is (in_spans and not in_holes)
