"""Windows: how they are written, and which instants they cover."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from controller.calendar.window import ALWAYS, MOST_WINDOWS, parse_day, parse_window, spell_day

MADRID = ZoneInfo("Europe/Madrid")


@pytest.mark.parametrize(
    ("local", "inside"),
    [((23, 21, 59), False), ((23, 22, 0), True), ((24, 0, 30), True), ((24, 5, 59), True), ((24, 6, 0), False)],
)
def test_window_runs_over_midnight_in_the_schools_time(local: tuple[int, int, int], inside: bool) -> None:  # noqa: FBT001
    """22:00-06:00 means the school's clock, not UTC; its end is excluded."""
    day, hour, minute = local
    now = datetime(2026, 11, day, hour, minute, tzinfo=MADRID).astimezone(UTC)
    assert parse_window("22:00-06:00").covers(now, MADRID) is inside


def test_window_follows_the_wall_clock_when_clocks_change() -> None:
    """In the night when summer time ends, 22:00-06:00 lasts nine hours."""
    span = parse_window("22:00-06:00").span_at(datetime(2026, 10, 25, 1, 0, tzinfo=UTC), MADRID)
    assert span is not None
    assert span[1] - span[0] == timedelta(hours=9)


@pytest.mark.parametrize("text", ["", "22-6", "22:00 - 06:00", "24:00-06:00", "22:60-06:00", "22:00-22:00", "Always"])
def test_window_in_another_form_is_refused(text: str) -> None:
    """A window that is not written exactly so is refused, not guessed."""
    with pytest.raises(ValueError, match=r"digits|ends at the same|hour must|minute must"):
        parse_window(text)


def test_day_has_several_windows_or_none_and_is_spelled_as_it_is_read() -> None:
    """`closed`, one window, or several with commas; what is spelled is read back as the same."""
    assert parse_day("closed") == ()
    assert parse_day(" always,22:00-06:00 ") == (ALWAYS, parse_window("22:00-06:00"))
    for text in ("closed", "always", "22:00-06:00", "00:00-05:30, 21:00-00:00"):
        assert spell_day(parse_day(text)) == text


def test_midnight_is_read_as_people_write_it() -> None:
    """The end 24:00 is the end 00:00, and the day from 00:00 to 24:00 is always; as a beginning there is no 24:00."""
    assert parse_window("18:00-24:00") == parse_window("18:00-00:00")
    assert parse_window("00:00-24:00") == ALWAYS
    with pytest.raises(ValueError, match="hour"):
        parse_window("24:00-06:00")


def test_day_names_the_window_that_is_wrong() -> None:
    """The message says which part, what was expected and what was found; a list without end is refused."""
    with pytest.raises(ValueError, match=r"expected a window like .*, got '6-7'"):
        parse_day("22:00-06:00, 6-7")
    with pytest.raises(ValueError, match="got 'closed'"):
        parse_day("closed, 22:00-06:00")
    with pytest.raises(ValueError, match=f"at most {MOST_WINDOWS} windows"):
        parse_day(",".join(["22:00-06:00"] * (MOST_WINDOWS + 1)))
