"""Sound levels: the figures against known signals, the verdicts, and that memory and pieces do not matter."""

import math
import random
from array import array

import pytest

from device.media.levels import FLOOR_DBFS, LevelLimits, LevelMeter, Verdict, judge, measure_second, to_dbfs

RATE_HZ = 48_000


def sine(level: float, *, seconds: float = 1.0, hertz: float = 220.0) -> bytes:
    """A tone whose peak is `level` of full scale, clipped as a microphone would."""
    values = (
        max(-32768, min(32767, round(32768 * level * math.sin(2 * math.pi * hertz * at / RATE_HZ))))
        for at in range(round(RATE_HZ * seconds))
    )
    return array("h", values).tobytes()


def verdict_of(samples: bytes) -> Verdict:
    """The verdict on a stretch of sound."""
    meter = LevelMeter(rate_hz=RATE_HZ)
    meter.add(samples)
    return meter.measures().verdict


def test_a_sine_is_three_decibels_below_its_peak() -> None:
    """RMS of a sine is its peak minus 3.01 dB, within a tenth although only every eighth sample is read."""
    (second,) = LevelMeter(rate_hz=RATE_HZ).add(sine(0.5))
    assert second.peak_dbfs == pytest.approx(-6.02, abs=0.1)
    assert second.rms_dbfs == pytest.approx(-9.03, abs=0.1)


def test_reading_every_eighth_sample_measures_noise_right() -> None:
    """For sound without any pattern, thinning changes the level by less than a quarter of a decibel."""
    noise = random.Random(7)  # noqa: S311  the same noise every time
    values = array("h", (round(noise.gauss(0, 1000)) for _ in range(RATE_HZ)))
    (thinned,) = LevelMeter(rate_hz=RATE_HZ).add(values.tobytes())
    assert thinned.rms_dbfs == pytest.approx(measure_second(values).rms_dbfs, abs=0.25)


def test_digital_silence_is_the_floor() -> None:
    """No sound at all has a level that is a number."""
    (second,) = LevelMeter(rate_hz=RATE_HZ).add(bytes(2 * RATE_HZ))
    assert (second.rms_dbfs, second.peak_dbfs, second.clipping_share) == (FLOOR_DBFS, FLOOR_DBFS, 0.0)
    assert to_dbfs(0) == FLOOR_DBFS


@pytest.mark.parametrize(
    ("level", "verdict"),
    [(0.2, Verdict.GOOD), (0.005, Verdict.QUIET), (0.0003, Verdict.SILENT), (3.0, Verdict.CLIPPING)],
)
def test_verdict_fits_the_signal(level: float, verdict: Verdict) -> None:
    """A voice, a far voice, a muted microphone and an overdriven one are told apart."""
    assert verdict_of(sine(level, seconds=3)) is verdict


def test_lesson_that_is_mostly_silent_is_silent() -> None:
    """One loud second in twenty does not make up for a muted microphone."""
    assert verdict_of(bytes(2 * RATE_HZ * 19) + sine(0.5)) is Verdict.SILENT


def test_lesson_with_pauses_is_good() -> None:
    """Quiet work for half of the lesson is not a fault."""
    meter = LevelMeter(rate_hz=RATE_HZ)
    for _ in range(5):
        meter.add(bytes(2 * RATE_HZ))
        meter.add(sine(0.2))
    measures = meter.measures()
    assert (measures.seconds, measures.silence_share, measures.verdict) == (10, 0.5, Verdict.GOOD)


def test_no_sound_yet_counts_as_silent() -> None:
    """Before the first whole second there is nothing that could be called good."""
    measures = LevelMeter(rate_hz=RATE_HZ).measures()
    assert (measures.seconds, measures.verdict) == (0, Verdict.SILENT)


def test_pieces_do_not_change_the_measures() -> None:
    """The same sound in odd pieces gives the same seconds."""
    samples = sine(0.3, seconds=2)
    whole, pieces = LevelMeter(rate_hz=RATE_HZ), LevelMeter(rate_hz=RATE_HZ)
    seconds = list(whole.add(samples))
    found = []
    for start in range(0, len(samples), 1234 * 2):
        found += pieces.add(samples[start : start + 1234 * 2])
    assert found == seconds


def test_half_a_sample_is_refused() -> None:
    """Bytes that end within a sample would turn everything after into noise."""
    with pytest.raises(ValueError, match="multiple"):
        LevelMeter(rate_hz=RATE_HZ).add(b"\x00\x01\x02")


def test_clipping_is_judged_before_level() -> None:
    """An overdriven second is clipping, however loud its mean."""
    (second,) = LevelMeter(rate_hz=RATE_HZ).add(sine(2.0))
    assert judge(second, LevelLimits()) is Verdict.CLIPPING
    assert second.clipping_share > 0.5
