"""Deadlines as the jobs keep them, and what is nobody's when it comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from controller.calendar.models import FreeDays
from controller.claims.claiming import Heard, offered_to, take
from controller.claims.keeping import beat, deadline_of, keep_claims
from controller.claims.models import Standstill, Unclaimed
from controller.claims.policy import Said
from controller.claims.services import Word, say, weigh_arrival
from controller.claims.telling import tell_standstills
from controller.consent.rules import Rules
from controller.devices import life
from controller.devices.history import OPERATOR, Deed
from controller.jobs.service import destroy_due
from controller.recordings.models import Ownership, Recording, RecordingState
from controller.recordings.ownership import source_of
from controller.recordings.playback import NotHeldError, make_playback
from tests.claims import history_of, leave_unclaimed, lose_role, row_of, run_for
from tests.classes import enter_classes
from tests.days import Hours, enter_lesson, lesson_ids, local_now, person_of, put_in_room
from tests.house import House, Teacher
from tests.lesson import Lesson
from tests.ruled import set_first_rules
from tests.unit.controller.uploads.unit_client import made_up_segment

DAY = timedelta(days=1)


@pytest.fixture
def lost(house: House, ada: Teacher) -> str:
    """Leave a lesson to nobody."""
    return leave_unclaimed(house, ada, [made_up_segment()])


def ends_on(house: House, recording: str) -> date | None:
    """Give the last day on which a recording can be claimed."""
    with house.services.database.reading() as session:
        at = deadline_of(house.services, session, session.get_one(Recording, recording))
    return at and (at - timedelta(hours=1)).astimezone(house.services.config.controller.time_zone).date()


def look(house: House) -> None:
    """Do what the jobs do in a minute."""
    keep_claims(house.services)
    destroy_due(house.services)


def test_key_is_destroyed_after_ten_school_days(house: House, lost: str) -> None:
    """Ready in the night to Tuesday: until the end of the Tuesday two weeks later everything is there, then nothing."""
    assert ends_on(house, lost) == date(2026, 12, 8)
    run_for(house, timedelta(days=14, hours=20))
    look(house)
    assert house.services.key_store.holds(lost)
    run_for(house, timedelta(hours=1))
    look(house)
    assert not house.services.key_store.holds(lost)
    assert row_of(house, lost).state is RecordingState.DESTROYED
    assert history_of(house, lost) == [Said.SUBSTITUTE, Said.OVER]
    with house.services.database.reading() as session:
        assert session.query(Unclaimed).count() == 0, "where and since when it waited is forgotten"


def test_days_without_school_and_the_rules_number_count(house: House, lost: str) -> None:
    """A free week and a weekend are left out; three days where the rules say three."""
    set_first_rules(house.services, Rules(claim_days=3))
    assert ends_on(house, lost) == date(2026, 11, 27)
    with house.services.database.writing() as session:
        session.add(FreeDays(id="w", site="", first_day=date(2026, 11, 25), last_day=date(2026, 11, 29)))
    assert ends_on(house, lost) == date(2026, 12, 2)


def test_deadline_stands_still_while_nothing_ran(house: House, lost: str) -> None:
    """Two weeks without a single look: the first look after them destroys nothing, and ten school days are left."""
    beat(house.services)
    house.clock.pass_time(timedelta(days=21))
    look(house)
    assert house.services.key_store.holds(lost)
    assert ends_on(house, lost) == date(2026, 12, 29)
    with house.services.database.reading() as session:
        (down,) = session.query(Standstill).all()
    assert down.ends_at - down.begins_at == timedelta(days=21)


def test_clock_that_was_ahead_for_a_moment_ends_nothing(house: House, lost: str) -> None:
    """A year ahead by mistake and set back: nothing is destroyed, and no standstill lies in the future."""
    beat(house.services)
    house.clock.pass_time(timedelta(days=365))
    look(house)
    house.clock.pass_time(-timedelta(days=365) + timedelta(minutes=1))
    look(house)
    assert house.services.key_store.holds(lost)
    with house.services.database.reading() as session:
        assert all(each.ends_at <= house.clock() for each in session.query(Standstill))
    assert ends_on(house, lost) == date(2026, 12, 8)


def test_answer_given_late_leaves_all_the_days(house: House, ada: Teacher) -> None:
    """*Not me* two weeks after the lesson was ready: the ten school days begin then."""
    recording = house.deliver_unasked(house.make_lesson(ada, [made_up_segment()]))
    run_for(house, timedelta(days=14))
    look(house)
    assert row_of(house, recording).ownership is Ownership.PROVISIONAL
    with house.services.database.writing() as session:
        row = session.get_one(Recording, recording)
        assert say(session, row, Word(said=Said.NOT_ME, by=ada.id, at=house.clock()))
    assert ends_on(house, recording) == date(2026, 12, 22)


def test_recording_that_nobody_answers_for_is_nobodys_and_then_ends(house: House, ada: Teacher) -> None:
    """Ten school days for who is asked, and ten more in which they are asked still, like everybody who was there."""
    asked = house.deliver_unasked(house.make_lesson(ada, [made_up_segment()]))
    assert ends_on(house, asked) == date(2026, 12, 8)
    run_for(house, timedelta(days=14, hours=20))
    look(house)
    assert row_of(house, asked).ownership is Ownership.PROVISIONAL
    run_for(house, timedelta(hours=1))
    look(house)
    assert (row_of(house, asked).ownership, history_of(house, asked)) == (Ownership.UNCLAIMED, [Said.UNANSWERED])
    with house.services.database.reading() as session:
        assert [each.recording for each in offered_to(house.services, session, ada.id)] == [asked]
    assert ends_on(house, asked) == date(2026, 12, 23), "ten whole school days from the midnight of a Tuesday"
    run_for(house, timedelta(days=15))
    look(house)
    assert row_of(house, asked).state is RecordingState.DESTROYED
    assert history_of(house, asked) == [Said.UNANSWERED, Said.OVER]


def test_recording_left_without_an_answer_can_be_had_by_who_was_asked(house: House, ada: Teacher) -> None:
    """Late, by a word of theirs: then it is theirs, and no deadline runs."""
    asked = house.deliver_unasked(house.make_lesson(ada, [made_up_segment()]))
    run_for(house, timedelta(days=20))
    look(house)
    with house.services.database.writing() as session:
        (mine,) = offered_to(house.services, session, ada.id)
        assert take(house.services, session, mine, claimant=ada.id) is Heard.OWNED
    assert (row_of(house, asked).owner, ends_on(house, asked)) == (ada.id, None)


def test_answer_has_no_deadline_while_nothing_ran_nor_before_it_is_ready(house: House, ada: Teacher) -> None:
    """A month without a look makes nothing nobody's; neither does time while a part is still on its way."""
    asked = house.deliver_unasked(house.make_lesson(ada, [made_up_segment()]))
    partly = house.deliver_unasked(house.make_lesson(ada, [made_up_segment(), made_up_segment()]), only=1)
    beat(house.services)
    house.clock.pass_time(timedelta(days=30))
    look(house)
    assert row_of(house, asked).ownership is Ownership.PROVISIONAL
    run_for(house, timedelta(days=30))
    look(house)
    assert row_of(house, asked).ownership is Ownership.UNCLAIMED
    assert (row_of(house, partly).ownership, ends_on(house, partly)) == (Ownership.PROVISIONAL, None)


