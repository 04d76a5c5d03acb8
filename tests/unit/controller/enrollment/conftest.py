"""One controller that serves: for each test of joining, and one for those that ask it for something small."""

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


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joining]:
    """Give a controller that a whole file of tests asks, each with a unit of its own: nobody moves its clock."""
    with make_joining(tmp_path_factory.mktemp("busy")) as made:
        yield made
