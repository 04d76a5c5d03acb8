"""One controller that serves, for each test of joining."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.controller.enrollment.est_client import Joining, make_joining


@pytest.fixture
def joining(tmp_path: Path) -> Iterator[Joining]:
    """Give a controller with a teacher and no joined unit."""
    with make_joining(tmp_path) as made:
        yield made