def test_first_day_on_which_an_answer_can_be_over_is_not_passed_over(house: House, ada: Teacher) -> None:
    """Where the rules give one day it ends with that day's midnight, although the recording is younger than a day."""
    set_first_rules(house.services, Rules(claim_days=1))
    house.clock.now = local_now(house).replace(hour=0, minute=0, second=0, microsecond=0)
    asked = house.deliver_unasked(house.make_lesson(ada, [made_up_segment()]))
    ends_at = house.clock() + DAY
    run_for(house, DAY - timedelta(minutes=1))
    look(house)
    assert row_of(house, asked).ownership is Ownership.PROVISIONAL
    run_for(house, ends_at - house.clock())
    look(house)
    assert row_of(house, asked).ownership is Ownership.UNCLAIMED


def test_recording_that_is_not_whole_has_no_deadline(house: House, ada: Teacher) -> None:
    """Nobody's, and a part is still on its way: the days begin when it is ready."""
    lesson = house.make_lesson(ada, [made_up_segment(), made_up_segment()])
    recording = house.deliver_unasked(lesson, only=1)
    with house.services.database.writing() as session:
        say(session, session.get_one(Recording, recording), Word(said=Said.NOT_ME, by=ada.id, at=house.clock()))
    assert ends_on(house, recording) is None
    run_for(house, timedelta(days=60))
    look(house)
    assert house.services.key_store.holds(recording)


