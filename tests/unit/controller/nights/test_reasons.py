"""Why rooms send or wait, as sums for IT: in fives, of parts of five rooms or more, never of one room (promise P7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.nights.policy import FEWEST_ROOMS, tell_in_fives
from controller.nights.reasons import MEMBERS, WORDS, Group
from controller.nights.told import find_tonight
from controller.uploads.models import SpoolReportRow
from controller.uploads.scheduler.reasons import Reason
from tests.house import House, house
from tests.nights import EVENING, MORNING, OPENS, Room, keep_at, lose_touch, populate, say

__all__ = ["house"]
HOUR = timedelta(hours=1)
COUNTS = st.lists(st.tuples(*[st.integers(0, 40)] * len(Group)), min_size=1, max_size=6)


def told_of(rooms: int, counts: list[tuple[int, ...]]) -> list[dict[Group, int]]:
    """Give what is told one after the other, from nothing on."""
    told = dict.fromkeys(Group, 0)
    found = [told]
    for counted in counts:
        told = tell_in_fives(dict(zip(Group, counted, strict=True)), told=told, rooms=rooms)
        found.append(told)
    return found


def sums(told: Mapping[Group, int]) -> list[int]:
    """Give every sum that a reader can work out from what is told."""
    numbers = list(told.values())
    return [sum(some) for count in range(1, len(numbers) + 1) for some in combinations(numbers, count)]


@given(st.integers(0, 60), COUNTS)
def test_no_sum_and_no_difference_is_of_one_to_four_rooms(rooms: int, counts: list[tuple[int, ...]]) -> None:
    """Whatever is worked out from what is told now and before is of no room, or of five and more."""
    known = [each for told in told_of(rooms, counts) for each in sums(told)]
    assert all(abs(one - other) not in range(1, FEWEST_ROOMS) for one in [0, *known] for other in known)


@given(st.integers(0, 60), COUNTS)
def test_five_rooms_are_always_left_out(rooms: int, counts: list[tuple[int, ...]]) -> None:
    """Nobody is told that every room of a part has something to send; of fewer than ten rooms nothing is told."""
    for told in told_of(rooms, counts):
        assert not sum(told.values()) or rooms - sum(told.values()) >= FEWEST_ROOMS
        assert min(told.values()) >= 0


@given(st.integers(0, 60), COUNTS, st.data())
def test_number_stays_until_five_rooms_have_changed(
    rooms: int, counts: list[tuple[int, ...]], data: st.DataObject
) -> None:
    """As long as no group is five rooms away from what is told of it, the same is told."""
    told = told_of(rooms, counts)[-1]
    near = {group: max(0, number + data.draw(st.integers(-4, 4))) for group, number in told.items()}
    assert tell_in_fives(near, told=told, rooms=rooms) == told


def test_groups_are_those_of_a_night() -> None:
    """Each has words; who has nothing, sends by day or was asked for today is in none."""
    assert WORDS.keys() == MEMBERS.keys() == set(Group)
    grouped = [reason for members in MEMBERS.values() for reason in members]
    assert len(grouped) == len(set(grouped))
    unspoken = {Reason.NOTHING_WAITS, Reason.SENDS_TODAY, Reason.CLOSED, Reason.NOT_BY_DAY}
    assert set(Reason) - set(grouped) == unspoken


def give_reasons(house: House, rooms: list[Room], reasons: Mapping[Reason, int]) -> None:
    """Write down reasons as a tick does, of so many rooms each, in order."""
    with house.services.database.writing() as session:
        left = iter(rooms)
        for reason, count in reasons.items():
            for _ in range(count):
                session.get_one(SpoolReportRow, next(left).device).reason = int(reason)


def reasons_told(house: House) -> Mapping[Group, int]:
    """Give what is told of tonight."""
    with house.services.database.reading() as session:
        night = find_tonight(house.services, session)
    return night.total.reasons if night and night.total else {}


def test_admin_reads_why_rooms_wait_while_the_night_runs(house: House) -> None:
    """In words and fives: 13 that send are about ten, four that must wait are not told, 12 wait for their turn."""
    rooms = populate(house, {"North": 40, "South": 4})
    say(house, {room.device: 10**9 for room in rooms})
    keep_at(house, EVENING)
    give_reasons(house, rooms, {Reason.SENDS: 9, Reason.SENDS_DUE: 4, Reason.DUE_FIRST: 4, Reason.TURN_COMES: 12})
    keep_at(house, EVENING + timedelta(seconds=1))
    assert reasons_told(house) == {}
    keep_at(house, OPENS + HOUR)
    assert reasons_told(house) == {Group.SENDING: 10, Group.TURN: 10}
    page = house.browser(house.add_admin()).get("/nights").text
    assert "About 10 rooms are sending now." in page
    assert "About 10 rooms wait for their turn" in page
    assert "what has to leave first goes first" not in page
    keep_at(house, MORNING)
    assert reasons_told(house) == {}


def test_rooms_that_are_away_are_nobody_to_hide_behind(house: House) -> None:
    """Of 30 rooms 15 send; with 21 switched off, nine are left that can, and no reason is told of them."""
    rooms = populate(house, {"": 30})
    say(house, {room.device: 10**9 for room in rooms})
    keep_at(house, EVENING)
    give_reasons(house, rooms, {Reason.SENDS: 15})
    keep_at(house, OPENS + HOUR)
    assert reasons_told(house) == {Group.SENDING: 15}
    for room in rooms[9:]:
        lose_touch(house, room.device, OPENS)
    keep_at(house, OPENS + HOUR)
    assert reasons_told(house) == {}


@pytest.mark.parametrize("reason", [Reason.NOTHING_WAITS, Reason.SENDS, Reason.DUE_FIRST, Reason.TURN_COMES])
def test_small_school_reads_no_reason_of_its_rooms(house: House, reason: Reason) -> None:
    """Nine rooms: the same page, whatever keeps all of them."""
    rooms = populate(house, {"": 9})
    say(house, {room.device: 10**9 for room in rooms})
    keep_at(house, EVENING)
    give_reasons(house, rooms, {reason: 9})
    keep_at(house, OPENS + HOUR)
    assert reasons_told(house) == {}
    assert 'id="reasons"' not in house.browser(house.add_admin()).get("/nights").text
