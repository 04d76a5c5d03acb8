"""A camera that cannot be held back: what becomes of its pictures, its silence and its errors."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from device.hardware.clock import SystemClock
from device.hardware.live import ITEM_BYTES, Device, Intake, LiveCamera, LiveSettings, OpenDevice
from device.hardware.ports import CameraFault, VideoPacket
from tests.fakes.clock import ManualClock
from tests.fakes.sink import CollectingSink

PICTURE = b"\x00\x00\x00\x01\x65picture"
QUICK = LiveSettings(
    description="the camera under test",
    fps=25,
    queue_bytes=1_000_000,
    first_s=0.3,
    stall_s=0.2,
    leave_s=0.5,
    look_every_s=0.02,
)


class FakeDevice:
    """A device whose test is its sensor; `flushed` is what its encoder still holds when it is closed."""

    def __init__(self, flushed: int = 0) -> None:
        self.opened: list[Intake] = []
        self.closed = threading.Event()
        self._flushed = flushed

    def open(self, intake: Intake) -> Device:
        """Begin: five pictures at once."""
        self.opened.append(intake)
        give(intake, range(5))
        return self

    def close(self) -> None:
        """See `Device.close`."""
        give(self.opened[-1], range(5, 5 + self._flushed))
        self.closed.set()


def give(intake: Intake, numbers: range) -> None:
    """Give numbered pictures, 40 ms apart, a keyframe each second."""
    for number in numbers:
        intake.picture(PICTURE + bytes([number]), at_us=40_000 * number, keyframe=number % 25 == 0)


def make(open_device: OpenDevice, settings: LiveSettings = QUICK, stuck: list[CameraFault] | None = None) -> LiveCamera:
    """A camera around a device; what is said of a device that does not let go lands in `stuck`."""
    told = [] if stuck is None else stuck
    return LiveCamera(open_device, settings=settings, clock=SystemClock(), on_stuck=told.append)


def fault_of(open_device: OpenDevice, settings: LiveSettings = QUICK) -> tuple[str, CollectingSink]:
    """Run until the fault, and give its words."""
    camera, sink = make(open_device, settings), CollectingSink()
    camera.start(sink)
    sink.wait_over()
    camera.stop()
    (fault,) = sink.faults
    assert isinstance(fault, CameraFault)
    assert sink.late_calls == 0
    return str(fault), sink


def test_microseconds_become_ticks_that_rise() -> None:
    """1 µs is 0.09 ticks; a clock that stands still or steps back still gives each picture a time of its own."""
    intake = Intake(QUICK, ManualClock())
    for at_us in (0, 40_000, 40_000, 39_000, 80_000):
        intake.picture(PICTURE, at_us=at_us, keyframe=True)
    packets = [intake.take() for _ in range(5)]
    assert [packet.dts for packet in packets if packet] == [0, 3600, 3601, 3602, 7200]
    assert all(packet and packet.pts == packet.dts and packet.duration == 3600 for packet in packets)


@pytest.mark.parametrize(
    ("captured_us", "captured_s"),
    [(999_900_000, 999.9), (None, None), (1_000_100_000, None), (990_000_000, None), (1_790_000_000_000_000, None)],
)
def test_exposure_is_told_in_the_units_time(captured_us: int | None, captured_s: float | None) -> None:
    """A time that was just now is believed; one of another clock, or none at all, is left to the moment of arrival."""
    intake = Intake(QUICK, ManualClock(began_s=1000.0))
    intake.picture(PICTURE, at_us=0, keyframe=True, captured_us=captured_us)
    packet = intake.take()
    assert packet is not None
    assert packet.captured_s == captured_s


def test_stop_gives_what_the_encoder_still_held() -> None:
    """The last pictures of a lesson are not lost in the encoder."""
    device = FakeDevice(flushed=3)
    camera, sink = make(device.open), CollectingSink()
    camera.start(sink)
    sink.wait_items(5)
    camera.stop()
    assert [packet.data[-1] for packet in sink.video] == list(range(8))
    assert (sink.faults, sink.ends, device.closed.is_set()) == ([], [], True)


def test_camera_that_falls_silent_is_a_fault() -> None:
    """A pulled cable says nothing: that no picture comes is what is seen; the device is let go."""
    device = FakeDevice()
    words, sink = fault_of(device.open)
    assert "the camera under test: no picture for 0." in words
    assert len(sink.video) == 5
    assert device.closed.is_set()


def test_camera_that_never_shows_anything_is_a_fault() -> None:
    """The first picture may take longer than another, but not for ever."""

    class Dark(FakeDevice):
        def open(self, intake: Intake) -> Device:
            self.opened.append(intake)
            return self

    words, sink = fault_of(Dark().open)
    assert "no picture for 0.3" in words
    assert sink.items == []


def test_camera_that_cannot_be_opened_is_a_fault_in_its_own_words() -> None:
    """What the device says is what IT reads."""

    def refuse(_intake: Intake) -> Device:
        raise CameraFault("no camera found; look at the cable")

    assert fault_of(refuse)[0] == "the camera under test: no camera found; look at the cable"


def test_any_other_error_while_opening_is_a_fault_too() -> None:
    """A library's error ends a thread that nobody waits for; the recorder must still know."""

    def break_down(_intake: Intake) -> Device:
        raise RuntimeError("Failed to allocate buffers")

    assert "RuntimeError: Failed to allocate buffers" in fault_of(break_down)[0]


