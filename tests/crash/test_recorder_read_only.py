"""The real recorder on a card that becomes read-only: it says so, and goes on when the card can be written again."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from protocol.manifest import CloseReason
from tests.footage import find_footage
from tests.recorder_process import PATIENCE_S, panel_of, running_recorder, terminate
from tests.school import UnitBundle, make_school
from tests.small_disk import needs_mount, small_disk

pytestmark = needs_mount


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 MiB."""
    with small_disk(tmp_path / "disk", mebibytes=64) as folder:
        yield folder


@pytest.fixture
def unit(tmp_path: Path, disk: Path) -> UnitBundle:
    """A unit whose data lie on that disk; its socket and its log lie elsewhere, as they do on a real one."""
    tables: dict[str, dict[str, Any]] = {
        "camera": {"kind": "replay", "input": str(find_footage("bigbuckbunny.mp4")), "loop": True},
        "limits": {"segment_s": 2.0, "lesson_bytes": 16_000_000, "spool_reserve_bytes": 2_000_000},
        "timings": {"release_every_s": 0.3},
    }
    made = make_school(tmp_path, now=datetime.now(UTC)).make_unit(disk / "unit", tables=tables)
    (tmp_path / "run").mkdir()
    (made.data / "run").symlink_to(tmp_path / "run")
    return replace(made, folder=tmp_path)


def _remount(disk: Path, how: str) -> None:
    """Make the card read-only (`ro`) or writable (`rw`), as the kernel does when a file system is damaged."""
    command = ["mount", "-o", f"remount,{how}", str(disk)]
    _wait_until(lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0, "nobody is writing")


def _status(unit: UnitBundle) -> dict[str, Any]:
    status: dict[str, Any] = json.loads((unit.data / "recorder" / "status").read_text())
    return status


def _wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"in vain waited until {what}"
        time.sleep(0.05)


def test_card_that_becomes_read_only_is_told_and_ready_when_it_can_be_written(unit: UnitBundle, disk: Path) -> None:
    """P1: nobody presses on a lamp that says ready where nothing could be recorded; the trouble passes by itself."""
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        _remount(disk, "ro")
        panel.wait_for("fault")
        panel.tap()
        panel.wait_for("refused")
        _remount(disk, "rw")
        panel.wait_for("ready")
        _wait_until(lambda: bool(_status(unit)["fit"]), "the status says fit")
        assert unit.recordings() == []
        assert terminate(process) == 0


def test_recording_that_was_cut_is_closed_once_the_card_can_be_written(unit: UnitBundle, disk: Path) -> None:
    """What a start could not bring into order waits for the card, and not for the next start; the log stays short."""
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        panel.tap()
        panel.wait_for("recording")
        time.sleep(1.0)
        process.kill()
    _remount(disk, "ro")
    log = unit.folder / "recorder.log"
    before = len(log.read_text().splitlines())
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("fault")
        time.sleep(2.0)  # eight ticks, six looks
        assert _reason(unit) is None
        assert "recording" not in panel.shown
        _remount(disk, "rw")
        panel.wait_for("look_at_page")
        _wait_until(lambda: _reason(unit) is CloseReason.INTERRUPTED, "the recording is closed")
        assert terminate(process) == 0
    words = log.read_text().splitlines()[before:]
    assert any("spool: Read-only file system; restart the unit" in line for line in words)
    assert "giving the reserve back" not in "".join(words)
    assert [line for line in set(words) if words.count(line) > 1] == []


def _reason(unit: UnitBundle) -> CloseReason | None:
    (folder,) = unit.recordings()
    closed = unit.manifest(folder).closed
    return closed.reason if closed else None
