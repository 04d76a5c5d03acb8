"""create_app: two doors that share no address, and no thread or socket at creation."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller import Surface, create_app
from protocol.enrollment import EST_PATH
from tests.house import House, make_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a controller."""
    made = make_house(tmp_path)
    yield made
    made.services.database.close()


def rules(house: House, surface: Surface) -> set[str]:
    """Give the addresses of a door."""
    return {str(rule) for rule in create_app(house.services.config, surface, house.services).url_map.iter_rules()}


def test_doors_share_no_address(house: House) -> None:
    """Nothing of the pages is behind the units' door, and nothing of the units' behind the people's; EST is at both."""
    units, people = rules(house, Surface.UNITS), rules(house, Surface.PEOPLE)
    assert all(rule.startswith(f"{EST_PATH}/") for rule in units & people)
    assert all(rule.startswith("/units/v1/") for rule in units - people)
    assert not any(rule.startswith("/units/v1") for rule in people)


def test_creating_an_app_starts_no_thread(house: House) -> None:
    """As many threads run after both applications were made as before."""
    before = threading.active_count()
    for surface in Surface:
        create_app(house.services.config, surface, house.services)
    assert threading.active_count() == before


def test_importing_the_controller_starts_nothing() -> None:
    """`import controller` brings no framework, no database and no thread with it."""
    code = "import controller, sys, threading; print(threading.active_count(), 'flask' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False"]
