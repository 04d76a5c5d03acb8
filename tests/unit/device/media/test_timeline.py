"""Sound of the unit's own microphone among a camera's pictures."""

from __future__ import annotations

from device.hardware.ports import SOUND_RATE_HZ, TICKS_PER_S, AudioFrame
from device.media.timeline import STRAY_S, CameraTimeline


def at(seconds: float) -> AudioFrame:
    """Sound that was made at a second of the unit's clock."""
    return AudioFrame(bytes(960), SOUND_RATE_HZ, round(seconds * TICKS_PER_S))


def test_sound_before_any_picture_has_no_place() -> None:
    """What was said before the first picture is not part of the recording."""
    assert CameraTimeline().place(at(10.0)) is None


def test_sound_made_with_a_picture_has_its_time() -> None:
    """A clap that is seen in the picture of 2 s is heard at 2 s, whatever the two clocks began with."""
    timeline = CameraTimeline()
    timeline.note(2 * TICKS_PER_S, captured_s=812.5)
    placed = timeline.place(at(812.5))
    assert placed is not None
    assert placed.pts == 2 * TICKS_PER_S


def test_newest_picture_is_believed() -> None:
    """A camera whose clock runs away from the unit's takes the sound along."""
    timeline = CameraTimeline()
    timeline.note(0, captured_s=100.0)
    timeline.note(60 * TICKS_PER_S, captured_s=160.1)
    placed = timeline.place(at(160.1))
    assert placed is not None
    assert placed.pts == 60 * TICKS_PER_S


def test_sound_that_went_astray_is_left_out() -> None:
    """Times that are a minute off are wrong; they must not end the take."""
    timeline = CameraTimeline()
    timeline.note(0, captured_s=100.0)
    assert timeline.place(at(100.0 + STRAY_S + 1)) is None
    assert timeline.place(at(100.0 - STRAY_S - 1)) is None
