"""The house of tests/house.py, and the teachers whose rooms it has."""

from __future__ import annotations

import pytest

from tests.days import put_in_room
from tests.house import House, Teacher, house

__all__ = ["house"]


@pytest.fixture
def ada(house: House) -> Teacher:
    """Give a teacher whose unit stands in room 12."""
    teacher = house.add_teacher()
    put_in_room(house, teacher.device, "Room 12")
    return teacher
