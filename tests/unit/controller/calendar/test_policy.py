"""The calendar's decisions: openings of a site, what holds at an instant and why, and which openings make a night."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.calendar.policy import (
    Cap,
    Closed,
    DayKind,
    FreeDay,
    Hours,
    Open,
    OtherDay,
    Pause,
    Trickle,
    Why,
    default_hours,
    nights,
    opening_at,
    openings,
    standing,
    standings,
)
from controller.calendar.window import Window, parse_day, parse_window
from protocol.schedule import Opening, OpeningKind

MADRID = ZoneInfo("Europe/Madrid")
MONDAY = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)  # 12:00 in Madrid
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MBIT = 1_000_000
NIGHTLY = default_hours(parse_window("22:00-06:00"), 100 * MBIT)
EARLY = datetime.min.replace(tzinfo=UTC)


def local(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    """Make an instant by Madrid's clock in 2026."""
    return datetime(2026, month, day, hour, minute, tzinfo=MADRID).astimezone(UTC)


def spans(hours: Hours, days: int = 7, begins_at: datetime = MONDAY) -> list[tuple[datetime, datetime]]:
    """Give begin and end of the openings of some days in Madrid."""
    return [(each.begins_at, each.ends_at) for each in openings(hours, MADRID, begins_at, begins_at + days * DAY)]


def test_ordinary_week_has_seven_nights_at_the_total_rate() -> None:
    """22:00 to 06:00 by the school's clock, every night, at all that the school has."""
    found = openings(NIGHTLY, MADRID, MONDAY, MONDAY + 7 * DAY)
    assert [(each.begins_at, each.ends_at) for each in found] == [
        (local(day, 22), local(day + 1, 6)) for day in range(23, 30)
    ]
    assert {(each.rate_bps, each.kind) for each in found} == {(100 * MBIT, OpeningKind.NIGHT)}


def test_window_belongs_to_the_weekday_on_whose_evening_it_opens() -> None:
    """Friday's window reaches into Saturday; a weekday without hours has no evening."""
    weekly = (*NIGHTLY.weekly[:5], (), parse_day("20:00-06:00"))
    assert spans(replace(NIGHTLY, weekly=weekly))[-2:] == [(local(27, 22), local(28, 6)), (local(29, 20), local(30, 6))]


def test_hours_that_meet_are_one_opening() -> None:
    """A Saturday that is always open joins Friday's night and goes on into its own."""
    weekly = (*NIGHTLY.weekly[:5], parse_day("always, 22:00-06:00"), NIGHTLY.weekly[6])
    assert (local(27, 22), local(29, 6)) in spans(replace(NIGHTLY, weekly=weekly))


def test_free_day_and_other_day_have_hours_of_their_own() -> None:
    """On a free day the free-day hours hold; a day named by itself beats both, and may close the line."""
    free = FreeDay(date(2026, 11, 24), date(2026, 11, 25), "feast")
    hours = replace(NIGHTLY, free_day=parse_day("08:00-20:00"), free_days=(free,))
    assert spans(hours, 3) == [
        (local(23, 22), local(24, 6)),
        (local(24, 8), local(24, 20)),
        (local(25, 8), local(25, 20)),
    ]
    closed = replace(hours, other_days=(OtherDay(date(2026, 11, 24), (), "power works"),))
    assert (local(24, 8), local(24, 20)) not in spans(closed, 3)
    assert [hours.of_day(date(2026, 11, day))[0] for day in (23, 25)] == [DayKind.ORDINARY, DayKind.FREE]
    assert closed.of_day(date(2026, 11, 24)) == (DayKind.OTHER, (), "power works")


def test_cap_holds_in_its_hours_and_the_lower_of_two_wins() -> None:
    """A night is cut where a cap begins or ends; outside of every cap the total holds, and no cap exceeds it."""
    caps = (Cap(parse_window("22:00-00:00"), 20 * MBIT), Cap(parse_window("23:00-01:00"), 10 * MBIT))
    huge = Cap(parse_window("04:00-05:00"), 900 * MBIT)
    found = openings(replace(NIGHTLY, caps=(*caps, huge)), MADRID, MONDAY, MONDAY + DAY)
    assert [(each.begins_at, each.rate_bps // MBIT) for each in found] == [
        (local(23, 22), 20),
        (local(23, 23), 10),
        (local(24, 1), 100),
    ]


def test_allowance_by_day_is_open_where_the_night_is_not() -> None:
    """07:00 to 23:00 gives way to the night at 22:00, has its own rate, and none on a day that was closed by name."""
    trickle = Trickle(parse_day("07:00-23:00"), 2 * MBIT)
    closed = OtherDay(date(2026, 11, 24))
    found = openings(replace(NIGHTLY, trickle=trickle, other_days=(closed,)), MADRID, MONDAY, MONDAY + 2.5 * DAY)
    day = [each for each in found if each.kind is OpeningKind.TRICKLE]
    assert [(each.begins_at, each.ends_at, each.rate_bps) for each in day] == [
        (local(23, 12), local(23, 22), 2 * MBIT),
        (local(25, 7), local(25, 22), 2 * MBIT),
    ]


def test_pause_closes_what_it_covers() -> None:
    """A pause with an end cuts openings; one without closes everything from then on, and no schedule promises it."""
    until = replace(NIGHTLY, pauses=(Pause(local(23, 20), local(24, 1), "ada"),))
    assert spans(until, 1) == [(local(24, 1), local(24, 6))]
    endless = replace(NIGHTLY, pauses=(Pause(local(24, 1), None, "ada"),))
    assert spans(endless) == [(local(23, 22), local(24, 1))]
    assert endless.promised() == NIGHTLY
    assert until.promised() == until


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 28, 7), (10, 24, 9)])
def test_night_of_a_clock_change_is_an_hour_shorter_or_longer(month: int, day: int, hours: int) -> None:
    """22:00 to 06:00 follows the wall clock on both nights."""
    (night,) = spans(NIGHTLY, 1, local(day, 12, month=month))
    assert night[1] - night[0] == hours * HOUR