def test_error_in_a_thread_of_the_device_is_told_after_its_pictures() -> None:
    """The first error is the cause; what was filmed before it is kept."""

    class Breaking(FakeDevice):
        def open(self, intake: Intake) -> Device:
            super().open(intake)
            intake.broke("the encoder is gone")
            intake.broke("and so is the camera")
            give(intake, range(5, 9))
            return self

    words, sink = fault_of(Breaking().open)
    assert words.endswith("the encoder is gone")
    assert len(sink.video) == 5


def test_full_queue_is_a_fault_and_what_was_in_it_is_kept() -> None:
    """A disk that hangs costs what came after the queue was full, nothing before; the device never waits."""
    gate = threading.Event()

    class Held(CollectingSink):
        def on_video(self, packet: VideoPacket) -> None:
            gate.wait(30)
            super().on_video(packet)

    class Flooding(FakeDevice):
        def open(self, intake: Intake) -> Device:
            self.opened.append(intake)
            give(intake, range(100))
            gate.set()
            return self

    room = replace(QUICK, queue_bytes=20 * (len(PICTURE) + 1 + ITEM_BYTES))
    camera, sink = make(Flooding().open, room), Held()
    camera.start(sink)
    sink.wait_over()
    camera.stop()
    assert "pictures wait to be written; the disk has not kept up" in str(sink.faults[0])
    numbers = [packet.data[-1] for packet in sink.video]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) in (20, 21)


def test_device_that_does_not_let_go_is_left_behind_and_named() -> None:
    """`stop` returns, nothing more comes, and whoever can end the process is told, once: nothing else helps."""
    release = threading.Event()

    class Clinging(FakeDevice):
        def close(self) -> None:
            release.wait(30)
            super().close()

    device, stuck = Clinging(flushed=3), list[CameraFault]()
    camera, sink = make(device.open, stuck=stuck), CollectingSink()
    camera.start(sink)
    sink.wait_items(5)
    camera.stop()
    camera.stop()
    (told,) = stuck
    assert str(told).endswith("has not let go since it was stopped; only a restart of this process frees it")
    with pytest.raises(CameraFault, match="has not let go since it was stopped"):
        camera.start(CollectingSink())
    release.set()
    assert device.closed.wait(30)
    assert len(sink.items) == 5
    camera.stop()


def test_disk_that_hangs_at_the_stop_is_no_camera_that_clings() -> None:
    """The device is free; only what waited for the disk is given up, and the camera starts again once it answers."""
    gate, stuck, device = threading.Event(), list[CameraFault](), FakeDevice()

    class Held(CollectingSink):
        def on_video(self, packet: VideoPacket) -> None:
            gate.wait(30)
            super().on_video(packet)

    camera, sink = make(device.open, stuck=stuck), Held()
    camera.start(sink)
    assert wait_until(lambda: bool(device.opened))
    camera.stop()
    assert (stuck, device.closed.is_set()) == ([], True)
    with pytest.raises(CameraFault, match="its last picture is still being written"):
        camera.start(CollectingSink())
    gate.set()
    assert wait_until(lambda: len(sink.items) == 1)
    camera.stop()
    again = CollectingSink()
    camera.start(again)
    again.wait_items(5)
    camera.stop()


def wait_until(holds: Callable[[], bool]) -> bool:
    """Wait for something; tell whether it came."""
    return any(holds() or time.sleep(0.01) for _ in range(3000))


def test_fault_is_told_though_the_device_hangs_at_its_end() -> None:
    """A camera that stalls may hang when it is closed: the room learns of the stall all the same."""
    release = threading.Event()

    class Hanging(FakeDevice):
        def close(self) -> None:
            release.wait(30)

    camera, sink = make(Hanging().open), CollectingSink()
    camera.start(sink)
    sink.wait_over()
    assert "no picture" in str(sink.faults[0])
    release.set()
    camera.stop()


def test_camera_starts_again_after_a_fault() -> None:
    """The recorder makes a new take of a camera that failed; each begins at time 0."""
    device = FakeDevice()
    camera = make(device.open)
    for _ in range(3):
        sink = CollectingSink()
        camera.start(sink)
        sink.wait_over()
        camera.stop()
        assert [packet.dts for packet in sink.video] == [0, 3600, 7200, 10800, 14400]
    assert len(device.opened) == 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_camera_that_nobody_listens_to_is_closed() -> None:
    """A sink that breaks its word and raises leaves no camera running."""

    class Raising(CollectingSink):
        def on_video(self, packet: VideoPacket) -> None:
            raise ZeroDivisionError("a defect of the recorder")

    device = FakeDevice()
    camera = make(device.open)
    camera.start(Raising())
    assert device.closed.wait(30)
    camera.stop()


def test_no_thread_stays_behind() -> None:
    """Twenty starts and stops leave as many threads as there were."""
    before, device = threading.active_count(), FakeDevice()
    camera = make(device.open)
    for _ in range(20):
        camera.start(CollectingSink())
        camera.stop()
    assert threading.active_count() == before


def test_times_rise_from_one_picture_to_the_next() -> None:
    """What the muxer relies on."""
    device, sink = FakeDevice(flushed=20), CollectingSink()
    camera = make(device.open)
    camera.start(sink)
    sink.wait_items(5)
    camera.stop()
    assert all(after.dts > before.dts for before, after in itertools.pairwise(sink.video))


def test_silence_of_two_seconds_is_a_fault_unless_said_otherwise() -> None:
    """What the design promises and the wiring does not set: the room learns after 2 s that nothing comes."""
    usual = LiveSettings(description="the camera under test", fps=25, queue_bytes=1_000_000)
    said, sink = fault_of(FakeDevice().open, replace(QUICK, stall_s=usual.stall_s))
    silent_s = float(said.split("no picture for ")[1].split(" s")[0])
    assert 2.0 <= silent_s < 10.0
    assert len(sink.items) == 5
