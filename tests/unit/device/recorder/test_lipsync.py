"""Sound and picture of two devices with clocks of their own, in what was really recorded.

The short form of `python -m tests.lipsync`, which records 90 minutes.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from device.hardware.ports import TICKS_PER_S, AudioSink, MicrophoneFault
from device.recorder.states import Kind
from protocol.manifest import EventName
from tests.fakes.clock import HurriedClock
from tests.fakes.crystal import Crystal, CrystalMicrophone
from tests.lipsync import LIMIT_MS, measure, record

SECONDS, SPEED = 36.0, 8.0


@pytest.mark.parametrize("drift_ppm", [pytest.param(-300.0, marks=pytest.mark.soak), 300.0])
def test_clap_is_heard_when_it_is_seen(tmp_path: Path, drift_ppm: float) -> None:
    """With a poor crystal and a latency that is configured, every clap is in step, to the end and across segments."""
    crystal = Crystal(drift_ppm=drift_ppm, late_ms=120, latency_ms=120)
    clock = HurriedClock(SPEED)
    found = measure(record(tmp_path, CrystalMicrophone(crystal, clock), clock, seconds=SECONDS).bench)
    assert len(found.claps) >= SECONDS - 6
    assert max(abs(clap.late_ms) for clap in found.claps) < LIMIT_MS / 2
    assert found.faults == ()
    assert found.silent_permille < 30


@pytest.mark.parametrize(("latency_ms", "off_ms"), [(0.0, 120.0), (240.0, -120.0)])
def test_latency_that_is_set_wrong_is_seen(tmp_path: Path, latency_ms: float, off_ms: float) -> None:
    """Sound that is 120 ms late is heard late without the setting, and early by as much with twice the setting."""
    crystal = Crystal(late_ms=120, latency_ms=latency_ms)
    clock = HurriedClock(4)
    found = measure(record(tmp_path, CrystalMicrophone(crystal, clock), clock, seconds=8).bench)
    assert found.claps
    assert all(clap.late_ms == pytest.approx(off_ms, abs=LIMIT_MS / 2) for clap in found.claps)


class PulledMicrophone(CrystalMicrophone):
    """Is pulled out at one second of its clock and plugged in again at another."""

    def __init__(self, clock: HurriedClock, *, pulled_s: float, back_s: float) -> None:
        super().__init__(Crystal(late_ms=120, latency_ms=120), clock)
        self._times = clock
        self._pulled_s, self._back_s = pulled_s, back_s
        self._hand = threading.Thread(target=self._pull, name="hand-at-the-plug", daemon=True)
        self._sink: AudioSink | None = None

    def start(self, sink: AudioSink) -> None:
        """See `Microphone.start`; while it is out there is no such card."""
        if self._pulled_s <= self._times.monotonic_s() < self._back_s:
            raise MicrophoneFault("no such card")
        self._sink = sink
        super().start(sink)
        if not self._hand.is_alive() and self._times.monotonic_s() < self._pulled_s:
            self._hand.start()

    def _pull(self) -> None:
        self._times.wait_until(self._pulled_s, threading.Event())
        super().stop()
        assert self._sink is not None
        self._sink.on_fault(MicrophoneFault("the plug was pulled"))


def test_microphone_pulled_in_mid_lesson_is_taken_back_in_step(tmp_path: Path) -> None:
    """The picture goes on, the warning comes and goes, the manifest says when, and the sound is in step again."""
    clock = HurriedClock(8)
    began_s = clock.monotonic_s()
    microphone = PulledMicrophone(clock, pulled_s=began_s + 10, back_s=began_s + 35)
    recorded = record(tmp_path, microphone, clock, seconds=60)
    kinds = [event.kind for event in recorded.said if event.kind in (Kind.SOUND_BAD, Kind.SOUND_GOOD)]
    assert kinds == [Kind.SOUND_BAD, Kind.SOUND_GOOD]
    found = measure(recorded.bench)
    assert found.faults[0] == "the plug was pulled"
    assert found.faults[1].startswith("the microphone answers again after ")
    assert all(abs(clap.late_ms) < LIMIT_MS / 2 for clap in found.claps)
    heard = [clap.seen_s for clap in found.claps]
    assert min(heard) < 9
    assert max(heard) > 50
    assert not [at_s for at_s in heard if 13 < at_s < 33]
    assert 300 < found.silent_permille < 700
    (recording,) = recorded.bench.store.recordings()
    manifest = recorded.bench.manifest(recording)
    faults = [line.content for line in manifest.events if line.content.name is EventName.FAULT]  # type: ignore[union-attr]
    assert [event.at_ticks / TICKS_PER_S for event in faults] == pytest.approx([10, 36], abs=8)  # type: ignore[union-attr]
    assert sum(segment.ended.duration_ticks for segment in manifest.segments) == 60 * TICKS_PER_S  # type: ignore[union-attr]
