"""Who gets what nobody owns: whom the timetable names, who can have been there, and the second person's word."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from sqlalchemy import delete

from controller.accounts.models import AccountRole, Role
from controller.claims.claiming import Heard, Taught, claim, offered_to, take, vouch, waiting_for
from controller.claims.policy import MOST_WORDS_A_DAY, Said
from controller.consent.rules import Rules
from controller.devices.models import Device
from controller.recordings.models import NOBODY, Ownership, Recording
from controller.timetable.models import Room
from tests.claims import history_of, leave_unclaimed, row_of
from tests.classes import enter_classes
from tests.days import Hours, enter_lesson, person_of, put_in_room
from tests.house import House, Teacher
from tests.lesson import BEGAN_AT
from tests.ruled import set_first_rules
from tests.unit.controller.uploads.unit_client import made_up_segment

NINE = Hours(begins=time(9), ends=time(10), in_days=-1)
"""The lesson of the recording, which was made at 9:15 on the day before."""


@pytest.fixture
def bea(house: House) -> Teacher:
    """Give another teacher of the same site, in room 13."""
    teacher = house.add_teacher("Bea Other", room="Room 13")
    put_in_room(house, teacher.device, "Room 13")
    return teacher


@pytest.fixture
def lost(house: House, ada: Teacher) -> str:
    """Leave a lesson of room 12 to nobody."""
    return leave_unclaimed(house, ada, [made_up_segment()])


def find_room(house: House, name: str) -> Room:
    """Give a room by its name."""
    with house.services.database.reading() as session:
        return session.query(Room).filter_by(name=name).one()


def teach(house: House, teacher: Teacher, room: str, hours: Hours = NINE) -> None:
    """Enter a lesson that somebody taught."""
    enter_lesson(house, find_room(house, room).id, _class(house), [person_of(house, teacher.id)], hours)


def _class(house: House) -> str:
    return enter_classes(house, by="office", teacher="nobody").class_id


def offered(house: House, who: Teacher) -> list[str]:
    """Give what somebody is asked for."""
    with house.services.database.reading() as session:
        return [each.recording for each in offered_to(house.services, session, who.id)]


def speak(house: House, who: Teacher, room: str = "Room 12", after: timedelta = timedelta(minutes=10)) -> Heard:
    """Let somebody say that they taught in a room so long after the recording began."""
    with house.services.database.writing() as session:
        word = Taught(claimant=who.id, room=find_room(house, room), at=BEGAN_AT + after)
        return claim(house.services, session, word)


def test_unclaimed_recording_has_no_owner_and_no_title(house: House, ada: Teacher, lost: str) -> None:
    """Its row names nobody, so that no question for somebody's recordings finds it."""
    row = row_of(house, lost)
    assert (row.owner, row.ownership, row.title) == (NOBODY, Ownership.UNCLAIMED, "")
    assert row.owner != ada.id


def test_substitute_of_the_timetable_is_asked_and_gets_it(house: House, ada: Teacher, bea: Teacher, lost: str) -> None:
    """Whom the timetable has in that room then finds it on their page, also who came from another room's lessons."""
    assert offered(house, bea) == []
    teach(house, bea, "Room 12")
    assert offered(house, bea) == [lost]
    with house.services.database.writing() as session:
        (one,) = offered_to(house.services, session, bea.id)
        assert take(house.services, session, one, claimant=bea.id) is Heard.OWNED
    row = row_of(house, lost)
    assert (row.owner, row.ownership) == (bea.id, Ownership.CONFIRMED)
    assert history_of(house, lost) == [Said.SUBSTITUTE, Said.CLAIMED]
    assert offered(house, bea) == offered(house, ada) == []


def test_who_answered_in_a_hurry_is_asked_still(house: House, ada: Teacher, lost: str) -> None:
    """Whom the manifest names can take *not me* back, until somebody else has it."""
    assert offered(house, ada) == [lost]


