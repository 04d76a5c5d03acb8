"""Epochs on the controller: statements at the units' door, ends on real files, waivers by a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from controller.accounts.models import Role
from controller.audit.models import Incident
from controller.devices.models import Device, DeviceEvent, DeviceState
from controller.epochs.models import EpochEnd, EpochStatement, EpochWaiver
from controller.epochs.services import end_due, find_person, list_standings, plan_waiver, waive
from controller.errors import OperatorError
from controller.recordings.models import LateRecording
from protocol.documents import issue_document
from protocol.durable import replace_file
from protocol.epochs import LIMIT_BYTES, EpochsHeld, issue_epochs_held
from protocol.keyfiles import load_signing_key
from protocol.signing import SigningKey
from tests.fakes.cutfiles import Cut, KilledFiles
from tests.house import PASSWORD, House, make_house, post
from tests.lesson import Lesson
from tests.unit.controller.uploads.unit_client import UnitClient, discarded, made_up_segment, make_unit

AFTER_THE_END = timedelta(days=22)  # the epoch's own days, and fourteen more


@dataclass
class School:
    """A controller, one unit with a lease for months, and the statements that it makes."""

    house: House
    unit: UnitClient
    counter: int = 0

    @property
    def key_file(self) -> Path:
        """Where the first epoch's identity lies."""
        return self.house.services.config.controller.keys / "epochs" / f"{self.house.epoch}.key"

    def statement(self, *held: str, at: datetime | None = None, counter: int = 0, unknown: bool = False) -> bytes:
        """Sign a statement, newer than the one before."""
        self.counter = counter or self.counter + 1
        said = EpochsHeld(
            device=self.unit.teacher.device,
            counter=self.counter,
            at=at or self.house.clock(),
            held=tuple(sorted(held)),
            unknown=unknown,
        )
        return issue_epochs_held(said, self.unit.teacher.recorder)

    def send(self, line: bytes) -> TestResponse:
        """Send a statement as the uploader does."""
        return self.unit.ask("PUT", "/epochs", data=line)

    def say(self, *held: str) -> None:
        """Let the unit say what it holds."""
        answer = self.send(self.statement(*held))
        assert answer.status_code == 204, answer.text

    def pass_the_time(self, time: timedelta = AFTER_THE_END) -> None:
        """Let the epoch's time go by."""
        self.house.clock.pass_time(time)

    def end_the_epoch(self) -> None:
        """Let the epoch end, the unit having said that it holds nothing of it."""
        self.pass_the_time()
        self.say()
        end_due(self.house.services)

    def page(self) -> FlaskClient:
        """Sign the unit's teacher in anew: a login is over long before an epoch."""
        accounts, owner = self.house.accounts, self.unit.teacher
        link = accounts.issue_link(owner.id, made_by=None)
        login = accounts.redeem_link(link, password=PASSWORD, repeated=PASSWORD)
        return self.house.browser(replace(owner, login=login))

    def ends(self) -> dict[str, EpochEnd]:
        """Read the ends."""
        with self.house.services.database.reading() as session:
            return {row.epoch: row for row in session.scalars(select(EpochEnd))}

    def lesson(self) -> Lesson:
        """Record a lesson in the first epoch."""
        return self.house.make_lesson(self.unit.teacher, [made_up_segment(), made_up_segment()])


def shown(web: FlaskClient, address: str) -> str:
    """Give a page without its form token, which is another each second."""
    return re.sub(r'name="csrf_token" value="[^"]+"', "", web.get(address).text)


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    """Make a school with one unit."""
    house = make_house(tmp_path)
    unit = make_unit(house)
    unit.take_lease(timedelta(days=300))
    yield School(house, unit)
    house.services.database.close()


def test_statement_of_the_unit_is_kept(school: School) -> None:
    """The newest is kept, the same again does no harm, and an older one is refused whatever its clock says."""
    first = school.statement("2026-w47")
    assert school.send(first).status_code == 204
    second = school.statement()
    assert (school.send(second).status_code, school.send(second).status_code) == (204, 204)
    answer = school.send(first)
    assert (answer.status_code, answer.get_json()["error"]) == (409, "statement_older")
    ahead = school.statement("2026-w47", at=school.house.clock() + timedelta(days=900), counter=1)
    assert school.send(ahead).status_code == 409
    with school.house.services.database.reading() as session:
        assert session.get_one(EpochStatement, school.unit.teacher.device).line == second


