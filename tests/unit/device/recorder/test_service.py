"""The recorder as a whole, between fake button, lamp and camera, on a real spool."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from device.hardware.clock import SystemClock
from device.hardware.ports import AudioFrame, CameraFault, LampFault, MicrophoneFault
from device.hardware.synthetic import SyntheticCamera, SyntheticSettings
from protocol.documents import Permission
from protocol.manifest import CloseReason, EventName, Manifest, SoundVerdict
from tests.fakes.camera import FakeCamera
from tests.recorder_room import (
    DISCARD_S,
    FAST,
    STOP_S,
    STUCK_S,
    FakeMicrophone,
    Item,
    Room,
    draw_footage,
    make_fast_unit,
    make_room,
    open_room,
)
from tests.school import School, UnitBundle, decision, make_school
from tests.unsealed import find_plaintext, open_recording


@pytest.fixture(scope="module")
def footage() -> tuple[Item, ...]:
    """Three seconds."""
    return draw_footage(3.0)


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school whose documents hold today."""
    return make_school(tmp_path, now=_now())


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """A unit with fast gestures."""
    return make_fast_unit(school, tmp_path / "unit")


@pytest.fixture
def room(school: School, unit: UnitBundle, footage: tuple[Item, ...]) -> Iterator[Room]:
    """A ready recorder with an endless camera."""
    with open_room(school, unit, FakeCamera(footage, endless=True)) as opened:
        opened.wait_for("ready")
        yield opened


def _only(unit: UnitBundle) -> Manifest:
    (folder,) = unit.recordings()
    return unit.manifest(folder)


def _reason(unit: UnitBundle) -> CloseReason | None:
    closed = _only(unit).closed
    return closed.reason if closed else None


def _status(unit: UnitBundle) -> dict[str, Any]:
    status: dict[str, Any] = json.loads((unit.data / "recorder" / "status").read_text())
    return status


def _record(room: Room, hold_s: float) -> None:
    """Press, let the first segment become durable, hold and let go, wait until all is put away."""
    room.tap()
    room.wait_for("recording")
    room.wait_until(lambda: _has_media(room.unit), "media are durable")
    shown = len(room.lamp.shown)
    room.hold(hold_s)
    room.wait_for("ready", after=shown)


def _has_media(unit: UnitBundle) -> bool:
    return any(path.stat().st_size > 60_000 for path in (unit.data / "spool").glob("*/0*.age"))


def test_press_and_hold_record_one_lesson(room: Room, school: School, unit: UnitBundle) -> None:
    """A press starts, a hold stops and keeps; the recording belongs to the owner whom the policy names."""
    _record(room, STOP_S)
    (folder,) = unit.recordings()
    opened = open_recording(school, unit, folder)
    assert _reason(unit) is CloseReason.STOPPED
    assert opened.manifest.begun.owner == unit.owner
    assert opened.seconds == pytest.approx(3.0, abs=0.1)
    assert room.end() == 0


def test_lamp_shows_recording_before_the_camera_starts(school: School, unit: UnitBundle) -> None:
    """P1: at the moment of the camera's start the lamp shows the recording pattern already."""
    seen: list[str] = []

    class WatchedCamera(FakeCamera):
        def start(self, sink: Any) -> None:
            seen.append(opened.lamp.now.name)
            super().start(sink)

    with open_room(school, unit, WatchedCamera(endless=True)) as opened:
        opened.wait_for("ready")
        opened.tap()
        opened.wait_until(lambda: bool(seen), "the camera is started")
    assert seen == ["recording"]


def test_discard_is_written_and_kept_until_it_cannot_be_undone(room: Room, unit: UnitBundle) -> None:
    """A long hold discards: the last line says so, and the sealed footage stays while it can be undone."""
    _record(room, DISCARD_S)
    assert _reason(unit) is CloseReason.DISCARDED
    assert _only(unit).discarded
    assert len(list(unit.recordings()[0].glob("0*.age"))) >= 1


def test_bookmark_stands_in_the_manifest(room: Room, unit: UnitBundle) -> None:
    """A tap while recording is written down with its media time, and the lamp blinks back."""
    room.tap()
    room.wait_for("recording")
    room.wait_until(lambda: _has_media(unit), "media are durable")
    room.tap()
    room.wait_for("bookmark")
    room.hold(STOP_S)
    room.wait_until(lambda: _reason(unit) is not None, "it is closed")
    events = [line.content for line in _only(unit).events]
    assert [event.name for event in events if event.name is EventName.BOOKMARK] == [EventName.BOOKMARK]  # type: ignore[union-attr]


