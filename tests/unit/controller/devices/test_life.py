"""What people do to units: each change, who is let in after it, what the unit is told, what its history says."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from controller.bridge import outbox
from controller.bridge.said import UnknownDeviceError, hear
from controller.devices import life
from controller.devices.counters import note_counters
from controller.devices.history import OPERATOR, Deed, events_of
from controller.devices.life import Place
from controller.devices.models import Device, DeviceState, Presence, UnitCommand
from controller.devices.policies import renew_policies
from controller.devices.policy import Finding
from controller.devices.refusals import ChangeRefusedError
from controller.devices.unit_commands import renew_retirements
from controller.enrollment.models import EnrollmentSecret
from controller.recordings.models import Recording
from controller.uploads.looking import look
from controller.uploads.models import SpoolReportRow
from protocol.commands import Command, Task
from protocol.counters import Counters, encode_counters
from protocol.documents import Policy, issue_document, peek_document, verify_document
from protocol.messages import Presence as PresenceSaid
from protocol.messages import encode_message
from protocol.signing import SigningKey
from protocol.topics import Down, Up, down_topic, up_topic
from tests.house import House, Teacher
from tests.unit.controller.uploads.unit_client import UnitClient, made_up_segment, make_unit


@pytest.fixture
def unit(house: House) -> UnitClient:
    """Make a unit with a lease, of Ada in Room 12."""
    return make_unit(house)


def deed(house: House) -> Deed:
    """Somebody on the command line, now."""
    return Deed(OPERATOR, house.clock())


def row_of(house: House, device: str) -> Device:
    """Read a unit's row."""
    with house.services.database.reading() as session:
        return session.get_one(Device, device)


def history(house: House, device: str) -> list[tuple[str, str]]:
    """Read a unit's history, the oldest first."""
    with house.services.database.reading() as session:
        return [(row.what, row.detail) for row in reversed(events_of(session, device))]


def sent(house: House, device: str, kind: Down) -> list[bytes]:
    """Give what waits for a unit in the outbox."""
    with house.services.database.reading() as session:
        rows = outbox.unsent(session, 100)
        return [row.payload for row in rows if row.topic == down_topic(device, kind)]


def documents(unit: UnitClient, counters: str | None = None) -> tuple[int, bytes]:
    """Fetch the documents as a unit with a lease does."""
    answer = unit.ask("GET", "/documents", more={"Backrow-Counters": counters} if counters else {})
    return answer.status_code, answer.data


def test_identify_is_a_command_of_two_minutes(house: House, unit: UnitClient) -> None:
    """It is signed by the policy key, goes out once, and comes with the documents while it holds."""
    device = unit.teacher.device
    life.identify(house.services, device, deed(house))
    (line,) = sent(house, device, Down.COMMAND)
    command = verify_document(Command, line, house.services.keys.trust)
    assert (command.task, command.version) == (Task.IDENTIFY, 1)
    assert command.expires_at - command.issued_at == timedelta(minutes=2)
    assert line in documents(unit)[1]
    house.clock.pass_time(timedelta(minutes=3))
    assert line not in documents(unit)[1]
    life.identify(house.services, device, deed(house))
    assert peek_document(Command, sent(house, device, Down.COMMAND)[-1]).version == 2
    assert history(house, device)[-2:] == [("identified", ""), ("identified", "")]


def test_move_changes_what_is_named_and_tells_from_what(house: House, unit: UnitClient) -> None:
    """Label, room, site and tags; what is not named stays."""
    place = Place(label="Library", site="North", tags=["loud", "first floor", "loud"])
    row = life.move(house.services, "Room 12", place, deed(house))
    assert (row.label, row.room_name, row.site) == ("Library", "", "North")
    assert json.loads(row.tags) == ["first floor", "loud"]
    what, detail = history(house, row.id)[-1]
    assert what == "moved"
    assert "label: Room 12 -> Library" in detail
    assert "site: - -> North" in detail


