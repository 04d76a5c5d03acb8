"""Is what comes back what went in? Access units byte for byte, timestamps within a tick, sound by correlation.

The origin of both files is their first keyframe: a recorder cannot use the pictures before it. Sound was encoded anew,
so its decoded samples are compared window by window, at the best lag, which must stay within lip synchrony.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provisioning.demo.tracks import SOUND_RATE, TICKS_PER_SECOND, AccessUnit, Tracks

WINDOW_S = 5.0
LAG_LIMIT_S = 0.045  # a listener notices sound that is 45 ms early (ITU-R BT.1359)
SEARCH_S = 0.25
CORRELATION_LIMIT = 0.90
SILENCE_RMS = 0.001  # -60 dB full scale
DURATION_LIMIT_S = 0.12


@dataclass(frozen=True)
class Finding:
    """One comparison: what was compared, whether it holds, and the figures."""

    what: str
    holds: bool
    figures: str


def compare(went_in: Tracks, came_out: Tracks) -> tuple[Finding, ...]:
    """Compare a source with what was played back; every finding must hold."""
    source, played = _from_keyframe(went_in.video), _from_keyframe(came_out.video)
    pictures = (
        _compare_units(source, played),
        _compare_times(source, played),
        _compare_sets(went_in, came_out),
    )
    if not source or not played:
        return pictures
    return (*pictures, *_compare_sound(went_in, came_out, source, played))


def _from_keyframe(units: tuple[AccessUnit, ...]) -> tuple[AccessUnit, ...]:
    first = next((at for at, unit in enumerate(units) if unit.keyframe), len(units))
    return units[first:]


def _compare_units(source: tuple[AccessUnit, ...], played: tuple[AccessUnit, ...]) -> Finding:
    same = sum(a.digest == b.digest for a, b in zip(source, played, strict=False))
    holds = same == len(source) == len(played) > 0
    return Finding("pictures", holds, f"{same} of {len(source)} access units equal byte for byte, {len(played)} played")


def _compare_times(source: tuple[AccessUnit, ...], played: tuple[AccessUnit, ...]) -> Finding:
    apart = [
        abs((a.pts_ticks - source[0].pts_ticks) - (b.pts_ticks - played[0].pts_ticks))
        for a, b in zip(source, played, strict=False)
    ]
    worst = max(apart, default=-1)
    return Finding("timestamps", 0 <= worst <= 1, f"at most {worst} of 1/{TICKS_PER_SECOND} s apart")


def _compare_sets(went_in: Tracks, came_out: Tracks) -> Finding:
    holds = went_in.parameter_sets == came_out.parameter_sets
    return Finding("parameter sets", holds, f"{len(went_in.parameter_sets)} in, {len(came_out.parameter_sets)} out")


def _compare_sound(
    went_in: Tracks, came_out: Tracks, source: tuple[AccessUnit, ...], played: tuple[AccessUnit, ...]
) -> Iterator[Finding]:
    if not len(came_out.sound):
        yield Finding("sound", holds=False, figures="the recording has no sound track at all")
        return
    if not len(went_in.sound):
        loudest = float(np.abs(came_out.sound).max())
        yield Finding("sound", loudest < SILENCE_RMS, f"none went in, the loudest sample played is {loudest:.4f}")
        return
    # A recording's sound lasts as long as its pictures: where the source has none, silence must stand.
    given = _fill(_align(went_in, source), _picture_samples(source))
    heard = _align(came_out, played)
    apart = abs(len(given) - len(heard)) / SOUND_RATE
    yield Finding("sound's length", apart <= DURATION_LIMIT_S, f"{len(given) / SOUND_RATE:.2f} s, {apart:.3f} s apart")
    yield _compare_samples(given, heard)


def _align(tracks: Tracks, video: tuple[AccessUnit, ...]) -> NDArray[np.float32]:
    """Give the sound from the first picture to the last one's end, or to its own where that is earlier."""
    first_s = min(unit.pts_ticks for unit in video) / TICKS_PER_SECOND
    ahead = round((tracks.sound_begins_s - first_s) * SOUND_RATE)
    sound = tracks.sound[-ahead:] if ahead < 0 else np.concatenate([np.zeros(ahead, np.float32), tracks.sound])
    return sound[: _picture_samples(video)]


def _picture_samples(video: tuple[AccessUnit, ...]) -> int:
    """How many samples the pictures last, the last one as long as the mean."""
    times = sorted(unit.pts_ticks / TICKS_PER_SECOND for unit in video)
    picture_s = (times[-1] - times[0]) / max(1, len(times) - 1)
    return round((times[-1] + picture_s - times[0]) * SOUND_RATE)


def _fill(sound: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    return np.concatenate([sound, np.zeros(max(0, samples - len(sound)), np.float32)])


def _compare_samples(given: NDArray[np.float32], heard: NDArray[np.float32]) -> Finding:
    size = round(WINDOW_S * SOUND_RATE)
    shared = min(len(given), len(heard))
    windows = [(given[at : at + size], heard[at : at + size]) for at in range(0, max(1, shared - size // 2), size)]
    judged = [correlate(a, b) for a, b in windows if _rms(a) > SILENCE_RMS]
    quiet = [(a, b) for a, b in windows if _rms(a) <= SILENCE_RMS]
    noisy = sum(_rms(b) > 10 * SILENCE_RMS for _, b in quiet)
    worst = min((value for value, _ in judged), default=1.0)
    lag_s = max((abs(lag) for _, lag in judged), default=0.0)
    holds = worst >= CORRELATION_LIMIT and lag_s <= LAG_LIMIT_S and not noisy
    return Finding(
        "sound's samples",
        holds,
        f"{len(judged)} windows, least correlation {worst:.3f}, largest lag {lag_s * 1000:.0f} ms, {len(quiet)} silent",
    )


def correlate(given: NDArray[np.float32], heard: NDArray[np.float32]) -> tuple[float, float]:
    """Give the best normalised correlation of two pieces of sound and the lag in seconds at which it stands."""
    given, heard = given - given.mean(), heard - heard.mean()
    size = 1 << (len(given) + len(heard)).bit_length()
    products = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(given, size)), size)
    reach = round(SEARCH_S * SOUND_RATE)
    near = np.concatenate([products[-reach:], products[: reach + 1]])
    best = int(np.argmax(near))
    norm = float(np.linalg.norm(given) * np.linalg.norm(heard)) or 1.0
    return float(near[best]) / norm, (best - reach) / SOUND_RATE


def _rms(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0
