"""The self-test: what it tries, what it finds, what it leaves, and how it gives way to a lesson."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from device.claims import CAMERA, PARTS, Claim
from device.cli import group
from device.hardware.clock import SystemClock
from device.hardware.disk import SystemDisk
from device.hardware.ports import PartFacts
from device.hardware.synthetic import SyntheticCamera, SyntheticSettings
from device.health.probes import probe_selftest
from device.health.status import RecorderStatus, StatusFile
from device.selftest.command import PutOff
from device.selftest.rehearsal import FPS, SECONDS, Rehearsal, Stage
from device.selftest.report import Report, Result, StepFailed, Verdict, describe_report
from device.wiring.sources import make_rehearsal_camera
from protocol.durable import REAL
from protocol.envelope import EnvelopeError
from tests.fakes.spooled import spool_recording
from tests.school import UnitBundle, make_school, new_id

STEPS = [
    "keys",
    "documents",
    "card",
    "camera",
    "microphone",
    "record",
    "verify",
    "open",
    "release",
    "machine",
    "recorder",
]


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[UnitBundle]:
    """A unit in order, whose recorder runs."""
    made = make_school(tmp_path / "school", now=datetime.now(UTC)).make_unit(tmp_path / "unit")
    recorder = Claim(made.data / "recorder" / PARTS)
    assert recorder.take()
    StatusFile(made.data / "recorder" / "status", REAL).say(RecorderStatus(fit=True))
    yield made
    recorder.give_back()


@dataclass(frozen=True)
class _Said:
    status: int
    output: str

    @property
    def faults(self) -> list[str]:
        return [each["name"] for each in json.loads(self.output)["steps"] if each["verdict"] == "fault"]


def _run(unit: UnitBundle, *options: str) -> _Said:
    result = CliRunner().invoke(group, ["selftest", "--config", str(unit.config), *options])
    return _Said(result.exit_code, result.output)


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "selftest" not in path.parts
    }


def test_selftest_of_a_unit_in_order_passes_and_leaves_nothing(unit: UnitBundle) -> None:
    """Numbered plain lines, exit status 0; the spool is as it was, and of the rehearsal only its outcome is kept."""
    spool_recording(unit, began_at=datetime.now(UTC))
    before = _tree(unit.data)
    said = _run(unit)
    assert said.status == 0, said.output
    assert said.output.splitlines()[0] == "Self-test of Room 12"
    assert " 6. good   A lesson of some seconds is recorded and sealed: 3 seconds" in said.output
    assert said.output.splitlines()[-1] == f"All {len(STEPS)} steps are good."
    assert _tree(unit.data) == before
    assert [path.name for path in (unit.data / "selftest").iterdir()] == ["outcome"]
    assert probe_selftest(unit.data / "selftest") == {"passed": 1, "failed_at": ""}


def test_selftest_speaks_to_scripts(unit: UnitBundle) -> None:
    """Each step by a name that stays, in its order."""
    said = json.loads(_run(unit, "--json").output)
    assert [each["name"] for each in said["steps"]] == STEPS
    assert [each["number"] for each in said["steps"]] == list(range(1, len(STEPS) + 1))
    assert (said["passed"], said["put_off"]) == (True, False)


def _lose_key(unit: UnitBundle) -> None:
    (unit.data / "identity" / "recorder.key").unlink()


def _lose_certificate(unit: UnitBundle) -> None:
    (unit.data / "certificate" / "tls.pem").unlink()


def _lose_policy(unit: UnitBundle) -> None:
    (unit.data / "state" / "policy").unlink()


@pytest.mark.parametrize(
    ("break_it", "step", "remedy"),
    [
        (_lose_key, "keys", "lay the unit's bundle onto its card again"),
        (_lose_certificate, "keys", "run, as root: backrow device enroll"),
        (_lose_policy, "documents", "connect the unit to the school's network"),
    ],
)
def test_fault_is_named_with_its_remedy(
    unit: UnitBundle, break_it: Callable[[UnitBundle], None], step: str, remedy: str
) -> None:
    """Exit status 1, the fault's own line with what to do, and health says unfit until a test passes."""
    break_it(unit)
    said = _run(unit)
    assert said.status == 1
    assert f"What to do: {remedy}" in said.output
    assert step in _run(unit, "--json").faults
    assert probe_selftest(unit.data / "selftest") == {"passed": 0, "failed_at": step}


def test_card_without_space_for_a_lesson_is_a_fault(tmp_path: Path) -> None:
    """What the recorder would refuse at a press is found before it."""
    tables = {"limits": {"lesson_bytes": 2**40}}
    unit = make_school(tmp_path / "s", now=datetime.now(UTC)).make_unit(tmp_path / "unit", tables=tables)
    assert "card" in _run(unit, "--json").faults


