"""What is said of the sound while it comes in: when it has been bad for too long, and when it is good again."""

from __future__ import annotations

import pytest

from device.media.levels import FLOOR_DBFS, SecondLevel, SoundWatch, Verdict

RATE_HZ = 48_000
VOICE = SecondLevel(-20.0, -8.0, 0.0)
FAR_VOICE = SecondLevel(-50.0, -35.0, 0.0)
NOTHING = SecondLevel(FLOOR_DBFS, FLOOR_DBFS, 0.0)
DISTORTED = SecondLevel(-3.0, 0.0, 0.2)


@pytest.fixture
def watch() -> SoundWatch:
    """A watch with the design's 20 seconds."""
    return SoundWatch(rate_hz=RATE_HZ, after_s=20)


def hear(watch: SoundWatch, *seconds: SecondLevel) -> Verdict | None:
    """Let it hear, and ask."""
    for second in seconds:
        watch.hear(second)
    return watch.warning


def test_silence_is_said_after_twenty_seconds(watch: SoundWatch) -> None:
    """Nineteen may be quiet work; twenty are a warning, as long as it lasts."""
    assert hear(watch, *[NOTHING] * 19) is None
    assert hear(watch, NOTHING) is Verdict.SILENT
    assert hear(watch, NOTHING) is Verdict.SILENT


@pytest.mark.parametrize("sound", [VOICE, FAR_VOICE])
def test_a_single_second_with_sound_ends_silence(watch: SoundWatch, sound: SecondLevel) -> None:
    """As soon as somebody is heard, all is well, and the twenty seconds begin anew."""
    hear(watch, *[NOTHING] * 25)
    assert hear(watch, sound) is None
    assert hear(watch, *[NOTHING] * 19) is None


def test_silence_where_no_microphone_answers_counts(watch: SoundWatch) -> None:
    """What the muxer filled in is silence like any other, however it is cut."""
    for _ in range(20 * RATE_HZ // 1000 - 1):
        watch.miss(1000)
    assert watch.warning is None
    watch.miss(1000)
    assert watch.warning is Verdict.SILENT


def test_distortion_with_pauses_is_said(watch: SoundWatch) -> None:
    """Nobody shouts for twenty seconds without taking breath: pauses do not count, in either direction."""
    assert hear(watch, *[DISTORTED, NOTHING] * 19) is None
    assert hear(watch, DISTORTED) is Verdict.CLIPPING


def test_distortion_now_and_then_is_not_said(watch: SoundWatch) -> None:
    """A door that slams each third second, among clean voices, is no reason to warn."""
    assert hear(watch, *[DISTORTED, VOICE, VOICE] * 100) is None


def test_distortion_ends_with_clean_seconds(watch: SoundWatch) -> None:
    """Five clean seconds of twenty, and it is good again; then a single distorted one is not enough."""
    hear(watch, *[DISTORTED] * 30)
    assert hear(watch, *[VOICE] * 4) is Verdict.CLIPPING
    assert hear(watch, VOICE) is None
    assert hear(watch, DISTORTED) is None


def test_microphone_that_dies_while_distorted_is_silent(watch: SoundWatch) -> None:
    """Silence is the worse of the two."""
    hear(watch, *[DISTORTED] * 20)
    assert hear(watch, *[NOTHING] * 20) is Verdict.SILENT
