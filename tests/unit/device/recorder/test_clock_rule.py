"""The clock at the button: what time it is when nobody has set it, and what that means for a press and for the bell."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from device.consent import PressDecision
from device.identity import DocumentStore
from device.recorder.journal import Journal
from device.recorder.moments import RELEASED_AT, Moments
from device.recorder.permission import Outcome, Permission
from device.recorder.states import Phase, State
from protocol.documents import LessonDecision
from protocol.documents import Permission as Allowance
from protocol.durable import REAL
from protocol.manifest import Moment
from tests.fakes.clock import BEGAN_AT, ManualClock
from tests.fakes.cutfiles import CountingFiles
from tests.school import School, UnitBundle, decision, make_school, new_id

HOUR = timedelta(hours=1)
NOW = RELEASED_AT + timedelta(days=1)


class _Clock(ManualClock):
    """A clock whose wall time is off by `ahead`, until somebody sets it."""

    def __init__(self, *, ahead: timedelta = timedelta()) -> None:
        super().__init__()
        self.trusted = False
        self._ahead = ahead

    def set_right(self) -> None:
        """The network has answered."""
        self.trusted = True

    def now_at(self) -> datetime:
        """See `Clock.now_at`: NOW and what has passed since, or that and the error."""
        right = NOW + (super().now_at() - BEGAN_AT)
        return right if self.trusted else right + self._ahead


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school whose documents hold from NOW on."""
    return make_school(tmp_path, now=NOW)


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """A unit of that school."""
    return school.make_unit(tmp_path / "unit")


def _permission(school: School, unit: UnitBundle, clock: ManualClock) -> tuple[Permission, Moments]:
    documents = DocumentStore(unit.data / "state", device=unit.device, root=school.root.verifying, files=REAL)
    moments = Moments(clock, documents.newest_instant())
    return Permission(documents, moments), moments


def _has_rung(permission: Permission, permit: PressDecision, began: Moment) -> bool:
    return permission.review(new_id(), permit, began).outcome is Outcome.RUNG


def _lesson(unit: UnitBundle, begins: timedelta, *, allowed: bool = True) -> LessonDecision:
    yes = decision(Allowance.ALLOWED, owner=unit.owner)
    return LessonDecision(
        lesson="7b",
        begins_at=NOW + begins,
        ends_at=NOW + begins + HOUR,
        decision=yes if allowed else decision(Allowance.REFUSED, reason="a_family_said_no"),
        class_id=new_id(),
        teacher=new_id(),
    )


def test_clock_of_1970_takes_the_time_from_the_documents(school: School, unit: UnitBundle) -> None:
    """A Pi that wakes in 1970 decides at the time of the newest document, and only if every lesson left allows."""
    clock = _Clock(ahead=-timedelta(days=20_000))
    permission, moments = _permission(school, unit, clock)
    assert moments.now_at() == NOW
    unit.put_state("policy", school.issue_policy(unit.device, lessons=[_lesson(unit, HOUR)], version=2))
    assert permission.ask().allowed
    lessons = [_lesson(unit, HOUR), _lesson(unit, 3 * HOUR, allowed=False)]
    unit.put_state("policy", school.issue_policy(unit.device, lessons=lessons, version=3))
    assert not permission.ask().allowed


def test_clock_ten_years_ahead_refuses_and_poisons_nothing(school: School, unit: UnitBundle) -> None:
    """What nobody set fails closed while it lasts, and leaves no trace in what the unit knows to have passed."""
    clock = _Clock(ahead=timedelta(days=3650))
    permission, moments = _permission(school, unit, clock)
    assert permission.ask().reason == "no_policy"
    assert moments.known_at() == NOW
    clock.set_right()
    assert permission.ask().allowed


def test_journal_keeps_what_has_certainly_passed(tmp_path: Path) -> None:
    """A unit that rests writes a checkpoint each quarter of an hour: a cut costs no more of its time."""
    files = CountingFiles()
    journal = Journal(tmp_path / "journal", files)
    for minutes in range(121):
        journal.save(State(phase=Phase.READY), boot="boot-1", wall_at=BEGAN_AT + timedelta(minutes=minutes))
    assert files.names.count("sync") == 9
    checkpoint = Journal(tmp_path / "journal", REAL).load()
    assert checkpoint is not None
    assert checkpoint.wall_at == BEGAN_AT + 2 * HOUR


def test_moment_is_mended_when_the_clock_has_been_set() -> None:
    """The press's wall time is the clock's now less what went by since; another boot's cannot be mended."""
    clock = _Clock(ahead=-timedelta(days=20_000))
    moments = Moments(clock, NOW - HOUR)
    pressed = moments.moment()
    clock.advance(600)
    assert moments.wall_of(pressed) == pressed.wall_at == NOW - HOUR
    clock.set_right()
    assert moments.wall_of(pressed) == NOW
    foreign = Moment(wall_at=BEGAN_AT, wall_trusted=False, boot="another", monotonic_ms=0)
    assert moments.wall_of(foreign) == BEGAN_AT


def test_bell_is_heard_once_the_clock_has_been_set(school: School, unit: UnitBundle) -> None:
    """Without the hour there is no bell; when the network answers in mid-lesson, it rings at the lesson's end."""
    clock = _Clock(ahead=-timedelta(days=20_000))
    permission, moments = _permission(school, unit, clock)
    unit.put_state("policy", school.issue_policy(unit.device, lessons=[_lesson(unit, -HOUR / 2)], version=2))
    permit, began = permission.ask(), moments.moment()
    assert permit.allowed
    clock.advance(1799)
    assert not _has_rung(permission, permit, began)
    clock.set_right()
    assert not _has_rung(permission, permit, began)
    clock.advance(1)
    assert _has_rung(permission, permit, began)


def test_bell_rings_by_the_permit_when_the_snapshot_is_gone(school: School, unit: UnitBundle) -> None:
    """What the snapshot said at the press still ends the lesson after the file was lost."""
    clock = _Clock()
    clock.set_right()
    permission, moments = _permission(school, unit, clock)
    unit.put_state("policy", school.issue_policy(unit.device, lessons=[_lesson(unit, -HOUR / 2)], version=2))
    permit, began = permission.ask(), moments.moment()
    (unit.data / "state" / "policy").unlink()
    clock.advance(1799)
    assert not _has_rung(permission, permit, began)
    clock.advance(1)
    assert _has_rung(permission, permit, began)


def test_newer_snapshot_moves_the_bell(school: School, unit: UnitBundle) -> None:
    """A lesson that the school makes longer rings later."""
    clock = _Clock()
    clock.set_right()
    permission, moments = _permission(school, unit, clock)
    unit.put_state("policy", school.issue_policy(unit.device, lessons=[_lesson(unit, -HOUR / 2)], version=2))
    permit, began = permission.ask(), moments.moment()
    unit.put_state("policy", school.issue_policy(unit.device, lessons=[_lesson(unit, timedelta())], version=3))
    clock.advance(3599)
    assert not _has_rung(permission, permit, began)
    clock.advance(1)
    assert _has_rung(permission, permit, began)
