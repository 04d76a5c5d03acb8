"""The Pi's camera with the real picamera2: what it gives, what it survives, and that it leaves nothing behind."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import pytest

from device.camera_settings import CameraKind, CameraTable
from device.config import load_config
from device.hardware.clock import SystemClock
from device.hardware.live import Intake, LiveCamera, LiveSettings
from device.hardware.picam import Encoder, Library, PiOpener, load_library, make_pi_camera
from device.hardware.ports import TICKS_PER_S, PictureFacts, VideoPacket
from device.media.muxer import TakeMuxer
from device.media.nals import split_annexb
from device.wiring import sources
from tests.fakes.sink import CollectingSink
from tests.pi_lab.conftest import make_camera, refuse
from tests.pi_lab.stand_in import Sensor, sensor
from tests.school import make_school

pytestmark = [
    pytest.mark.hardware,
    pytest.mark.filterwarnings("ignore:setDaemon:DeprecationWarning"),  # picamera2 0.3.38
]
SPS, PPS, IDR, SLICE = 7, 8, 5, 1


@pytest.fixture
def lens() -> Iterator[Sensor]:
    """The sensor, which flows again when the test is over."""
    yield sensor()
    sensor().resume()


def film(camera: LiveCamera, pictures: int) -> CollectingSink:
    """Run until so many pictures have come."""
    sink = CollectingSink()
    camera.start(sink)
    try:
        sink.wait_items(pictures)
    finally:
        camera.stop()
    assert (sink.faults, sink.ends) == ([], [])
    return sink


def fault_of(camera: LiveCamera) -> str:
    """Run until the fault, and give its words."""
    sink = CollectingSink()
    camera.start(sink)
    sink.wait_over()
    camera.stop()
    (fault,) = sink.faults
    assert sink.late_calls == 0
    return str(fault)


def camera_with(library: Library, wrap: Callable[[Intake], Any] = lambda intake: intake, **more: float) -> LiveCamera:
    """The adapter with parts of the library replaced, or with something else in the place of the intake."""
    table = CameraTable(kind=CameraKind.PICAMERA2)
    opener = PiOpener(library, table, Encoder.LIBX264)
    settings: Any = {"description": "the camera under test", "fps": table.fps, "queue_bytes": 15_000_000, **more}
    return LiveCamera(
        lambda intake: opener.open(wrap(intake)),
        settings=LiveSettings(**settings),
        clock=SystemClock(),
        on_stuck=refuse,
    )


def test_each_second_has_a_keyframe_with_its_parameter_sets() -> None:
    """Any second of a lesson can be played alone: segments and seeks begin at keyframes."""
    video = film(make_camera(), 80).video
    kinds = [[unit[0] & 31 for unit in split_annexb(packet.data)] for packet in video]
    assert [number for number, packet in enumerate(video) if packet.keyframe][:4] == [0, 25, 50, 75]
    assert all({SPS, PPS, IDR} <= set(kinds[number]) for number in (0, 25, 50, 75))
    assert all(IDR not in kinds[number] and SLICE in kinds[number] for number in range(1, 25))


@pytest.mark.parametrize("fps", [15, 25, 50])
def test_rate_is_the_configured_one(fps: int) -> None:
    """The sensor is asked for the rate, and the times of the pictures show it."""
    video = film(make_camera(fps=fps), 2 * fps).video
    steps = sorted(after.dts - before.dts for before, after in itertools.pairwise(video))
    assert steps[len(steps) // 2] == pytest.approx(TICKS_PER_S / fps, rel=0.02)
    assert steps[0] > 0


def test_each_picture_says_when_it_was_exposed(lens: Sensor) -> None:
    """In the unit's own time, by which sound is put in step: within a frame time of the sensor's, and not later on."""
    video = film(make_camera(), 50).video
    late_s = [
        packet.captured_s - max(at_s for at_s in lens.exposed_s if at_s <= packet.captured_s)
        for packet in video
        if packet.captured_s is not None
    ]
    assert len(late_s) == len(video)
    assert sorted(late_s)[len(late_s) // 2] < 0.02
    steps = [(after.captured_s or 0) - (before.captured_s or 0) for before, after in itertools.pairwise(video)]
    ticks = [(after.pts - before.pts) / TICKS_PER_S for before, after in itertools.pairwise(video)]
    assert all(abs(step - tick) < 0.001 for step, tick in zip(steps, ticks, strict=True))


def test_encoder_is_told_the_bit_rate() -> None:
    """The drawn lines of the virtual camera could use more than either; the lower rate is kept to."""
    low, high = (film(make_camera(bitrate_bps=rate), 100).video for rate in (200_000, 4_000_000))
    assert sum(len(packet.data) for packet in low) < 0.7 * sum(len(packet.data) for packet in high)
    assert sum(len(packet.data) for packet in low) * 8 / 4 < 1.5 * 200_000


def test_upright_and_upside_down_differ_by_the_sensors_own_turn_only() -> None:
    """180° is asked of the sensor, a quarter turn is a note in the file."""
    assert make_camera(rotation_degrees=180).picture == PictureFacts()
    assert make_camera(rotation_degrees=90).picture.display_matrix is not None
    assert film(make_camera(rotation_degrees=180), 3).video


@pytest.mark.parametrize(("degrees", "rotation"), [(90, -90), (270, 90)])
def test_quarter_turn_is_a_note_in_the_film_that_players_follow(degrees: int, rotation: int, out: Path) -> None:
    """Clockwise, which FFmpeg counts downwards; outside the lab Chromium must show the film upright, 720 wide."""
    camera = make_camera(rotation_degrees=degrees)
    muxer = TakeMuxer(camera.picture)
    outputs = [output for packet in film(camera, 60).video for output in muxer.add_video(packet)]
    path = out / f"turned-{degrees}.mp4"
    path.write_bytes(b"".join(output.data for output in (*outputs, *muxer.close())))
    with av.open(str(path)) as opened:
        assert next(opened.decode(video=0)).rotation == rotation


def test_ten_starts_leave_no_open_file_and_no_thread() -> None:
    """A lesson of many pauses must not run out of anything."""
    camera = make_camera()
    film(camera, 3)
    files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(10):
        film(camera, 3)
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == (files, threads)


def test_size_that_the_camera_does_not_give_is_a_fault_that_names_it() -> None:
    """libcamera quietly takes another size; a lesson in another size than configured is not what was asked for."""
    assert "[camera] width, height: this camera gives (1280, 720), not (640, 360)" in fault_of(
        make_camera(width=640, height=360)
    )


def test_rate_that_the_camera_does_not_reach_is_a_fault_that_names_it() -> None:
    """The lab's camera gives 10 to 60 pictures a second."""
    assert "[camera] fps: expected 10 to 60 of this camera at this size, got 5" in fault_of(make_camera(fps=5))


