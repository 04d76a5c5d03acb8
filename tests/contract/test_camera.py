"""What every camera promises (`device/hardware/ports.py`), held against the fake, the replay and the synthetic one, and
in the lab (`python -m tests.pi_lab`) against the real picamera2.
"""

import itertools
import math
import threading
from collections.abc import Callable

import pytest

from device.hardware.ports import (
    SOUND_RATE_HZ,
    AudioFrame,
    Camera,
    CameraFault,
    NotForProduction,
    Purpose,
    VideoPacket,
    require_fit,
)
from device.hardware.replay import ReplayCamera, ReplaySettings
from device.hardware.synthetic import SyntheticCamera, SyntheticSettings
from device.media.demux import read_footage
from tests.fakes.camera import FakeCamera
from tests.fakes.clock import LeapingClock, ManualClock
from tests.fakes.sink import CollectingSink
from tests.footage import FootageCache

MakeCamera = Callable[[], Camera]


PICAMERA2 = pytest.param(
    "picamera2",
    marks=[pytest.mark.hardware, pytest.mark.filterwarnings("ignore:setDaemon:DeprecationWarning")],
)


@pytest.fixture(params=["fake", "replay", "synthetic"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which made-up camera."""
    return str(request.param)


@pytest.fixture(params=["fake", "replay", "synthetic", PICAMERA2])
def endless(request: pytest.FixtureRequest) -> Camera:
    """A camera that does not end by itself; a made-up one's clock stands still."""
    if request.param == "picamera2":
        from tests.pi_lab.conftest import make_camera

        return make_camera()
    footage: FootageCache = request.getfixturevalue("footage")
    film = footage.path("high_24_stereo")
    makers: dict[str, MakeCamera] = {
        "fake": lambda: FakeCamera(read_footage(film), endless=True),
        "replay": lambda: ReplayCamera(film, clock=ManualClock(), settings=ReplaySettings(plays=None)),
        "synthetic": lambda: SyntheticCamera(clock=ManualClock(), settings=SyntheticSettings(width=160, height=96)),
    }
    return makers[str(request.param)]()


@pytest.fixture
def short(kind: str, footage: FootageCache) -> Camera:
    """A camera that comes to its end soon, without waiting."""
    film = footage.path("high_24_stereo")
    makers: dict[str, MakeCamera] = {
        "fake": lambda: FakeCamera(read_footage(film)),
        "replay": lambda: ReplayCamera(film, clock=LeapingClock(), settings=ReplaySettings(speed=math.inf)),
        "synthetic": lambda: SyntheticCamera(
            clock=LeapingClock(), settings=SyntheticSettings(width=160, height=96, speed=math.inf, seconds=2)
        ),
    }
    return makers[kind]()


def run(camera: Camera) -> CollectingSink:
    """One whole run."""
    sink = CollectingSink()
    camera.start(sink)
    sink.wait_over()
    camera.stop()
    return sink


def test_camera_gives_nothing_before_start(endless: Camera) -> None:
    """No thread runs and no picture comes until somebody starts it."""
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {"fake-camera", "replay-camera", "synthetic", "camera-owner", "camera-giver"}
    assert endless.facts.description


def test_pictures_are_annexb_with_rising_times(short: Camera) -> None:
    """Each picture begins with a start code; `dts` rises strictly, `pts` is not before it; the first is a keyframe."""
    check_pictures(run(short).video)


@pytest.mark.parametrize("endless", [PICAMERA2], indirect=True)
def test_pictures_of_a_live_camera_are_annexb_with_rising_times(endless: Camera) -> None:
    """The same, for a camera that is never over."""
    sink = CollectingSink()
    endless.start(sink)
    sink.wait_items(50)
    endless.stop()
    check_pictures(sink.video)
    endless.start(again := CollectingSink())
    again.wait_items(5)
    endless.stop()
    check_pictures(again.video)


def check_pictures(video: list[VideoPacket]) -> None:
    """Hold packets against `VideoPacket`'s words."""
    assert video[0].keyframe
    assert all(packet.data.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01")) for packet in video)
    assert all(after.dts > before.dts for before, after in itertools.pairwise(video))
    assert all(packet.pts >= packet.dts and packet.duration > 0 for packet in video)


def test_sound_is_mono_of_one_rate(short: Camera) -> None:
    """Whole samples at the rate of the muxer, in order of time."""
    audio = run(short).audio
    assert audio
    assert all(frame.rate_hz == SOUND_RATE_HZ and len(frame.samples) % 2 == 0 for frame in audio)
    assert all(after.pts > before.pts for before, after in itertools.pairwise(audio))


def test_sink_is_called_from_a_thread_of_the_cameras_own(short: Camera) -> None:
    """Never from the thread that starts it, which has other work."""
    assert threading.current_thread().name not in run(short).threads


def test_end_is_told_once_and_last(short: Camera) -> None:
    """A source that is over says so, and nothing comes after."""
    sink = run(short)
    assert (len(sink.ends), sink.faults, sink.late_calls) == (1, [], 0)
    assert sink.items


def test_second_start_gives_the_same_again(short: Camera) -> None:
    """A stopped camera starts again, from its beginning."""
    assert run(short).items == run(short).items


def test_stop_ends_it_without_an_end_being_told(endless: Camera) -> None:
    """After `stop` has returned, no call comes: neither pictures nor an end nor a fault."""
    sink = CollectingSink()
    endless.start(sink)
    sink.wait_items(1)
    endless.stop()
    count = len(sink.items)
    assert (len(sink.items), sink.ends, sink.faults) == (count, [], [])
    assert not any(thread.name in sink.threads for thread in threading.enumerate())
    assert threading.current_thread().name not in sink.threads


def test_stop_is_idempotent(endless: Camera) -> None:
    """Before any start, and twice: no thread is left, nothing is told, and the camera starts again."""
    endless.stop()
    for sink in (CollectingSink(), CollectingSink()):
        endless.start(sink)
        sink.wait_items(1)
        endless.stop()
        endless.stop()
        assert (sink.ends, sink.faults, sink.late_calls) == ([], [], 0)
        assert not any(thread.name in sink.threads for thread in threading.enumerate())


def test_second_start_while_running_is_refused(endless: Camera) -> None:
    """Two runs of one camera would mix their times."""
    endless.start(CollectingSink())
    with pytest.raises(CameraFault, match="running already"):
        endless.start(CollectingSink())
    endless.stop()


def test_slow_sink_loses_nothing(short: Camera) -> None:
    """A sink that blocks holds a made-up camera back; every item still comes, in order."""
    expected = run(short).items
    sink = GatedSink()
    short.start(sink)
    assert sink.blocked.wait(30)
    sink.gate.set()
    sink.wait_over()
    short.stop()
    assert sink.items == expected


class GatedSink(CollectingSink):
    """Blocks at the first picture until its gate opens."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.blocked = threading.Event()

    def on_video(self, packet: VideoPacket) -> None:
        self.blocked.set()
        self.gate.wait(30)
        super().on_video(packet)


def test_made_up_camera_is_refused_in_production(short: Camera) -> None:
    """None of these may stand in a classroom."""
    require_fit(short, Purpose.DEMO)
    with pytest.raises(NotForProduction, match=r"not a classroom|FAKE"):
        require_fit(short, Purpose.PRODUCTION)


def test_fault_is_told_once_and_last() -> None:
    """The fake's scripted fault reaches the sink after its pictures: what the recorder's tests build on."""
    packet, frame = VideoPacket(b"\x00\x00\x01\x65", 0, 0, 1, keyframe=True), AudioFrame(bytes(4), SOUND_RATE_HZ, 0)
    fault = CameraFault("the cable was pulled")
    sink = run(FakeCamera([packet, frame], fault=fault))
    assert (sink.items, sink.faults, sink.ends) == ([packet, frame], [fault], [])