def test_statement_that_is_not_the_units_own_is_refused(school: School) -> None:
    """Another key, another unit, rubbish, and more than a statement can be: nothing is kept."""
    line = school.statement()
    other = make_unit(school.house, school.house.add_teacher("Bob Ruiz", "Room 13"))
    answers = [
        school.send(issue_epochs_held(_read(line), SigningKey.generate())),
        other.ask("PUT", "/epochs", data=line),
        school.send(issue_epochs_held(replace(_read(line), device=other.teacher.device), school.unit.teacher.recorder)),
        school.send(b"rubbish"),
    ]
    assert [(one.status_code, one.get_json()["error"]) for one in answers] == [(422, "statement_unverified")] * 4
    assert school.send(b"x" * (LIMIT_BYTES + 1)).status_code == 413
    assert school.unit.web.put("/units/v1/epochs", data=line).status_code == 403
    with school.house.services.database.reading() as session:
        assert session.scalars(select(EpochStatement)).all() == []


def _read(line: bytes) -> EpochsHeld:
    from protocol.epochs import peek_epochs_held

    return peek_epochs_held(line)


def test_new_recorder_key_begins_to_count_anew(school: School) -> None:
    """After a person re-adopted the unit its statements are taken again, and those of the old key no more."""
    school.say("2026-w47")
    school.send(school.statement("2026-w47", counter=900))
    new = SigningKey.generate()
    with school.house.services.database.writing() as session:
        session.get_one(Device, school.unit.teacher.device).recorder_key = new.verifying.encode()
    line = issue_epochs_held(_read(school.statement(counter=1)), new)
    assert school.send(line).status_code == 204
    assert school.send(school.statement(counter=2000)).status_code == 422


def test_epoch_ends_once_every_unit_has_said_so(school: School) -> None:
    """Not before its time, not while the unit is silent or holds something; then its identity is gone for good."""
    house, epoch = school.house, school.house.epoch
    school.say(epoch)
    assert end_due(house.services) == ()
    school.pass_the_time()
    assert end_due(house.services) == ()
    assert school.key_file.exists()
    school.say(epoch, "2026-w40")
    assert end_due(house.services) == ()
    school.say("2026-w40")
    ended = end_due(house.services)
    assert epoch in ended
    assert not school.key_file.exists()
    assert [path.name for path in school.key_file.parent.iterdir() if epoch in path.name] == []
    assert epoch not in house.services.keys.epochs
    assert school.ends()[epoch].ended_at == house.clock()
    assert end_due(house.services) == ()


def test_identity_that_is_laid_down_again_is_destroyed_again(school: School) -> None:
    """An old copy of the keys folder that comes back does not bring an ended epoch back."""
    secret = school.key_file.read_bytes()
    school.pass_the_time()
    school.say()
    end_due(school.house.services)
    ended_at = school.ends()[school.house.epoch].ended_at
    school.key_file.write_bytes(secret)
    school.key_file.chmod(0o600)
    school.pass_the_time(timedelta(hours=1))
    assert school.house.epoch in end_due(school.house.services)
    assert not school.key_file.exists()
    assert school.ends()[school.house.epoch].ended_at == ended_at


def test_end_that_was_cut_off_is_finished(school: School) -> None:
    """Killed at every operation of the disk: the identity is whole or gone, and the next tick finishes the end."""
    secret = school.key_file.read_bytes()
    school.pass_the_time()
    school.say()
    for number in range(1, 30):
        with school.house.services.database.writing() as session:
            for row in session.scalars(select(EpochEnd)):
                session.delete(row)
        school.key_file.write_bytes(secret)
        school.key_file.chmod(0o600)
        files = KilledFiles(number)
        try:
            end_due(school.house.services, files)
        except Cut:
            assert school.house.epoch in school.ends()
            assert not school.key_file.exists() or school.key_file.read_bytes() == secret
            assert school.ends()[school.house.epoch].ended_at is None
            end_due(school.house.services)
        assert school.ends()[school.house.epoch].ended_at is not None
        assert [path for path in school.key_file.parent.iterdir() if school.house.epoch in path.name] == []
        if len(files.names) < number:
            return
    raise AssertionError("the end took more operations than were tried")


