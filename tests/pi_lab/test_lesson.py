"""A lesson of half a minute by the real picamera2, through the recorder, the muxer and the seal, onto the disk."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import av
import pytest

from device.media.nals import split_lengths
from protocol.manifest import TICKS_PER_SECOND, CloseReason, Sealed
from tests.pi_lab.conftest import make_camera
from tests.pi_lab.stand_in import sensor
from tests.recorder_room import STOP_S, Room, make_fast_unit, open_room
from tests.school import make_school
from tests.unsealed import OpenedRecording, find_plaintext, open_recording

pytestmark = [
    pytest.mark.hardware,
    pytest.mark.filterwarnings("ignore:setDaemon:DeprecationWarning"),  # picamera2 0.3.38
]
LESSON_S = 30
SPS, PPS = 7, 8


@dataclass(frozen=True)
class Lesson:
    """What was recorded, as the school's keys open it, and when the sensor exposed each of its pictures."""

    recording: OpenedRecording
    film: bytes
    exposed_s: list[float]
    starved: int
    in_the_clear: list[str]


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    """Press, wait, hold: half a minute."""
    folder = tmp_path_factory.mktemp("lesson")
    school = make_school(folder, now=datetime.now(UTC))
    unit = make_fast_unit(school, folder / "unit", segment_s=10.0)
    with open_room(school, unit, make_camera()) as room:
        shown = room.wait_for("ready")
        room.tap()
        room.wait_for("recording")
        time.sleep(LESSON_S)
        room.hold(STOP_S)
        room.wait_for("ready", after=shown)
        exposed_s, starved = list(sensor().exposed_s), sensor().starved
    (spooled,) = unit.recordings()
    recording = open_recording(school, unit, spooled)
    return Lesson(recording, join(recording), exposed_s, starved, find_plaintext(unit.data / "spool"))


def join(recording: OpenedRecording) -> bytes:
    """Put the segments of one take behind one init segment, as a player does."""
    parts = []
    for number, segment in enumerate(recording.segments):
        assert isinstance(segment.segment.ended, Sealed)
        parts.append(segment.plaintext[segment.segment.ended.init_bytes if number else 0 :])
    return b"".join(parts)


def test_lesson_is_closed_and_every_object_is_as_the_manifest_says(lesson: Lesson) -> None:
    """Verified by the school's keys: one take, closed as kept, and nothing in the clear on the disk."""
    manifest = lesson.recording.manifest
    assert manifest.closed is not None
    assert manifest.closed.reason is CloseReason.STOPPED
    assert {segment.segment.opened.take for segment in lesson.recording.segments} == {1}
    assert len(lesson.recording.segments) >= 3
    assert lesson.in_the_clear == []


def test_no_picture_of_the_lesson_is_lost(lesson: Lesson) -> None:
    """Picture for picture, the film's times are the sensor's; only what was in flight at the stop may be missing."""
    with av.open(BytesIO(lesson.film)) as film:
        times_s = [float(packet.pts * packet.time_base) for packet in film.demux(video=0) if packet.pts is not None]
    exposed_s = [at_s - lesson.exposed_s[0] for at_s in lesson.exposed_s]
    assert len(times_s) >= LESSON_S * 25 - lesson.starved - 25
    assert 0 <= len(exposed_s) - len(times_s) <= 6
    late_s = [abs((at_s - times_s[0]) - seen_s) for at_s, seen_s in zip(times_s, exposed_s, strict=False)]
    # a lost picture would shift all later ones by 40 ms
    assert sorted(late_s)[len(late_s) // 2] < 0.015
    assert sorted(late_s[-50:])[25] < 0.015
    print(f"\n{len(times_s)} pictures, {lesson.starved} frame times starved, worst {max(late_s) * 1000:.0f} ms late")


def test_camera_that_stalls_and_returns_in_mid_lesson_gets_a_new_take(tmp_path: Path) -> None:
    """P1: the lamp says so within three seconds and a half of the last picture; what came before and after is kept."""
    school = make_school(tmp_path, now=datetime.now(UTC))
    unit = make_fast_unit(school, tmp_path / "unit")
    with open_room(school, unit, make_camera()) as room:
        shown = room.wait_for("recording", after=_press(room))
        time.sleep(4)
        sensor().stall()
        began_s = time.monotonic()
        shown = room.wait_for("fault", after=shown)
        told_s = time.monotonic() - began_s
        sensor().resume()
        shown = room.wait_for("recording", after=shown)
        time.sleep(4)
        room.hold(STOP_S)
        room.wait_for("ready", after=shown)
    (spooled,) = unit.recordings()
    recording = open_recording(school, unit, spooled)
    seconds: dict[int, float] = {}
    for segment in recording.segments:
        take = segment.segment.opened.take
        seconds[take] = seconds.get(take, 0) + segment.ticks / TICKS_PER_SECOND
    first, *_, last = seconds.values()
    assert told_s < 3.5
    assert len(seconds) >= 2
    assert first > 3
    assert last > 3


def _press(room: Room) -> int:
    shown = room.wait_for("ready")
    room.tap()
    return shown


def test_every_picture_of_the_lesson_decodes(lesson: Lesson, out: Path) -> None:
    """FFmpeg's decoder finds nothing to complain of, and as many pictures as there are packets."""
    (out / "lesson.mp4").write_bytes(lesson.film)
    with av.open(BytesIO(lesson.film)) as film:
        film.streams.video[0].codec_context.options = {"err_detect": "explode"}
        pictures = [(frame.width, frame.height) for frame in film.decode(video=0)]
    with av.open(BytesIO(lesson.film)) as film:
        packets = sum(packet.pts is not None for packet in film.demux(video=0))
    assert set(pictures) == {(1280, 720)}
    assert len(pictures) == packets


def test_avcc_carries_the_parameter_sets_of_the_pictures(lesson: Lesson) -> None:
    """What a browser configures its decoder with is what the encoder used, byte for byte."""
    with av.open(BytesIO(lesson.film)) as film:
        record = film.streams.video[0].codec_context.extradata or b""
    sets = [unit for unit in first_keyframe(lesson.film) if unit[0] & 31 in (SPS, PPS)]
    assert {unit[0] & 31 for unit in sets} == {SPS, PPS}
    assert all(unit in record for unit in sets)
    sps = next(unit for unit in sets if unit[0] & 31 == SPS)
    assert record[1:4] == sps[1:4]  # profile, compatibility, level (ISO/IEC 14496-15, 5.3.3.1)


def first_keyframe(film: bytes) -> list[bytes]:
    """Cut the first keyframe into its NAL units, as the MP4 carries them (each behind its length)."""
    with av.open(BytesIO(film)) as opened:
        keyframe = next(packet for packet in opened.demux(video=0) if packet.is_keyframe)
        return split_lengths(bytes(keyframe), 4)
