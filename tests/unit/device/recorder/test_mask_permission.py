"""Masks at the press and in a recording: what a snapshot with a mask allows, and when it ends one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from device.consent import PressDecision
from device.identity import DocumentStore
from device.masking.veil import IMPOSSIBLE, UNCONFIRMED
from device.recorder.moments import Moments
from device.recorder.permission import MASK_CHANGED, Outcome, Permission
from protocol.documents import Permission as Consent
from protocol.durable import REAL
from protocol.envelope import generate_x25519
from protocol.manifest import Begun
from protocol.masks import Area, Corner, Mask
from tests.fakes.clock import BEGAN_AT, ManualClock
from tests.school import School, UnitBundle, decision, make_school, new_id

LEFT_FRONT = Area(corners=(Corner(0, 600), Corner(300, 600), Corner(300, 1000), Corner(0, 1000)))
MASK = Mask(room=new_id(), version=4, areas=(LEFT_FRONT,))


class Confirmed:
    """A unit at which some masks are confirmed."""

    def __init__(self, *masks: Mask) -> None:
        self.masks = set(masks)

    def refusal(self, mask: Mask) -> str | None:
        """What a veil says."""
        return None if mask in self.masks else UNCONFIRMED


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school at the clock's time."""
    return make_school(tmp_path, now=BEGAN_AT)


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """A unit whose policy allows its owner at any time."""
    return school.make_unit(tmp_path / "unit")


def _permission(school: School, unit: UnitBundle, masks: Confirmed | None) -> Permission:
    root = school.root.verifying
    documents = DocumentStore(unit.data / "state", device=unit.device, root=root, files=REAL)
    return Permission(documents, Moments(ManualClock()), masks)


def _tell(school: School, unit: UnitBundle, version: int, mask: Mask | None) -> None:
    said = decision(Consent.ALLOWED, owner=unit.owner)
    unit.put_state("policy", school.issue_policy(unit.device, otherwise=said, version=version, mask=mask))


def _begun(unit: UnitBundle, mask_version: int | None) -> Begun:
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
        mask_version=mask_version,
    )


@pytest.mark.parametrize("permission", [Consent.ALLOWED, Consent.ALLOWED_IF_SEATS_ARE_CHECKED])
def test_mask_that_nobody_confirmed_refuses(school: School, unit: UnitBundle, permission: Consent) -> None:
    """Also where seats must be checked: nobody is asked to check them for nothing."""
    said = decision(permission, owner=unit.owner)
    unit.put_state("policy", school.issue_policy(unit.device, otherwise=said, version=2, mask=MASK))
    permit = _permission(school, unit, Confirmed(replace(MASK, version=3))).ask()
    assert (permit.allowed, permit.reason, permit.seats) == (False, UNCONFIRMED, None)


def test_unit_that_can_hide_nothing_refuses(school: School, unit: UnitBundle) -> None:
    """A recorder without a veil fails closed."""
    _tell(school, unit, 2, MASK)
    assert _permission(school, unit, None).ask().reason == IMPOSSIBLE


def test_confirmed_mask_is_part_of_what_is_allowed(school: School, unit: UnitBundle) -> None:
    """What is hidden goes with the permission: the recorder need not look it up again."""
    _tell(school, unit, 2, MASK)
    permit = _permission(school, unit, Confirmed(MASK)).ask()
    assert (permit.allowed, permit.mask, permit.mask_version) == (True, MASK, 4)


def test_refusal_under_a_mask_keeps_its_own_reason(school: School, unit: UnitBundle) -> None:
    """What consent refuses is refused for that, whatever the mask."""
    said = decision(Consent.REFUSED, reason="blackout")
    unit.put_state("policy", school.issue_policy(unit.device, otherwise=said, version=2, mask=MASK))
    assert _permission(school, unit, Confirmed()).ask().reason == "blackout"


@pytest.mark.parametrize("begun_with", [None, 3])
def test_recording_goes_on_under_its_own_mask_alone(school: School, unit: UnitBundle, begun_with: int | None) -> None:
    """After a pause or a restart one recording never has two masks, since its first line names one."""
    _tell(school, unit, 2, MASK)
    permission = _permission(school, unit, Confirmed(MASK))
    assert permission.ask(going_on=_begun(unit, begun_with)).reason == MASK_CHANGED
    assert permission.ask(going_on=_begun(unit, 4)).allowed


def _outcome(permission: Permission, permit: PressDecision) -> Outcome:
    return permission.review("a", permit, Moments(ManualClock()).moment()).outcome


@pytest.mark.parametrize(
    ("mask", "outcome"),
    [(MASK, Outcome.GOES_ON), (replace(MASK, version=5), Outcome.FORBIDDEN), (None, Outcome.GOES_ON)],
    ids=["the same", "a newer one", "none any more"],
)
def test_newer_mask_ends_a_recording(school: School, unit: UnitBundle, mask: Mask | None, outcome: Outcome) -> None:
    """What must be hidden from now on is not hidden by the old mask; where less must be, the old one does no harm."""
    _tell(school, unit, 2, MASK)
    permission = _permission(school, unit, Confirmed(MASK))
    permit = permission.ask()
    _tell(school, unit, 3, mask)
    assert _outcome(permission, permit) is outcome


def test_recording_without_a_mask_ends_when_one_is_asked_for(school: School, unit: UnitBundle) -> None:
    """A family's word reaches a running lesson."""
    _tell(school, unit, 2, None)
    permission = _permission(school, unit, Confirmed(MASK))
    permit = permission.ask()
    _tell(school, unit, 3, MASK)
    assert _outcome(permission, permit) is Outcome.FORBIDDEN


def test_recording_ends_when_its_camera_is_not_known_again(school: School, unit: UnitBundle) -> None:
    """The veil has taken the confirmation back: the recording is over, under the same snapshot."""
    _tell(school, unit, 2, MASK)
    confirmed = Confirmed(MASK)
    permission = _permission(school, unit, confirmed)
    permit = permission.ask()
    confirmed.masks.clear()
    assert _outcome(permission, permit) is Outcome.FORBIDDEN
