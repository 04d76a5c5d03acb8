"""A unit that lay in a cupboard for fourteen weeks comes back by itself; all clocks: `python -m tests.e2e.cupboard`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from device.hardware.clock import TIMESYNC_MARKER
from tests.e2e.cupboard import AS_INSTALLED, CLOCKS, HURRIED, PROMISED_S, come_back, open_cupboard
from tests.unit.systemd.units import load_unit


@pytest.mark.soak
@pytest.mark.skipif(
    TIMESYNC_MARKER.exists() and not os.environ.get("CI"), reason="this machine says that the network has set the clock"
)
def test_unit_comes_back_after_fourteen_weeks_in_a_cupboard(tmp_path: Path) -> None:
    """All has ended and nobody sets the clock: it renews, becomes ready, delivers its lesson, frees its epoch."""
    with open_cupboard(tmp_path, HURRIED) as cupboard:
        come_back(cupboard, CLOCKS["1970"], HURRIED)


def test_timer_leads_to_a_renewal_in_time() -> None:
    """The timer starts it within 80 s of power; a first try that hangs is ended and repeated within ten minutes."""
    timer, service = load_unit("backrow-renew.timer")["Timer"], load_unit("backrow-renew.service")["Service"]
    latest_s = _seconds(timer["OnActiveSec"]) + _seconds(timer["RandomizedDelaySec"])
    assert latest_s == AS_INSTALLED.renewed_after_s
    again_s = latest_s + _seconds(service["TimeoutStartSec"]) + _seconds(service["RestartSec"])
    assert again_s < PROMISED_S
    assert service["Restart"] == ["on-failure"]


def _seconds(values: list[str]) -> float:
    (text,) = values
    number = text.removesuffix("min").removesuffix("s")
    return float(number) * (60 if text.endswith("min") else 1)
