"""Is what comes back what went in? Access units byte for byte, timestamps within a tick, sound by correlation.

The origin of both files is their first keyframe: a recorder cannot use the pictures, and does not keep the sound,
before it. Sound was encoded anew, so its decoded samples are compared window by window, at the best lag, which must
stay within lip synchrony; and block by block for its level, so that no word is missing in a window that is right as a
whole. An encoder's first 21 ms are damaged by its very nature, so less sound than SHORTEST_S is judged by length alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocol.words import mark
from provisioning.demo.tracks import SOUND_RATE, TICKS_PER_SECOND, AccessUnit, Tracks

WINDOW_S = 2.0
BLOCK_S = 0.05
SHORTEST_S = 0.1
LAG_LIMIT_S = 0.015  # with the 30 ms that laying out may forgive: 45 ms, early sound that is noticed (ITU-R BT.1359)
SEARCH_S = 0.25
CORRELATION_LIMIT = 0.85  # bursts of pure noise come back at 0.88 from AAC at 64 kbit/s, speech at 0.99
LEVEL_LIMIT = 1.26  # 2 dB
BLOCK_LEVEL_LIMIT = 2.5  # 8 dB, in one block of a window
SILENCE_RMS = 0.001  # -60 dB full scale
NOISE_RMS = 0.01
DURATION_LIMIT_S = 0.12
GLIMPSE_S = 0.001  # what a file hides and needs for decoding may pass by, and nobody may see it
_FINER = 4  # the lag is sought in quarters of a sample


@dataclass(frozen=True)
class Finding:
    """One comparison: what was compared, whether it holds, and the figures."""

    what: str
    holds: bool
    figures: str


@dataclass(frozen=True)
class Heard:
    """How one window of sound came back; `wrong_blocks` are those much louder or quieter than they were."""

    correlation: float
    lag_s: float
    level: float
    wrong_blocks: int


def compare(went_in: Tracks, came_out: Tracks) -> tuple[Finding, ...]:
    """Compare a source with what was played back; every finding must hold."""
    source, played = _from_keyframe(went_in.video), _from_keyframe(came_out.video)
    pictures = (
        _compare_units(source, played),
        _compare_times(source, played),
        _compare_sets(source, played),
        _compare_look(went_in, came_out),
    )
    if not source or not played:
        return pictures
    return (*pictures, *_compare_sound(went_in, came_out, source, played))


def _from_keyframe(units: tuple[AccessUnit, ...]) -> tuple[AccessUnit, ...]:
    first = next((at for at, unit in enumerate(units) if unit.keyframe), len(units))
    return units[first:]


def _compare_units(source: tuple[AccessUnit, ...], played: tuple[AccessUnit, ...]) -> Finding:
    same = sum((a.digest, a.keyframe) == (b.digest, b.keyframe) for a, b in zip(source, played, strict=False))
    holds = same == len(source) == len(played) > 0
    return Finding(
        mark("pictures"), holds, f"{same} of {len(source)} access units equal byte for byte, {len(played)} played"
    )


def _compare_times(source: tuple[AccessUnit, ...], played: tuple[AccessUnit, ...]) -> Finding:
    pairs = [(a.pts_ticks, b.pts_ticks) for a, b in zip(source, played, strict=False)]
    timed = [(a, b) for a, b in pairs if a is not None and b is not None]
    apart = [abs((a - timed[0][0]) - (b - timed[0][1])) for a, b in timed]
    worst = max(apart, default=-1)
    hidden = [b for a, b in pairs if a is None and b is not None]
    longest_s = max((_on_screen_s(at, played) for at in hidden), default=0.0)
    return Finding(
        mark("timestamps"),
        0 <= worst <= 1 and longest_s <= GLIMPSE_S,
        f"at most {worst} of 1/{TICKS_PER_SECOND} s apart; {len(hidden)} hidden pictures, seen for {longest_s:.4f} s",
    )


def _on_screen_s(at: int, played: tuple[AccessUnit, ...]) -> float:
    """How long a picture stands until the next one replaces it."""
    later = min((unit.pts_ticks for unit in played if unit.pts_ticks is not None and unit.pts_ticks > at), default=at)
    return (later - at) / TICKS_PER_SECOND


def _compare_sets(source: tuple[AccessUnit, ...], played: tuple[AccessUnit, ...]) -> Finding:
    """Pictures with the wrong parameter sets would be decoded wrongly though their bytes are equal."""
    same = sum(a.sets == b.sets for a, b in zip(source, played, strict=False))
    kinds = len({unit.sets for unit in source})
    return Finding(
        mark("parameter sets"), same == len(source), f"{kinds} in use, the same with {same} of {len(source)}"
    )


def _compare_look(went_in: Tracks, came_out: Tracks) -> Finding:
    turned = "turned" if went_in.look.matrix else "upright"
    figures = f"{turned}, pixels {went_in.look.pixel}; played with pixels {came_out.look.pixel}"
    return Finding(mark("turn and shape"), went_in.look == came_out.look, figures)


def _compare_sound(
    went_in: Tracks, came_out: Tracks, source: tuple[AccessUnit, ...], played: tuple[AccessUnit, ...]
) -> Iterator[Finding]:
    if not len(came_out.sound):
        yield Finding(mark("sound"), holds=False, figures="the recording has no sound track at all")
        return
    if not len(went_in.sound):
        loudest = float(np.abs(came_out.sound).max())
        yield Finding(mark("sound"), loudest < SILENCE_RMS, f"none went in, the loudest sample played is {loudest:.4f}")
        return
    # A recording's sound lasts at least as long as its pictures: where the source has none, silence must stand.
    given, heard = _fill(_align(went_in, source), _picture_samples(source)), _align(came_out, played)
    apart = abs(len(given) - len(heard)) / SOUND_RATE
    yield Finding(
        mark("sound's length"), apart <= DURATION_LIMIT_S, f"{len(given) / SOUND_RATE:.2f} s, {apart:.3f} s apart"
    )
    if len(given) >= SHORTEST_S * SOUND_RATE:
        yield _compare_samples(given, heard)


def _align(tracks: Tracks, video: tuple[AccessUnit, ...]) -> NDArray[np.float32]:
    """Give the sound from the first picture on."""
    first_s = _times_s(video)[0]
    ahead = round((tracks.sound_begins_s - first_s) * SOUND_RATE)
    return tracks.sound[-ahead:] if ahead < 0 else np.concatenate([np.zeros(ahead, np.float32), tracks.sound])


def _picture_samples(video: tuple[AccessUnit, ...]) -> int:
    """How many samples the pictures last, the last one as long as the mean."""
    times = _times_s(video)
    picture_s = (times[-1] - times[0]) / max(1, len(times) - 1)
    return round((times[-1] + picture_s - times[0]) * SOUND_RATE)


def _times_s(video: tuple[AccessUnit, ...]) -> list[float]:
    return sorted(unit.pts_ticks / TICKS_PER_SECOND for unit in video if unit.pts_ticks is not None)


def _fill(sound: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    return np.concatenate([sound, np.zeros(max(0, samples - len(sound)), np.float32)])


def _compare_samples(given: NDArray[np.float32], heard: NDArray[np.float32]) -> Finding:
    windows = list(_windows(given, heard))
    judged = [hear(a, b) for a, b in windows if _rms(a) > SILENCE_RMS]
    noisy = sum(_rms(b) > NOISE_RMS for a, b in windows if _rms(a) <= SILENCE_RMS)
    worst = min((one.correlation for one in judged), default=1.0)
    lag_s = max((abs(one.lag_s) for one in judged), default=0.0)
    level = max((max(one.level, 1 / max(one.level, 1e-9)) for one in judged), default=1.0)
    wrong = sum(one.wrong_blocks for one in judged)
    holds = worst >= CORRELATION_LIMIT and lag_s <= LAG_LIMIT_S and level <= LEVEL_LIMIT and not noisy and not wrong
    silent = len(windows) - len(judged)
    return Finding(
        mark("sound's samples"),
        holds,
        f"{len(judged)} windows, least correlation {worst:.3f}, largest lag {lag_s * 1000:.1f} ms, level within "
        f"{level:.2f}, {wrong} blocks too loud or too quiet; {silent} silent windows, {noisy} of them noisy",
    )


def _windows(given: NDArray[np.float32], heard: NDArray[np.float32]) -> Iterator[tuple[NDArray[np.float32], ...]]:
    """Cut what both have into windows, the last one up to half as long again."""
    size, shared = round(WINDOW_S * SOUND_RATE), min(len(given), len(heard))
    starts = range(0, max(1, shared - size // 2), size)
    for at in starts:
        end = shared if at == starts[-1] else at + size
        yield given[at:end], heard[at:end]


def hear(given: NDArray[np.float32], heard: NDArray[np.float32]) -> Heard:
    """Judge one window of sound, at the lag at which it fits best."""
    correlation, lag_s = correlate(given, heard)
    shifted = np.roll(heard, -round(lag_s * SOUND_RATE))
    return Heard(correlation, lag_s, _rms(heard) / _rms(given), _count_wrong_blocks(given, shifted))


def _count_wrong_blocks(given: NDArray[np.float32], heard: NDArray[np.float32]) -> int:
    """Count blocks that stand out of their window and came back far quieter or louder; the edges are not judged."""
    size = round(BLOCK_S * SOUND_RATE)
    loud_enough = max(NOISE_RMS, 0.3 * _rms(given))
    pairs = [
        (_rms(given[at : at + size]), _rms(heard[at : at + size])) for at in range(size, len(given) - 2 * size, size)
    ]
    return sum(a > loud_enough and not a / BLOCK_LEVEL_LIMIT < b < a * BLOCK_LEVEL_LIMIT for a, b in pairs)


def correlate(given: NDArray[np.float32], heard: NDArray[np.float32]) -> tuple[float, float]:
    """Give the best normalised correlation of two pieces of sound and the lag in seconds at which it stands."""
    given, heard = given - given.mean(), heard - heard.mean()
    size = 1 << (len(given) + len(heard)).bit_length()
    products = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(given, size)), size * _FINER) * _FINER
    reach = round(SEARCH_S * SOUND_RATE) * _FINER
    near = np.concatenate([products[-reach:], products[: reach + 1]])
    best = int(np.argmax(near))
    norm = float(np.linalg.norm(given) * np.linalg.norm(heard)) or 1.0
    return float(near[best]) / norm, (best - reach) / (SOUND_RATE * _FINER)


def _rms(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0