def test_two_o_clock_window_on_the_nights_of_a_clock_change() -> None:
    """02:00 to 03:00 does not open when the clock skips it, and opens for two hours when it comes twice."""
    hours = default_hours(parse_window("02:00-03:00"), MBIT)
    assert spans(hours, 1, local(28, 12, month=3)) == []
    twice = local(25, 2, month=10)
    assert spans(hours, 1, local(24, 12, month=10)) == [(twice, twice + 2 * HOUR)]


def test_standing_says_how_fast_until_when_and_of_which_kind() -> None:
    """What the lease tick asks: for each site the rate and the end of what is open now."""
    capped = replace(NIGHTLY, caps=(Cap(parse_window("22:00-00:00"), MBIT),))
    found = standings({"": NIGHTLY, "annex": capped}, MADRID, local(23, 22, 30))
    assert found[""] == Open(100 * MBIT, local(24, 6), OpeningKind.NIGHT)
    assert found["annex"] == Open(MBIT, local(24, 0), OpeningKind.NIGHT)


def test_standing_says_why_the_line_is_closed_and_until_when() -> None:
    """Not the hour, a free day, a day that differs, a pause: each in its own word, with when the next night opens."""
    free = FreeDay(date(2026, 11, 23), date(2026, 11, 23), "feast")
    off = replace(NIGHTLY, free_day=(), free_days=(free,))
    now = local(23, 23)
    assert standing(NIGHTLY, MADRID, MONDAY) == Closed(Why.HOURS, local(23, 22))
    assert standing(off, MADRID, now) == Closed(Why.FREE_DAY, local(24, 22), "feast")
    assert standing(off, MADRID, local(24, 3)) == Closed(Why.FREE_DAY, local(24, 22), "feast")
    other = replace(NIGHTLY, other_days=(OtherDay(date(2026, 11, 23), (), "works"),))
    assert standing(other, MADRID, now) == Closed(Why.OTHER_DAY, local(24, 22), "works")
    paused = replace(NIGHTLY, pauses=(Pause(EARLY, None, "ada"),))
    assert standing(paused, MADRID, now) == Closed(Why.PAUSED, None, "ada")


def test_night_is_named_by_the_day_on_which_it_opens_and_has_its_morning() -> None:
    """After midnight is still the night before; a line that is open for days has a night each noon."""
    weekly = (parse_day("00:30-02:00, 22:00-06:00"), *NIGHTLY.weekly[1:5], parse_day("always"), parse_day("always"))
    hours = replace(NIGHTLY, weekly=weekly, caps=(Cap(parse_window("22:00-23:00"), MBIT),))
    found = nights(openings(hours, MADRID, MONDAY - 12 * HOUR, MONDAY + 7 * DAY), MADRID)
    assert [night.day.day for night in found] == [22, 23, 24, 25, 26, 27, 28, 29]
    assert (found[0].begins_at, found[0].ends_at) == (local(23, 0, 30), local(23, 2))
    assert [len(night.openings) for night in found] == [1, 2, 2, 2, 2, 2, 3, 4]
    assert (found[6].begins_at, found[6].ends_at) == (local(28, 12), local(29, 12))


def test_rates_at_which_nothing_can_be_sent_are_refused() -> None:
    """To send nothing, hours are closed; a week has seven days."""
    with pytest.raises(ValueError, match="at least 1 bit/s, got 0"):
        replace(NIGHTLY, caps=(Cap(parse_window("always"), 0),))
    with pytest.raises(ValueError, match="hours of 7 days, got 1"):
        replace(NIGHTLY, weekly=((),))


