"""Thousands of requests of one unit against another at the units' door: nothing changes, nothing is given away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.urls import Scene, as_the_victim, attack, deliver_rest, make_scene
from tests.house import make_house

ATTEMPTS = 1_500  # each combination at least once; `python -m tests.attacks` makes 10,000


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A victim and an attacker."""
    house = make_house(tmp_path)
    yield make_scene(house)
    house.services.database.close()


def test_nothing_of_another_unit_changes_and_nothing_is_given_away(scene: Scene) -> None:
    """Whatever is sent to whatever address with the victim's ids, lease, manifest and bytes; then it goes on."""
    outcome = attack(scene, ATTEMPTS)
    assert (outcome.changed, outcome.given_away) == ([], [])
    assert outcome.tried >= ATTEMPTS
    assert max(outcome.answers) < 500, outcome.answers
    assert deliver_rest(scene) == 3


def test_the_same_requests_of_the_victim_itself_are_served(scene: Scene) -> None:
    """The check above can fail: with the victim's own certificate they change its state, and it is told what is its."""
    outcome = attack(as_the_victim(scene))
    assert {name.split(":")[0] for name in outcome.given_away} == {"lease", "policy", "receipt"}
    assert "upload" in outcome.changed
