"""A unit that lay in a cupboard for fourteen weeks comes back by itself; all clocks: `python -m tests.e2e.cupboard`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from device.hardware.clock import TIMESYNC_MARKER
from tests.e2e.cupboard import CLOCKS, HURRIED, come_back, open_cupboard

pytestmark = pytest.mark.skipif(
    TIMESYNC_MARKER.exists() and not os.environ.get("CI"), reason="this machine says that the network has set the clock"
)


def test_unit_comes_back_after_fourteen_weeks_in_a_cupboard(tmp_path: Path) -> None:
    """Everything has ended and the clock says 1970: it renews, becomes ready, delivers its lesson, frees its epoch."""
    with open_cupboard(tmp_path, HURRIED) as cupboard:
        come_back(cupboard, CLOCKS["1970"], HURRIED)