ZONES = sorted(available_timezones() - {"localtime", "posixrules"})
zones = st.sampled_from(ZONES).map(ZoneInfo)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
times = st.times().map(lambda t: t.replace(minute=t.minute // 15 * 15, second=0, microsecond=0))
windows = st.tuples(times, times).map(lambda pair: Window(*pair) if pair[0] != pair[1] else Window())
days = st.lists(windows, max_size=2).map(tuple)
rates = st.integers(1, 200)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Hours, datetime]:
    """Make any hours of a site, and an instant in whose days something differs."""
    near = draw(moments)
    near_days = st.integers(-3, 9).map(lambda days: near.date() + days * DAY)
    hours = Hours(
        weekly=draw(st.tuples(*[days] * 7)),
        free_day=draw(days),
        rate_bps=100,
        free_days=tuple(FreeDay(first, first + DAY) for first in draw(st.lists(near_days, max_size=2))),
        other_days=tuple(OtherDay(day, draw(days)) for day in draw(st.lists(near_days, max_size=2, unique=True))),
        caps=tuple(Cap(*cap) for cap in draw(st.lists(st.tuples(windows, rates), max_size=3))),
        trickle=draw(st.none() | st.builds(Trickle, days, rates)),
        pauses=tuple(
            Pause(near, near + hours * HOUR, "ada") for hours in draw(st.lists(st.integers(1, 90), max_size=1))
        ),
    )
    return hours, near


@given(calendars(), zones)
def test_openings_never_overlap_and_change_where_they_meet(made: tuple[Hours, datetime], zone: ZoneInfo) -> None:
    """In order, apart, inside the range, and two that meet differ in rate or kind: each is as long as can be."""
    hours, near = made
    found = openings(hours, zone, near, near + 7 * DAY)
    for before, after in pairwise(found):
        assert before.ends_at <= after.begins_at
        assert before.ends_at < after.begins_at or (before.rate_bps, before.kind) != (after.rate_bps, after.kind)
    assert all(near <= each.begins_at < each.ends_at <= near + 7 * DAY for each in found)


@given(calendars(), zones, st.integers(0, 7 * 24 * 60 - 1))
def test_instant_is_open_exactly_as_the_wall_clock_says(
    made: tuple[Hours, datetime], zone: ZoneInfo, minute: int
) -> None:
    """At any instant: open when and as fast as a reading of the wall clock says that knows nothing of openings."""
    hours, near = made
    now = near + timedelta(minutes=minute)
    found = [each for each in openings(hours, zone, near, near + 7 * DAY) if each.covers(now)]
    assert [(each.kind, each.rate_bps) for each in found] == read_off(hours, now.astimezone(zone), now)


@given(calendars(), zones)
def test_nights_hold_every_second_that_is_open_at_night_once(made: tuple[Hours, datetime], zone: ZoneInfo) -> None:
    """The durations of all nights add up to those of the openings; each night is of its own day."""
    hours, near = made
    found = openings(hours, zone, near, near + 7 * DAY)
    grouped = nights(found, zone)
    assert len({night.day for night in grouped}) == len(grouped)
    assert duration(each for night in grouped for each in night.openings) == duration(
        each for each in found if each.kind is OpeningKind.NIGHT
    )


@given(calendars(), zones, st.integers(0, 3 * 24 * 60))
def test_standing_agrees_with_the_openings(made: tuple[Hours, datetime], zone: ZoneInfo, minute: int) -> None:
    """The tick is told the very rate, kind and end of the opening, or that the line is closed."""
    hours, near = made
    now = near + timedelta(minutes=minute)
    opening, said = opening_at(hours, zone, now), standing(hours, zone, now)
    if isinstance(said, Closed):
        assert opening is None
        assert said.until is None or said.until > now
    else:
        assert opening is not None
        assert (said.rate_bps, said.kind) == (opening.rate_bps, opening.kind)


def duration(found: Iterable[Opening]) -> timedelta:
    """Add up how long openings last."""
    return sum((each.ends_at - each.begins_at for each in found), timedelta())


def read_off(hours: Hours, shown: datetime, now: datetime) -> list[tuple[OpeningKind, int]]:
    """Read kind and rate off the wall clock alone: an independent and slow way to the same answer."""
    if any(pause.holds(now) for pause in hours.pauses):
        return []
    caps = [cap.rate_bps for cap in hours.caps if shows(shown, [(day, (cap.hours,)) for day in back(shown)])]
    night = [(day, hours.of_day(day)[1]) for day in back(shown)]
    if shows(shown, night):
        return [(OpeningKind.NIGHT, min([hours.rate_bps, *caps]))]
    closed = {other.day for other in hours.other_days if not other.hours}
    trickle = hours.trickle
    if trickle and shows(shown, [(day, trickle.hours) for day in back(shown) if day not in closed]):
        return [(OpeningKind.TRICKLE, min([hours.rate_bps, trickle.rate_bps, *caps]))]
    return []


def back(shown: datetime) -> list[date]:
    """Give the date that is shown and the one before."""
    return [shown.date(), shown.date() - DAY]


def shows(shown: datetime, of_days: list[tuple[date, tuple[Window, ...]]]) -> bool:
    """Tell whether the clock shows a time of windows that begin on the given days."""
    naive = shown.replace(tzinfo=None)
    return any(a <= naive < b for day, windows in of_days for a, b in (window.on(day) for window in windows))