def test_setting_that_the_camera_does_not_have_is_a_fault_that_names_the_line() -> None:
    """The virtual camera has neither exposure nor focus."""
    words = fault_of(make_camera(exposure_us=10_000, focus_dioptres=1))
    assert "[camera] exposure_us, focus_dioptres: this camera has no such setting; remove the line" in words


def test_stalled_camera_is_a_fault_within_three_seconds_and_runs_again_when_it_returns(lens: Sensor) -> None:
    """P1: a lamp that says recording is true, or a fault. What came before the stall is kept."""
    camera, sink = make_camera(), CollectingSink()
    camera.start(sink)
    sink.wait_items(30)
    lens.stall()
    began_s = time.monotonic()
    sink.wait_over()
    took_s = time.monotonic() - began_s
    camera.stop()
    assert 1.5 < took_s < 3
    assert "no picture for 2" in str(sink.faults[0])
    lens.resume()
    assert len(film(camera, 30).video) >= 30


def test_camera_in_use_is_a_fault_that_leaves_no_open_file() -> None:
    """Another program has the camera: said each time, and a hundred tries do not use up the open files."""
    camera, holder = make_camera(), load_library().camera()
    try:
        assert "cannot be opened" in fault_of(camera)
        files = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            assert "is it in use?" in fault_of(camera)
        assert len(os.listdir("/proc/self/fd")) <= files
    finally:
        holder.close()
    film(camera, 3)


def test_error_while_encoding_is_a_fault_and_the_camera_can_start_again() -> None:
    """picamera2's own event loop would end here, and stopping it would wait for ever."""
    library = load_library()

    class Dying(library.encoders[Encoder.LIBX264]):  # type: ignore[misc]
        def encode(self, stream: Any, request: Any) -> None:
            if self.frames_encoded == 20:
                raise OSError(28, "No space left on device")
            super().encode(stream, request)

    camera = camera_with(replace(library, encoders={Encoder.LIBX264: Dying}))
    for _ in range(2):
        words = fault_of(camera)
        assert words.startswith("the camera under test: the camera's thread failed: OSError: [Errno 28]")
    film(make_camera(), 3)


class Careless:
    """An intake with a defect: it raises where picamera2 calls it."""

    def __init__(self, intake: Intake) -> None:
        self.broke = intake.broke

    def picture(self, _data: bytes, *, at_us: int, keyframe: bool, captured_us: int | None = None) -> None:
        """Raise."""
        raise ZeroDivisionError(f"a defect of ours at {at_us} {keyframe} {captured_us}")


