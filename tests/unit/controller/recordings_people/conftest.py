"""A controller, and a lesson of two takes: eight seconds in three segments, a pause, four seconds in one."""

from __future__ import annotations

import pytest

from tests.house import house
from tests.lesson import MediaSegment, record_synthetic

__all__ = ["house"]


@pytest.fixture(scope="session")
def takes() -> list[MediaSegment]:
    """Record once; no test changes it."""
    return [*record_synthetic(seconds=8, segment_s=3), *record_synthetic(take=2, seconds=4)]
