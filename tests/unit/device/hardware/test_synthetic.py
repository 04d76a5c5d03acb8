"""The synthetic camera: its encoder's promises, and that flash and beep fall together where the clock says."""

import io
import math
from array import array

import av
import numpy as np
import pytest

from device.hardware.ports import SOUND_RATE_HZ, TICKS_PER_S, EndReason, NotForProduction, Purpose, require_fit
from device.hardware.slate import Plane, Slate
from device.hardware.synthetic import SyntheticCamera, SyntheticSettings
from device.hardware.tones import Tones, beep_hz
from tests.fakes.clock import LeapingClock
from tests.fakes.sink import CollectingSink

SMALL = SyntheticSettings(width=320, height=180, fps=25, speed=math.inf, seconds=3)


def film(settings: SyntheticSettings, clock: LeapingClock | None = None) -> CollectingSink:
    """Film to the end."""
    camera, sink = SyntheticCamera(clock=clock or LeapingClock(), settings=settings), CollectingSink()
    camera.start(sink)
    sink.wait_over()
    camera.stop()
    return sink


@pytest.fixture(scope="module")
def small() -> CollectingSink:
    """Three seconds of a small picture."""
    return film(SMALL)


def test_keyframe_each_second_with_its_parameter_sets(small: CollectingSink) -> None:
    """A segment can be cut each second, and each keyframe can begin a take."""
    keyframes = [number for number, packet in enumerate(small.video) if packet.keyframe]
    assert keyframes == [0, 25, 50]
    for number in keyframes:
        assert b"\x00\x00\x01\x67" in small.video[number].data
        assert b"\x00\x00\x01\x68" in small.video[number].data


def test_times_are_exact(small: CollectingSink) -> None:
    """Pictures and sound stand where their numbers say, without B-frames and without gaps."""
    assert [(packet.pts, packet.dts) for packet in small.video] == [(number * 3600,) * 2 for number in range(75)]
    position = 0
    for frame in small.audio:
        assert frame.pts == position * TICKS_PER_S // SOUND_RATE_HZ
        position += frame.sample_count
    assert position == 3 * SOUND_RATE_HZ


def test_rates_that_do_not_divide_a_second_do_not_drift() -> None:
    """At 30 and 24 pictures a second, sound and pictures end together."""
    for fps in (24, 30, 7):
        sink = film(SyntheticSettings(width=64, height=64, fps=fps, speed=math.inf, seconds=2))
        assert len(sink.video) == 2 * fps
        assert sum(frame.sample_count for frame in sink.audio) == 2 * SOUND_RATE_HZ
        assert sink.video[-1].pts + sink.video[-1].duration == 2 * TICKS_PER_S


def test_flash_and_beep_begin_each_second(small: CollectingSink) -> None:
    """Decoded: the corner is white, and the tone sounds, in the first tenth of every second only."""
    flashes = [brightness > 150 for brightness in corner_brightness(small)]
    assert [number for number, lit in enumerate(flashes) if lit] == [0, 1, 25, 26, 50, 51]
    samples = np.frombuffer(b"".join(frame.samples for frame in small.audio), "<i2").astype(float)
    tenths = np.abs(samples.reshape(30, -1)).max(axis=1)
    assert [number for number, level in enumerate(tenths) if level > 7000] == [0, 10, 20]


def corner_brightness(sink: CollectingSink) -> list[float]:
    """The mean luma where the flash is."""
    data = b"".join(packet.data for packet in sink.video)
    with av.open(io.BytesIO(data), format="h264") as container:
        return [float(frame.to_ndarray()[6:20, 6:20].mean()) for frame in container.decode(video=0)]


def test_bit_rate_is_capped() -> None:
    """At full size no ten seconds need more than the cap and its buffer of half a second."""
    sink = film(SyntheticSettings(speed=math.inf, seconds=10))
    assert sum(len(packet.data) for packet in sink.video) * 8 <= 2_000_000 * 10.5


def test_pace_is_the_clocks() -> None:
    """Picture by picture at 25 a second, twice as fast at double speed."""
    clock = LeapingClock()
    film(SyntheticSettings(width=64, height=64, speed=2.0, seconds=0.2), clock)
    assert clock.deadlines == pytest.approx([1000.0 + number / 50 for number in range(5)])


def test_end_comes_after_the_asked_seconds(small: CollectingSink) -> None:
    """A run with a length ends by itself."""
    assert [end.reason for end in small.ends] == [EndReason.FINISHED]


def test_every_picture_is_different() -> None:
    """A frozen encoder or a repeated picture is seen in tests by its bytes."""
    slate = Slate(Plane(320, 180, 320), Plane(160, 90, 160), fps=25)
    pictures = [slate.draw(number) for number in range(200)]
    assert len(set(pictures)) == 200
    assert {len(picture) for picture in pictures} == {320 * 180}


@pytest.mark.parametrize("size", [(64, 64), (66, 90), (1920, 1080)])
def test_slate_fits_any_size(size: tuple[int, int]) -> None:
    """Drawing never writes outside its plane, whatever the stride."""
    width, height = size
    slate = Slate(Plane(width, height, width + 32), Plane(width // 2, height // 2, width // 2), fps=25)
    for number in (0, 12, 24, 99, 25 * 3599):
        assert len(slate.draw(number)) == (width + 32) * height


def test_tones_are_the_same_in_any_pieces() -> None:
    """Sound does not depend on how it is asked for, across seconds too."""
    tones = Tones(rate_hz=8000)
    whole = tones.samples(7000, 20_000)
    assert b"".join(tones.samples(7000 + start, 1000) for start in range(0, 20_000, 1000)) == whole
    assert len(whole) == 40_000


def test_beeps_tell_the_seconds_apart() -> None:
    """The strongest frequency of each beep is its second's."""
    tones = Tones(rate_hz=8000)
    for second in range(4):
        beep = np.array(array("h", tones.samples(8000 * second, 800)), float)
        assert np.argmax(np.abs(np.fft.rfft(beep))) * 10 == beep_hz(second)


def test_synthetic_camera_is_refused_in_production() -> None:
    """A classroom unit never draws what it should film."""
    with pytest.raises(NotForProduction, match="SYNTHETIC camera, not a classroom"):
        require_fit(SyntheticCamera(clock=LeapingClock()), Purpose.PRODUCTION)


@pytest.mark.parametrize(
    "wrong", [{"width": 63}, {"height": 62}, {"fps": 0}, {"fps": 121}, {"speed": 0.0}, {"bit_rate_bps": 100}]
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    """Odd or tiny sizes, no rate, no speed."""
    with pytest.raises(ValueError, match=r"expected even sizes|fps"):
        SyntheticSettings(**wrong)
