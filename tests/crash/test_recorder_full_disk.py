"""The real recorder on a disk that really is full: it refuses to begin, or ends what it had begun, and says so."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from protocol.documents import Recipients, verify_document
from protocol.manifest import CloseReason
from tests.fakes.spooled import spool_recording
from tests.footage import find_footage
from tests.recorder_process import PATIENCE_S, panel_of, running_recorder, terminate
from tests.school import School, UnitBundle, make_school
from tests.small_disk import needs_mount, small_disk
from tests.unsealed import find_plaintext, open_recording

MEBIBYTE = 1024 * 1024
pytestmark = needs_mount


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MiB."""
    with small_disk(tmp_path / "disk", mebibytes=12) as folder:
        yield folder


def _unit(folder: Path, disk: Path, *, lesson_bytes: int) -> tuple[School, UnitBundle]:
    school = make_school(folder, now=datetime.now(UTC))
    camera = {"kind": "replay", "input": str(find_footage("bigbuckbunny.mp4")), "loop": True, "speed": 4.0}
    tables: dict[str, dict[str, Any]] = {
        "camera": camera,
        "limits": {"segment_s": 5.0, "lesson_bytes": lesson_bytes, "spool_reserve_bytes": 2 * MEBIBYTE},
        "timings": {"release_every_s": 0.3},
    }
    return school, school.make_unit(disk / "unit", tables=tables)


def _status(unit: UnitBundle) -> dict[str, Any]:
    status: dict[str, Any] = json.loads((unit.data / "recorder" / "status").read_text())
    return status


def _wait_until_unfit(unit: UnitBundle) -> None:
    """The status follows the lamp."""
    deadline = time.monotonic() + PATIENCE_S
    while _status(unit)["fit"]:
        assert time.monotonic() < deadline, "the status goes on saying fit"
        time.sleep(0.05)


def test_disk_that_fills_ends_the_recording_as_a_fault(tmp_path: Path, disk: Path) -> None:
    """P5: what was durable stays and opens, the recording is closed as a fault, the lamp and the status say so."""
    school, unit = _unit(tmp_path, disk, lesson_bytes=4 * MEBIBYTE)
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        panel.tap()
        panel.wait_for("recording")
        panel.wait_for("fault", timeout_s=60)
        (folder,) = unit.recordings()
        opened = open_recording(school, unit, folder)
        assert opened.manifest.closed is not None
        assert opened.manifest.closed.reason is CloseReason.FAULT
        assert opened.seconds > 20
        _wait_until_unfit(unit)
        assert find_plaintext(unit.data) == []
        assert terminate(process) == 0


def test_disk_without_room_for_a_lesson_refuses_the_press(tmp_path: Path, disk: Path) -> None:
    """P5: a full card refuses to record; nothing is deleted and nothing begun."""
    _, unit = _unit(tmp_path, disk, lesson_bytes=11 * MEBIBYTE)
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("fault")
        panel.tap()
        panel.wait_for("refused")
        assert _status(unit)["reasons"] == ["disk_full"]
        assert unit.recordings() == []
        assert terminate(process) == 0


def test_copies_make_room_for_a_press_and_in_a_recording(tmp_path: Path, disk: Path) -> None:
    """A card that copies have filled is as good as an empty one: the press counts, and they go while it is filmed.

    What no receipt names stays, whatever is needed.
    """
    school, unit = _unit(tmp_path, disk, lesson_bytes=2 * MEBIBYTE)
    now = datetime.now(UTC)
    epoch = verify_document(Recipients, school.recipients, school.trust).epoch_at(now)
    assert epoch is not None
    laid = [
        spool_recording(unit, began_at=now - timedelta(hours=9 - at), sizes=(MEBIBYTE,), epoch=epoch.name)
        for at in range(9)
    ]
    waiting, copies = laid[0], laid[1:]
    for at, each in enumerate(copies):
        keep_until = now + timedelta(days=1, hours=at)
        unit.put_state(f"receipts/{each.recording}", school.issue_receipt(each.manifest, keep_until=keep_until))

    def kept() -> list[bool]:
        return [each.folder.exists() for each in copies]

    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        at_rest = kept()
        assert 0 < at_rest.count(True) < len(copies), "as much gave way as a lesson and the reserve need"
        assert at_rest == sorted(at_rest), "those that may stay least long went first"
        panel.tap()
        panel.wait_for("recording")
        deadline = time.monotonic() + PATIENCE_S
        while any(kept()):
            assert time.monotonic() < deadline, "copies stay while the recording fills the card"
            time.sleep(0.1)
        panel.hold(2.6)
        panel.wait_for("ready")
        assert "fault" not in panel.shown
        assert terminate(process) == 0
    (made,) = [folder for folder in unit.recordings() if folder != waiting.folder]
    opened = open_recording(school, unit, made)
    assert opened.manifest.closed is not None
    assert opened.manifest.closed.reason is CloseReason.STOPPED
    assert {path.name for path in waiting.folder.iterdir()} == {"manifest", "key.age", "000001.age"}
