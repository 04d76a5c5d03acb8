"""Every operation on the disk fails in turn, from the press to the last line: killed, without power, refused, full."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.crash import every
from tests.crash.every import Scene, set_scene
from tests.fakes.cutfiles import Tail

USUAL_BPS = 400_000


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A lesson at a usual rate of a small picture."""
    return set_scene(tmp_path, USUAL_BPS)


def test_kill_at_every_operation_is_recovered(scene: Scene) -> None:
    """P2, P4: kill -9 at each write, sync and rename, a write being half done: the next start brings all into order."""
    every.kill_at_every_operation(scene)


@pytest.mark.parametrize(
    ("bit_rate_bps", "tail"),
    [
        (64_000, Tail.NOTHING),
        (64_000, Tail.ZEROS),
        pytest.param(64_000, Tail.HALF, marks=pytest.mark.soak),
        (2_000_000, Tail.HALF),
    ],
)
def test_power_cut_at_every_operation_is_recovered(tmp_path: Path, bit_rate_bps: int, tail: Tail) -> None:
    """P4: the power goes at each operation; whatever became of what was not synced, at most 2 s of media are lost."""
    every.cut_power_at_every_operation(set_scene(tmp_path, bit_rate_bps), tail)


def test_recovery_that_is_cut_off_itself_is_recovered(scene: Scene) -> None:
    """A second cut at any operation of the recovery loses nothing more: trying again brings the same order."""
    every.cut_recovery_at_every_operation(scene)


def test_refused_operation_ends_the_lesson_in_order(scene: Scene) -> None:
    """A disk that refuses any one operation ends the recording: what was durable stays, closed, and nothing is torn."""
    every.refuse_every_operation(scene, errno.EIO, times=1)


@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS])
def test_disk_that_fails_for_good_is_recovered(scene: Scene, code: int) -> None:
    """P4: a card that refuses everything from any operation on loses at most 2 s, once it can be written again."""
    every.refuse_every_operation(scene, code, times=10_000)


def test_full_disk_at_every_operation_ends_the_lesson_with_the_reserve(scene: Scene) -> None:
    """P5: the disk is full from any operation on: the reserve ends the recording well, and no restart is needed."""
    every.fill_disk_at_every_operation(scene)
