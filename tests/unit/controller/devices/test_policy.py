"""The law of a unit's life: states and changes, what each state is let in for, which counters are an old card's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.devices.models import DeviceState
from controller.devices.policy import (
    ADMITTED,
    RULES,
    Change,
    Finding,
    Need,
    changes_for,
    is_allowed,
    judge_counters,
)
from controller.enrollment.policy import RENEWING
from protocol.counters import Counters, CountersError, encode_counters, parse_counters

PENDING, ACTIVE, QUARANTINED = DeviceState.PENDING, DeviceState.ACTIVE, DeviceState.QUARANTINED
RETIRED, LOST, REMOVED = DeviceState.RETIRED, DeviceState.LOST, DeviceState.REMOVED


def counters(birth: int, boots: int, boot: str = "a") -> Counters:
    """Make counters."""
    return Counters(birth=birth, boots=boots, boot=boot)


def test_every_change_has_a_rule() -> None:
    """Nothing is left to the code that performs it."""
    assert set(RULES) == set(Change)


def test_only_what_never_joined_is_removed_and_that_is_its_end() -> None:
    """A pending unit held nothing; one that joined is retired or lost, and what it holds is asked for."""
    assert RULES[Change.REMOVE].allowed_in == {PENDING}
    assert not [change for change in Change if is_allowed(change, REMOVED)]
    assert not is_allowed(Change.RETIRE, PENDING)
    assert not [need for need in Need if REMOVED in ADMITTED[need]]


def test_nothing_leads_out_of_lost_and_only_lost_out_of_retired() -> None:
    """A unit that was lost or retired comes back as a new one: with a new card, new keys and a new id."""
    ways = {(state, rule.leads_to) for rule in RULES.values() for state in rule.allowed_in if rule.leads_to}
    assert {to for state, to in ways if state is LOST} == {LOST}
    assert {to for state, to in ways if state is RETIRED} == {LOST}


@pytest.mark.parametrize(
    ("need", "states"),
    [
        (Need.DOCUMENTS, {ACTIVE, QUARANTINED, RETIRED}),
        (Need.RENEWAL, {ACTIVE, QUARANTINED, RETIRED}),
        (Need.DELIVERY, {ACTIVE, RETIRED}),
    ],
)
def test_states_are_let_in_for_what_they_need(need: Need, states: set[DeviceState]) -> None:
    """A quarantined unit delivers nothing; pending and lost ones are let in for nothing."""
    assert ADMITTED[need] == states


def test_renewal_asks_the_same_law() -> None:
    """Both tables say the same of who gets a new certificate."""
    assert ADMITTED[Need.RENEWAL] == RENEWING


@pytest.mark.parametrize("state", DeviceState)
def test_person_is_offered_what_the_law_allows(state: DeviceState) -> None:
    """What page and REST offer is taken from the same table; joining and quarantine are no person's choice."""
    offered = set(changes_for(state))
    assert offered == {each for each in Change if is_allowed(each, state)} - {Change.ENROLL, Change.QUARANTINE}


@pytest.mark.parametrize(
    ("said", "finding"),
    [
        (counters(10, 5), Finding.PLAUSIBLE),
        (counters(11, 5), Finding.PLAUSIBLE),
        (counters(11, 6, "b"), Finding.PLAUSIBLE),
        (counters(10, 6, "b"), Finding.PLAUSIBLE),  # a start whose agent has not connected yet
        (counters(1_763_000_000, 1_763_000_000, "b"), Finding.PLAUSIBLE),  # both were lost: on from the clock
        (counters(9, 5), Finding.LATE),
        (counters(8, 4, "b"), Finding.ROLLED_BACK),
        (counters(900, 4, "b"), Finding.ROLLED_BACK),  # an old card that tried to connect for days
        (counters(8, 7, "b"), Finding.ROLLED_BACK),
        (counters(10, 5, "b"), Finding.REPEATED),
        (counters(12, 5, "b"), Finding.REPEATED),
    ],
)
def test_counters_are_judged_against_the_highest_known(said: Counters, finding: Finding) -> None:
    """Ten births and five starts, the last of them `a`, are known."""
    assert judge_counters(said, counters(10, 5)) is finding


def test_first_counters_are_believed() -> None:
    """Before the first, and after a person looked, nothing is known."""
    assert judge_counters(counters(1, 1), None) is Finding.PLAUSIBLE


steps = st.lists(st.sampled_from(("connect", "start", "both")), max_size=40)


@given(steps)
def test_honest_unit_is_never_suspected(walk: list[str]) -> None:
    """Whatever a unit does with one card, each thing it says is plausible after the one before."""
    known, birth, boots = None, 1, 1
    for step in walk:
        birth += step in ("connect", "both")
        boots += step in ("start", "both")
        said = counters(birth, boots, f"{boots:x}")
        assert judge_counters(said, known) is Finding.PLAUSIBLE
        known = said


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 5))
def test_copy_that_started_no_more_often_than_its_unit_is_always_noticed(boots: int, more: int, of_copy: int) -> None:
    """A copy of a card counts its own starts; until it has more of them than the unit it is told from it."""
    unit = counters(100 + more, boots + more, "a")
    said = counters(1000, boots + min(of_copy, more), "b")
    assert judge_counters(said, unit) in (Finding.ROLLED_BACK, Finding.REPEATED)


@given(st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1))
def test_header_comes_back_as_it_was(birth: int, boots: int) -> None:
    """What the unit writes the controller reads."""
    said = counters(birth, boots, "5f0c-11")
    assert parse_counters(encode_counters(said)) == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "birth=1",
        "birth=1, boots=2",
        "birth=-1, boots=2, boot=a",
        "birth=1, boots=2, boot=a, x=1",
        "birth=1,boots=2",
        f"birth={2**53}, boots=1, boot=a",
        "birth=1, boots=1, boot=" + "a" * 65,
        "birth=1, boots=1, boot=ABC",
    ],
)
def test_malformed_header_is_refused(text: str) -> None:
    """The words name the form."""
    with pytest.raises(CountersError, match="expected 'birth="):
        parse_counters(text)
