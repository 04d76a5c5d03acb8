"""The bandwidth calculator, against figures that were worked out by hand."""

from __future__ import annotations

from dataclasses import replace

from controller.nights.calculator import MOST_HOURS, Change, School, what_ifs

SCHOOL = School(rooms=40, line_bps=50_000_000, hours=8)


def test_lesson_has_the_size_that_was_measured() -> None:
    """45 minutes at 2 Mbit/s and 64 kbit/s are 0.70 GB."""
    assert SCHOOL.lesson_bytes == 696_600_000


def test_forty_rooms_need_six_hours_at_fifty() -> None:
    """Five lessons of forty rooms are 139 GB: 6.2 hours at 50 Mbit/s, half of that at 100."""
    assert SCHOOL.day_bytes == 139_320_000_000
    assert round(SCHOOL.needs_hours, 2) == 6.19
    assert SCHOOL.fits
    assert round(replace(SCHOOL, line_bps=100_000_000).needs_hours, 2) == 3.10


def test_what_does_not_fit_is_said_with_the_rate_that_would() -> None:
    """At 30 Mbit/s a night carries 155 lessons of 200; 38.7 Mbit/s would do."""
    slow = replace(SCHOOL, line_bps=30_000_000)
    assert not slow.fits
    assert slow.most_lessons == 155
    assert slow.needs_bps == 38_700_000
    assert replace(slow, line_bps=slow.needs_bps).fits


def test_what_ifs_change_one_thing_each() -> None:
    """Line, hours, quality and lessons; each alone, and none that cannot be."""
    found = {one.change: one.school for one in what_ifs(SCHOOL)}
    assert found[Change.LINE] == replace(SCHOOL, line_bps=100_000_000)
    assert found[Change.HOURS] == replace(SCHOOL, hours=12)
    assert found[Change.QUALITY] == replace(SCHOOL, video_bps=1_000_000)
    assert found[Change.LESSONS] == replace(SCHOOL, lessons=4)
    all_day = replace(SCHOOL, hours=MOST_HOURS, lessons=1)
    assert {one.change for one in what_ifs(all_day)} == {Change.LINE, Change.QUALITY}
