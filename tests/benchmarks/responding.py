"""How soon the recorder answers: from the press to the lamp and to the first durable byte, and from picture to disk.

    python -m tests.benchmarks.responding [PRESSES] [SECONDS]

The first two with the real recorder as a process and the replay camera; the last with the recorder's own take on a disk
each of whose syncs takes 100 ms longer. What is measured there is how far the camera was ahead of the disk when a
fragment became durable: what a power cut at that instant would have cost.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from device.consent import PressDecision
from device.hardware.clock import SystemClock
from device.hardware.ports import PictureFacts
from device.hardware.synthetic import SyntheticCamera, SyntheticSettings
from device.media.segments import SegmentLimits
from device.recorder.media import MediaWriter
from device.recorder.states import Event, Kind
from device.recorder.take import Take
from protocol.durable import Files
from protocol.manifest import TICKS_PER_SECOND, Sealed
from tests.crash.lessons import NOW, Lesson
from tests.fakes.slowfiles import SlowFiles
from tests.footage import find_footage
from tests.recorder_process import panel_of, running_recorder
from tests.school import School, UnitBundle, make_school

PRESSES = 15
SECONDS = 150
TAKES = 4
DISKS = {"usual": 0.0, "slow": 0.1}  # by how many seconds each sync takes longer
LAMP_LIMIT_S = 0.15
FIRST_LIMIT_S = 1.5
LATE_LIMIT_S = 1.0
MEDIA_BYTES = 1024  # more than a header: a sealed file grows beyond it with its first fragment
WATCH_EVERY_S = 0.002


def main(presses: int = PRESSES, seconds: int = SECONDS) -> None:
    """Print the figures and their ratios to the limits."""
    with tempfile.TemporaryDirectory(prefix="backrow-responding-") as folder:
        _report_presses(Path(folder) / "press", presses)
        _report_disks(Path(folder) / "disk", seconds)


def _report_presses(folder: Path, presses: int) -> None:
    school = make_school(folder, now=datetime.now(UTC))
    replay = {"kind": "replay", "input": str(find_footage("bigbuckbunny.mp4")), "loop": True}
    timings = {"settle_s": 0.0, "release_every_s": 0.5}
    unit = school.make_unit(folder / "unit", tables={"camera": replay, "timings": timings})
    measured = [_press(unit) for _ in range(presses)]
    lamp, first = (sorted(each) for each in zip(*measured, strict=True))
    print(f"{presses} presses, from the contact on (30 ms of it are the debounce)")
    _say("to the recording pattern", statistics.median(lamp), lamp[-1], LAMP_LIMIT_S)
    _say("to the first sealed byte of media", statistics.median(first), first[-1], FIRST_LIMIT_S)


def _press(unit: UnitBundle) -> tuple[float, float]:
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        known = set(unit.recordings())
        began_s = time.monotonic()
        panel.press()
        panel.wait_for("recording")
        lamp_s = time.monotonic() - began_s
        while not any(_holds_media(folder) for folder in set(unit.recordings()) - known):
            time.sleep(WATCH_EVERY_S)
        first_s = time.monotonic() - began_s
        panel.release()
        process.kill()
    with running_recorder(unit), panel_of(unit) as panel:
        panel.wait_for("recording")
        panel.hold(2.5)
        panel.wait_for("ready")
    return lamp_s, first_s


def _holds_media(folder: Path) -> bool:
    segment = folder / "000001.age"
    return segment.exists() and segment.stat().st_size > MEDIA_BYTES


def _report_disks(folder: Path, seconds: int) -> None:
    school = make_school(folder, now=NOW)
    usual, slow = (_measure(school, folder / name, seconds, delay_s) for name, delay_s in DISKS.items())
    print(f"{len(slow)} fragments of {TAKES} takes at once: how far the camera was ahead when one became durable")
    _say("this disk: 99.9 %", statistics.median(usual), _quantile(usual), LATE_LIMIT_S)
    _say("with syncs of 100 ms: 99.9 %", statistics.median(slow), _quantile(slow), LATE_LIMIT_S)


def _measure(school: School, folder: Path, seconds: int, delay_s: float) -> list[float]:
    units = [school.make_unit(folder / str(number)) for number in range(TAKES)]
    with ThreadPoolExecutor(TAKES) as takes:
        begun = [takes.submit(_record, school, unit, SlowFiles(lambda _number: delay_s), seconds) for unit in units]
        return sorted(late for each in begun for late in each.result())


def _record(school: School, unit: UnitBundle, files: Files, seconds: int) -> list[float]:
    lesson, ended, reached = Lesson(school, unit, files), threading.Event(), list[int]()
    lesson.store.prepare()
    permit = PressDecision(allowed=True, reason="", owner=unit.owner, policy_generation=1, policy_version=1)
    writer = MediaWriter(lesson.beginner.begin(permit), PictureFacts(), SegmentLimits(target_s=30.0, bound_s=60.0))
    settings = SyntheticSettings(width=320, height=180, fps=25, bit_rate_bps=200_000, seconds=seconds)

    def hear(event: Event) -> None:
        if event.kind is Kind.DURABLE:
            reached.append(take.ticks_at(event.at_s))
        elif event.kind is Kind.TAKE_ENDED:
            ended.set()

    camera = SyntheticCamera(clock=SystemClock(), settings=settings)
    take = Take(camera, None, writer=writer, clock=SystemClock(), post=hear)
    take.start()
    ended.wait()
    take.dispose()
    return [(camera_at - end) / TICKS_PER_SECOND for camera_at, end in zip(reached, _ends(unit), strict=False)]


def _ends(unit: UnitBundle) -> Iterator[int]:
    """Give the end of each fragment, in ticks since the take began."""
    (folder,) = unit.recordings()
    sealed = [segment.ended for segment in unit.manifest(folder).segments if isinstance(segment.ended, Sealed)]
    return itertools.accumulate(entry.duration_ticks for each in sealed for entry in each.fragments)


def _quantile(late: list[float]) -> float:
    return late[min(len(late) - 1, int(0.999 * len(late)))]


def _say(what: str, median_s: float, worst_s: float, limit_s: float) -> None:
    verdict = "as wanted" if worst_s <= limit_s else "NOT as wanted"
    print(f"  {what:<36} median {median_s:.3f} s, worst {worst_s:.3f} s")
    print(f"    / {limit_s} s: {worst_s / limit_s:.2f} ({verdict})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