def test_free_teacher_of_the_site_finds_it_by_naming_room_and_time(
    house: House, ada: Teacher, bea: Teacher, lost: str
) -> None:
    """They are shown nothing; a wrong room or time finds nothing, the right ones make it theirs."""
    assert offered(house, bea) == []
    assert speak(house, bea, room="Room 13") is Heard.NOTHING
    assert speak(house, bea, after=timedelta(hours=2)) is Heard.NOTHING
    assert row_of(house, lost).ownership is Ownership.UNCLAIMED
    assert speak(house, bea) is Heard.OWNED
    assert row_of(house, lost).owner == bea.id


def test_teacher_with_a_lesson_elsewhere_finds_nothing(house: House, bea: Teacher, lost: str) -> None:
    """Room and time are right, and they taught in another room then: they are answered as if nothing were there."""
    teach(house, bea, "Room 13")
    assert speak(house, bea) is Heard.NOTHING
    assert row_of(house, lost).ownership is Ownership.UNCLAIMED


def test_teacher_of_another_site_finds_nothing(house: House, ada: Teacher, bea: Teacher, lost: str) -> None:
    """Where the school has several sites, those at which somebody teaches or has a unit count."""
    with house.services.database.writing() as session:
        session.get_one(Device, bea.device).site = "South"
    assert speak(house, bea) is Heard.NOTHING


def test_what_is_owned_cannot_be_claimed(house: House, ada: Teacher, bea: Teacher) -> None:
    """Neither what its owner confirmed nor what they were not asked for yet is found by anybody."""
    mine = house.deliver(house.make_lesson(ada, [made_up_segment()]))
    asked = house.deliver_unasked(house.make_lesson(ada, [made_up_segment()]))
    assert speak(house, bea) is Heard.NOTHING
    assert {row_of(house, each).owner for each in (mine, asked)} == {ada.id}


def test_claim_is_no_way_to_search(house: House, bea: Teacher, lost: str) -> None:
    """After some words in a day nothing more is heard, also the right ones; the next day they are."""
    for minutes in range(MOST_WORDS_A_DAY):
        assert speak(house, bea, after=timedelta(hours=3, minutes=minutes)) is Heard.NOTHING
    assert speak(house, bea) is Heard.TOO_OFTEN
    house.clock.pass_time(timedelta(days=1))
    assert speak(house, bea) is Heard.OWNED


@pytest.fixture
def second(house: House) -> None:
    """Let the school's rules ask a second person."""
    set_first_rules(house.services, Rules(second_person_confirms=True))


def words_for(house: House, account: str) -> list[str]:
    """Give the words for which somebody may speak."""
    with house.services.database.reading() as session:
        return [each.claim for each in waiting_for(session, account, None, house.clock())]


def let_speak(house: House, account: str, said: Said) -> None:
    """Let a second person say the same to all words for which they may speak."""
    with house.services.database.writing() as session:
        for each in waiting_for(session, account, None, house.clock()):
            vouch(house.services, session, each, by=account, said=said)


@pytest.mark.usefixtures("second")
def test_second_person_has_to_speak_first(house: House, bea: Teacher, lost: str) -> None:
    """Until then it is nobody's and cannot be claimed again; with their word it is the claimant's."""
    assert speak(house, bea) is Heard.ASKED
    row = row_of(house, lost)
    assert (row.owner, row.ownership) == (NOBODY, Ownership.CLAIMED)
    assert words_for(house, bea.id) == [], "nobody speaks for themselves"
    let_speak(house, "principal", Said.VOUCHED)
    assert row_of(house, lost).owner == bea.id
    assert history_of(house, lost) == [Said.SUBSTITUTE, Said.ASKED, Said.VOUCHED]


@pytest.mark.usefixtures("second")
def test_word_that_fits_nothing_is_asked_for_as_well(house: House, bea: Teacher, lost: str) -> None:
    """The second person sees both alike, and the claimant is answered alike: neither learns whether there is one."""
    assert speak(house, bea, after=timedelta(hours=3)) is Heard.ASKED
    assert speak(house, bea) is Heard.ASKED
    with house.services.database.reading() as session:
        waiting = waiting_for(session, "principal", None, house.clock())
    assert {(each.claimant, each.place) for each in waiting} == {(bea.id, "Room 12")}
    assert len(waiting) == 2
    assert not any(hasattr(each, "recording") for each in waiting)