def test_new_owner_gets_a_policy_that_names_them(house: House, unit: UnitClient) -> None:
    """From the next press on the unit records for its new owner; names stand in no history."""
    bea = house.add_teacher("Bea Other", room="Room 14")
    row = life.move(house.services, unit.teacher.device, Place(owner=bea.email), deed(house))
    policy = verify_document(Policy, sent(house, row.id, Down.POLICY)[-1], house.services.keys.trust)
    assert policy.otherwise.owner == bea.id
    assert "Bea" not in json.dumps(history(house, row.id))


@pytest.mark.parametrize(
    ("place", "field"),
    [
        (Place(), "place"),
        (Place(label=""), "label"),
        (Place(site="x" * 81), "site"),
        (Place(room_name="a\nb"), "room"),
        (Place(owner="nobody@school.example"), "owner"),
        (Place(tags=["x" * 41]), "tags"),
        (Place(tags=[str(number) for number in range(21)]), "tags"),
    ],
)
def test_impossible_place_is_refused_by_its_field(house: House, unit: UnitClient, place: Place, field: str) -> None:
    """The words say what is wrong and what to do, and nothing has changed."""
    before = history(house, unit.teacher.device)
    with pytest.raises(ChangeRefusedError) as refused:
        life.move(house.services, unit.teacher.device, place, deed(house))
    assert str(refused.value).startswith(f"{field}: ")
    assert history(house, unit.teacher.device) == before


def test_unknown_and_ambiguous_names_are_refused(house: House) -> None:
    """A label names a unit only where one living unit alone has it."""
    house.add_teacher("Ada One", room="Room 12")
    other = house.add_teacher("Bea Two", room="Room 12")
    for name, words in (("Room 12", "2 units are called"), ("Room 99", "there is no unit")):
        with pytest.raises(ChangeRefusedError, match=words):
            life.identify(house.services, name, deed(house))
    life.retire(house.services, other.device, deed(house))
    assert life.identify(house.services, "Room 12", deed(house)).id != other.device


def _spare(house: House) -> Teacher:
    spare = house.add_teacher("Spare Keeper", room="Spare 3")
    life.move(house.services, spare.device, Place(site="Store", tags=["spare"]), deed(house))
    return spare


def test_spare_takes_over_a_room_in_one_step(house: House, unit: UnitClient) -> None:
    """Label, site, tags and owner change hands; both get the policy of their new owner, and both remember."""
    spare, old = _spare(house), unit.teacher
    life.move(house.services, old.device, Place(site="North", room_name="0.12"), deed(house))
    life.swap(house.services, old.device, spare.device, deed(house))
    new, out = row_of(house, spare.device), row_of(house, old.device)
    assert (new.label, new.site, new.room_name, new.owner, new.tags) == ("Room 12", "North", "0.12", old.id, "[]")
    assert (out.label, out.site, out.owner, json.loads(out.tags)) == ("Spare 3", "Store", spare.id, ["spare"])
    for device, owner in ((new.id, old.id), (out.id, spare.id)):
        policy = peek_document(Policy, sent(house, device, Down.POLICY)[-1])
        assert policy.otherwise.owner == owner
    assert history(house, new.id)[-1] == ("took_over", f"Room 12, from {out.id}")
    assert history(house, out.id)[-1] == ("replaced", f"Room 12, by {new.id}")


def test_room_card_stays_with_the_unit_whose_pins_it_tells_of(house: House, unit: UnitClient) -> None:
    """P1: a card that told of the other unit's times would teach wrong gestures."""
    spare = _spare(house)
    with house.services.database.writing() as session:
        session.get_one(Device, spare.device).card = '{"timings": {"stop_s": 3}}'
    life.swap(house.services, unit.teacher.device, spare.device, deed(house))
    assert row_of(house, spare.device).card == '{"timings": {"stop_s": 3}}'