@pytest.mark.parametrize("ownership", [each for each in Ownership if each is not Ownership.CONFIRMED])
def test_opening_layer_opens_nothing_that_is_not_confirmed(house: House, ada: Teacher, ownership: Ownership) -> None:
    """Whoever asks, by whichever way they came: no manifest, no key, no segment of what nobody said is theirs."""
    recording = house.deliver(house.make_lesson(ada, [made_up_segment()]))
    playback = make_playback(house.services)
    source = source_of(None, row_of(house, recording))  # type: ignore[arg-type]  # it asks nothing of the session
    with playback.open_segment(source, 1) as reader:
        assert reader.size > 0
    with house.services.database.writing() as session:
        session.get_one(Recording, recording).ownership = ownership
    with pytest.raises(NotHeldError, match="locked"), playback.open_segment(source, 1):
        pass
    with pytest.raises(NotHeldError, match="locked"):
        playback.plan(source)


def test_lesson_of_who_is_no_teacher_any_more_is_nobodys(house: House, ada: Teacher) -> None:
    """Asked and not answered when the role was taken; what was confirmed before stays."""
    mine = house.deliver(house.make_lesson(ada, [made_up_segment()]))
    asked = house.deliver_unasked(house.make_lesson(ada, [made_up_segment()]))
    lose_role(house, ada.id)
    look(house)
    assert row_of(house, mine).ownership is Ownership.CONFIRMED
    assert history_of(house, asked) == [Said.OWNER_GONE]


def arrive(house: House, lesson: Lesson, *, named: str | None) -> Recording:
    """Weigh a recording as when its manifest comes, naming a lesson or none."""
    recording = house.deliver_unasked(lesson)
    with house.services.database.writing() as session:
        row = session.get_one(Recording, recording)
        manifest = house.services.manifests.load(row.id, row.recorder_key)
        named_one = replace(manifest, begun=replace(manifest.begun, lesson=named))
        zone = house.services.config.controller.time_zone
        row.ownership = Ownership.PROVISIONAL
        weigh_arrival(session, row, named_one, zone=zone, now=house.clock())
    return row_of(house, recording)


def test_recording_of_a_lesson_that_the_timetable_has_is_asked_for(house: House, ada: Teacher) -> None:
    """By the lesson's name, or, when that has changed since, by its owner's lesson in that room at that time."""
    class_id = enter_classes(house, by="office", teacher="nobody").class_id
    room = put_in_room(house, ada.device, "Room 12")
    hours = Hours(begins=time(9), ends=time(10), in_days=-1)
    enter_lesson(house, room, class_id, [person_of(house, ada.id)], hours)
    (known,) = lesson_ids(house, local_now(house).date() - DAY)
    for named in (known, "aaaaaaaaaaaaaaaaaaaaaaaaaa"):
        row = arrive(house, house.make_lesson(ada, [made_up_segment()]), named=named)
        assert (row.ownership, row.owner, row.room) == (Ownership.PROVISIONAL, ada.id, room)


