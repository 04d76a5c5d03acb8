"""What a unit says of its link: what it got while it was sending, and the most that was there to be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.uploads.gauge import NAME, Gauge, Measured, load_measured
from device.uploads.meter import LATELY_S, MEASURED_S, Meter, Piece

SIZE = 1_000_000


def sent(meter: Meter, *, bps: int, lease_bps: int, ended_s: float, size_bytes: int = SIZE) -> Meter:
    """Note one piece that came at a rate and was answered at an instant."""
    began_s = ended_s - size_bytes * 8 / bps
    return meter.note(Piece(size_bytes=size_bytes, began_s=began_s, ended_s=ended_s, lease_bps=lease_bps))


def test_meter_knows_nothing_before_anything_was_sent() -> None:
    """Nothing sent: nothing known, and no division by nothing."""
    assert (Meter().measured_bps, Meter().link_bps) == (0, 0)


def test_measured_is_bytes_over_the_time_of_sending() -> None:
    """Pauses between pieces do not count: what was got while sending is told."""
    meter = Meter()
    for number in range(5):
        meter = sent(meter, bps=8_000_000, lease_bps=8_000_000, ended_s=1000 + 60 * number)
    assert meter.measured_bps == pytest.approx(8_000_000, rel=0.01)


def test_measured_is_of_the_last_minutes_of_sending() -> None:
    """What came earlier than the last five minutes before the newest piece is forgotten; a rest forgets nothing."""
    meter = sent(Meter(), bps=1_000_000, lease_bps=9_000_000, ended_s=1000)
    meter = sent(meter, bps=4_000_000, lease_bps=9_000_000, ended_s=1000 + MEASURED_S + 10)
    assert meter.measured_bps == pytest.approx(4_000_000, rel=0.01)


def test_link_is_not_known_while_the_lease_is_the_limit() -> None:
    """A unit that gets what its lease allows does not know what its link could give."""
    meter = Meter()
    for number in range(20):
        meter = sent(meter, bps=7_900_000, lease_bps=8_000_000, ended_s=1000 + 5 * number)
    assert meter.link_bps == 0


def test_link_is_the_most_that_came_below_the_lease() -> None:
    """Where the lease allowed more than came, the best of what came is the link's."""
    meter = Meter()
    for number, bps in enumerate((3_000_000, 5_000_000, 4_000_000)):
        meter = sent(meter, bps=bps, lease_bps=100_000_000, ended_s=1000 + 20 * number)
    assert meter.link_bps == pytest.approx(5_000_000, rel=0.01)


def test_link_that_gave_more_under_another_lease_is_not_held_for_slow() -> None:
    """One piece that stalled says nothing when others reached the lease at a higher rate."""
    meter = sent(Meter(), bps=2_000_000, lease_bps=8_000_000, ended_s=1000)
    meter = sent(meter, bps=8_000_000, lease_bps=8_000_000, ended_s=1100)
    assert meter.link_bps == 0


def test_link_is_forgotten_after_an_hour_of_sending_without_it() -> None:
    """A link that was slow an hour ago may be another one now."""
    meter = sent(Meter(), bps=2_000_000, lease_bps=8_000_000, ended_s=1000)
    meter = sent(meter, bps=1_000_000, lease_bps=1_000_000, ended_s=1000 + LATELY_S + 10)
    assert meter.link_bps == 0
    assert len(meter.slots) == 1


def test_short_pieces_say_nothing_of_the_link() -> None:
    """The last few bytes of an object wait for the disk of the controller more than for the link."""
    assert sent(Meter(), bps=1000, lease_bps=8_000_000, ended_s=1000, size_bytes=1000).link_bps == 0


def test_gauge_outlives_the_process_and_writes_seldom(tmp_path: Path) -> None:
    """What was measured is there for the agent and after a restart; within a minute it is written once."""
    gauge, folder = Gauge(tmp_path / "uploads"), tmp_path / "uploads"
    assert load_measured(folder) == Measured()
    slow = Piece(size_bytes=SIZE, began_s=1000, ended_s=1004, lease_bps=8_000_000)
    gauge.note(slow)
    written = (folder / NAME).stat().st_ino
    gauge.note(Piece(size_bytes=SIZE, began_s=1004, ended_s=1005, lease_bps=80_000_000))
    assert (folder / NAME).stat().st_ino == written
    assert load_measured(folder) == Measured(measured_bps=2_000_000, link_bps=2_000_000)
    assert (folder / NAME).stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("content", [b"", b"{", b'{"measured_bps":"1"}', b"\xff"])
def test_gauge_that_cannot_be_read_measures_anew(tmp_path: Path, content: bytes) -> None:
    """A damaged file costs a measurement and nothing else."""
    (tmp_path / NAME).write_bytes(content)
    assert load_measured(tmp_path) == Measured()
