"""The recorder through pauses, seats, bells and a camera that comes and goes, on a real spool between fakes."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from device.hardware.clock import SystemClock
from device.hardware.ports import ButtonFault, CameraFault, CameraSink, Tune
from protocol.documents import Decision, LessonDecision, Permission
from protocol.manifest import CloseReason, Event, EventName, Manifest, Sealed
from tests.fakes.buzzer import FakeBuzzer
from tests.fakes.camera import FakeCamera
from tests.recorder_room import (
    FAST,
    STOP_S,
    Item,
    Room,
    TrustedClock,
    draw_footage,
    make_fast_unit,
    make_room,
    open_room,
)
from tests.school import School, UnitBundle, decision, make_school, new_id
from tests.unsealed import open_recording

SEAT_HOLD_S = 0.4


@pytest.fixture(scope="module")
def footage() -> tuple[Item, ...]:
    """A second."""
    return draw_footage(1.0)


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school whose documents hold today."""
    return make_school(tmp_path, now=datetime.now(UTC))


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """A unit with fast gestures and short waits."""
    return make_fast_unit(school, tmp_path / "unit")


class FailingCamera(FakeCamera):
    """Refuses to start as long as `broken` is set."""

    broken = False

    def start(self, sink: CameraSink) -> None:
        """See `Camera.start`."""
        if self.broken:
            raise CameraFault("FAKE camera: pulled out")
        super().start(sink)


class _LaterClock(SystemClock):
    """The machine's clock, in the same boot and nearly as much later as a pause of the unit `pausing` may last."""

    def monotonic_s(self) -> float:
        """See `Clock.monotonic_s`."""
        return super().monotonic_s() + 59.0


def _only(unit: UnitBundle) -> Manifest:
    (folder,) = unit.recordings()
    return unit.manifest(folder)


def _reason(unit: UnitBundle) -> CloseReason | None:
    closed = _only(unit).closed
    return closed.reason if closed else None


def _events(unit: UnitBundle) -> list[EventName]:
    names = [line.content.name for line in _only(unit).events if isinstance(line.content, Event)]
    return [name for name in names if name in (EventName.PAUSE, EventName.RESUME)]


def _has_media(unit: UnitBundle) -> bool:
    return any(path.stat().st_size > 30_000 for path in (unit.data / "spool").glob("*/0*.age"))


def _start(room: Room) -> None:
    room.wait_for("ready")
    room.tap()
    room.wait_for("recording")
    room.wait_until(lambda: _has_media(room.unit), "media are durable")


def _double_tap(room: Room) -> None:
    """Two quick presses, so long after the one that started that neither makes a double tap with it."""
    time.sleep(0.2)
    room.tap()
    room.tap()


@pytest.fixture
def pausing(school: School, tmp_path: Path) -> UnitBundle:
    """A unit whose double tap may be slow, for a machine that is busy, and whose pause is heard often."""
    tables = {
        "timings": {**FAST, "double_tap_s": 0.15, "remind_s": 1.0},
        "limits": {"segment_s": 2.0, "pause_s": 60.0},
    }
    return school.make_unit(tmp_path / "pausing", tables=tables)


def test_pause_leaves_a_gap_that_the_manifest_names(
    school: School, pausing: UnitBundle, footage: tuple[Item, ...]
) -> None:
    """Two taps stop the camera, a press goes on with a new take; both moments stand in the signed manifest."""
    camera, buzzer = FakeCamera(footage, endless=True), FakeBuzzer()
    with open_room(school, pausing, camera, buzzer=buzzer) as room:
        _start(room)
        _double_tap(room)
        shown = room.wait_for("paused")
        room.wait_until(lambda: not camera.is_running, "the camera is stopped")
        room.wait_until(lambda: Tune.REMIND in buzzer.played, "the room hears that it is paused")
        room.tap()
        room.wait_for("recording", after=shown)
        room.wait_until(lambda: len({s.opened.take for s in _only(pausing).segments}) == 2, "a second take")
        room.hold(STOP_S)
        room.wait_until(lambda: _reason(pausing) is CloseReason.STOPPED, "it is closed")
    assert _events(pausing) == [EventName.PAUSE, EventName.RESUME]
    (folder,) = pausing.recordings()
    assert open_recording(school, pausing, folder).seconds == pytest.approx(2.0, abs=0.1)
    assert [tune for tune in buzzer.played if tune is not Tune.REMIND] == [Tune.START, Tune.STOP, Tune.START, Tune.STOP]


