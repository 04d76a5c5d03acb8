"""How far sound and picture are apart in what was really recorded: a flash and a beep that fell on the same instant.

Records the synthetic camera and a microphone with a crystal of its own, at many times the pace of the world, through a
real take into sealed segments; opens them again and decodes both tracks.

    python -m tests.lipsync --minutes 90 --speed 20 --ppm 100 --late-ms 120 --latency-ms 120
"""

from __future__ import annotations

import argparse
import queue
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import av
import numpy as np

from device.hardware.ports import Microphone, PictureFacts
from device.hardware.synthetic import SyntheticCamera, SyntheticSettings
from device.media.muxer import SoundSettings
from device.media.segments import SegmentLimits
from device.recorder.media import MediaWriter, SoundRules
from device.recorder.sound import KeeperPace, SoundKeeper
from device.recorder.states import Event, Kind, TakeEnd
from device.recorder.take import Take
from protocol.envelope import open_sealed
from protocol.manifest import EventName
from tests.fakes.clock import HurriedClock
from tests.fakes.crystal import Crystal, CrystalMicrophone
from tests.unit.device.spool.conftest import SpoolBench

LIMIT_MS = 40.0
PATIENCE_S = 60.0
_BRIGHT = 180
_LOUD = 5000 / 32768


@dataclass(frozen=True)
class Clap:
    """A flash and its beep: when each stands in the recording (seconds of the take), and how late the sound is."""

    seen_s: float
    heard_s: float

    @property
    def late_ms(self) -> float:
        """Milliseconds by which the beep is heard after the flash is seen."""
        return 1000 * (self.heard_s - self.seen_s)


@dataclass(frozen=True)
class Measured:
    """The claps of a recording, and what its take said."""

    claps: tuple[Clap, ...]
    faults: tuple[str, ...]
    silent_permille: int


@dataclass(frozen=True)
class Recorded:
    """A spool whose one recording has a single take and is not closed, and what that take said on the way."""

    bench: SpoolBench
    said: tuple[Event, ...]


def record(folder: Path, microphone: Microphone, clock: HurriedClock, *, seconds: float) -> Recorded:
    """Record so many seconds of media with the synthetic camera and a microphone that has the same clock."""
    said: queue.SimpleQueue[Event] = queue.SimpleQueue()
    settings = SyntheticSettings(width=160, height=96, bit_rate_bps=100_000, seconds=seconds, own_sound=False)
    bench = SpoolBench(folder)
    rules = SoundRules(is_expected=True, track=SoundSettings(patience_s=0.5 * clock.speed))
    writer = MediaWriter(bench.begin(), PictureFacts(), SegmentLimits(), rules)
    keeper = SoundKeeper(microphone, clock, KeeperPace(quiet_s=2.0 * clock.speed))
    take = Take(SyntheticCamera(clock=clock, settings=settings), keeper, writer=writer, clock=clock, post=said.put)
    take.start()
    events = []
    while not events or events[-1].kind is not Kind.TAKE_ENDED:
        events.append(said.get(timeout=PATIENCE_S))
    take.dispose()
    assert events[-1].cause is TakeEnd.FINISHED, events[-1]
    return Recorded(bench, tuple(events))


def measure(bench: SpoolBench) -> Measured:
    """Open what was sealed and find every clap in it."""
    (recording,) = bench.store.recordings()
    manifest = bench.manifest(recording)
    claps: list[Clap] = []
    for segment in manifest.segments:
        sealed = bench.store.object_path(recording, segment.index).read_bytes()
        claps += find_claps(open_sealed(sealed, [bench.identity]))
    events = [line.content for line in manifest.events]
    sounds = [event.sound for event in events if event.name is EventName.SOUND and event.sound]  # type: ignore[union-attr]
    faults = tuple(event.detail for event in events if event.name is EventName.FAULT)  # type: ignore[union-attr]
    return Measured(tuple(claps), faults, sounds[-1].silent_permille)


def find_claps(media: bytes) -> Iterator[Clap]:
    """Find the flashes of a segment and, for each that has one in the same segment, its beep."""
    with av.open(BytesIO(media)) as container:
        flashes = [at_s for at_s, is_bright in _turns(_brightness(container)) if is_bright]
    with av.open(BytesIO(media)) as container:
        first_s, samples = _sound(container)
    for seen_s in flashes:
        heard_s = _onset_s(samples, first_s, near_s=seen_s)
        if heard_s is not None:
            yield Clap(seen_s, heard_s)


def _brightness(container: av.container.InputContainer) -> Iterator[tuple[float, bool]]:
    for frame in container.decode(video=0):
        luma = frame.to_ndarray(format="gray")
        yield float(frame.time or 0), bool(luma[4:12, 4:12].mean() > _BRIGHT)


def _turns(states: Iterator[tuple[float, bool]]) -> Iterator[tuple[float, bool]]:
    """Give where a state changes; the first picture of a segment is compared with darkness."""
    before = False
    for at_s, state in states:
        if state is not before:
            yield at_s, state
        before = state


def _sound(container: av.container.InputContainer) -> tuple[float, np.ndarray]:
    frames = list(container.decode(audio=0))
    return float(frames[0].time or 0), np.concatenate([frame.to_ndarray()[0] for frame in frames])


def _onset_s(samples: np.ndarray, first_s: float, *, near_s: float) -> float | None:
    """Find the first loud sample within half a second of an instant; None where the segment does not hold it."""
    begin = round((near_s - 0.5 - first_s) * 48_000)
    end = begin + 48_000
    if begin < 0 or end > len(samples):
        return None
    loud = np.flatnonzero(np.abs(samples[begin:end]) > _LOUD)
    return first_s + (begin + int(loud[0])) / 48_000 if len(loud) else None


def main() -> None:
    """Record, measure, print; exit with 1 where a clap is off by more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("minutes", 90.0),
        ("speed", 20.0),
        ("ppm", 100.0),
        ("late-ms", 120.0),
        ("latency-ms", 120.0),
    ):
        parser.add_argument(f"--{name}", type=float, default=default)
    asked = parser.parse_args()
    crystal = Crystal(drift_ppm=asked.ppm, late_ms=asked.late_ms, latency_ms=asked.latency_ms)
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.monotonic()
        clock = HurriedClock(asked.speed)
        microphone = CrystalMicrophone(crystal, clock)
        recorded = record(Path(folder) / "spool", microphone, clock, seconds=60 * asked.minutes)
        took_s = time.monotonic() - began_s
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        found = measure(recorded.bench)
    late = [clap.late_ms for clap in found.claps]
    worst = max(late, key=abs)
    print(f"{asked.minutes:g} min recorded in {took_s:.0f} s, crystal {asked.ppm:+g} ppm, peak memory {peak_mib} MiB")
    print(f"{len(late)} claps; silent {found.silent_permille} permille; faults: {list(found.faults) or 'none'}")
    print(f"sound is late by (ms): first {late[0]:+.1f}, median {statistics.median(late):+.1f}, last {late[-1]:+.1f}")
    print(f"worst {worst:+.1f} ms: {abs(worst) / LIMIT_MS:.2f} of the limit of {LIMIT_MS:g} ms")
    raise SystemExit(abs(worst) > LIMIT_MS)


if __name__ == "__main__":
    main()
