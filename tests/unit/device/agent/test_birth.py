"""The birth counter: it only grows, over restarts, losses and damage."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from device.agent.birth import next_birth

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def test_birth_grows_by_one_over_restarts(tmp_path: Path) -> None:
    """Each call counts one more than the last, whoever called it."""
    path = tmp_path / "agent" / "birth"
    first = next_birth(path, NOW)
    assert [next_birth(path, NOW) for _ in range(3)] == [first + 1, first + 2, first + 3]


@pytest.mark.parametrize("content", [b"", b"{}", b'{"birth":-1}', b'{"birth":"9"}', b"\xff", b'{"birth": 9}'])
def test_birth_goes_on_from_the_clock_after_damage(tmp_path: Path, content: bytes) -> None:
    """A counter that cannot be read, or is missing, goes on from the clock: above any count of connections."""
    path = tmp_path / "birth"
    assert next_birth(path, NOW) == int(NOW.timestamp()) + 1
    path.write_bytes(content)
    assert next_birth(path, NOW) == int(NOW.timestamp()) + 1