def test_hold_in_a_pause_stops_and_keeps(school: School, pausing: UnitBundle, footage: tuple[Item, ...]) -> None:
    """A pause is no trap: the same hold ends the lesson."""
    with open_room(school, pausing, FakeCamera(footage, endless=True)) as room:
        _start(room)
        _double_tap(room)
        shown = room.wait_for("paused")
        room.hold(STOP_S)
        room.wait_for("ready", after=shown)
    assert _reason(pausing) is CloseReason.STOPPED


def test_crash_in_a_pause_stays_paused(school: School, pausing: UnitBundle, footage: tuple[Item, ...]) -> None:
    """A recorder that is killed in a pause comes back paused, without a camera, and goes on at a press."""
    with open_room(school, pausing, FakeCamera(footage, endless=True)) as room:
        _start(room)
        _double_tap(room)
        room.wait_for("paused")
        room.wait_until(lambda: all(each.ended for each in _only(pausing).segments), "the take is sealed")
        room.inbox.put(CameraFault("FAKE: the process dies"))  # whatever ends the loop without an orderly end
        assert room.thread is not None
        room.thread.join(20)
    camera = FakeCamera(footage, endless=True)
    with open_room(school, pausing, camera) as again:
        shown = again.wait_for("paused")
        assert camera.starts == 0
        again.tap()
        again.wait_for("recording", after=shown)
        again.wait_until(lambda: camera.starts == 1, "the camera runs")
    assert len(pausing.recordings()) == 1
    assert _events(pausing) == [EventName.PAUSE, EventName.RESUME]


def test_pause_that_a_crash_fell_into_is_no_longer_for_it(
    school: School, pausing: UnitBundle, footage: tuple[Item, ...]
) -> None:
    """Its limit counts from the pause's own line in the manifest, which a restarted recorder reads."""
    with open_room(school, pausing, FakeCamera(footage, endless=True)) as room:
        _start(room)
        _double_tap(room)
        room.wait_for("paused")
        room.wait_until(lambda: EventName.PAUSE in _events(pausing), "the pause is written down")
        room.inbox.put(CameraFault("FAKE: the process dies"))
        assert room.thread is not None
        room.thread.join(20)
    with open_room(school, pausing, FakeCamera(footage, endless=True), clock=_LaterClock()) as again:
        again.wait_until(lambda: _reason(pausing) is CloseReason.LIMIT, "it is closed for its limit")
    assert "paused" in [each.name for each in again.lamp.shown]


def test_consent_that_is_withdrawn_in_a_pause_closes_the_recording(
    school: School, pausing: UnitBundle, footage: tuple[Item, ...]
) -> None:
    """P3: a change that forbids ends a paused recording, too."""
    with open_room(school, pausing, FakeCamera(footage, endless=True)) as room:
        _start(room)
        _double_tap(room)
        room.wait_for("paused")
        refusal = decision(Permission.REFUSED, reason="withdrawn")
        pausing.put_state("policy", school.issue_policy(pausing.device, otherwise=refusal, version=2))
        room.wait_until(lambda: _reason(pausing) is CloseReason.CONSENT, "it is closed for consent")


def _seats(unit: UnitBundle, count: int) -> Decision:
    permission = Permission.ALLOWED_IF_SEATS_ARE_CHECKED
    return Decision(permission=permission, reason="one_family", owner=unit.owner, seats=count)


def test_seats_are_checked_by_a_hold_and_stand_in_the_first_line(
    school: School, unit: UnitBundle, footage: tuple[Item, ...]
) -> None:
    """P3: a press asks for the check, pressing again does not pass, a hold does; the manifest says how many seats."""
    unit.put_state("policy", school.issue_policy(unit.device, otherwise=_seats(unit, 2), version=2))
    camera = FakeCamera(footage, endless=True)
    with open_room(school, unit, camera) as room:
        room.wait_for("ready")
        room.tap()
        room.wait_for("check_seats")
        room.tap()
        room.tap()
        assert camera.starts == 0
        room.hold(SEAT_HOLD_S)
        room.wait_for("recording")
        room.wait_until(lambda: _has_media(unit), "media are durable")
    assert _only(unit).begun.seats == 2


def test_bell_ends_the_recording_of_a_lesson(school: School, unit: UnitBundle, footage: tuple[Item, ...]) -> None:
    """At the end of its lesson a recording is stopped and kept, without a hand."""
    now = datetime.now(UTC)
    lesson = LessonDecision(
        lesson="7b",
        begins_at=now - timedelta(minutes=40),
        ends_at=now + timedelta(seconds=4),
        decision=decision(Permission.ALLOWED, owner=unit.owner),
        class_id=new_id(),
        teacher=new_id(),
    )
    refusal = decision(Permission.REFUSED, reason="no_lesson")
    policy = school.issue_policy(unit.device, otherwise=refusal, lessons=[lesson], version=2)
    unit.put_state("policy", policy)
    with open_room(school, unit, FakeCamera(footage, endless=True), clock=TrustedClock()) as room:
        shown = room.wait_for("ready")
        room.tap()
        room.wait_for("recording")
        room.wait_for("ready", after=shown)
    assert _reason(unit) is CloseReason.BELL
    assert _only(unit).begun.lesson == "7b"


