"""Reading back: what a disk damaged in silence is found, told, wanted again and repaired; nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from controller.config import Scrub
from controller.disk.services import tell_outlook
from controller.recordings import repo
from controller.recordings.models import HeldObject, Recording, RecordingState
from controller.recordings.policy import ASKED_FOR
from controller.recordings.scrub import BATCH, Scrubber, StoreAwayError
from protocol.manifest import KEY_INDEX
from tests.house import PASSWORD, House, Person, make_house
from tests.lesson import Lesson
from tests.unit.controller.uploads.unit_client import UnitClient, made_up_segment, make_unit

MONTH = timedelta(days=31)


@dataclass
class Desk:
    """A controller that holds one lesson of three segments; `waits` are what reading waited for."""

    house: House
    unit: UnitClient
    lesson: Lesson
    waits: list[float]

    @property
    def folder(self) -> Path:
        """Give where the lesson lies."""
        return self.house.services.config.controller.data / "objects" / self.lesson.id

    def file(self, index: int) -> Path:
        """Give the file of an object: a segment's, the key's entry, or with -1 the manifest."""
        if index == KEY_INDEX:
            return self.house.services.config.controller.key_store / f"{self.lesson.id}.age"
        return self.folder / ("manifest" if index < 0 else f"{index:06d}.age")

    def flip(self, index: int, bit: int | None = None) -> None:
        """Turn one bit over on the disk, behind the controller's back."""
        data = bytearray(self.file(index).read_bytes())
        at = len(data) * 8 * 2 // 3 + 5 if bit is None else bit
        data[at // 8] ^= 1 << at % 8
        self.file(index).write_bytes(data)

    def scrubber(self) -> Scrubber:
        """Make one as a new process would."""
        return Scrubber(self.house.services, self._wait)

    def _wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return False

    def read_back(self) -> int:
        """Let a month go by and read everything back; tell how many objects were read."""
        self.house.clock.pass_time(MONTH)
        self.unit.take_lease()
        scrubber, found = self.scrubber(), 0
        while looked := scrubber.turn():
            found += looked
        return found

    def held(self) -> set[int]:
        """Give what the newest receipt names."""
        return {item.index for item in self.unit.receipt(self.lesson).items}

    def rows(self) -> dict[int, HeldObject]:
        """Give the rows of what is held."""
        with self.house.services.database.reading() as session:
            return {row.object_index: row for row in repo.held_objects(session, self.lesson.id)}

    def browse(self, person: Person) -> FlaskClient:
        """Sign somebody in again: a login does not last a month."""
        accounts = self.house.accounts
        login = accounts.redeem_link(accounts.issue_link(person.id, made_by=None), password=PASSWORD, repeated=PASSWORD)
        return self.house.browser(replace(person, login=login))

    def state(self) -> RecordingState:
        """Give the recording's state."""
        with self.house.services.database.reading() as session:
            return session.get_one(Recording, self.lesson.id).state


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Deliver a lesson of three segments."""
    house = make_house(tmp_path)
    unit = make_unit(house)
    lesson = house.make_lesson(unit.teacher, [made_up_segment(), made_up_segment(70_000), made_up_segment(2_500_000)])
    unit.deliver(lesson)
    yield Desk(house, unit, lesson, [])
    house.services.database.close()


def test_everything_is_read_once_in_a_cycle(desk: Desk) -> None:
    """Nothing before the cycle is over; then each object once, and again a cycle later."""
    assert desk.scrubber().turn() == 0
    assert desk.read_back() == 4
    assert desk.scrubber().turn() == 0
    assert {row.verified_at for row in desk.rows().values()} == {desk.house.clock()}
    assert desk.read_back() == 4


@pytest.mark.parametrize("index", [KEY_INDEX, 1, 3, -1])
def test_flipped_bit_is_found_told_and_repaired(desk: Desk, index: int) -> None:
    """In the key's entry, in segments, in the manifest: out of the receipt, wanted again, whole again."""
    desk.flip(index)
    desk.read_back()
    marked = max(index, KEY_INDEX)
    assert {place for place, row in desk.rows().items() if row.damaged_at} == {marked}
    assert desk.held() == {0, 1, 2, 3} - {marked}
    assert "DAMAGED" in tell_outlook(desk.house.services)
    assert desk.lesson.id not in tell_outlook(desk.house.services)
    wanted = desk.unit.put_manifest(desk.lesson).get_json()["wanted"]
    assert wanted == ([] if index < 0 else [marked]), "a manifest is repaired by being sent"
    assert {item.index for item in desk.unit.deliver(desk.lesson).items} == {0, 1, 2, 3}
    assert not any(row.damaged_at for row in desk.rows().values())
    assert "DAMAGED" not in tell_outlook(desk.house.services)
    assert desk.read_back() == 4
    assert desk.held() == {0, 1, 2, 3}
    assert not list(desk.folder.glob("*.damaged"))


def test_every_bit_of_a_key_entry_counts(desk: Desk) -> None:
    """Each byte of the entry damaged in turn is found."""
    whole = desk.file(KEY_INDEX).read_bytes()
    store = desk.house.services.key_store
    recipient = str(desk.lesson.identity.recipient)
    assert store.opens(desk.lesson.id, recipient)
    for at in range(len(whole)):
        desk.flip(KEY_INDEX, bit=at * 8 + at % 8)
        assert not store.opens(desk.lesson.id, recipient), f"byte {at}"
        desk.file(KEY_INDEX).write_bytes(whole)


@pytest.mark.parametrize("index", [KEY_INDEX, 2, -1])
def test_missing_file_is_damage(desk: Desk, index: int) -> None:
    """Gone is as bad as changed, for manifest, key and segment."""
    other = make_unit(desk.house, desk.house.add_teacher("Ben Otero", "Room 13"))
    other.deliver(desk.house.make_lesson(other.teacher, [made_up_segment(300)]))
    desk.file(index).unlink()
    desk.read_back()
    assert desk.held() == {0, 1, 2, 3} - {max(index, KEY_INDEX)}
    assert {item.index for item in desk.unit.deliver(desk.lesson).items} == {0, 1, 2, 3}


def test_disk_that_is_away_is_not_called_damage(desk: Desk) -> None:
    """The folder is empty, as a mount point is: nothing is marked, and all is well when it is back."""
    desk.folder.parent.rename(desk.folder.parent.with_name("elsewhere"))
    desk.folder.parent.mkdir()
    with pytest.raises(StoreAwayError, match="mounted"):
        desk.read_back()
    assert desk.held() == {0, 1, 2, 3}
    desk.folder.parent.rmdir()
    desk.folder.parent.with_name("elsewhere").rename(desk.folder.parent)
    assert desk.read_back() == 4


def test_ready_recording_stays_so_and_plays_but_for_the_damage(desk: Desk) -> None:
    """The owner reads that a part is damaged, after a week that it is lost; the playlist passes it over."""
    desk.flip(2)
    desk.read_back()
    assert desk.state() is RecordingState.READY
    assert desk.file(2).with_name("000002.age.damaged").exists(), "what is left of it is kept"
    desk.house.confirm(desk.lesson.id)
    browser = desk.browse(desk.unit.teacher)
    place = f"/recordings/{desk.lesson.id}"
    assert "asked for the part again" in browser.get(place).text
    assert "Part of it is damaged" in browser.get("/recordings").text
    playlist = browser.get(f"{place}/stream.m3u8").text
    assert "media/1" in playlist
    assert "media/2" not in playlist
    desk.house.clock.pass_time(ASKED_FOR)
    assert "it is lost" in desk.browse(desk.unit.teacher).get(place).text.replace("\n", " ")


@pytest.mark.parametrize("index", [KEY_INDEX, -1])
def test_recording_that_does_not_open_says_so(desk: Desk, index: int) -> None:
    """No player, but words, where key or manifest is damaged."""
    desk.flip(index)
    desk.read_back()
    desk.house.confirm(desk.lesson.id)
    page = desk.browse(desk.unit.teacher).get(f"/recordings/{desk.lesson.id}")
    assert page.status_code == 200
    assert "damaged what opens this recording" in page.text
    assert "<video" not in page.text


def test_only_admins_read_of_the_disk_and_no_recording_is_named(desk: Desk) -> None:
    """IT reads that the disk damaged something; a teacher's list of units says nothing of it."""
    admin = desk.house.add_admin()
    desk.flip(1)
    desk.read_back()
    page = desk.browse(admin).get("/units").text
    assert 'id="disk-damaged"' in page
    assert desk.lesson.id not in page
    assert "disk-damaged" not in desk.browse(desk.unit.teacher).get("/units").text


def test_log_of_damage_names_no_recording(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """What IT reads in the log is of the disk."""
    desk.flip(1)
    desk.read_back()
    assert "damaged or gone" in caplog.text
    assert desk.lesson.id not in caplog.text
    assert desk.unit.teacher.device not in caplog.text


def test_reading_goes_on_where_it_was(desk: Desk) -> None:
    """Told to stop in the middle of the third object: the next process begins with that one."""
    desk.house.clock.pass_time(MONTH)
    read: list[float] = []

    def stop_at_third(seconds: float) -> bool:
        read.append(seconds)
        return len(read) == 3

    assert Scrubber(desk.house.services, stop_at_third).turn() == 3
    assert len([row for row in desk.rows().values() if row.verified_at]) == 3
    assert desk.scrubber().turn() == 1


def test_budget_is_kept(desk: Desk) -> None:
    """At 1 MiB a second each begun MiB is a second's wait."""
    slow = replace(desk.house.services.config, scrub=Scrub(bytes_per_s=1024 * 1024))
    desk.house = replace(desk.house, services=replace(desk.house.services, config=slow))
    desk.read_back()
    assert desk.waits == [1.0] * 5  # one each for two small segments, three for 2.5 MB


def test_delivery_goes_on_while_an_object_is_read(desk: Desk) -> None:
    """In the middle of a read a unit delivers a whole lesson, and the damaged object itself is sent again."""
    desk.flip(3)
    desk.house.clock.pass_time(MONTH)
    desk.unit.take_lease()
    other = desk.house.make_lesson(desk.unit.teacher, [made_up_segment(300_000)])
    deliveries: list[Callable[[], object]] = [
        lambda: desk.unit.deliver(other),
        lambda: [desk.unit.upload(desk.lesson, index) for index in (1, 2, 3)],
    ]

    def deliver_meanwhile(_: float) -> bool:
        if deliveries:
            deliveries.pop()()
        return False

    while Scrubber(desk.house.services, deliver_meanwhile).turn():
        pass
    assert not deliveries
    assert desk.file(3).read_bytes() == desk.lesson.objects[3], "what came anew is not taken away for what was read"
    assert {item.index for item in desk.unit.deliver(desk.lesson).items} == {0, 1, 2, 3}


def test_what_was_put_back_by_hand_is_held_again(desk: Desk) -> None:
    """From a backup, say: a day later it is looked at again, and the receipt names it."""
    whole = desk.file(2).read_bytes()
    desk.flip(2)
    desk.read_back()
    desk.file(2).write_bytes(whole)
    desk.house.clock.pass_time(timedelta(days=1))
    desk.unit.take_lease()
    assert desk.scrubber().turn() == 1
    assert desk.held() == {0, 1, 2, 3}


def test_destroyed_recording_is_nothing_to_read(desk: Desk) -> None:
    """Its rows stay for the receipt; nothing of it is called damaged."""
    from controller.jobs.service import destroy_due
    from controller.recordings.services import delete_recording

    desk.flip(1)
    desk.read_back()
    services = desk.house.services
    with services.database.writing() as session:
        assert delete_recording(session.get_one(Recording, desk.lesson.id), now=desk.house.clock(), undo_days=1)
    desk.house.clock.pass_time(timedelta(days=2))
    assert destroy_due(services) == 1
    desk.read_back()
    assert desk.held() == {0, 1, 2, 3}, "the unit may release everything"


def test_forked_manifest_is_no_repair(desk: Desk) -> None:
    """A damaged manifest is replaced by the one that was held, never by another that the recorder signed."""
    desk.flip(-1)
    fork = replace(desk.lesson, segments=[made_up_segment()])
    assert desk.unit.put_manifest(fork).get_json()["error"] == "manifest_fork"
    assert desk.unit.put_manifest(desk.lesson).status_code == 200
    assert desk.file(-1).read_bytes() == desk.lesson.manifest


def test_batches_reach_everything(desk: Desk) -> None:
    """More objects than one batch: every one is read, none twice."""
    many = desk.house.make_lesson(desk.unit.teacher, [made_up_segment(200) for _ in range(BATCH)])
    desk.unit.deliver(many)
    assert desk.read_back() == 4 + BATCH + 1
