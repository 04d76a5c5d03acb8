"""A lesson that was decided without sound: no microphone is opened, the track is silent, and so it stays.

Real media: what was sealed is opened with the school's key, looked at by ffprobe and decoded.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device.hardware.ports import SOUND_RATE_HZ, AudioFrame, CameraFault
from protocol.documents import Decision, Permission
from protocol.manifest import CloseReason, Event, EventName, Manifest
from tests.fakes.camera import FakeCamera
from tests.films import films_of, peak_of, streams_of
from tests.recorder_room import FAST, FakeMicrophone, Item, Room, draw_footage, open_room
from tests.school import School, UnitBundle, decision, make_school

LOUD = tuple(
    AudioFrame((b"\x00\x60" * 24 + b"\x00\xa0" * 24) * 20, SOUND_RATE_HZ, number * 1800) for number in range(200)
)

STOP_HOLD_S = 1.0


@pytest.fixture(scope="module")
def footage() -> tuple[Item, ...]:
    """Two seconds of a camera that has a loud sound of its own."""
    return draw_footage(2.0)


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school whose documents hold today."""
    return make_school(tmp_path, now=datetime.now(UTC))


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """A unit with a microphone, whose pauses are patient and whose warnings are quick."""
    tables = {
        "timings": {**FAST, "double_tap_s": 0.4, "stop_s": 0.6, "stop_until_s": 1.8, "discard_s": 2.0, "stuck_s": 5.0},
        "limits": {"segment_s": 2.0, "pause_s": 60.0},
        "microphone": {"warn_after_s": 1.0},
    }
    return school.make_unit(tmp_path / "unit", tables=tables)


def _decide(school: School, unit: UnitBundle, version: int, *, omits: bool) -> None:
    said = Decision(
        permission=Permission.ALLOWED, reason="no_voices", owner=unit.owner, must_omit_sound=True if omits else None
    )
    unit.put_state("policy", school.issue_policy(unit.device, otherwise=said, version=version))


def _only(unit: UnitBundle) -> Manifest:
    (folder,) = unit.recordings()
    return unit.manifest(folder)


def _reason(unit: UnitBundle) -> CloseReason | None:
    closed = _only(unit).closed
    return closed.reason if closed else None


def _takes(unit: UnitBundle) -> set[int]:
    return {segment.opened.take for segment in _only(unit).segments}


def _has_media(unit: UnitBundle, takes: int) -> bool:
    newest = sorted((unit.data / "spool").glob("*/0*.age"))[-1:]
    return len(_takes(unit)) == takes and all(path.stat().st_size > 30_000 for path in newest)


def _press(room: Room, *, take: int) -> None:
    room.tap()
    room.wait_for("recording")
    room.wait_until(lambda: _has_media(room.unit, take), f"media of take {take} are durable")


def _pause(room: Room) -> int:
    """Two quick presses, so long after the one that started that neither makes a double tap with it."""
    time.sleep(0.5)
    room.tap()
    room.tap()
    shown = room.wait_for("paused")
    room.wait_until(lambda: all(each.ended for each in _only(room.unit).segments), "the take is sealed")
    return shown


def _crash(room: Room) -> None:
    room.inbox.put(CameraFault("FAKE: the process dies"))  # whatever ends the loop without an orderly end
    assert room.thread is not None
    room.thread.join(20)


def _stop(room: Room) -> None:
    room.hold(STOP_HOLD_S)
    room.wait_until(lambda: _reason(room.unit) is CloseReason.STOPPED, "it is closed")


def _measures(manifest: Manifest) -> list[Event]:
    events = [line.content for line in manifest.events if isinstance(line.content, Event)]
    return [event for event in events if event.name is EventName.SOUND]


def test_sound_that_was_left_out_stays_out(
    school: School, unit: UnitBundle, footage: tuple[Item, ...], tmp_path: Path
) -> None:
    """P3: through a pause, a crash in it and one after it, also when a newer snapshot would let the room be heard."""
    _decide(school, unit, 2, omits=True)
    microphone, camera = FakeMicrophone(LOUD), FakeCamera(footage, endless=True)
    with open_room(school, unit, camera, microphone=microphone) as room:
        room.wait_for("ready")
        _press(room, take=1)
        _pause(room)
        _decide(school, unit, 3, omits=False)
        _crash(room)
    with open_room(school, unit, FakeCamera(footage, endless=True), microphone=microphone) as room:
        room.wait_for("paused")
        _press(room, take=2)
        _crash(room)
    with open_room(school, unit, FakeCamera(footage, endless=True), microphone=microphone) as room:
        room.wait_until(lambda: _has_media(unit, 3), "media of take 3 are durable")
        _stop(room)
    assert not microphone.given.is_set()
    assert _only(unit).begun.without_sound is True
    assert _measures(_only(unit)) == []
    films = films_of(school, unit, tmp_path)
    assert len(films) == 3
    for film in films:
        assert sorted(streams_of(film)) == [("audio", "aac"), ("video", "h264")]
        assert peak_of(film) == 0.0


