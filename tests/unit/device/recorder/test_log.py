"""P7 in the recorder's log: a lesson that goes well leaves no line, and neither does one that goes wrong.

IT may read the log. A fault of the unit may stand there; that one was recording may not, and no recording's name.
"""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device.hardware.ports import CameraFault, CameraSink, LampFault
from protocol.manifest import CloseReason, Manifest
from tests.fakes.camera import FakeCamera
from tests.fakes.cutfiles import CountingFiles
from tests.recorder_room import FAST, STOP_S, Item, Room, TrustedClock, draw_footage, open_room
from tests.school import School, UnitBundle, make_school

DAMAGED = "spool_damaged: something on the card is not what was sealed, and is left alone"


class AfterAPowerCut(TrustedClock):
    """The clock of another boot."""

    @property
    def boot_id(self) -> str:
        """See `Clock.boot_id`."""
        return "00000000-0000-4000-8000-00000000000f"


class FillingFiles(CountingFiles):
    """A card that is full as soon as a test says so, until the reserve is given back."""

    full = False

    def unlink(self, path: Path) -> None:
        """Removing the reserve makes room."""
        self.full = self.full and path.name != ".reserve"
        super().unlink(path)

    def _happens(self, name: str) -> None:
        super()._happens(name)
        if self.full and name.split()[0] in ("open", "write", "allocate"):
            raise OSError(errno.ENOSPC, "No space left on device", name)


class Moody(FakeCamera):
    """Refuses to start as long as `broken` is set."""

    broken = False

    def start(self, sink: CameraSink) -> None:
        """See `Camera.start`."""
        if self.broken:
            raise CameraFault("FAKE camera: pulled out")
        super().start(sink)


@pytest.fixture(scope="module")
def footage() -> tuple[Item, ...]:
    """Three seconds."""
    return draw_footage(3.0)


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school whose documents hold today."""
    return make_school(tmp_path, now=datetime.now(UTC))


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """A unit with fast gestures that soon says that nothing is durable."""
    timings = {**FAST, "stale_s": 1.0, "hopeless_s": 1.0, "retry_min_s": 0.05, "retry_max_s": 0.2}
    return school.make_unit(tmp_path / "unit", tables={"timings": timings, "limits": {"segment_s": 2.0}})


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What an installed unit logs, from the first moment on."""
    with caplog.at_level(logging.INFO):
        yield caplog


def _only(unit: UnitBundle) -> Manifest:
    (folder,) = unit.recordings()
    return unit.manifest(folder)


def _closed(unit: UnitBundle) -> CloseReason | None:
    closed = _only(unit).closed
    return closed.reason if closed else None


def _reason(unit: UnitBundle) -> str:
    return ", ".join(json.loads((unit.data / "recorder" / "status").read_text())["reasons"])


def _begin(room: Room) -> None:
    room.wait_for("ready")
    room.tap()
    room.wait_for("recording")
    media = (room.unit.data / "spool").glob
    room.wait_until(lambda: any(path.stat().st_size > 60_000 for path in media("*/0*.age")), "media are durable")


def _record(school: School, unit: UnitBundle, footage: tuple[Item, ...]) -> None:
    with open_room(school, unit, FakeCamera(footage, endless=True)) as room:
        _begin(room)
        shown = len(room.lamp.shown)
        room.hold(STOP_S)
        room.wait_for("ready", after=shown)


def _cut_off(school: School, unit: UnitBundle, footage: tuple[Item, ...]) -> None:
    """Leave a recording that nothing has closed."""
    with open_room(school, unit, FakeCamera(footage, endless=True)) as room:
        _begin(room)
        room.inbox.put(LampFault("FAKE: the power goes"))
        assert room.thread is not None
        room.thread.join(20)
    assert _closed(unit) is None


def test_lesson_that_goes_well_leaves_no_line(
    school: School, unit: UnitBundle, footage: tuple[Item, ...], log: pytest.LogCaptureFixture
) -> None:
    """From the start of the process to its end."""
    _record(school, unit, footage)
    assert log.messages == []


