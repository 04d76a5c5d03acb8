"""Drops, kills and wrong bits at random: the short form of `python -m tests.attacks.storm` and `….flips`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.flips import flip_all
from tests.attacks.storm import rage
from tests.house import House, make_house

SEED = 20_261_124
FAULTS = 250  # the command makes 10,000
FLIPS = 1_500  # the command makes 100,000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a controller."""
    made = make_house(tmp_path)
    yield made
    made.services.database.close()


def test_storm_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Units, controller and links break at random; everything is held once, byte for byte, and no offset went back."""
    outcome = rage(tmp_path, FAULTS, SEED)
    assert outcome.wrong == []
    assert sum(outcome.faults[name] for name in ("controller killed", "unit killed", "both killed")) > 0


def test_storm_finds_a_controller_that_does_not_synchronise(tmp_path: Path) -> None:
    """The check above can fail: where offsets are told before the bytes are durable, power cuts take them back."""
    assert "were acknowledged, and now it is" in "".join(rage(tmp_path, FAULTS, SEED, lying=True).wrong)


def test_no_wrong_bit_is_accepted(house: House) -> None:
    """One bit in a manifest, a segment or a key differs: refused, every time; then the true ones are taken."""
    outcome = flip_all(house, FLIPS, SEED)
    assert outcome.accepted == []
    assert min(outcome.tried[kind] for kind in ("manifest", "segment", "key.age", "object through the door")) > 0
