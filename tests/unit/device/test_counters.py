"""What the unit counts for the controller: it only rises, also when it was lost, and the uploader says it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.counters import count, load_counters

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_start_is_counted_once_for_each_boot(tmp_path: Path) -> None:
    """An agent that connects again within one start raises the births alone."""
    seen = [count(tmp_path, birth=birth, boot=boot, now=NOW) for birth, boot in ((1, "a"), (2, "a"), (3, "b"))]
    first = seen[0].boots
    assert [(each.birth, each.boots - first, each.boot) for each in seen] == [(1, 0, "a"), (2, 0, "a"), (3, 1, "b")]
    assert load_counters(tmp_path) == seen[-1]


@pytest.mark.parametrize("damage", [None, b"", b"{", b'{"birth":1}'])
def test_count_that_was_lost_goes_on_above_what_it_was(tmp_path: Path, damage: bytes | None) -> None:
    """Else a unit whose card hiccuped would be taken for an old copy of itself."""
    for boot in ("a", "b", "c"):
        before = count(tmp_path, birth=1, boot=boot, now=NOW)
    path = tmp_path / "counters"
    path.unlink() if damage is None else path.write_bytes(damage)
    assert count(tmp_path, birth=2, boot="d", now=NOW + timedelta(hours=1)).boots > before.boots


def test_unit_that_has_counted_nothing_says_nothing(tmp_path: Path) -> None:
    """A missing file is no error."""
    assert load_counters(tmp_path) is None