def test_start_after_a_power_cut_says_nothing_of_the_recording_that_it_closes(
    school: School, unit: UnitBundle, footage: tuple[Item, ...], log: pytest.LogCaptureFixture
) -> None:
    """The log of the start is that of a unit that was not recording when the power went."""
    _cut_off(school, unit, footage)
    with open_room(school, unit, FakeCamera(endless=True), clock=AfterAPowerCut()) as room:
        room.wait_until(lambda: _closed(unit) is CloseReason.INTERRUPTED, "it is closed")
    assert log.messages == []


def test_camera_that_fails_or_stalls_in_a_lesson_leaves_no_line(
    school: School, unit: UnitBundle, footage: tuple[Item, ...], log: pytest.LogCaptureFixture
) -> None:
    """One that is pulled out, comes back and gives nothing; what lamp and status say is for who stands there."""
    camera = Moody(footage, endless=True)
    camera.broken = True
    with open_room(school, unit, camera) as room:
        room.wait_for("ready")
        room.tap()
        room.wait_until(lambda: _reason(unit) == "camera_failed", "it has failed")
        camera.broken = False
        room.wait_until(lambda: _reason(unit) == "", "it is back")
        room.wait_until(lambda: _reason(unit) == "nothing_durable", "it has stalled")
    assert log.messages == []


def test_card_that_fills_in_a_lesson_leaves_no_line(
    school: School, unit: UnitBundle, footage: tuple[Item, ...], log: pytest.LogCaptureFixture
) -> None:
    """Neither the refusal, nor the reserve that was given back, nor the path of what could not be written."""
    files = FillingFiles()
    with open_room(school, unit, FakeCamera(footage, endless=True), files=files) as room:
        _begin(room)
        files.full = True
        room.wait_until(lambda: _closed(unit) is CloseReason.FAULT, "it is closed as a fault")
    assert log.messages == []


def test_damaged_segments_are_one_code_however_many(
    school: School, unit: UnitBundle, footage: tuple[Item, ...], log: pytest.LogCaptureFixture
) -> None:
    """Another length is seen at the start, another content later: one line, that names and counts nothing."""
    _record(school, unit, footage)
    _record(school, unit, footage)
    longer, changed = unit.recordings()
    with (longer / "000001.age").open("ab") as segment:
        segment.write(b"more")
    edited = bytearray((changed / "000001.age").read_bytes())
    edited[-40] ^= 1
    (changed / "000001.age").write_bytes(edited)
    with log.at_level(logging.DEBUG), open_room(school, unit, FakeCamera(endless=True)) as room:
        room.wait_until(lambda: "segment 1 has" in log.text, "the first is found, and --verbose says which")
        room.wait_until(lambda: "segment 1 is not what was sealed" in log.text, "the second is found")
    assert [record.message for record in log.records if record.levelno >= logging.INFO] == [DAMAGED]


def _tear(unit: UnitBundle) -> None:
    """Leave the last segment of the only recording as a power cut does: its end and every line after it are gone."""
    (folder,) = unit.recordings()
    lines = (folder / "manifest").read_bytes().splitlines(keepends=True)
    opened = max(at for at, line in enumerate(lines) if b'"line":"opened"' in line)
    (folder / "manifest").write_bytes(b"".join(lines[: opened + 1]))
    last = max(folder.glob("0*.age"))
    os.truncate(last, last.stat().st_size - 40)


def test_tail_that_was_recovered_is_noted_at_the_unit_and_in_no_log(
    school: School, unit: UnitBundle, footage: tuple[Item, ...], log: pytest.LogCaptureFixture
) -> None:
    """Who stands at the unit reads that the end of something was torn; one that was sealed in order is no note."""
    _record(school, unit, footage)
    status = unit.data / "recorder" / "status"
    assert json.loads(status.read_text())["notes"] == []
    _tear(unit)
    with open_room(school, unit, FakeCamera(endless=True), clock=AfterAPowerCut()) as room:
        room.wait_until(lambda: json.loads(status.read_text())["notes"] == ["tail_recovered"], "the tail is noted")
    assert log.messages == []
