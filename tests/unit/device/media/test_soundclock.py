"""When sound was heard: readings that are late, crystals that are off, samples that are lost."""

from __future__ import annotations

import random

import pytest

from device.hardware.ports import SOUND_RATE_HZ, TICKS_PER_S
from device.media.soundclock import LOST_S, SoundClock
from device.media.stretcher import Stretcher

STEP = 4800


def test_first_reading_ends_now() -> None:
    """What could be read at 10 s, 0.1 s of it, began at 9.9 s."""
    assert SoundClock(rate_hz=SOUND_RATE_HZ).place(STEP, read_s=10.0) == pytest.approx(9.9)


def test_reading_that_is_late_does_not_move_the_sound() -> None:
    """A thread that was held up for 50 ms changes the time by less than a tenth of a millisecond."""
    clock = SoundClock(rate_hz=SOUND_RATE_HZ)
    clock.place(STEP, read_s=10.0)
    assert clock.place(STEP, read_s=10.15) == pytest.approx(10.0, abs=1e-4)


def test_reading_that_comes_early_is_believed() -> None:
    """Nothing can be read before it was heard: the first reading had been late."""
    clock = SoundClock(rate_hz=SOUND_RATE_HZ)
    clock.place(STEP, read_s=10.03)
    assert clock.place(STEP, read_s=10.1) == pytest.approx(10.0)


def test_lost_samples_leave_a_gap() -> None:
    """After an overrun the sound goes on at the time of day, not where the count stood."""
    clock = SoundClock(rate_hz=SOUND_RATE_HZ)
    clock.place(STEP, read_s=10.0)
    assert clock.place(STEP, read_s=10.1 + LOST_S + 0.5) == pytest.approx(10.5 + LOST_S)


@pytest.mark.parametrize("drift", [-300e-6, 0.0, 300e-6])
def test_crystal_that_is_off_is_followed_to_the_millisecond(drift: float) -> None:
    """Ten minutes of a crystal that is wrong by 300 ppm (180 ms), read by a thread that is late now and then.

    The sound that comes out is where it was heard within 5 ms, and as long as the time that has passed.
    """
    held_up = random.Random(4)  # noqa: S311  the same delays every time
    clock, stretcher = SoundClock(rate_hz=SOUND_RATE_HZ), Stretcher(rate_hz=SOUND_RATE_HZ, layout="mono")
    given, out = 0, 0
    for _ in range(6000):
        given += STEP
        truly_s = 100 + given / SOUND_RATE_HZ * (1 + drift)
        read_s = truly_s + (0.04 if held_up.random() < 0.1 else 0.001 * held_up.random())
        for frame in stretcher.stretch(bytes(2 * STEP), count=STEP, heard_s=clock.place(STEP, read_s=read_s)):
            if not out:
                first_s = frame.pts / TICKS_PER_S
            out += frame.sample_count
            assert frame.pts / TICKS_PER_S + frame.sample_count / SOUND_RATE_HZ == pytest.approx(truly_s, abs=0.005)
    assert first_s + out / SOUND_RATE_HZ == pytest.approx(truly_s, abs=0.005)


def test_sound_of_another_rate_and_more_channels_is_converted() -> None:
    """Where ALSA gives stereo at 44.1 kHz after all, a second of it is still a second of mono at 48 kHz."""
    stretcher = Stretcher(rate_hz=44_100, layout="stereo")
    frames = list(stretcher.stretch(bytes(4 * 44_100), count=44_100, heard_s=5.0))
    assert sum(frame.sample_count for frame in frames) == pytest.approx(SOUND_RATE_HZ, abs=100)
    assert all(frame.rate_hz == SOUND_RATE_HZ for frame in frames)
