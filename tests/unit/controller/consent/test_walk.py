"""Whatever a school does, in whatever order: each unit's snapshot says what the rules of consent say (promise P3)."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.consent_walk.school import make_walked_school
from tests.consent_walk.steps import begin, take_step


def walk(folder: Path, seed: int, steps: int) -> Counter[str]:
    """Walk, and compare after each step; give how often which decision was compared."""
    school = make_walked_school(folder, seed)
    with closing(school.house.services.database):
        if seed % 4:  # every fourth has no rules at first
            begin(school)
        school.compare()
        for _ in range(steps):
            take_step(school)
            school.compare()
    return school.compared


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_units_go_by_what_the_rules_say_after_each_step(tmp_path: Path, seed: int) -> None:
    """Never allowed where somebody in the room refuses, nor refused where all agree; both were compared."""
    compared = walk(tmp_path, seed, 20)
    assert compared["refused"]
    assert compared["allowed"]


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 160))
def test_long_walks_come_to_the_same(tmp_path: Path, seed: int) -> None:
    """Sixty schools of two hundred steps."""
    walk(tmp_path, seed, 200)