def test_backup_of_the_identity_is_destroyed_too(school: School, tmp_path: Path) -> None:
    """In the one named place as well; while that is not there, or another's, nothing is destroyed and it is said."""
    backup = tmp_path / "backup"
    core = replace(school.house.services.config.controller, keys_backup=backup)
    services = replace(school.house.services, config=replace(school.house.services.config, controller=core))
    school.pass_the_time()
    school.say()
    with pytest.raises(OperatorError, match="keys_backup"):
        end_due(services)
    backup.mkdir()
    (backup / "root.pub").write_text("another school's")
    with pytest.raises(OperatorError, match="another school's"):
        end_due(services)
    assert school.key_file.exists()
    (backup / "root.pub").write_bytes((core.keys / "root.pub").read_bytes())
    (backup / "epochs").mkdir()
    copy = backup / "epochs" / school.key_file.name
    copy.write_bytes(school.key_file.read_bytes())
    assert school.house.epoch in end_due(services)
    assert not copy.exists()
    assert not school.key_file.exists()


def test_recording_of_an_ended_epoch_is_refused_with_words(school: School) -> None:
    """It is never said to be delivered: 410, the reason, and one incident however often the unit tries."""
    lesson, known = school.lesson(), school.lesson()
    assert school.unit.put_manifest(known).status_code == 200
    school.pass_the_time()
    school.say()
    end_due(school.house.services)
    for _ in range(3):
        answer = school.unit.put_manifest(lesson)
        assert (answer.status_code, answer.get_json()["error"]) == (410, "epoch_ended")
    assert school.house.epoch in answer.get_json()["detail"]
    assert school.unit.put_manifest(known).status_code == 410
    assert school.unit.upload(known, 0).status_code == 410
    with school.house.services.database.reading() as session:
        incidents = session.scalars(select(Incident).where(Incident.kind == "epoch_ended")).all()
    assert sorted(one.recording or "" for one in incidents) == sorted([lesson.id, known.id])
    assert school.unit.ask("GET", f"/recordings/{lesson.id}/receipt").status_code == 404


def test_unit_that_a_week_waits_for_is_named_with_the_remedy(school: School) -> None:
    """Its own page tells admins what helps; the list tells its teacher, too; until it has reported."""
    house, device, epoch = school.house, school.unit.teacher.device, school.house.epoch
    admin = house.add_admin()
    other = house.add_person("Bea Other", Role.TEACHER)
    assert "waits for it" not in house.browser(admin).get(f"/units/{device}").text
    school.pass_the_time()
    list_standings(house.services)  # as `jobs` does every hour
    admin = house.add_admin("Hopper Admin")
    web = house.browser(admin)
    page = shown(web, f"/units/{device}")
    assert f"epochs waive {epoch} {device}" in page
    assert f"/units/{device}/do/lose" in page.split('id="awaited"')[1].split("</section>")[0]
    assert f"The keys of the week {epoch}" in house.browser(admin).get("/units").text
    assert f"The keys of the week {epoch}" in school.page().get("/units").text
    assert epoch not in house.browser(other).get("/units").text
    told = house.browser(admin).get(f"/api/v1/units/{device}").get_json()["unit"]
    assert told["epochs_waiting"] == [epoch]
    school.say(epoch)  # a unit that holds something is shown as the silent one was (promise P7)
    assert shown(web, f"/units/{device}") == page
    school.say()
    assert "waits for it" not in house.browser(admin).get(f"/units/{device}").text
    assert epoch not in school.page().get("/units").text


def test_owner_alone_is_told_of_a_recording_that_came_too_late(school: School) -> None:
    """One whose manifest came in time and one that is new, each once; a colleague sees nothing."""
    house, known, late = school.house, school.lesson(), school.lesson()
    assert school.unit.put_manifest(known).status_code == 200
    house.confirm(known.id)
    assert "On its way" in school.page().get("/recordings").text
    school.end_the_epoch()
    for lesson in (late, known, late):
        assert school.unit.put_manifest(lesson).status_code == 410
    owner, other = school.page(), house.browser(house.add_person("Bea Other", Role.TEACHER))
    page = owner.get("/recordings").text
    assert page.count("On the unit Room 12") == 2
    assert "nobody can open them any more" in page
    assert "On its way" not in page
    assert "too late" not in other.get("/recordings").text
    assert post(other, f"/recordings/{late.id}/late/aside", page="/account").status_code == 404
    for lesson in (late, late, known):
        assert post(owner, f"/recordings/{lesson.id}/late/aside", page="/account").status_code == 302
    assert school.unit.put_manifest(late).status_code == 410
    assert "too late" not in owner.get("/recordings").text


