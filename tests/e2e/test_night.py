"""A short night over real sockets, and a shorter one of faults: the small forms of `python -m tests.e2e.night`."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.e2e.district import found_district
from tests.e2e.night import run_night
from tests.e2e.unrest import Unrest

UNITS = 8
LINE_BPS = 12_000_000
UNREST_S = 8.0


@pytest.mark.soak
def test_night_of_real_uploaders_brings_everything_once_inside_hours_and_caps(tmp_path: Path) -> None:
    """P5, P6: every object is sent once and held, nothing comes while the line is closed, no cap is passed."""
    with found_district(tmp_path, UNITS, LINE_BPS, random.Random(24)) as district:  # noqa: S311 - no secret
        assert run_night(district).wrong == []


def test_night_of_kills_cuts_and_flipped_bits_brings_everything_home(tmp_path: Path) -> None:
    """Whatever is killed: what units were told stays held, nothing is above a cap, and in the end all is at home."""
    chance = random.Random(25)  # noqa: S311 - no secret
    said: list[str] = []
    unrest = Unrest(chance, UNREST_S, said.append)
    with found_district(tmp_path, UNITS, LINE_BPS, chance) as district:
        unrest.prepare(district)
        try:
            assert run_night(district, unrest).wrong == []
        finally:
            unrest.close()
    assert unrest.counts.total() >= 3
    assert unrest.noticed <= len(unrest.flips)
