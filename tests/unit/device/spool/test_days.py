"""School days left: worked out from recorded days, said once a day, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.spool.days import (
    KEPT_DAYS,
    KNOWN_FROM_DAYS,
    LESSONS_PER_SCHOOL_DAY,
    Day,
    add_day,
    add_manifests,
    count_bytes,
    decide_day_bytes,
    decide_days_left,
    name_day,
)
from device.spool.outlook import Outlook
from protocol.durable import REAL
from protocol.messages import MOST_SCHOOL_DAYS
from tests.fakes.clock import BEGAN_AT
from tests.fakes.cutfiles import CountingFiles, RefusingFiles
from tests.unit.device.spool.conftest import SpoolBench

LESSON = 1000
BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)


def _days(*sizes: int) -> tuple[Day, ...]:
    return tuple(Day(day=f"2026-09-{number:02}", recorded_bytes=size) for number, size in enumerate(sizes, 1))


def test_days_left_without_history_are_days_of_five_lessons() -> None:
    """A new unit promises no more than a full timetable allows."""
    assert decide_days_left(3 * LESSONS_PER_SCHOOL_DAY * LESSON + 1, (), lesson_bytes=LESSON) == 3


def test_days_left_follow_the_days_recorded_so_far() -> None:
    """Three of four recorded days are no larger than the day that is reckoned with; one odd day changes nothing."""
    days = _days(2000, 2000, 2000, 2000, 2000, 2000, 90_000)
    assert decide_days_left(20_000, days, lesson_bytes=LESSON) == 10


def test_days_left_are_whole_and_within_bounds() -> None:
    """No room is no day, also when the reserve is missing; a large card says MOST_SCHOOL_DAYS."""
    days = _days(*[LESSON] * KNOWN_FROM_DAYS)
    assert decide_days_left(-5, days, lesson_bytes=LESSON) == 0
    assert decide_days_left(LESSON - 1, days, lesson_bytes=LESSON) == 0
    assert decide_days_left(1000 * LESSON, days, lesson_bytes=LESSON) == MOST_SCHOOL_DAYS


def test_days_left_do_not_tell_on_how_many_days_was_recorded() -> None:
    """P7: a room that records each day and one that records each month say the same."""
    daily, monthly = _days(*[2 * LESSON] * 20), _days(*[2 * LESSON] * KNOWN_FROM_DAYS)
    answers = {decide_days_left(30 * LESSON, each, lesson_bytes=LESSON) for each in (daily, monthly)}
    assert answers == {15}


@given(size=st.integers(1, 10**6), room=st.integers(0, 10**8), labels=st.lists(st.integers(0, 9), max_size=KEPT_DAYS))
def test_days_left_do_not_grow_when_a_wrong_clock_merges_days(size: int, room: int, labels: list[int]) -> None:
    """A unit that takes several equal days for one, in whatever mixture, reckons with more than it needs."""
    right = wrong = add_day((), "first", 0)
    for number, label in enumerate(labels):
        right = add_day(right, f"day {number}", size)
        wrong = add_day(wrong, f"1970-01-0{label}", size)
    assert decide_days_left(room, wrong, lesson_bytes=LESSON) <= decide_days_left(room, right, lesson_bytes=LESSON)


def test_day_begins_in_the_early_morning_of_the_schools_clock() -> None:
    """What is recorded at an evening's event belongs to the day, and the night's deliveries are over."""
    assert name_day(datetime(2026, 9, 2, 2, 59, tzinfo=UTC), BERLIN) == "2026-09-01"
    assert name_day(datetime(2026, 9, 2, 3, 0, tzinfo=UTC), BERLIN) == "2026-09-02"


def test_day_of_the_future_goes_like_every_other() -> None:
    """A clock ten years ahead for one lesson does not keep that lesson in the ledger for ten years."""
    days = add_day((), "2036-09-01", 5)
    for number in range(KEPT_DAYS):
        days = add_day(days, f"day {number}", 7)
    assert len(days) == KEPT_DAYS
    assert "2036-09-01" not in [each.day for each in days]


def test_manifests_count_what_they_name_also_when_segments_are_gone(bench: SpoolBench) -> None:
    """A segment that a receipt has released was recorded all the same."""
    recording = bench.record(3)
    manifest = bench.manifest(recording)
    sizes = [bench.store.size_bytes(recording, index) for index in manifest.objects()]
    bench.store.remove_object(recording, 1)
    assert count_bytes(manifest) == sum(size or 0 for size in sizes)
    (day,) = add_manifests((), [manifest], UTC)
    assert day == Day(day=name_day(BEGAN_AT, UTC), recorded_bytes=count_bytes(manifest))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((), 5 * LESSON),
        ((LESSON, 9 * LESSON), 9 * LESSON),
        ((2 * LESSON, 2 * LESSON), 5 * LESSON),
        ((2 * LESSON, 0, 3 * LESSON, 2 * LESSON, 2 * LESSON, 2 * LESSON), 3 * LESSON),
        ((1,) * 9, LESSON),
    ],
)
def test_day_may_bring_as_much_as_the_fullest_known(sizes: tuple[int, ...], expected: int) -> None:
    """The fullest day counts, at least five lessons until five days are known, and at least one after that."""
    days = [Day(day=f"2026-09-{number:02d}", recorded_bytes=size) for number, size in enumerate(sizes, 1)]
    assert decide_day_bytes(days, lesson_bytes=LESSON) == expected


# ---- the ledger


def _outlook(path: Path, files: CountingFiles | None = None) -> Outlook:
    return Outlook(path / "days", lesson_bytes=LESSON, zone=UTC, files=files or REAL)


def test_outlook_is_due_once_a_school_day(tmp_path: Path) -> None:
    """P7: what is recorded between two mornings changes nothing that is said."""
    outlook = _outlook(tmp_path)
    assert outlook.is_due(NOON)
    assert (outlook.days_left, outlook.day_bytes) == (None, None)
    outlook.look_ahead(NOON, 10 * LESSON, ())
    assert outlook.days_left == 2
    assert not outlook.is_due(NOON + timedelta(hours=16))
    assert outlook.is_due(NOON + timedelta(hours=17))


def test_outlook_outlives_a_restart(tmp_path: Path) -> None:
    """A process that starts again in a lesson says what was said in the morning."""
    _outlook(tmp_path).look_ahead(NOON, 10 * LESSON, ())
    again = _outlook(tmp_path)
    assert (again.days_left, again.day_bytes, again.is_due(NOON)) == (2, 5 * LESSON, False)


def test_outlook_remembers_what_was_erased(bench: SpoolBench, tmp_path: Path) -> None:
    """Five recorded days are known although nothing of them is left, and no recording is named."""
    outlook = _outlook(tmp_path)
    recording = bench.record(2)
    manifest = bench.manifest(recording)
    outlook.note_erased(manifest)
    outlook.note_erased(manifest)
    held = (tmp_path / "days").read_bytes()
    assert str(2 * count_bytes(manifest)).encode() in held
    assert recording.encode() not in held
    assert (tmp_path / "days").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"{", b'{"days":[{"day":1,"recorded_bytes":2}]}', b"\x00" * 64])
def test_outlook_that_cannot_be_read_is_counted_anew(tmp_path: Path, content: bytes) -> None:
    """A damaged ledger keeps no unit from recording."""
    (tmp_path / "days").write_bytes(content)
    outlook = _outlook(tmp_path)
    outlook.look_ahead(NOON, 10 * LESSON, ())
    assert _outlook(tmp_path).days_left == 2


def test_outlook_goes_on_when_the_disk_refuses(tmp_path: Path) -> None:
    """A full card costs an estimate and nothing else."""
    outlook = _outlook(tmp_path, RefusingFiles(at=1))
    outlook.look_ahead(NOON, 10 * LESSON, ())
    assert outlook.days_left == 2
