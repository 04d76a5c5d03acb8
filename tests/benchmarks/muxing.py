"""What one recorded second costs the recorder between the camera and the seal: muxing, AAC, and the sound's level.

    python -m tests.benchmarks.muxing

Pictures come from memory, 720p25 at about 2 Mbit/s as the synthetic camera gives them, with 48 kHz sound. Each part is
measured beside the whole, in processor time of this process, in the same run; the limit of 3 % of a core is for all of
the recorder's own work (mux, seal, sign, journal), of which this is the greater part.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from device.hardware.clock import SystemClock
from device.hardware.ports import SOUND_RATE_HZ, TICKS_PER_S, AudioFrame, PictureFacts, VideoPacket
from device.hardware.synthetic import SyntheticCamera, SyntheticSettings
from device.media.levels import LevelMeter
from device.media.muxer import Fragment, InitSegment, TakeMuxer
from device.media.segments import SegmentIndex, SegmentLimits, decide_cut
from tests.fakes.sink import CollectingSink

Items = Sequence[VideoPacket | AudioFrame]

FILM_S = 30
TURNS = 5
LIMIT_SHARE = 0.03


def film() -> Items:
    """Half a minute of the synthetic camera, in memory."""
    sink = CollectingSink()
    camera = SyntheticCamera(clock=SystemClock(), settings=SyntheticSettings(speed=math.inf, seconds=FILM_S))
    camera.start(sink)
    sink.wait_over()
    camera.stop()
    return sink.items


def mux(items: Items) -> None:
    """Everything that stands between camera and seal, but for the level."""
    muxer = TakeMuxer(PictureFacts())
    index = SegmentIndex(length=0)
    for item in items:
        outputs = muxer.add_video(item) if isinstance(item, VideoPacket) else muxer.add_audio(item)
        for output in outputs:
            if isinstance(output, InitSegment):
                index = SegmentIndex.begin(output)
            elif isinstance(output, Fragment):
                decide_cut(index, output, SegmentLimits())
                index.add(output)
    muxer.close()


def measure_level(items: Items) -> None:
    """The sound's level alone."""
    meter = LevelMeter(rate_hz=SOUND_RATE_HZ)
    for item in items:
        if isinstance(item, AudioFrame):
            meter.add(item.samples)


def share_of_a_core(work: Callable[[], None]) -> float:
    """Processor seconds per recorded second, of all threads."""
    start = time.process_time()
    work()
    return (time.process_time() - start) / FILM_S


def main() -> None:
    """Print the shares and what they are against the limit."""
    items = film()
    silence = [
        replace(item, samples=bytes(len(item.samples))) if isinstance(item, AudioFrame) else item for item in items
    ]
    parts: dict[str, Callable[[], None]] = {
        "mux with sound": lambda: mux(items),
        "mux with a mute microphone": lambda: mux(silence),
        "mux without a microphone": lambda: mux([item for item in items if isinstance(item, VideoPacket)]),
        "sound level": lambda: measure_level(items),
    }
    turns: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(TURNS):
        for name, work in parts.items():
            turns[name].append(share_of_a_core(work))
    video = [item for item in items if isinstance(item, VideoPacket)]
    seconds = (video[-1].dts + video[-1].duration) / TICKS_PER_S
    rate = sum(len(packet.data) for packet in video) * 8 / seconds
    print(f"{seconds:.0f} s of 720p25 at {rate / 1e6:.2f} Mbit/s from memory, medians of {TURNS} turns")
    for name, shares in turns.items():
        share = statistics.median(shares)
        print(f"  {name:28} {share * 100:5.2f} % of a core  ({share / LIMIT_SHARE:.2f} of the recorder's whole limit)")


if __name__ == "__main__":
    main()
