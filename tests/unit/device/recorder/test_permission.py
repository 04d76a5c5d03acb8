"""Consent as it is asked at a press and for a recording that goes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from device.identity import DocumentStore
from device.identity.documents import Held, Kind
from device.recorder.moments import Moments
from device.recorder.permission import Outcome, Permission
from protocol.documents import Permission as Consent
from protocol.documents import Policy
from protocol.durable import REAL
from protocol.envelope import generate_x25519
from protocol.manifest import Begun
from tests.fakes.clock import BEGAN_AT, ManualClock
from tests.school import School, UnitBundle, decision, make_school, new_id


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school at the clock's time."""
    return make_school(tmp_path, now=BEGAN_AT)


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """A unit whose policy allows its owner at any time."""
    return school.make_unit(tmp_path / "unit")


def _permission(school: School, unit: UnitBundle) -> Permission:
    root = school.root.verifying
    documents = DocumentStore(unit.data / "state", device=unit.device, root=root, files=REAL)
    return Permission(documents, Moments(ManualClock()))


def _begun(unit: UnitBundle) -> Begun:
    """The first line of a recording that is the unit's owner's."""
    return Begun(
        recording=new_id(),
        device=unit.device,
        owner=unit.owner,
        epoch="2026-w48",
        key_digest="0" * 64,
        key_bytes=1,
        recipient=str(generate_x25519().recipient),
        policy_generation=1,
        policy_version=1,
        camera="synthetic",
    )


def test_recording_goes_on_for_its_own_owner(school: School, unit: UnitBundle) -> None:
    """A tap in a pause is allowed while the lesson is still the same teacher's."""
    permit = _permission(school, unit).ask(going_on=_begun(unit))
    assert (permit.allowed, permit.owner) == (True, unit.owner)


def test_recording_does_not_go_on_for_another_owner(school: School, unit: UnitBundle) -> None:
    """P3: the next teacher's tap must not add their lesson to a recording that belongs to the last one."""
    begun, next_teacher = _begun(unit), new_id()
    unit.put_state("policy", school.issue_policy(unit.device, owner=next_teacher, version=2))
    permission = _permission(school, unit)
    assert permission.ask().allowed
    permit = permission.ask(going_on=begun)
    assert (permit.allowed, permit.reason) == (False, "owner_changed")


class _Overtaken(DocumentStore):
    """A store into which the agent lays a line as soon as a snapshot has been read."""

    arriving: Callable[[], object] | None = None

    def load(self, kind: type[Kind], now: datetime) -> Held[Kind]:
        """See `DocumentStore.load`."""
        held = super().load(kind, now)
        if issubclass(kind, Policy) and self.arriving is not None:
            arriving, self.arriving = self.arriving, None
            arriving()
        return held


def test_change_that_arrives_in_the_middle_of_a_review_is_found_by_the_next(school: School, unit: UnitBundle) -> None:
    """P3: the snapshot that renews the permit is the one that was asked, so that no later one is taken for asked."""
    store = _Overtaken(unit.data / "state", device=unit.device, root=school.root.verifying, files=REAL)
    moments = Moments(ManualClock())
    permission, recording = Permission(store, moments), new_id()
    permit, began = permission.ask(), moments.moment()
    refusal = school.issue_policy(unit.device, otherwise=decision(Consent.REFUSED, reason="withdrawn"), version=2)
    store.arriving = lambda: unit.put_state("policy", refusal)
    first = permission.review(recording, permit, began)
    assert (first.outcome, store.arriving) == (Outcome.GOES_ON, None)
    assert permission.review(recording, first.permit, began).outcome is Outcome.FORBIDDEN