def test_press_while_sealing_begins_the_next_lesson(room: Room, unit: UnitBundle) -> None:
    """Back to back: the press right after the hold is not lost."""
    room.tap()
    room.wait_for("recording")
    room.wait_until(lambda: _has_media(unit), "media are durable")
    shown = len(room.lamp.shown)
    room.hold(STOP_S)
    room.tap()
    room.wait_for("recording", after=shown)
    assert len(unit.recordings()) == 2


@pytest.mark.parametrize("reason", ["no_lesson", "withdrawn"])
def test_refused_press_records_nothing(school: School, unit: UnitBundle, reason: str) -> None:
    """P3: a policy that refuses is shown at the lamp; no key, no folder, no camera."""
    refusal = decision(Permission.REFUSED, reason=reason)
    unit.put_state("policy", school.issue_policy(unit.device, otherwise=refusal, version=2))
    camera = FakeCamera(endless=True)
    with open_room(school, unit, camera) as room:
        room.wait_for("ready")
        room.tap()
        room.wait_for("refused")
    assert camera.starts == 0
    assert unit.recordings() == []


def test_missing_policy_shows_that_the_unit_is_not_set_up(school: School, unit: UnitBundle) -> None:
    """P3: without a policy nothing starts; the lamp says that the unit is not set up, the status why."""
    (unit.data / "state" / "policy").unlink()
    camera = FakeCamera(endless=True)
    with open_room(school, unit, camera) as room:
        room.wait_for("not_set_up")
        room.tap()
        room.wait_for("refused")
        assert _status(unit)["reasons"] == ["no_policy"]
    assert camera.starts == 0


def test_policy_that_arrives_makes_the_unit_ready(school: School, unit: UnitBundle) -> None:
    """The network process lays down the first policy: the unit becomes ready without a hand."""
    path = unit.data / "state" / "policy"
    policy = path.read_bytes()
    path.unlink()
    with open_room(school, unit, FakeCamera(endless=True)) as room:
        shown = room.wait_for("not_set_up")
        unit.put_state("policy", policy)
        room.wait_for("ready", after=shown)


def test_withdrawn_consent_stops_the_running_recording(room: Room, school: School, unit: UnitBundle) -> None:
    """P3: a newer policy that forbids stops the camera, and the last line says why."""
    room.tap()
    room.wait_for("recording")
    room.wait_until(lambda: _has_media(unit), "media are durable")
    refusal = decision(Permission.REFUSED, reason="withdrawn")
    unit.put_state("policy", school.issue_policy(unit.device, otherwise=refusal, version=2))
    room.wait_until(lambda: _reason(unit) is CloseReason.CONSENT, "it is closed for consent")


def test_camera_that_fails_once_costs_a_take_and_not_the_lesson(school: School, unit: UnitBundle, footage: Any) -> None:
    """A camera fault ends the take and is written down; the next take goes on in the same recording."""

    class FailsOnce(FakeCamera):
        def start(self, sink: Any) -> None:
            self._fault = CameraFault("FAKE camera: cable") if self.starts == 0 else None
            super().start(sink)

    with open_room(school, unit, FailsOnce(footage, endless=True)) as room:
        room.wait_for("ready")
        room.tap()
        room.wait_for("recording")
        room.wait_until(lambda: _takes(unit) == [1, 2], "there are two takes")
        room.hold(STOP_S)
        room.wait_until(lambda: _reason(unit) is CloseReason.STOPPED, "it is closed")
    (folder,) = unit.recordings()
    opened = open_recording(school, unit, folder)
    faults = [line.content for line in opened.manifest.events if line.content.name is EventName.FAULT]  # type: ignore[union-attr]
    assert [fault.detail for fault in faults] == ["FAKE camera: cable"]  # type: ignore[union-attr]
    assert opened.seconds == pytest.approx(6.0, abs=0.2)


def _takes(unit: UnitBundle) -> list[int]:
    return sorted({segment.opened.take for segment in _only(unit).segments})


def test_footage_that_ends_is_kept(school: School, unit: UnitBundle, footage: Any) -> None:
    """A film that is over stops the recording and keeps it."""
    with open_room(school, unit, FakeCamera(footage)) as room:
        shown = room.wait_for("ready")
        room.tap()
        room.wait_for("ready", after=shown)
    assert _reason(unit) is CloseReason.STOPPED
    (folder,) = unit.recordings()
    assert open_recording(school, unit, folder).seconds == pytest.approx(3.0, abs=0.1)


