"""What the agent makes of the unit's files and probes: what may leave at once, and what only later."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.agent.facts import Sources
from device.agent.session import Fitness
from device.health.prober import Probe, Prober
from device.health.report import Measures
from device.health.ring import RingFile
from device.health.status import RecorderStatus, StatusFile
from device.health.watch import Watch
from device.uploads.backlog import Backlogs
from device.uploads.plan import UploadRecord
from device.uploads.records import Records
from device.uploads.spooled import Spool
from protocol.durable import REAL
from protocol.ids import ID_BYTES, make_id
from protocol.signing import SigningKey
from tests.fakes.clock import ManualClock

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)


class _Machine:
    """A machine whose probes a test sets."""

    def __init__(self) -> None:
        self.measures: dict[str, Measures] = {"temperature": {"celsius": 40}, "camera": {"found": 1}}
        self.clock = ManualClock()

    def watch(self, folder: Path) -> Watch:
        """Watch it, asking anew at every second of its clock."""
        probes = [Probe(name=name, measure=lambda name=name: self.measures[name], every_s=1) for name in self.measures]
        return Watch(Prober(probes, self.clock.monotonic_s), RingFile(folder / "readings", REAL), UTC)


def _make(tmp_path: Path, machine: _Machine) -> Sources:
    StatusFile(tmp_path / "status", REAL).say(
        RecorderStatus(fit=True, school_days_left=7, damaged=("spool_damaged",), notes=("tail_recovered",))
    )
    spool, records = Spool(tmp_path / "spool", SigningKey.generate().verifying), Records(tmp_path / "uploads")
    return Sources(
        status=tmp_path / "status",
        backlogs=Backlogs(tmp_path, spool, records, receipts=lambda: lambda _name: None, reserve_bytes=0),
        records=records,
        watch=machine.watch(tmp_path),
    )


def _settle(sources: Sources, machine: _Machine, now: datetime) -> Fitness:
    """Let every probe answer once more."""
    sources.facts(now)
    machine.clock.advance(2)
    for _ in range(20):
        fitness = sources.facts(now).fitness
        time.sleep(0.005)
    return fitness


def test_recovered_tail_stays_on_the_unit_and_damage_is_told(tmp_path: Path) -> None:
    """P7: that a power cut met a recording is for who stands at the unit; that the card is damaged is for IT."""
    machine = _Machine()
    fitness = _settle(_make(tmp_path, machine), machine, NOON)
    assert fitness == Fitness(fit=True, reason="spool_damaged", school_days_left=7)


def test_heat_is_told_on_the_next_school_day_and_a_missing_camera_at_once(tmp_path: Path) -> None:
    """P7: nothing that a running camera causes is said while it runs."""
    machine = _Machine()
    sources = _make(tmp_path, machine)
    quiet = _settle(sources, machine, NOON)
    machine.measures["temperature"] = {"celsius": 91}
    assert _settle(sources, machine, NOON) == quiet
    machine.measures["temperature"] = {"celsius": 40}
    tomorrow = NOON + timedelta(days=1)
    assert _settle(sources, machine, tomorrow).reason == "too_hot; spool_damaged"
    machine.measures["camera"] = {"found": 0}
    fitness = _settle(sources, machine, tomorrow)
    assert (fitness.fit, fitness.reason) == (False, "camera_missing; too_hot; spool_damaged")


@pytest.mark.parametrize("code", ["nothing_durable", "camera_failed", "disk_failed", "spool_failed", "disk_full"])
def test_fault_of_a_running_lesson_is_told_on_the_next_school_day(tmp_path: Path, code: str) -> None:
    """P7: while it lasts and when it is over, the unit says what it said before; the day after, it tells the fault."""
    machine = _Machine()
    sources = _make(tmp_path, machine)
    quiet = _settle(sources, machine, NOON)
    status = StatusFile(tmp_path / "status", REAL)
    status.say(RecorderStatus(fit=False, reasons=(code,), school_days_left=7, damaged=("spool_damaged",)))
    assert _settle(sources, machine, NOON) == quiet
    status.say(RecorderStatus(fit=True, school_days_left=7, damaged=("spool_damaged",)))
    assert _settle(sources, machine, NOON) == quiet
    told = _settle(sources, machine, NOON + timedelta(days=1))
    assert (told.fit, told.reason) == (True, f"{code}; spool_damaged")
    assert _settle(sources, machine, NOON + timedelta(days=2)) == quiet


def test_delivery_that_needs_a_person_is_a_code_of_the_next_school_day(tmp_path: Path) -> None:
    """P7: IT learns that a person is needed, and neither of what, nor why, nor when it began."""
    machine = _Machine()
    sources = _make(tmp_path, machine)
    quiet = _settle(sources, machine, NOON)
    recording = make_id(bytes(ID_BYTES))
    sources.records.save(UploadRecord(recording=recording, needs_person="object 2 is not what the recorder signed"))
    assert _settle(sources, machine, NOON) == quiet
    assert _settle(sources, machine, NOON + timedelta(days=1)).reason == "delivery_stuck; spool_damaged"


def test_status_that_cannot_be_read_is_unfit_by_a_code(tmp_path: Path) -> None:
    """Neither silence nor a torn file passes for fit, and no path leaves the unit."""
    machine = _Machine()
    sources = _make(tmp_path, machine)
    (tmp_path / "status").write_bytes(b"{")
    assert sources.facts(NOON).fitness == Fitness(fit=False, reason="recorder_unreadable")
    (tmp_path / "status").unlink()
    assert sources.facts(NOON).fitness == Fitness(fit=False, reason="recorder_silent")


def test_fault_of_a_lesson_hides_nothing_that_a_unit_at_rest_would_say(tmp_path: Path) -> None:
    """A camera that failed waits for the next school day; a permission that is gone beside it is told at once."""
    machine = _Machine()
    sources = _make(tmp_path, machine)
    _settle(sources, machine, NOON)
    status = StatusFile(tmp_path / "status", REAL)
    status.say(RecorderStatus(fit=False, reasons=("camera_failed", "no_policy"), school_days_left=7))
    told = _settle(sources, machine, NOON)
    assert (told.fit, told.reason) == (False, "no_policy")