def test_spare_replaces_a_lost_unit_whose_place_in_the_books_stays(house: House, unit: UnitClient) -> None:
    """A stolen unit keeps its label, so that its pack and its history name the room that it was taken from."""
    spare = _spare(house)
    life.declare_lost(house.services, unit.teacher.device, deed(house))
    life.swap(house.services, unit.teacher.device, spare.device, deed(house))
    assert row_of(house, spare.device).label == row_of(house, unit.teacher.device).label == "Room 12"
    assert row_of(house, unit.teacher.device).owner == unit.teacher.id


def test_unit_is_no_spare_for_itself_and_a_retired_one_for_nobody(house: House, unit: UnitClient) -> None:
    """Both are refused, and nothing has changed."""
    spare = _spare(house)
    with pytest.raises(ChangeRefusedError, match="the same one"):
        life.swap(house.services, unit.teacher.device, unit.teacher.device, deed(house))
    life.retire(house.services, spare.device, deed(house))
    with pytest.raises(ChangeRefusedError, match="which is retired"):
        life.swap(house.services, unit.teacher.device, spare.device, deed(house))
    assert row_of(house, unit.teacher.device).label == "Room 12"


@pytest.mark.parametrize("is_lost", [False, True])
def test_same_swap_once_more_is_refused_until_somebody_moved_one(
    house: House, unit: UnitClient, *, is_lost: bool
) -> None:
    """A program that got no answer asks again: nothing may be swapped back; back is asked for from the other side."""
    spare, old = _spare(house).device, unit.teacher.device
    if is_lost:
        life.declare_lost(house.services, old, deed(house))
    life.swap(house.services, old, spare, deed(house))
    with pytest.raises(ChangeRefusedError, match="has taken over from this unit already"):
        life.swap(house.services, old, spare, deed(house))
    assert row_of(house, spare).label == "Room 12"
    if is_lost:
        return
    life.swap(house.services, spare, old, deed(house))
    assert row_of(house, old).label == "Room 12"
    life.swap(house.services, old, spare, deed(house))
    life.move(house.services, spare, Place(label="Room 13"), deed(house))
    life.swap(house.services, old, spare, deed(house))
    assert row_of(house, old).label == "Room 13"


def test_lessons_of_a_swapped_unit_stay_their_owners(house: House, unit: UnitClient) -> None:
    """What was recorded before the swap and is delivered after it belongs to whom it was recorded for."""
    lesson = house.make_lesson(unit.teacher, [made_up_segment()])
    life.swap(house.services, unit.teacher.device, _spare(house).device, deed(house))
    unit.deliver(lesson)
    with house.services.database.reading() as session:
        assert session.get_one(Recording, lesson.id).owner == unit.teacher.id


def test_retired_unit_delivers_and_gets_no_policy(house: House, unit: UnitClient) -> None:
    """It is let in for what it holds, told to wipe itself a day later, and no policy is issued for it again."""
    device = unit.teacher.device
    row = life.retire(house.services, device, deed(house))
    assert row.state is DeviceState.RETIRED
    command = peek_document(Command, sent(house, device, Down.COMMAND)[-1])
    assert (command.task, command.not_before) == (Task.RETIRE, house.clock() + timedelta(hours=24))
    status, lines = documents(unit)
    assert status == 200
    assert b'"document":"command"' in lines
    assert b'"document":"policy"' not in lines
    unit.deliver(house.make_lesson(unit.teacher, [made_up_segment()]))
    house.clock.pass_time(timedelta(days=30))
    renew_policies(house.services)
    assert sent(house, device, Down.POLICY) == []


def test_scheduler_grants_leases_to_retired_units_and_to_no_quarantined_one(house: House, unit: UnitClient) -> None:
    """Else the last lessons of a retired unit would stay where they are."""
    device, now = unit.teacher.device, house.clock()
    with house.services.database.writing() as session:
        session.add(Presence(device=device, birth=1, online=True, version="", changed_at=now))
        session.add(SpoolReportRow(device=device, waiting_bytes=9, said_at=now, received_at=now))

    def waiting() -> int:
        with house.services.database.reading() as session:
            return sum(each.may_send for each in look(session, now, timedelta(minutes=15)).units)

    life.retire(house.services, device, deed(house))
    assert waiting() == 1
    with house.services.database.writing() as session:
        session.get_one(Device, device).state = DeviceState.QUARANTINED
    assert waiting() == 0


