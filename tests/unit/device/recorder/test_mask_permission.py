"""Masks at the press: what a snapshot with a mask allows, and what it does to decisions that refuse anyway."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.identity import DocumentStore
from device.recorder.moments import Moments
from device.recorder.permission import MASK_UNCONFIRMED, Permission
from protocol.documents import Permission as Consent
from protocol.durable import REAL
from protocol.masks import Area, Corner, Mask
from tests.fakes.clock import BEGAN_AT, ManualClock
from tests.school import School, UnitBundle, decision, make_school, new_id

LEFT_FRONT = Area(corners=(Corner(0, 600), Corner(300, 600), Corner(300, 1000), Corner(0, 1000)))


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


@pytest.mark.parametrize("permission", [Consent.ALLOWED, Consent.ALLOWED_IF_SEATS_ARE_CHECKED])
def test_mask_that_nobody_confirmed_refuses(school: School, unit: UnitBundle, permission: Consent) -> None:
    """Also where seats must be checked: nobody is asked to check them for nothing."""
    mask = Mask(room=new_id(), version=1, areas=(LEFT_FRONT,))
    said = decision(permission, owner=unit.owner)
    unit.put_state("policy", school.issue_policy(unit.device, otherwise=said, version=2, mask=mask))
    permit = _permission(school, unit).ask()
    assert (permit.allowed, permit.reason, permit.seats) == (False, MASK_UNCONFIRMED, None)


def test_refusal_under_a_mask_keeps_its_own_reason(school: School, unit: UnitBundle) -> None:
    """What consent refuses is refused for that, whatever the mask."""
    mask = Mask(room=new_id(), version=1, areas=(LEFT_FRONT,))
    said = decision(Consent.REFUSED, reason="blackout")
    unit.put_state("policy", school.issue_policy(unit.device, otherwise=said, version=2, mask=mask))
    assert _permission(school, unit).ask().reason == "blackout"