def test_recorder_that_would_refuse_is_a_fault_and_no_outcome(unit: UnitBundle) -> None:
    """Whether the recorder runs is asked at every moment; yesterday's answer must not make the unit unfit."""
    StatusFile(unit.data / "recorder" / "status", REAL).say(RecorderStatus(fit=False, reasons=("no_policy",)))
    said = _run(unit, "--json")
    assert (said.status, said.faults) == (1, ["recorder"])
    assert probe_selftest(unit.data / "selftest") == {"passed": 1, "failed_at": ""}


def test_selftest_is_put_off_while_the_camera_runs(unit: UnitBundle) -> None:
    """Exit status 75, nothing tried, and nothing kept that would tell of a lesson."""
    camera = Claim(unit.data / "recorder" / CAMERA)
    assert camera.take()
    said = _run(unit)
    camera.give_back()
    assert said.status == 75
    assert "put off, because the unit is in use" in said.output
    assert not (unit.data / "selftest").exists()


# ---- the rehearsal


def _stage(folder: Path, guard: Callable[[], None] = lambda: None) -> Stage:
    return Stage(
        folder=folder / "rehearsal",
        device=new_id(),
        camera=make_rehearsal_camera(seconds=SECONDS, fps=FPS),
        clock=SystemClock(),
        disk=SystemDisk(),
        guard=guard,
    )


def test_rehearsal_gives_way_when_a_lesson_begins(tmp_path: Path) -> None:
    """The guard is asked while it films, and what had been written is erased."""
    asked = []

    def guard() -> None:
        asked.append(1)
        if len(asked) > 1:
            raise PutOff

    rehearsal = Rehearsal(_stage(tmp_path, guard))
    with pytest.raises(PutOff):
        rehearsal.record()
    rehearsal.erase()
    assert list(tmp_path.iterdir()) == []


class _RealCamera(SyntheticCamera):
    """A camera that says that it sees a room."""

    @property
    def facts(self) -> PartFacts:
        """It says so."""
        return PartFacts("a real camera", is_production=True)


def test_rehearsal_refuses_a_camera_that_sees_a_room(tmp_path: Path) -> None:
    """P1, P3: nobody pressed, so no camera may run."""
    real = _RealCamera(clock=SystemClock(), settings=SyntheticSettings(seconds=1.0))
    stage = Stage(
        folder=tmp_path, device=new_id(), camera=real, clock=SystemClock(), disk=SystemDisk(), guard=lambda: None
    )
    with pytest.raises(ValueError, match="never starts a camera that sees a room"):
        Rehearsal(stage)


def test_rehearsal_finds_a_card_that_gives_back_something_else(tmp_path: Path) -> None:
    """One flipped bit in a sealed file is a fault of the card, and does not play either."""
    rehearsal = Rehearsal(_stage(tmp_path))
    rehearsal.record()
    (segment,) = (tmp_path / "rehearsal" / "spool").glob("*/000002.age")
    data = bytearray(segment.read_bytes())
    data[-100] ^= 1
    segment.write_bytes(data)
    with pytest.raises(StepFailed, match="gave back something else"):
        rehearsal.verify()
    with pytest.raises(EnvelopeError):
        rehearsal.open()
    rehearsal.erase()


def test_rehearsal_erases_what_a_cut_left(tmp_path: Path) -> None:
    """A power cut in a self-test fills no card: the next one begins with an empty folder."""
    stage = _stage(tmp_path)
    Rehearsal(stage).record()
    again = Rehearsal(stage)
    again.record()
    assert len(list((stage.folder / "spool").glob("*/manifest"))) == 1
    again.release()
    assert list((stage.folder / "spool").glob("*/*")) == []
    again.erase()


def test_report_names_what_was_not_tried() -> None:
    """After a fault in the middle nobody reads that the rest is good."""
    report = Report(
        unit="Room 12",
        results=(
            Result(name="record", title="A lesson", verdict=Verdict.FAULT, words="the card refused", remedy="replace"),
            Result(name="open", title="It plays", verdict=Verdict.NOT_TRIED),
            Result(name="machine", title="The machine", verdict=Verdict.GOOD),
        ),
    )
    assert describe_report(report)[2:] == [
        " 1. FAULT  A lesson: the card refused.",
        "           What to do: replace.",
        " 2. -      It plays: not tried, because of the fault above.",
        " 3. good   The machine.",
        "",
        "1 of 3 steps found a fault: 1. Begin with number 1.",
    ]