def test_sound_is_judged_at_the_end_of_each_take(school: School, unit: UnitBundle, footage: Any) -> None:
    """The manifest carries measures of the sound; the synthetic beeps are sound, not silence."""
    with open_room(school, unit, FakeCamera(footage)) as room:
        shown = room.wait_for("ready")
        room.tap()
        room.wait_for("ready", after=shown)
    sounds = [line.content.sound for line in _only(unit).events if line.content.sound]  # type: ignore[union-attr]
    assert len(sounds) == 1
    assert sounds[0].verdict is not SoundVerdict.NONE


def test_microphone_that_breaks_leaves_pictures_and_a_word(school: School, unit: UnitBundle, footage: Any) -> None:
    """Recording goes on when the microphone is gone: the track is silent and the fault is written down."""
    pictures = tuple(item for item in footage if hasattr(item, "keyframe"))
    microphone = FakeMicrophone(fault=MicrophoneFault("FAKE microphone: pulled out"))
    with open_room(school, unit, FakeCamera(pictures, endless=True), microphone=microphone) as room:
        room.wait_for("ready")
        room.tap()
        room.wait_for("recording")
        room.wait_until(lambda: bool(_faults(unit)), "the manifest says so")
        _stop(room)
        room.wait_until(lambda: not microphone.running, "the microphone is let go")
    assert _faults(unit) == ["FAKE microphone: pulled out"]
    assert [line.content.sound.verdict for line in _only(unit).events if line.content.sound] == [SoundVerdict.NONE]  # type: ignore[union-attr]


def _stop(room: Room) -> None:
    shown = len(room.lamp.shown)
    room.hold(STOP_S)
    room.wait_for("ready", after=shown)


def _faults(unit: UnitBundle) -> list[str]:
    events = [line.content for line in _only(unit).events]
    return [event.detail for event in events if event.name is EventName.FAULT]  # type: ignore[union-attr]


def test_unit_without_a_sound_warns_at_the_lamp(school: School, tmp_path: Path) -> None:
    """A microphone that gives nothing but silence is told at the lamp while the lesson goes on, after the set time."""
    unit = school.make_unit(tmp_path / "unit", tables={"timings": FAST, "microphone": {"warn_after_s": 1.0}})
    silence = AudioFrame(bytes(96_000), 48_000, 0)
    settings = SyntheticSettings(width=160, height=96, fps=25)
    camera = SyntheticCamera(clock=SystemClock(), settings=settings)
    with open_room(school, unit, camera, microphone=FakeMicrophone((silence,))) as room:
        room.wait_for("ready")
        room.tap()
        shown = room.wait_for("recording")
        room.wait_for("sound_warning", after=shown)
        _stop(room)


def test_stuck_button_is_a_fault_and_the_recording_goes_on(room: Room, unit: UnitBundle) -> None:
    """Held over the limit: the lamp says fault, nothing stops, and letting go restores the recording pattern."""
    room.tap()
    room.wait_for("recording")
    room.wait_until(lambda: _has_media(unit), "media are durable")
    room.button.press()
    shown = room.wait_for("fault")
    assert _reason(unit) is None
    room.button.release()
    room.wait_for("recording", after=shown)
    assert STUCK_S > 0


def test_lamp_that_fails_ends_the_process(school: School, unit: UnitBundle, footage: Any) -> None:
    """P1: without a true lamp there is no recorder: the process fails, and the camera stands still."""
    camera = FakeCamera(footage, endless=True)
    room = make_room(school, unit, camera)
    room.lamp.fault = LampFault("FAKE lamp: burnt out")
    with pytest.raises(LampFault, match="burnt out"):
        room.recorder.run()
    assert not camera.is_running


def test_lamp_fault_from_its_own_thread_stops_and_seals_a_recording(
    school: School, unit: UnitBundle, footage: Any
) -> None:
    """A lamp that fails while recording: the take is sealed before the process fails, and goes on at its restart."""
    camera = FakeCamera(footage, endless=True)
    with open_room(school, unit, camera) as room:
        room.wait_for("ready")
        room.tap()
        room.wait_until(lambda: len(unit.recordings()) == 1 and _has_media(unit), "media are durable")
        room.inbox.put(LampFault("FAKE lamp: burnt out"))
        assert room.thread is not None
        room.thread.join(20)
        assert [type(error) for error in room.failure] == [LampFault]
    assert not camera.is_running
    assert all(segment.ended for segment in _only(unit).segments)
    with open_room(school, unit, FakeCamera(footage, endless=True)) as again:
        again.wait_until(lambda: _takes(unit) == [1, 2], "a second take begins by itself")