def test_error_in_the_output_is_a_fault_and_the_camera_can_start_again() -> None:
    """Not even a defect of ours may raise into picamera2's threads."""
    assert "a picture could not be taken over: ZeroDivisionError" in fault_of(camera_with(load_library(), Careless))
    film(make_camera(), 3)


def test_full_queue_is_a_fault_after_every_picture_that_was_in_it(lens: Sensor) -> None:
    """A disk that hangs costs what came after; picamera2 goes on, and nothing is lost in the middle."""
    gate = threading.Event()

    class Held(CollectingSink):
        def on_video(self, packet: VideoPacket) -> None:
            gate.wait(60)
            super().on_video(packet)

    camera, sink = camera_with(load_library(), queue_bytes=60_000), Held()
    camera.start(sink)
    threading.Timer(6, gate.set).start()
    sink.wait_over()
    camera.stop()
    assert "the disk has not kept up" in str(sink.faults[0])
    captured_s = [packet.captured_s or 0 for packet in sink.video]
    late_s = [abs(seen_s - at_s) for seen_s, at_s in zip(captured_s, lens.exposed_s, strict=False)]
    assert len(late_s) > 10
    assert sorted(late_s[-10:])[5] < 0.03  # a picture lost in the middle would shift these by 40 ms


QUIET = """
import logging, sys, time
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
from tests.pi_lab import stand_in
stand_in.install()
from tests.fakes.sink import CollectingSink
from tests.pi_lab.conftest import make_camera, refuse
camera, sink = make_camera(), CollectingSink()
print("MADE", file=sys.stderr, flush=True)
camera.start(sink); sink.wait_items(30); camera.stop()
"""
OF_THE_LAB = ("DmaBufAllocator", "Requested stream role not supported: Raw")


def test_journal_does_not_tell_when_the_room_is_recorded() -> None:
    """P7: when the process starts the log names the encoder; a lesson's start and stop leave no line."""
    ran = subprocess.run([sys.executable, "-c", QUIET], capture_output=True, text=True, check=True, timeout=60)
    before, _, after = ran.stderr.partition("MADE\n")
    assert "encoder: libx264, in software" in before
    assert [line for line in after.splitlines() if not any(words in line for words in OF_THE_LAB)] == []


def test_units_configuration_makes_it(tmp_path: Path) -> None:
    """`[camera] kind = "picamera2"` in `device.toml` is all that it takes."""
    table = {"kind": "picamera2", "width": 1280, "height": 720, "rotation_degrees": 270}
    unit = make_school(tmp_path, now=datetime.now(UTC)).make_unit(tmp_path / "unit", tables={"camera": table})
    camera = sources.make_camera(load_config(unit.config), SystemClock(), on_stuck=refuse)
    assert camera.facts.is_production
    assert camera.picture.display_matrix is not None
    film(camera, 3)


def test_pi_4_gets_the_hardware_encoder_and_its_absence_is_a_fault_that_names_it() -> None:
    """By the machine's model, not by picamera2's guess; the lab has no V4L2 encoder, so opening it must fail here."""
    table = CameraTable(kind=CameraKind.PICAMERA2)
    camera = make_pi_camera(table, clock=SystemClock(), model="Raspberry Pi 4 Model B Rev 1.5", on_stuck=refuse)
    assert "the machine's own H.264 encoder" in camera.facts.description
    assert "/dev/video11" in fault_of(camera)
    film(make_camera(), 3)


def test_no_camera_is_a_fault_that_says_where_to_look() -> None:
    """The real libcamera with no pipeline that could have one, as with a cable that is out."""
    code = """
from tests.pi_lab import stand_in
stand_in.install()
import os
from tests.pi_lab.test_picam import fault_of, make_camera
camera = make_camera()
print(fault_of(camera))
files = len(os.listdir("/proc/self/fd"))
for _ in range(5): fault_of(camera)
print(len(os.listdir("/proc/self/fd")) - files)
"""
    environment = {**os.environ, "LIBCAMERA_PIPELINES_MATCH_LIST": "none-at-all"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    words, leaked = ran.stdout.splitlines()
    assert "no camera found; look at the cable, then at `rpicam-hello --list-cameras`" in words
    assert int(leaked) <= 0


def test_camera_that_is_wrong_for_the_table_can_be_asked_again() -> None:
    """After a refusal the device is free for the next, right settings."""
    wrong, right = make_camera(width=640, height=360), make_camera()
    fault_of(wrong)
    film(right, 3)