def test_recording_of_a_lesson_that_nobody_knows_is_nobodys(house: House, ada: Teacher) -> None:
    """No timetable has it, and its owner has none in that room then."""
    row = arrive(house, house.make_lesson(ada, [made_up_segment()]), named="aaaaaaaaaaaaaaaaaaaaaaaaaa")
    assert history_of(house, row.id) == [Said.UNKNOWN_LESSON]


def test_recording_in_a_room_that_is_free_is_nobodys(house: House, ada: Teacher) -> None:
    """No lesson, and not the unit of whom the manifest names."""
    other = house.add_teacher("Bea Other", room="Room 13")
    lesson = house.make_lesson(replace(ada, id=other.id), [made_up_segment()])
    row = row_of(house, house.deliver_unasked(lesson))
    assert row.ownership is Ownership.UNCLAIMED
    assert history_of(house, row.id) == [Said.FREE_ROOM]


def test_status_says_whether_deadlines_run(house: House, lost: str) -> None:
    """Never looked, runs, does not run; standstills as a sum, and nothing of what is unclaimed."""
    assert "never looked" in tell_standstills(house.services)
    beat(house.services)
    assert tell_standstills(house.services) == "Jobs: they run, and people's deadlines with them."
    house.clock.pass_time(timedelta(hours=30))
    assert "do NOT run since 2026-11-24 02:15 UTC" in tell_standstills(house.services)
    beat(house.services)
    assert tell_standstills(house.services).endswith("In 30 days they stood still for 30.0 hours in all.")
    assert lost not in tell_standstills(house.services)


def test_lesson_of_a_unit_that_moved_since_keeps_its_own_room(house: House, ada: Teacher) -> None:
    """Pressed in room 12, delivered from room 20: the lesson's name leads to its room; without one none is known."""
    class_id = enter_classes(house, by="office", teacher="nobody").class_id
    room = put_in_room(house, ada.device, "Room 12")
    hours = Hours(begins=time(9), ends=time(10), in_days=-1)
    enter_lesson(house, room, class_id, [person_of(house, ada.id)], hours)
    (known,) = lesson_ids(house, local_now(house).date() - DAY)
    other = house.add_teacher("Bea Other", room="Room 13")
    place = life.Place(room_name="Room 20", owner=other.id)
    life.move(house.services, ada.device, place, Deed(by=OPERATOR, at=house.clock()))
    row = arrive(house, house.make_lesson(ada, [made_up_segment()]), named=known)
    assert (row.ownership, row.owner, row.room) == (Ownership.PROVISIONAL, ada.id, room)
    row = arrive(house, house.make_lesson(ada, [made_up_segment()]), named=None)
    assert (row.ownership, row.owner, row.room) == (Ownership.PROVISIONAL, ada.id, None)


def test_claim_for_which_nobody_speaks_ends_too(house: House, ada: Teacher, lost: str) -> None:
    """The days begin anew with the claim, so that a principal may be away; they do not wait for ever."""
    set_first_rules(house.services, Rules(second_person_confirms=True))
    run_for(house, timedelta(days=10))
    with house.services.database.writing() as session:
        (mine,) = offered_to(house.services, session, ada.id)
        assert take(house.services, session, mine, claimant=ada.id) is Heard.ASKED
    run_for(house, timedelta(days=11))
    look(house)
    assert house.services.key_store.holds(lost)
    assert ends_on(house, lost) == date(2026, 12, 18)
    run_for(house, timedelta(days=4))
    look(house)
    assert row_of(house, lost).state is RecordingState.DESTROYED
    assert history_of(house, lost) == [Said.SUBSTITUTE, Said.ASKED, Said.OVER]