def test_receipt_releases_the_recording(room: Room, school: School, unit: UnitBundle) -> None:
    """A verified receipt for everything lets the recorder remove the whole folder; without one it stays."""
    _record(room, STOP_S)
    manifest = _only(unit)
    unit.put_state(f"receipts/{manifest.begun.recording}", school.issue_receipt(manifest))
    room.wait_until(lambda: unit.recordings() == [], "the recording is released")


def test_forged_receipt_releases_nothing(room: Room, school: School, unit: UnitBundle, tmp_path: Path) -> None:
    """P5: a receipt of another school's key is only bytes."""
    _record(room, STOP_S)
    manifest = _only(unit)
    stranger = make_school(tmp_path / "stranger", now=_now())
    unit.put_state(f"receipts/{manifest.begun.recording}", stranger.issue_receipt(manifest))
    time.sleep(0.5)  # several looks through the spool
    assert (unit.data / "spool" / manifest.begun.recording / "000001.age").exists()


def test_nothing_that_the_recorder_writes_is_in_the_clear(room: Room, unit: UnitBundle, footage: Any) -> None:
    """P2: neither boxes nor pictures nor a secret key stand in any file, while recording and afterwards."""
    picture = next(item.data for item in footage if getattr(item, "keyframe", False))[64:96]
    _record(room, STOP_S)
    assert find_plaintext(unit.data, picture) == []


def test_status_is_the_same_before_and_after_a_lesson(room: Room, unit: UnitBundle) -> None:
    """P7: whoever reads the status learns whether the unit is fit, and not when it recorded.

    The bytes of a school day are worked out once a day, as the days left are.
    """
    before = (unit.data / "recorder" / "status").read_bytes()
    _record(room, STOP_S)
    assert set(json.loads(before)) == {"fit", "reasons", "school_days_left", "damaged", "notes", "day_bytes"}
    assert (unit.data / "recorder" / "status").read_bytes() == before


def test_expired_policy_refuses(school: School, unit: UnitBundle) -> None:
    """P3: a snapshot that ran out is a refusal with its reason, never the last known yes."""
    long_ago = _now() - timedelta(days=30)
    unit.put_state("policy", school.issue_policy(unit.device, owner=unit.owner, version=2, issued_at=long_ago))
    camera = FakeCamera(endless=True)
    with open_room(school, unit, camera) as room:
        room.wait_for("not_set_up")
        room.tap()
        room.wait_for("refused")
    assert camera.starts == 0


def test_segment_that_was_edited_is_told_and_left_alone(room: Room, school: School, unit: UnitBundle) -> None:
    """A sealed segment of another length is stated in the status; the recorder neither mends nor removes it."""
    _record(room, STOP_S)
    assert room.end() == 0
    (folder,) = unit.recordings()
    with (folder / "000001.age").open("ab") as segment:
        segment.write(b"more")
    edited = (folder / "000001.age").read_bytes()
    with open_room(school, unit, FakeCamera(endless=True)) as again:
        again.wait_for("ready")
        again.wait_until(lambda: len(_status(unit)["damaged"]) == 1, "the status tells it")
    assert _status(unit)["damaged"] == ["spool_damaged"]
    assert (folder / "000001.age").read_bytes() == edited


def test_segment_with_a_changed_byte_is_found_while_nothing_is_recorded(room: Room, unit: UnitBundle) -> None:
    """A segment of the right length and another content is told, and left alone."""
    _record(room, STOP_S)
    (folder,) = unit.recordings()
    path = folder / "000001.age"
    edited = bytearray(path.read_bytes())
    edited[-40] ^= 1
    assert room.end() == 0
    path.write_bytes(edited)
    with open_room(room.school, unit, FakeCamera(endless=True)) as again:
        again.wait_until(lambda: _says_damaged(unit), "the status tells it")
    assert path.read_bytes() == edited


def _says_damaged(unit: UnitBundle) -> bool:
    return bool(_status(unit)["damaged"])