def test_those_who_run_backrow_see_nothing_of_a_recording_that_came_too_late(
    school: School, caplog: pytest.LogCaptureFixture
) -> None:
    """P7: pages, REST and the log say the same before and after."""
    device, lesson = school.unit.teacher.device, school.lesson()
    school.end_the_epoch()
    admin = school.house.browser(school.house.add_admin())
    addresses = ("/units", f"/units/{device}", f"/api/v1/units/{device}", f"/api/v1/units/{device}/history")
    before = [shown(admin, address) for address in addresses]
    caplog.set_level(0)
    assert school.unit.put_manifest(lesson).status_code == 410
    assert [shown(admin, address) for address in addresses] == before
    assert admin.get("/recordings").status_code == 404
    assert (lesson.id in caplog.text, "epoch" in caplog.text) == (False, False)


def test_recording_that_was_discarded_is_no_loss_to_tell_of(school: School) -> None:
    """Its owner did not want it; it is refused like the others."""
    lesson = school.lesson()
    school.end_the_epoch()
    assert school.unit.put_manifest(lesson, discarded(lesson)).status_code == 410
    with school.house.services.database.reading() as session:
        assert session.scalars(select(LateRecording)).all() == []


def test_recording_whose_key_came_in_time_goes_on_arriving(school: School) -> None:
    """What the epoch's end does not concern any more is delivered as ever."""
    lesson = school.lesson()
    school.unit.put_manifest(lesson)
    assert school.unit.upload(lesson, 0).status_code == 204
    school.pass_the_time()
    school.say()
    end_due(school.house.services)
    assert {item.index for item in school.unit.deliver(lesson).items} == {0, 1, 2}


def test_waiver_ends_an_epoch_without_a_silent_unit(school: School) -> None:
    """A named admin who has read what would be lost lets it end; who, why and what was read stay written down."""
    house, device, epoch = school.house, school.unit.teacher.device, school.house.epoch
    house.add_admin()
    school.pass_the_time()
    waiving = plan_waiver(house.services, epoch, device)
    assert "Room 12" in waiving.would_lose
    by, name = find_person(house.services, "grace@school.example")
    assert (end_due(house.services), name) == ((), "Grace Admin")
    waive(house.services, waiving, by=by, reason="it fell into the sea")
    assert epoch in end_due(house.services)
    with house.services.database.reading() as session:
        row = session.get_one(EpochWaiver, (epoch, device))
        event = session.scalars(select(DeviceEvent).where(DeviceEvent.device == device)).one()
    assert (row.by, row.reason, row.would_lose) == (by, "it fell into the sea", waiving.would_lose)
    assert (event.what, event.by) == ("epoch_waived", by)


def test_waiver_of_nothing_and_by_nobody_is_refused(school: School) -> None:
    """A unit that does not block, an epoch that is not there or has ended, and an account that is no admin's."""
    house, device, epoch = school.house, school.unit.teacher.device, school.house.epoch
    house.add_person("Carl Coach", Role.TEACHER)
    for email in ("carl@school.example", "nobody@school.example"):
        with pytest.raises(OperatorError, match="admin"):
            find_person(house.services, email)
    school.pass_the_time()
    school.say()
    with pytest.raises(OperatorError, match="does not block"):
        plan_waiver(house.services, epoch, device)
    with pytest.raises(OperatorError, match="no epoch"):
        plan_waiver(house.services, "2020-w01", device)
    end_due(house.services)
    with pytest.raises(OperatorError, match="has ended"):
        plan_waiver(house.services, epoch, device)


def test_lost_unit_blocks_no_more(school: School) -> None:
    """Declared lost, a silent unit lets the epoch end."""
    school.pass_the_time()
    assert end_due(school.house.services) == ()
    with school.house.services.database.writing() as session:
        session.get_one(Device, school.unit.teacher.device).state = DeviceState.LOST
    assert school.house.epoch in end_due(school.house.services)


def test_epochs_are_known_after_newer_recipients_forgot_them(school: School) -> None:
    """A newer list of recipients need not name a week that is over: its end still comes."""
    list_standings(school.house.services)
    keys = school.house.services.keys
    folder = school.house.services.config.controller.keys
    later = replace(keys.recipients, version=2, epochs=keys.recipients.epochs[1:])
    replace_file(folder / "recipients", issue_document(later, load_signing_key(folder / "root.key")))
    school.pass_the_time()
    school.say()
    assert school.house.epoch in end_due(school.house.services)
