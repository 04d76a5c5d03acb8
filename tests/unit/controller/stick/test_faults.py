"""A stick at the school when something fails: a full disk, a kill, a stick pulled out, the network at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import func, select

from controller import Surface, create_app, wiring
from controller.config import Uploads
from controller.errors import OperatorError
from controller.recordings.models import HeldObject
from controller.stick.service import visiting
from controller.uploads.models import Upload
from controller.uploads.scheduler.plan import Grant
from tests.fakes.cutfiles import CountingFiles, Cut, KilledFiles, RefusingFiles
from tests.house import House, Teacher
from tests.leasing import issue_lease
from tests.lesson import Lesson
from tests.small_disk import needs_mount, small_disk
from tests.unit.controller.stick.conftest import Carried
from tests.unit.controller.uploads.unit_client import UnitClient


def with_uploads(carried: Carried, uploads: Uploads) -> Carried:
    """Give the same at a controller with other marks or quotas."""
    services = carried.house.services
    changed = replace(services, config=replace(services.config, uploads=uploads))
    return replace(carried, house=replace(carried.house, services=changed))


def test_full_controller_refuses_and_answers_all_the_same(carried: Carried) -> None:
    """Nothing is taken in while there is no room for leases; documents come back, and with room the lesson does."""
    lesson = carried.record()
    carried.write()
    outcome = with_uploads(carried, Uploads(low_bytes=2**60, high_bytes=2**60)).bring()
    assert "no room" in " ".join(outcome.problems)
    assert outcome.answered
    assert not carried.is_held(lesson)
    assert carried.bring().problems == ()
    assert carried.is_held(lesson)


def test_quota_of_a_day_holds_for_sticks(carried: Carried) -> None:
    """Three uploads a day: the rest comes with the same stick, later."""
    lesson = carried.record((1_000,) * 5)
    carried.write()
    outcome = with_uploads(carried, Uploads(unit_daily_uploads=3)).bring()
    assert "import the stick again tomorrow" in " ".join(outcome.problems)
    with carried.house.services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(HeldObject)) == 3
    assert carried.bring().problems == ()
    assert carried.is_held(lesson)


@needs_mount
def test_disk_that_fills_at_any_moment_keeps_nothing_by_half(carried: Carried, tmp_path: Path) -> None:
    """With 0, 24, 48 … KiB left on the objects' disk: refused in words, nothing half-written, and all of it later."""
    data = carried.house.services.config.controller.data
    with small_disk(tmp_path / "disk", mebibytes=24) as disk:
        for name in ("objects", "stick"):
            (disk / name).mkdir()
            (data / name).symlink_to(disk / name)
        roomy = with_uploads(carried, Uploads(reserve_bytes=1))
        told = [_bring_with(roomy, disk, left) for left in range(0, 600 * 1024, 40 * 1024)]
    assert {bool(problems) for problems in told} == {True, False}, "some were refused, the last ones had room"


def _bring_with(carried: Carried, disk: Path, left_bytes: int) -> tuple[str, ...]:
    lesson = carried.record((120_000, 80_000))
    carried.write()
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        status = os.statvfs(disk)
        file.write(bytes(max(0, status.f_bavail * status.f_frsize - left_bytes)))
    problems = carried.bring().problems
    assert not problems or "disk" in " ".join(problems), problems
    assert problems or carried.is_held(lesson)
    ballast.unlink()
    assert carried.bring().problems == ()
    assert carried.is_held(lesson)
    assert carried.is_clean()
    return problems


def test_stick_pulled_out_while_it_is_answered_keeps_a_whole_answer(carried: Carried) -> None:
    """Killed at each operation on the stick: the answer before or the new one, and the unit can use what lies there."""
    lesson = carried.record()
    carried.write()
    counted = CountingFiles()
    carried.bring(counted)
    carried.folder.answer.unlink()
    assert counted.names
    for at in range(1, len(counted.names) + 1):
        with pytest.raises(Cut):
            carried.bring(KilledFiles(at))
        if carried.folder.answer.exists():
            carried.write()
            assert carried.receipt(lesson)
    assert carried.bring().problems == ()


def test_stick_that_takes_no_answer_is_told(carried: Carried) -> None:
    """Mounted read-only, or full: what was brought is held, and the words say what to do."""
    lesson = carried.record()
    carried.write()
    for at in range(1, 5):
        outcome = carried.bring(RefusingFiles(at, times=9))
        assert not outcome.answered
        assert "could not be written onto the stick" in " ".join(outcome.problems)
    assert carried.is_held(lesson)


def test_two_imports_at_once_are_one_after_the_other(carried: Carried) -> None:
    """The second is refused in words; what the first holds is its own."""
    carried.record()
    carried.write()
    with visiting(carried.house.services), pytest.raises(OperatorError, match="another stick"):
        carried.bring()
    assert carried.bring().problems == ()


def test_import_that_is_killed_is_repeated_whole(carried: Carried) -> None:
    """SIGKILL at eight moments of the real command: no half object is held, and the last run leaves nothing behind."""
    lesson = carried.record((300_000,) * 8)
    carried.write()
    carried.run("import", "/nonexistent")  # writes the configuration
    command = [sys.executable, "-m", "provisioning", "controller", "stick", "import", "--config"]
    for delay in range(8):
        _kill_after([*command, str(carried.unit / "controller.toml"), str(carried.visit.root)], delay * 0.02)
        carried.is_held(lesson)  # compares what is held byte for byte
    assert carried.run("import", str(carried.visit.root)).exit_code == 0
    assert carried.is_held(lesson)
    assert carried.is_clean()


def _kill_after(command: list[str], delay_s: float) -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout
        assert "Reading" in running.stdout.readline()
        try:
            running.wait(delay_s)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGKILL)


def test_network_and_stick_at_the_same_time_make_one_recording(carried: Carried) -> None:
    """The same lessons over both, at once, into one database: each object once held, and both ends have receipts."""
    services = carried.house.services
    network = replace(carried.house, services=replace(wiring.make_services(services.config), clock=services.clock))
    unit = _modest_unit(network, carried.teacher)
    lessons = [carried.record((40_000,) * 6) for _ in range(6)]
    carried.write()
    failures: list[Exception] = []
    sending = Thread(target=_deliver, args=(unit, lessons, failures))
    sending.start()
    outcome = carried.bring()
    sending.join()
    network.services.database.close()
    assert failures == []
    assert outcome.problems == ()
    assert all(carried.is_held(lesson) for lesson in lessons)
    with services.database.reading() as session:
        held = session.scalar(select(func.count()).select_from(HeldObject))
        uploads = session.scalar(select(func.count()).select_from(Upload)) or 0
    assert held == sum(len(lesson.objects) for lesson in lessons)
    assert uploads >= held
    carried.write()
    assert all(carried.receipt(lesson) for lesson in lessons)


def _modest_unit(house: House, teacher: Teacher) -> UnitClient:
    """Make a unit whose lease promises no more than fits beside a stick."""
    app, now = create_app(house.services.config, Surface.UNITS, house.services), house.clock()
    with house.services.database.writing() as session:
        grant = Grant(teacher.device, 10_000_000, now, now + timedelta(minutes=15))
        line = issue_lease(house.services, session, grant).line
    return UnitClient(house, teacher, app.test_client(), headers={"Backrow-Lease": line.decode().strip()})


def _deliver(unit: UnitClient, lessons: list[Lesson], failures: list[Exception]) -> None:
    try:
        for lesson in reversed(lessons):
            unit.deliver(lesson)
    except (AssertionError, KeyError, OSError) as error:
        failures.append(error)
