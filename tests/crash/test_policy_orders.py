"""Snapshots of consent in random orders with deaths between: ten thousand of them by `python -m tests.crash.long`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.orders import NOW, Tally, Unit, mint_pool, run_orders
from tests.crash.stores import kill_stores
from tests.school import School, make_school

ORDERS = 120
KILLS = 2


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> School:
    """The unit's school."""
    return make_school(tmp_path_factory.mktemp("school"), now=NOW)


def test_button_goes_by_the_newest_valid_snapshot_in_every_order(school: School, tmp_path: Path) -> None:
    """P3: old, forged, expired, foreign and forked ones change nothing, nor do deaths between storing and using."""
    tally = run_orders(tmp_path, school, orders=ORDERS, seed=20261124)
    assert tally.orders == ORDERS
    assert tally.deaths > ORDERS
    assert set(tally.by_kind) == {each.what for each in mint_pool(school)}


def test_oracle_would_notice_an_older_snapshot(school: School, tmp_path: Path) -> None:
    """The check can fail: an older valid line that somehow lies there is no newest one."""
    old, *_, new = [each for each in mint_pool(school) if each.what == "valid"]
    unit = Unit(school, tmp_path / "unit", Tally())
    unit.take(new)
    unit.use(NOW)
    (unit.folder / "policy").write_bytes(old.line)
    with pytest.raises(AssertionError):
        unit.use(NOW)


def test_process_that_is_killed_while_it_stores_leaves_the_newest_or_the_one_before(
    school: School, tmp_path: Path
) -> None:
    """A real process, a real SIGKILL, a real disk: whatever it had said that it holds is held, whole."""
    assert kill_stores(tmp_path, school, kills=KILLS, seed=20261124) == KILLS
