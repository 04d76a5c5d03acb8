"""The real recorder is killed, switched off and ended in a pause: nothing is captured that nobody asked for."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from protocol.manifest import CloseReason, Event, EventName, Manifest
from tests.footage import find_footage
from tests.recorder_process import Panel, panel_of, running_recorder, terminate
from tests.school import School, UnitBundle, make_school
from tests.unsealed import open_recording

DOUBLE_TAP_S = 0.8  # wide, for a machine that is busy


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school whose documents hold today."""
    return make_school(tmp_path, now=datetime.now(UTC))


@pytest.fixture
def paused(school: School, tmp_path: Path) -> UnitBundle:
    """A unit whose recorder was killed in a pause, some seconds of lesson before it."""
    tables: dict[str, dict[str, Any]] = {
        "camera": {"kind": "replay", "input": str(find_footage("bigbuckbunny.mp4")), "loop": True},
        "timings": {"settle_s": 0.3, "double_tap_s": DOUBLE_TAP_S, "release_every_s": 0.5},
        "limits": {"segment_s": 2.0},
    }
    unit = school.make_unit(tmp_path / "unit", tables=tables)
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        panel.tap()
        panel.wait_for("recording")
        time.sleep(DOUBLE_TAP_S + 1.0)
        panel.tap()
        time.sleep(0.1)  # a contact that closes sooner bounces
        panel.tap()
        panel.wait_for("paused")
        time.sleep(0.5)
        process.kill()
    return unit


def _manifest(unit: UnitBundle) -> Manifest:
    (folder,) = unit.recordings()
    return unit.manifest(folder)


def _takes(unit: UnitBundle) -> int:
    return max(segment.opened.take for segment in _manifest(unit).segments)


def _wait_for_takes(unit: UnitBundle, panel: Panel, takes: int) -> None:
    deadline = time.monotonic() + 60
    while _takes(unit) < takes:
        assert time.monotonic() < deadline, panel.shown
        time.sleep(0.05)


def test_recorder_that_was_killed_in_a_pause_is_paused_until_a_press(school: School, paused: UnitBundle) -> None:
    """P1: a crash within one boot starts no camera in a pause; the press goes on, and the manifest has the gap."""
    with running_recorder(paused) as process, panel_of(paused) as panel:
        panel.wait_for("paused")
        time.sleep(1.0)
        assert "recording" not in panel.shown
        assert _takes(paused) == 1
        panel.tap()
        panel.wait_for("recording")
        _wait_for_takes(paused, panel, 2)
        panel.hold(2.8)
        panel.wait_for("ready")
        assert terminate(process) == 0
    events = [line.content.name for line in _manifest(paused).events if isinstance(line.content, Event)]
    assert [name for name in events if name in (EventName.PAUSE, EventName.RESUME)] == [
        EventName.PAUSE,
        EventName.RESUME,
    ]
    (folder,) = paused.recordings()
    opened = open_recording(school, paused, folder)
    assert opened.manifest.closed is not None
    assert opened.manifest.closed.reason is CloseReason.STOPPED
    assert opened.seconds > 1.5


def test_shutdown_in_a_pause_keeps_and_closes(paused: UnitBundle) -> None:
    """SIGTERM in a pause: the recording is closed in order, as one that somebody stopped."""
    with running_recorder(paused) as process, panel_of(paused) as panel:
        panel.wait_for("paused")
        assert terminate(process) == 0
    closed = _manifest(paused).closed
    assert closed is not None
    assert closed.reason is CloseReason.STOPPED


def test_power_cut_in_a_pause_ends_the_recording(paused: UnitBundle) -> None:
    """After another boot nothing goes on by itself, not even a pause: closed as interrupted, and the lamp says so."""
    path = paused.data / "recorder" / "journal"
    journal = json.loads(path.read_text())
    journal["boot"] = "00000000-0000-4000-8000-000000000000"
    path.write_text(json.dumps(journal, sort_keys=True, separators=(",", ":")))
    with running_recorder(paused) as process, panel_of(paused) as panel:
        panel.wait_for("look_at_page")
        assert terminate(process) == 0
    closed = _manifest(paused).closed
    assert closed is not None
    assert closed.reason is CloseReason.INTERRUPTED
