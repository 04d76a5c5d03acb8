"""The unit's three processes over an hour of recording: memory, whether it is flat, and the recorder's own work.

    python -m tests.benchmarks.unit [MINUTES OF MEDIA]

A looped film at 2 Mbit/s, 720p25, runs at many times its speed through a real recorder beside a real agent (with a
private Mosquitto) and a real uploader (whose controller is away), and for two minutes at its own speed, where a thread
wakes up for each picture. The camera's own work, demultiplexing and decoding sound, is measured alone on the same film
at the same speed and taken off, and so is the AAC encoder; a real unit's video encoder is not part of this at all.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import psutil

from device.hardware.clock import SystemClock
from device.hardware.ports import SOUND_RATE_HZ, AudioFrame, CameraEnd, HardwareError, VideoPacket
from device.hardware.replay import ReplayCamera, ReplaySettings
from provisioning.demo.crew import Crew, backrow
from provisioning.demo.panel import HOLD_TO_STOP_S, Panel
from tests.broker import Broker
from tests.footage import run_ffmpeg
from tests.school import UnitBundle, make_school

MINUTES = 60
SPEED = 20.0
FILM_S = 60
REAL_TIME_S = 120
MEMORY_LIMIT_MB = 250
WORK_LIMIT = 0.03
SOUND_BPS = 64_000
PROCESSES = ("recorder", "agent", "uploader")


class _NullSink:
    """Takes what a camera gives, and drops it."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def on_video(self, packet: VideoPacket) -> None: ...

    def on_audio(self, frame: AudioFrame) -> None: ...

    def on_fault(self, error: HardwareError) -> None:
        raise error

    def on_end(self, reason: CameraEnd) -> None:
        self.ended.set()


def make_film(path: Path) -> None:
    """Make a busy film at about 2 Mbit/s with a keyframe each second and speech-like sound."""
    video = ["-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate=25:duration={FILM_S},noise=alls=12:allf=t"]
    sound = ["-f", "lavfi", "-i", f"anoisesrc=duration={FILM_S}:color=pink:amplitude=0.2:sample_rate=48000"]
    rate = ["-b:v", "2M", "-maxrate", "2M", "-bufsize", "1M", "-g", "25", "-preset", "ultrafast", "-bf", "0"]
    run_ffmpeg(*video, *sound, "-c:v", "libx264", *rate, "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest", path)


def measure_camera(film: Path, speed: float) -> float:
    """CPU seconds of the replay camera alone, per second of film."""
    camera = ReplayCamera(film, clock=SystemClock(), settings=ReplaySettings(speed=speed, plays=1))
    sink = _NullSink()
    before = time.process_time()
    camera.start(sink)
    sink.ended.wait()
    camera.stop()
    return (time.process_time() - before) / FILM_S


def measure_encoder(seconds: int = FILM_S) -> float:
    """CPU seconds of the AAC encoder alone, per second of sound."""
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = SOUND_RATE_HZ, "mono", "fltp"
    encoder.bit_rate, encoder.options = SOUND_BPS, {"aac_pns": "0"}
    noise = np.random.default_rng(1).normal(0, 0.05, (1, 1024)).astype(np.float32)
    before = time.process_time()
    for number in range(seconds * SOUND_RATE_HZ // 1024):
        frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SOUND_RATE_HZ, number * 1024
        encoder.encode(frame)
    return (time.process_time() - before) / seconds


@dataclass(frozen=True)
class Measured:
    """Sums over the three processes by second, in MB; the recorder's CPU seconds; and the media that it recorded."""

    rss_mb: list[float]
    pss_mb: list[float]
    work_s: float
    media_s: float


def main(minutes: float = MINUTES) -> None:
    """Print the figures and their ratios to the limits."""
    with tempfile.TemporaryDirectory(prefix="backrow-unit-") as folder:
        film = Path(folder) / "film.mp4"
        make_film(film)
        long = _run(film, Path(folder) / "long", SPEED, minutes * 60)
        _report_memory(long)
        _report_work(long, SPEED, measure_camera(film, SPEED))
        _report_work(_run(film, Path(folder) / "real", 1.0, REAL_TIME_S), 1.0, measure_camera(film, 1.0))


def _run(film: Path, folder: Path, speed: float, media_s: float) -> Measured:
    folder.mkdir()
    with Broker() as broker, Crew(folder) as crew:
        unit = make_school(folder, now=datetime.now(UTC)).make_unit(
            folder / "unit",
            tables={
                "camera": {"kind": "replay", "input": str(film), "speed": speed, "loop": True},
                "broker": {"host": broker.host, "port": broker.port, "tls": False},
            },
        )
        return _record(unit, crew, media_s / speed)


def _record(unit: UnitBundle, crew: Crew, seconds: float) -> Measured:
    for name in PROCESSES:
        crew.start(name, backrow("device", name, "--config", unit.config))
    panel = _connect(crew, unit.data / "run" / "panel.sock")
    processes = [psutil.Process(pid) for pid in crew.pids()]
    crew.wait_for("ready", lambda: panel.lamp == "ready", seconds=60)
    before = sum(processes[0].cpu_times()[:2])
    panel.tap()
    rss, pss = [], []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(1)
        crew.check()
        facts = [process.memory_full_info() for process in processes]
        rss.append(sum(fact.rss for fact in facts) / 1e6)
        pss.append(sum(fact.pss for fact in facts) / 1e6)
    panel.hold(HOLD_TO_STOP_S)
    crew.wait_for("the end", lambda: panel.lamp == "ready", seconds=60)
    work_s = sum(processes[0].cpu_times()[:2]) - before
    panel.close()
    (recording,) = unit.recordings()
    closed = unit.manifest(recording).closed
    return Measured(rss, pss, work_s, (closed.duration_ticks if closed else 0) / 90_000)


def _connect(crew: Crew, path: Path) -> Panel:
    found: list[Panel] = []

    def connects() -> bool:
        with suppress(OSError):
            found.append(Panel(path))
        return bool(found)

    crew.wait_for("the panel", connects, seconds=60)
    return found[0]


def _report_memory(measured: Measured) -> None:
    rss = measured.rss_mb
    quarter = len(rss) // 4
    early, late = statistics.median(rss[quarter : 2 * quarter]), statistics.median(rss[3 * quarter :])
    print(f"  {measured.media_s / 60:.1f} minutes of media at 2 Mbit/s, at {SPEED:.0f} times their speed")
    print(f"  memory of three processes: at most {max(rss):.0f} MB (shared pages once: {max(measured.pss_mb):.0f} MB)")
    print(f"    / {MEMORY_LIMIT_MB} MB: {max(rss) / MEMORY_LIMIT_MB:.2f}; last / second quarter: {late / early:.3f}")


def _report_work(measured: Measured, speed: float, camera: float) -> None:
    share = measured.work_s / measured.media_s
    encoder = measure_encoder()
    own = share - camera - encoder
    print(f"  at {speed:.0f} times the film's speed, per recorded second:")
    print(f"    recorder {share:.4f} of a core, of which the replay camera {camera:.4f}, the AAC encoder {encoder:.4f}")
    print(f"    its own work {own:.4f}")
    print(f"    / {WORK_LIMIT} of a core: {own / WORK_LIMIT:.2f}")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