def test_retirement_whose_key_is_gone_is_signed_anew(house: House, unit: UnitClient) -> None:
    """A unit that comes after a rotation of keys hears that it is retired; one that holds is left alone."""
    device = unit.teacher.device
    life.retire(house.services, device, deed(house))
    assert renew_retirements(house.services) == 0
    with house.services.database.writing() as session:
        row = session.get_one(UnitCommand, (device, "retire"))
        before = peek_document(Command, row.line)
        row.line = issue_document(before, SigningKey.generate())
    assert renew_retirements(house.services) == 1
    with house.services.database.reading() as session:
        after = verify_document(
            Command, session.get_one(UnitCommand, (device, "retire")).line, house.services.keys.trust
        )
    assert (after.version, after.not_before) == (before.version + 1, before.not_before)


def test_retired_unit_is_not_active_again(house: House, unit: UnitClient) -> None:
    """Neither by acceptance nor by moving: what returns is a new unit."""
    life.retire(house.services, unit.teacher.device, deed(house))
    with pytest.raises(ChangeRefusedError, match="which is retired"):
        life.accept(house.services, unit.teacher.device, "looked", deed(house))
    with pytest.raises(ChangeRefusedError, match="which is retired"):
        life.move(house.services, unit.teacher.device, Place(label="Other"), deed(house))


def test_lost_unit_is_refused_at_the_next_request(house: House, unit: UnitClient) -> None:
    """By its lease, on every address, and over MQTT; its secrets and its lease are over too."""
    device, now = unit.teacher.device, house.clock()
    with house.services.database.writing() as session:
        session.add(
            EnrollmentSecret(id="s", device=device, secret_hash="h", made_at=now, expires_at=now + timedelta(days=7))
        )
    assert documents(unit)[0] == 200
    fence = row_of(house, device).fence
    life.declare_lost(house.services, device, deed(house))
    assert row_of(house, device).fence > fence
    assert documents(unit)[0] == 403
    lesson = house.make_lesson(unit.teacher, [made_up_segment()])
    assert unit.put_manifest(lesson).status_code == 403
    assert unit.ask("GET", "/lease").status_code == 403
    with house.services.database.writing() as session:
        assert session.get_one(EnrollmentSecret, "s").revoked_at == now
        said = encode_message(PresenceSaid(device=device, birth=1, online=True, version="0"))
        with pytest.raises(UnknownDeviceError):
            hear(house.services, session, up_topic(device, Up.PRESENCE), said)


def test_lost_stands_once_in_the_history_however_often_it_is_said(house: House, unit: UnitClient) -> None:
    """Saying it again makes the pack again, no more."""
    for _ in range(3):
        life.declare_lost(house.services, unit.teacher.device, deed(house))
    assert [what for what, _ in history(house, unit.teacher.device)].count("lost") == 1


def counted(birth: int, boots: int, boot: str = "a") -> str:
    """Write the header."""
    return encode_counters(Counters(birth=birth, boots=boots, boot=boot))


def test_old_card_is_quarantined_and_delivers_after_a_person_looked(house: House, unit: UnitClient) -> None:
    """It delivers nothing and is named with the reason; accepted, it goes on from its own counters."""
    device = unit.teacher.device
    assert documents(unit, counted(40, 9))[0] == 200
    fence = row_of(house, device).fence
    documents(unit, counted(12, 4, "b"))
    row = row_of(house, device)
    assert row.fence > fence  # a body that is coming in ends here, not at the next request
    assert (row.state, row.state_reason) == (DeviceState.QUARANTINED, "rolled_back")
    assert history(house, device)[-1] == ("quarantined", "rolled_back")
    lesson = house.make_lesson(unit.teacher, [made_up_segment()])
    assert unit.put_manifest(lesson).get_json()["error"] == "device_quarantined"
    life.accept(house.services, device, "card restored on purpose", deed(house))
    unit.take_lease()
    assert documents(unit, counted(13, 4, "b"))[0] == 200
    assert row_of(house, device).state is DeviceState.ACTIVE
    unit.deliver(lesson)


