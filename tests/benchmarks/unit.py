"""The unit's three processes over an hour of recording: memory, whether it is flat, and the recorder's own work.

    python -m tests.benchmarks.unit [MINUTES OF MEDIA]

A looped film at 2 Mbit/s, 720p25, runs at many times its speed through a real recorder beside a real agent (with a
private Mosquitto) and a real uploader (whose controller is away). The camera's own work, demultiplexing and decoding
sound, is measured alone on the same film and taken off; the encoder of a real unit is not part of this at all.
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil

from device.hardware.clock import SystemClock
from device.hardware.ports import AudioFrame, CameraEnd, HardwareError, VideoPacket
from device.hardware.replay import ReplayCamera, ReplaySettings
from provisioning.demo.crew import Crew, backrow
from provisioning.demo.panel import HOLD_TO_STOP_S, Panel
from tests.broker import Broker
from tests.footage import run_ffmpeg
from tests.school import UnitBundle, make_school

MINUTES = 60
SPEED = 20.0
FILM_S = 60
MEMORY_LIMIT_MB = 250
WORK_LIMIT = 0.03
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


def measure_camera(film: Path) -> float:
    """CPU seconds of the replay camera alone, per second of film."""
    camera = ReplayCamera(film, clock=SystemClock(), settings=ReplaySettings(speed=math.inf, plays=1))
    sink = _NullSink()
    before = time.process_time()
    camera.start(sink)
    sink.ended.wait()
    camera.stop()
    return (time.process_time() - before) / FILM_S


def main(minutes: float = MINUTES) -> None:
    """Print the figures and their ratios to the limits."""
    with tempfile.TemporaryDirectory(prefix="backrow-unit-") as folder, ExitStack() as stack:
        film = Path(folder) / "film.mp4"
        make_film(film)
        camera = measure_camera(film)
        broker = stack.enter_context(Broker())
        unit = make_school(Path(folder), now=datetime.now(UTC)).make_unit(
            Path(folder) / "unit",
            tables={
                "camera": {"kind": "replay", "input": str(film), "speed": SPEED, "loop": True},
                "broker": {"host": broker.host, "port": broker.port, "tls": False},
            },
        )
        crew = stack.enter_context(Crew(Path(folder)))
        _report(_record(unit, crew, minutes * 60), camera)


def _record(unit: UnitBundle, crew: Crew, media_s: float) -> tuple[list[float], list[float], float, float]:
    """Record; give RSS and PSS sums in MB by second, the recorder's CPU seconds, and the media seconds."""
    for name in PROCESSES:
        crew.start(name, backrow("device", name, "--config", unit.config))
    panel = _connect(crew, unit.data / "run" / "panel.sock")
    processes = [psutil.Process(pid) for pid in crew.pids()]
    crew.wait_for("ready", lambda: panel.lamp == "ready", seconds=60)
    before = sum(processes[0].cpu_times()[:2])
    panel.tap()
    rss, pss = [], []
    end = time.monotonic() + media_s / SPEED
    while time.monotonic() < end:
        time.sleep(1)
        crew.check()
        facts = [process.memory_full_info() for process in processes]
        rss.append(sum(fact.rss for fact in facts) / 1e6)
        pss.append(sum(fact.pss for fact in facts) / 1e6)
    panel.hold(HOLD_TO_STOP_S)
    crew.wait_for("the end", lambda: panel.lamp == "ready", seconds=60)
    work = sum(processes[0].cpu_times()[:2]) - before
    panel.close()
    (recording,) = unit.recordings()
    closed = unit.manifest(recording).closed
    return rss, pss, work, (closed.duration_ticks if closed else 0) / 90_000


def _connect(crew: Crew, path: Path) -> Panel:
    found: list[Panel] = []

    def connects() -> bool:
        with suppress(OSError):
            found.append(Panel(path))
        return bool(found)

    crew.wait_for("the panel", connects, seconds=60)
    return found[0]


def _report(measured: tuple[list[float], list[float], float, float], camera: float) -> None:
    rss, pss, work, media_s = measured
    quarter = len(rss) // 4
    early, late = statistics.median(rss[quarter : 2 * quarter]), statistics.median(rss[3 * quarter :])
    share = work / media_s
    print(f"  {media_s / 60:.1f} minutes of media at 2 Mbit/s, at {SPEED:.0f} times their speed")
    print(f"  memory of three processes: at most {max(rss):.0f} MB (shared pages counted once: {max(pss):.0f} MB)")
    print(f"    / {MEMORY_LIMIT_MB} MB: {max(rss) / MEMORY_LIMIT_MB:.2f}; last / second quarter: {late / early:.3f}")
    print(
        f"  recorder: {share:.4f} of a core, of which the replay camera {camera:.4f}; its own work {share - camera:.4f}"
    )
    print(f"    / {WORK_LIMIT} of a core: {(share - camera) / WORK_LIMIT:.2f}")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
