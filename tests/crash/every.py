"""Fails one lesson's disk at every single operation, one run for each: killed, without power, refused, full.

What is found afterwards must be in order. The suite runs it for a few rates, `python -m tests.crash.long` for many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from device.recorder.begin import CannotBegin
from protocol.manifest import CloseReason
from tests.crash.lessons import NOW, SECONDS, Item, Lesson, check_order, film, recover
from tests.fakes.cutfiles import CountingFiles, Cut, FullFiles, KilledFiles, PoweredFiles, RefusingFiles, Tail
from tests.school import School, make_school
from tests.unsealed import open_recording


@dataclass(frozen=True)
class Scene:
    """A school, what is filmed, and the operations of an undisturbed lesson, in order."""

    school: School
    folder: Path
    footage: tuple[Item, ...]
    operations: tuple[str, ...]

    def lessons(self, kind: str) -> Iterator[tuple[int, Path]]:
        """Number the operations, each with a folder of its own."""
        for at in range(1, len(self.operations) + 1):
            yield at, self.folder / f"{kind}-{at}"


def set_scene(folder: Path, bit_rate_bps: int) -> Scene:
    """Record once undisturbed, to learn the operations."""
    school, files, footage = make_school(folder / "school", now=NOW), CountingFiles(), film(bit_rate_bps)
    lesson = Lesson(school, school.make_unit(folder / "whole"), files)
    lesson.record(footage)
    (recording,) = lesson.unit.recordings()
    assert open_recording(school, lesson.unit, recording).seconds == pytest.approx(SECONDS, abs=0.1)
    return Scene(school, folder, footage, tuple(files.names))


def kill_at_every_operation(scene: Scene) -> None:
    """kill -9 at each write, sync and rename, a write being half done."""
    for at, folder in scene.lessons("killed"):
        lesson = Lesson(scene.school, scene.school.make_unit(folder), KilledFiles(at))
        with pytest.raises(Cut):
            lesson.record(scene.footage)
        check_order(recover(lesson), given_s=lesson.given_s)


def cut_power_at_every_operation(scene: Scene, tail: Tail) -> None:
    """The power goes at each operation; of what was not synced the disk keeps what `tail` says."""
    for at, folder in scene.lessons(tail.value):
        unit = scene.school.make_unit(folder)
        files = PoweredFiles(unit.data / "spool", at, tail)
        lesson = Lesson(scene.school, unit, files)
        with pytest.raises(Cut):
            lesson.record(scene.footage)
        files.leave()
        check_order(recover(lesson), given_s=lesson.given_s)


def cut_recovery_at_every_operation(scene: Scene) -> None:
    """A second cut, in the recovery of a lesson that was killed in its middle."""
    names = scene.operations
    middle = max(at for at, name in enumerate(names, 1) if name == "write" and at < 0.7 * len(names))
    for at, folder in scene.lessons("recovery"):
        lesson = Lesson(scene.school, scene.school.make_unit(folder), KilledFiles(middle))
        with pytest.raises(Cut):
            lesson.record(scene.footage)
        again = Lesson(scene.school, lesson.unit, KilledFiles(at))
        try:
            for mended in again.keeper.mend_all():
                again.keeper.end(mended.recording, CloseReason.INTERRUPTED)
        except Cut:
            check_order(recover(lesson), given_s=lesson.given_s)
        else:
            return
    raise AssertionError("the recovery never ran through")


def refuse_every_operation(scene: Scene, code: int, *, times: int) -> None:
    """The disk refuses an operation and `times - 1` after it; after a restart on a disk that works all is in order."""
    for at, folder in scene.lessons(f"refused-{code}"):
        lesson = Lesson(scene.school, scene.school.make_unit(folder), RefusingFiles(at, code=code, times=times))
        try:
            lesson.record(scene.footage)
        except (OSError, CannotBegin):
            check_order(recover(lesson), given_s=0.0 if times == 1 else lesson.given_s)
        else:
            check_order(lesson, given_s=lesson.given_s)


def fill_disk_at_every_operation(scene: Scene) -> None:
    """The disk is full from any operation on: the reserve ends the recording well, and no restart is needed."""
    first = scene.operations.index("allocate") + 2
    begun = scene.operations.index("open manifest") + 3  # from here on the first line is written
    for at, folder in scene.lessons("full"):
        if at < first:
            continue
        lesson = Lesson(scene.school, scene.school.make_unit(folder), FullFiles(at))
        if at < begun:
            with pytest.raises(OSError, match="no space left"):
                lesson.record(scene.footage)
            assert lesson.unit.recordings() == []
            continue
        lesson.record(scene.footage)
        check_order(lesson, given_s=lesson.given_s)