def test_twin_that_goes_on_beside_its_unit_is_noticed_again_after_acceptance(house: House, unit: UnitClient) -> None:
    """Two machines count the same start under two ids: accepting does not end it, taking one away does."""
    device = unit.teacher.device
    documents(unit, counted(40, 9, "a"))
    documents(unit, counted(41, 9, "b"))
    assert row_of(house, device).state_reason == "repeated"
    life.accept(house.services, device, "found nothing", deed(house))
    unit.take_lease()
    documents(unit, counted(42, 9, "a"))
    documents(unit, counted(43, 9, "b"))
    assert row_of(house, device).state is DeviceState.QUARANTINED


def test_acceptance_says_what_was_found(house: House, unit: UnitClient) -> None:
    """Nobody clicks an alarm away."""
    documents(unit, counted(40, 9))
    documents(unit, counted(12, 4, "b"))
    with pytest.raises(ChangeRefusedError, match="say it"):
        life.accept(house.services, unit.teacher.device, "  ", deed(house))
    life.accept(house.services, unit.teacher.device, "restored from an image", deed(house))
    assert history(house, unit.teacher.device)[-1] == ("accepted", "restored from an image")


@pytest.mark.parametrize("lost_to", [counted(1_763_900_000, 10, "b"), counted(41, 1_763_900_000, "b")])
def test_counter_that_was_lost_is_no_old_card(house: House, unit: UnitClient, lost_to: str) -> None:
    """It goes on from the clock, far above."""
    documents(unit, counted(40, 9))
    documents(unit, lost_to)
    assert row_of(house, unit.teacher.device).state is DeviceState.ACTIVE


def test_overtaken_request_changes_nothing(house: House, unit: UnitClient) -> None:
    """A request that waited in a queue while the next was answered is of the same start."""
    device = unit.teacher.device
    for header in (counted(40, 9), counted(42, 9)):
        documents(unit, header)
    assert note_counters(house.services, device, counted(41, 9)) is Finding.LATE
    assert row_of(house, device).state is DeviceState.ACTIVE


def test_unit_without_the_header_is_not_judged_and_a_malformed_one_refused(house: House, unit: UnitClient) -> None:
    """An older release says nothing of itself; garbage is a clear 400."""
    documents(unit, counted(40, 9))
    assert documents(unit)[0] == 200
    status, body = documents(unit, "birth=many")
    assert (status, json.loads(body)["error"]) == (400, "counters_malformed")
    assert row_of(house, unit.teacher.device).state is DeviceState.ACTIVE


def test_commands_come_again_with_a_new_birth(house: House, unit: UnitClient) -> None:
    """A unit that was off when it was retired hears it when it is born."""
    device = unit.teacher.device
    life.retire(house.services, device, deed(house))
    with house.services.database.writing() as session:
        outbox.mark_sent(session, [row.id for row in outbox.unsent(session, 100)], house.clock())
        said = encode_message(PresenceSaid(device=device, birth=7, online=True, version="0"))
        hear(house.services, session, up_topic(device, Up.PRESENCE), said)
    assert [peek_document(Command, line).task for line in sent(house, device, Down.COMMAND)] == [Task.RETIRE]
    assert sent(house, device, Down.POLICY) == []


def test_every_change_of_state_is_in_the_history(house: House) -> None:
    """Nothing happens to a unit's state without a line that says so."""
    unit = house.add_teacher()
    life.retire(house.services, unit.device, deed(house))
    life.declare_lost(house.services, unit.device, deed(house))
    assert [what for what, _ in history(house, unit.device)] == ["retired", "lost"]
    with house.services.database.reading() as session:
        assert session.scalars(select(Device.state).where(Device.id == unit.device)).one() is DeviceState.LOST
