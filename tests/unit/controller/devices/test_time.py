"""The time at the units' door: signed for whoever asks, for the nonce that it brought, and for nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from protocol.ids import make_id
from protocol.signed_time import verify_signed_time
from tests.house import House
from tests.school import new_id
from tests.unit.controller.uploads.unit_client import UnitClient, make_unit


@pytest.fixture
def unit(house: House) -> UnitClient:
    """The unit of Ada's room, with a lease."""
    return make_unit(house, house.add_teacher())


def test_time_is_signed_for_the_unit_and_its_nonce(house: House, unit: UnitClient) -> None:
    """By the policy key, for this unit, now; the next answer is of its own moment."""
    nonce = new_id()
    answer = unit.ask("GET", f"/time/{nonce}")
    said = verify_signed_time(answer.data, house.services.keys.trust)
    assert (said.device, said.nonce, said.at) == (unit.teacher.device, nonce, house.clock())
    assert answer.headers["Cache-Control"] == "no-store"
    house.clock.pass_time(timedelta(seconds=90))
    later = verify_signed_time(unit.ask("GET", f"/time/{nonce}").data, house.services.keys.trust)
    assert later.at - said.at == timedelta(seconds=90)


def test_time_names_the_unit_that_asked_and_no_other(house: House, unit: UnitClient) -> None:
    """One unit cannot fetch an answer that another would believe, even when it knows the nonce."""
    other = make_unit(house, house.add_teacher("Mal Lory", "Room 13"))
    said = verify_signed_time(other.ask("GET", f"/time/{make_id(bytes(16))}").data, house.services.keys.trust)
    assert said.device == other.teacher.device != unit.teacher.device


@pytest.mark.parametrize("nonce", ["a", "A" * 26, "a" * 27, "a" * 400, "%7B%7D"])
def test_malformed_nonce_is_refused_and_nothing_is_signed(unit: UnitClient, nonce: str) -> None:
    """Only the form of an identifier is ever signed."""
    answer = unit.ask("GET", f"/time/{nonce}")
    assert (answer.status_code, answer.get_json()["error"]) == (400, "nonce_malformed")


def test_time_is_told_to_nobody_unknown(unit: UnitClient) -> None:
    """Without certificate and lease there is no answer."""
    assert unit.web.get(f"/units/v1/time/{new_id()}").get_json()["error"] == "lease_missing"