@pytest.mark.usefixtures("second")
def test_no_of_a_second_person_leaves_it_to_others(house: House, ada: Teacher, bea: Teacher, lost: str) -> None:
    """Refused it is unclaimed again, and the next one can claim it."""
    speak(house, bea)
    let_speak(house, "principal", Said.REFUSED)
    assert row_of(house, lost).ownership is Ownership.UNCLAIMED
    assert speak(house, ada) is Heard.ASKED
    let_speak(house, "principal", Said.VOUCHED)
    assert row_of(house, lost).owner == ada.id


@pytest.mark.usefixtures("second")
def test_word_is_looked_at_again_when_it_is_vouched_for(house: House, ada: Teacher, bea: Teacher) -> None:
    """Said on the day of the lesson, it fits nothing; the lesson travels at night, then the second person speaks."""
    assert speak(house, bea) is Heard.ASKED
    lost = leave_unclaimed(house, ada, [made_up_segment()])
    let_speak(house, "principal", Said.VOUCHED)
    assert row_of(house, lost).owner == bea.id


@pytest.mark.usefixtures("second")
def test_principal_speaks_for_their_own_sites(house: House, bea: Teacher, lost: str) -> None:
    """A word about a room of one site is not shown to the principal of another."""
    speak(house, bea)
    with house.services.database.reading() as session:
        assert waiting_for(session, "principal", {"South"}, house.clock()) == []
        assert len(waiting_for(session, "principal", {""}, house.clock())) == 1


@pytest.mark.usefixtures("second")
def test_second_person_reads_when_the_lesson_began_and_not_the_press(house: House, bea: Teacher, lost: str) -> None:
    """Whoever was asked by the page tells the time of the timetable, as somebody would who names it themselves."""
    teach(house, bea, "Room 12")
    _take(house, bea)
    with house.services.database.reading() as session:
        (waiting,) = waiting_for(session, "principal", None, house.clock())
    assert waiting.at < BEGAN_AT
    assert (waiting.at.minute, waiting.at.second) == (0, 0)


def _take(house: House, who: Teacher) -> None:
    with house.services.database.writing() as session:
        (one,) = offered_to(house.services, session, who.id)
        take(house.services, session, one, claimant=who.id)


@pytest.mark.usefixtures("second")
def test_room_that_is_not_listed_can_be_named_by_anybody(house: House, ada: Teacher, bea: Teacher, lost: str) -> None:
    """So a word without a room tells a second person nothing; it fits what was recorded where no room was known."""
    with house.services.database.writing() as session:
        session.get_one(Recording, lost).room = None
    with house.services.database.writing() as session:
        claim(house.services, session, Taught(claimant=bea.id, room=None, at=BEGAN_AT - timedelta(hours=3)))
    _take(house, ada)
    with house.services.database.reading() as session:
        waiting = waiting_for(session, "principal", None, house.clock())
    assert {(each.claimant, each.place) for each in waiting} == {(ada.id, ""), (bea.id, "")}
    let_speak(house, "principal", Said.REFUSED)
    with house.services.database.writing() as session:
        claim(house.services, session, Taught(claimant=bea.id, room=None, at=BEGAN_AT))
    let_speak(house, "principal", Said.VOUCHED)
    assert row_of(house, lost).owner == bea.id


@pytest.mark.usefixtures("second")
def test_word_of_who_is_no_teacher_any_more_is_refused(house: House, bea: Teacher, lost: str) -> None:
    """Whatever the second person says: a recording is never left to somebody who could not open it."""
    speak(house, bea)
    with house.services.database.writing() as session:
        session.execute(delete(AccountRole).where(AccountRole.account == bea.id, AccountRole.role == Role.TEACHER))
        (waiting,) = waiting_for(session, "principal", None, house.clock())
        assert vouch(house.services, session, waiting, by="principal", said=Said.VOUCHED) is Said.REFUSED
    assert row_of(house, lost).ownership is Ownership.UNCLAIMED
