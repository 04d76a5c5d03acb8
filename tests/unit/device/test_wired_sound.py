"""The whole recorder as a process, with the microphone of its configuration: what a lesson then sounds like."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from protocol.manifest import EventName, SoundVerdict
from tests.lipsync import LIMIT_MS, Clap, find_claps
from tests.recorder_process import panel_of, running_recorder, terminate
from tests.recorder_room import FAST, STOP_S
from tests.school import UnitBundle, make_school
from tests.unsealed import OpenedRecording, open_recording

CAMERA = {"kind": "synthetic", "width": 320, "height": 180, "bitrate_bps": 300_000}


@pytest.fixture
def record(tmp_path: Path) -> Any:
    """Record ten seconds with a microphone's table."""

    def make(**microphone: Any) -> tuple[OpenedRecording, str]:
        school = make_school(tmp_path, now=datetime.now(UTC))
        tables = {"camera": CAMERA, "microphone": microphone, "timings": {**FAST, "double_tap_s": 0.1}}
        unit: UnitBundle = school.make_unit(tmp_path / "unit", tables=tables)
        with running_recorder(unit) as process, panel_of(unit) as panel:
            panel.wait_for("ready")
            panel.tap()
            panel.wait_for("recording")
            time.sleep(10)
            panel.hold(STOP_S)
            panel.wait_for("ready")
            assert terminate(process) == 0
        (folder,) = unit.recordings()
        return open_recording(school, unit, folder), (unit.folder / "recorder.log").read_text()

    return make


def test_unit_with_a_synthetic_microphone_records_its_beeps_in_step(record: Any) -> None:
    """Camera and microphone are two parts with two threads; flash and beep fall together in the sealed recording."""
    opened, _log = record(kind="synthetic")
    claps: list[Clap] = [clap for segment in opened.segments for clap in find_claps(segment.plaintext)]
    assert len(claps) >= 5
    assert max(abs(clap.late_ms) for clap in claps) < LIMIT_MS / 2
    (sound,) = [line.content.sound for line in opened.manifest.events if line.content.sound]
    assert sound.verdict is SoundVerdict.GOOD
    assert sound.speech_permille is not None


def test_unit_without_its_microphone_records_the_picture_and_keeps_the_journal_silent(record: Any) -> None:
    """The lesson is whole and mute, the manifest says why, and what IT can read says nothing of it (P7)."""
    opened, log = record(kind="alsa", device="plughw:CARD=NotThere")
    assert opened.seconds > 7
    faults = [line.content.detail for line in opened.manifest.events if line.content.name is EventName.FAULT]
    (fault,) = faults
    assert "lists no such card; plug it in" in fault
    (sound,) = [line.content.sound for line in opened.manifest.events if line.content.sound]
    assert sound.verdict is SoundVerdict.NONE
    assert "NotThere" not in log
    assert "ALSA" not in log
