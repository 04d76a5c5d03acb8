"""What each word makes of a recording, what is nobody's from the start, and who can have taught where."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.claims.policy import (
    MOST_WORDS_A_DAY,
    NOBODYS,
    Arrival,
    Chance,
    Place,
    Said,
    Stretch,
    Taught,
    judge,
    judge_arrival,
    judge_chance,
    may_speak,
)
from controller.recordings.models import Ownership, RecordingState
from controller.recordings.policy import may_play

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
LESSON = Stretch(begins_at=NINE, ends_at=NINE + HOUR)


def test_only_yes_of_whom_it_names_or_a_claim_leads_to_an_owner() -> None:
    """Three ways alone make a recording somebody's; from every other word and state nobody can play it."""
    ways = {pair for pair in product(Ownership, Said) if judge(*pair) is Ownership.CONFIRMED}
    assert ways == {
        (Ownership.PROVISIONAL, Said.YES),
        (Ownership.UNCLAIMED, Said.CLAIMED),
        (Ownership.CLAIMED, Said.VOUCHED),
    }


@given(st.lists(st.sampled_from(list(Said)), max_size=12))
def test_no_path_opens_a_recording_before_somebody_said_that_it_is_theirs(words: list[Said]) -> None:
    """However words come, what is playable had a yes, a claim, or a claim that a second person confirmed."""
    stands, newest = Ownership.PROVISIONAL, None
    for said in words:
        after = judge(stands, said)
        stands, newest = after or stands, said if after else newest
        assert may_play(RecordingState.READY, stands) == (newest in (Said.YES, Said.CLAIMED, Said.VOUCHED))


def test_what_somebody_owns_is_never_taken_from_them() -> None:
    """No word but their own *not me* changes a recording that its owner has confirmed, nor the end of a deadline."""
    assert [said for said in Said if judge(Ownership.CONFIRMED, said)] == [Said.NOT_ME]


def test_words_that_make_it_nobodys_lock_it() -> None:
    """My substitute, not me, a free room, an unknown lesson and an owner who is gone leave it unclaimed."""
    assert {judge(Ownership.PROVISIONAL, said) for said in NOBODYS} == {Ownership.UNCLAIMED}


LED = Arrival(owner_teaches=True, names_lesson=True, lesson_known=True, room_is_owners=False)
OWN_ROOM = Arrival(owner_teaches=True, names_lesson=False, lesson_known=False, room_is_owners=True)


@pytest.mark.parametrize(
    ("arrival", "expected"),
    [
        (LED, None),
        (OWN_ROOM, None),
        (replace(LED, owner_teaches=False), Said.OWNER_GONE),
        (replace(LED, lesson_known=False, room_is_owners=True), Said.UNKNOWN_LESSON),
        (replace(OWN_ROOM, room_is_owners=False), Said.FREE_ROOM),
    ],
)
def test_arrival_is_nobodys_where_nobody_could_be_asked(arrival: Arrival, expected: Said | None) -> None:
    """An owner who is gone, a lesson that no timetable has, a press in a room that is nobody's then."""
    assert judge_arrival(arrival) is expected


def chance(*taught: Taught, sites: tuple[str, ...] = ("North",)) -> Chance:
    """Judge whether Ada can have taught in room A of North at nine."""
    return judge_chance("ada", Place(room="A", site="North", time=LESSON), taught=taught, sites=sites)


def lesson(room: str, begins: timedelta = timedelta(0), lasts: timedelta = HOUR, who: str = "ada") -> Taught:
    """Make a lesson that begins so long after nine."""
    return Taught(account=who, room=room, time=Stretch(begins_at=NINE + begins, ends_at=NINE + begins + lasts))


def test_who_is_in_the_timetable_of_room_and_time_is_named() -> None:
    """Whoever leads, stands in or teaches beside in that room then is asked, of whichever site they are otherwise."""
    assert chance(lesson("A"), sites=()) is Chance.NAMED
    assert chance(lesson("A", 2 * HOUR), sites=()) is Chance.IMPOSSIBLE


def test_free_teacher_of_the_site_can_have_been_there() -> None:
    """Without another lesson then it is possible; with one, or at another site, it is not."""
    assert chance() is Chance.POSSIBLE
    assert chance(lesson("B", who="bea")) is Chance.POSSIBLE
    assert chance(lesson("B")) is Chance.IMPOSSIBLE
    assert chance(sites=("South",)) is Chance.IMPOSSIBLE


def test_lesson_that_ends_as_the_press_comes_is_no_alibi() -> None:
    """Ten minutes of a lesson elsewhere at either end count for nothing, half of the time counts."""
    assert chance(lesson("B", -50 * HOUR / 60)) is Chance.POSSIBLE
    assert chance(lesson("B", 50 * HOUR / 60)) is Chance.POSSIBLE
    assert chance(lesson("B", -HOUR / 2)) is Chance.IMPOSSIBLE


def test_nobody_finds_rooms_by_naming_many() -> None:
    """After five words in 24 hours the next has to wait, until one of them is a day old."""
    said = [NINE + number * HOUR for number in range(MOST_WORDS_A_DAY)]
    assert may_speak(said[1:], said[-1])
    assert not may_speak(said, said[-1])
    assert may_speak(said, NINE + timedelta(days=1))