@pytest.fixture
def trying(school: School, tmp_path: Path) -> UnitBundle:
    """A unit that tries a lost camera again without much waiting."""
    tables = {
        "timings": {**FAST, "stale_s": 1.0, "hopeless_s": 1.0, "retry_min_s": 0.05, "retry_max_s": 0.2},
        "limits": {"segment_s": 2.0},
    }
    return school.make_unit(tmp_path / "trying", tables=tables)


def test_camera_that_vanished_is_tried_until_it_is_back(
    school: School, trying: UnitBundle, footage: tuple[Item, ...]
) -> None:
    """The lamp says fault, the recording lives, a camera that returns gives it a new take."""
    camera = FailingCamera(footage, endless=True)
    camera.broken = True
    with open_room(school, trying, camera) as room:
        room.wait_for("ready")
        room.tap()
        shown = room.wait_for("fault")
        room.wait_until(lambda: _status(trying)["reasons"] == ["camera_failed"], "the status says so")
        room.wait_until(lambda: len(_only(trying).events) >= 4, "it was tried several times")
        camera.broken = False
        room.wait_for("recording", after=shown)
        room.hold(STOP_S)
        room.wait_until(lambda: _reason(trying) is CloseReason.STOPPED, "it is closed")


def test_camera_that_gives_nothing_is_started_anew(
    school: School, trying: UnitBundle, footage: tuple[Item, ...]
) -> None:
    """A camera that stalls without a word is a fault at the lamp, and gets a new take in the same recording."""

    class StallsOnce(FakeCamera):
        def start(self, sink: CameraSink) -> None:
            self._items = footage if self.starts else ()
            super().start(sink)

    with open_room(school, trying, StallsOnce(endless=True)) as room:
        room.wait_for("ready")
        room.tap()
        shown = room.wait_for("fault")
        room.wait_for("recording", after=shown)
    assert len(trying.recordings()) == 1


def _status(unit: UnitBundle) -> dict[str, Any]:
    status: dict[str, Any] = json.loads((unit.data / "recorder" / "status").read_text())
    return status


@pytest.fixture
def running(school: School, unit: UnitBundle, footage: tuple[Item, ...]) -> Iterator[Room]:
    """A recording that was cut off by a crash, and a recorder that starts again with a button that cannot be had."""
    with open_room(school, unit, FakeCamera(footage, endless=True)) as room:
        _start(room)
        room.inbox.put(CameraFault("FAKE: the process dies"))
        assert room.thread is not None
        room.thread.join(20)
    again = make_room(school, unit, FakeCamera(footage, endless=True))
    again.button.fault = ButtonFault("FAKE button: torn off")
    yield again
    again.recorder.terminate()


def test_button_that_cannot_be_had_keeps_no_recording_from_going_on(running: Room, unit: UnitBundle) -> None:
    """With camera, lamp and card alone a recording goes on; the lamp says fault, until the button is back."""
    running.thread = threading.Thread(target=running.run)
    running.thread.start()
    running.wait_until(lambda: len({s.opened.take for s in _only(unit).segments}) == 2, "a second take")
    shown = running.wait_for("fault")
    running.button.fault = None
    running.wait_for("recording", after=shown)
    running.hold(STOP_S)
    running.wait_until(lambda: _reason(unit) is CloseReason.STOPPED, "it is closed")
    assert running.end() == 0


def test_recording_goes_on_with_camera_lamp_and_card_alone(
    school: School, unit: UnitBundle, footage: tuple[Item, ...]
) -> None:
    """Documents gone, journal and status unwritable, button and buzzer dead: the lesson is recorded, sealed, closed."""
    with open_room(school, unit, FakeCamera(footage, endless=True), buzzer=FakeBuzzer()) as room:
        _start(room)
        for name in ("recorder", "state"):
            shutil.rmtree(unit.data / name)
            (unit.data / name).write_bytes(b"a file where a folder was")
        room.button.fault = ButtonFault("FAKE button: torn off")
        room.wait_for("fault")
        assert _reason(unit) is None
        assert room.end() == 0
    assert _reason(unit) is CloseReason.STOPPED
    assert all(isinstance(each.ended, Sealed) for each in _only(unit).segments)