def test_next_recording_of_the_same_unit_is_heard(
    school: School, unit: UnitBundle, footage: tuple[Item, ...], tmp_path: Path
) -> None:
    """The sound is left out of a recording, not of the unit; and what the test above hears would not be silent."""
    microphone = FakeMicrophone()
    with open_room(school, unit, FakeCamera(footage, endless=True), microphone=microphone) as room:
        room.wait_for("ready")
        _press(room, take=1)
        _stop(room)
    assert microphone.given.is_set()
    assert _only(unit).begun.without_sound is None
    assert len(_measures(_only(unit))) == 1
    (recording,) = unit.recordings()
    _decide(school, unit, 2, omits=True)
    with open_room(school, unit, FakeCamera(footage, endless=True)) as room:
        room.wait_for("ready")
        room.tap()
        room.wait_until(lambda: len(unit.recordings()) == 2, "another recording")
    (silent,) = set(unit.recordings()) - {recording}
    assert unit.manifest(silent).begun.without_sound is True


def test_camera_that_hears_by_itself_is_not_taken_from(
    school: School, unit: UnitBundle, footage: tuple[Item, ...], tmp_path: Path
) -> None:
    """A unit without a microphone records its camera's own sound, and only where the decision lets it."""
    for version, omits in ((2, True), (3, False)):
        _decide(school, unit, version, omits=omits)
        folder = tmp_path / str(version)
        folder.mkdir()
        with open_room(school, unit, FakeCamera(footage, endless=True)) as room:
            room.wait_for("ready")
            _press(room, take=1)
            _stop(room)
        (film,) = films_of(school, unit, folder)
        assert (peak_of(film) == 0.0) is omits
        for recording in unit.recordings():
            recording.rename(folder / recording.name)


def test_lamp_warns_of_no_silence_that_was_wanted(school: School, unit: UnitBundle, footage: tuple[Item, ...]) -> None:
    """A silent track is no fault here; the same two seconds without a word from a microphone are one otherwise."""
    silent = tuple(item for item in footage if not isinstance(item, AudioFrame))
    _decide(school, unit, 2, omits=True)
    with open_room(school, unit, FakeCamera(silent, endless=True), microphone=FakeMicrophone()) as room:
        room.wait_for("ready")
        _press(room, take=1)
        _stop(room)
    assert "sound_warning" not in [each.name for each in room.lamp.shown]
    _decide(school, unit, 3, omits=False)
    with open_room(school, unit, FakeCamera(silent, endless=True), microphone=FakeMicrophone()) as room:
        room.wait_for("ready")
        room.tap()
        room.wait_for("sound_warning")


def test_recording_that_is_heard_ends_when_it_may_not_be_any_more(
    school: School, unit: UnitBundle, footage: tuple[Item, ...]
) -> None:
    """P3: a newer snapshot without sound forbids it, as a refusal does; the next press records without."""
    _decide(school, unit, 2, omits=False)
    with open_room(school, unit, FakeCamera(footage, endless=True), microphone=FakeMicrophone()) as room:
        room.wait_for("ready")
        _press(room, take=1)
        _decide(school, unit, 3, omits=True)
        room.wait_until(lambda: _reason(unit) is CloseReason.CONSENT, "it is closed for consent")


def test_refusal_ends_a_recording_without_sound(school: School, unit: UnitBundle, footage: tuple[Item, ...]) -> None:
    """Leaving the sound out loosens nothing else."""
    _decide(school, unit, 2, omits=True)
    with open_room(school, unit, FakeCamera(footage, endless=True)) as room:
        room.wait_for("ready")
        _press(room, take=1)
        refusal = decision(Permission.REFUSED, reason="withdrawn")
        unit.put_state("policy", school.issue_policy(unit.device, otherwise=refusal, version=3))
        room.wait_until(lambda: _reason(unit) is CloseReason.CONSENT, "it is closed for consent")
