"""Sound and picture of two devices with clocks of their own, in what was really recorded.

The short form of `python -m tests.lipsync`, which records 90 minutes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.crystal import Crystal
from tests.lipsync import LIMIT_MS, measure, record

SECONDS, SPEED = 36.0, 8.0


@pytest.mark.parametrize("drift_ppm", [-300.0, 300.0])
def test_clap_is_heard_when_it_is_seen(tmp_path: Path, drift_ppm: float) -> None:
    """With a poor crystal and a latency that is configured, every clap is in step, to the end and across segments."""
    crystal = Crystal(drift_ppm=drift_ppm, late_ms=120, latency_ms=120)
    found = measure(record(tmp_path, seconds=SECONDS, speed=SPEED, crystal=crystal))
    assert len(found.claps) >= SECONDS - 6
    assert max(abs(clap.late_ms) for clap in found.claps) < LIMIT_MS / 2
    assert found.faults == ()
    assert found.silent_permille < 30


@pytest.mark.parametrize(("latency_ms", "off_ms"), [(0.0, 120.0), (240.0, -120.0)])
def test_latency_that_is_set_wrong_is_seen(tmp_path: Path, latency_ms: float, off_ms: float) -> None:
    """Sound that is 120 ms late is heard late without the setting, and early by as much with twice the setting."""
    crystal = Crystal(late_ms=120, latency_ms=latency_ms)
    found = measure(record(tmp_path, seconds=8, speed=4, crystal=crystal))
    assert found.claps
    assert all(clap.late_ms == pytest.approx(off_ms, abs=LIMIT_MS / 2) for clap in found.claps)
