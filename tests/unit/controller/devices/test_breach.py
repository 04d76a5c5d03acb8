"""The breach pack: what it says, who can open it, and that whoever runs the controller learns nothing from it."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from controller.devices.breach import gather
from controller.devices.breach_content import BLOCK_BYTES, Breach
from controller.devices.history import OPERATOR, Deed, events_of
from controller.devices.losing import Lost, Pack, lose
from controller.devices.models import Device, DeviceState, Presence
from controller.enrollment.models import Certificate
from controller.enrollment.repo import enter_certificate
from controller.enrollment.revocation import LIST
from controller.epochs.models import EpochStatement
from controller.keys import load_authority
from controller.recordings.models import Recording
from controller.recordings.receipts import issue_due
from controller.recordings.services import Stores, destroy_recording
from controller.uploads.models import SpoolReportRow
from protocol.epochs import EpochsHeld, issue_epochs_held
from protocol.pki import issue_device
from tests.house import House, Teacher
from tests.unit.controller.uploads.unit_client import made_up_segment


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Ada, whose unit is in Room 12 and has a certificate."""
    made = house.add_teacher()
    authority = load_authority(house.services.config.controller.keys)
    credential = issue_device(authority, made.device, now=house.clock())
    with house.services.database.writing() as session:
        enter_certificate(session, made.device, credential.certificate, now=house.clock())
    return made


def declare(house: House, device: str) -> Lost:
    """Declare a unit lost on the command line."""
    return lose(house.services, device, Deed(OPERATOR, house.clock()))


def open_pack(house: House, pack: Path | None) -> dict[str, Any]:
    """Open a pack with the stock age and the keeper's key, as the runbook says."""
    age = shutil.which("age")
    assert age is not None
    assert pack is not None
    key = house.services.config.controller.keys / "keeper.key"
    opened = subprocess.run([age, "-d", "-i", str(key), str(pack)], capture_output=True, check=True)
    told: dict[str, Any] = json.loads(opened.stdout)
    return told


def test_pack_says_what_was_not_delivered_whose_and_sealed_to_what(house: House, teacher: Teacher) -> None:
    """One lesson delivered but not acknowledged, one in part; the keeper reads both, with owner, epoch and bytes."""
    whole = house.make_lesson(teacher, [made_up_segment() for _ in range(2)])
    part = house.make_lesson(teacher, [made_up_segment() for _ in range(3)])
    house.deliver(whole)
    house.deliver(part, only=1)
    now = house.clock()
    with house.services.database.writing() as session:
        session.add(SpoolReportRow(device=teacher.device, waiting_bytes=123_456, said_at=now, received_at=now))
        session.add(Presence(device=teacher.device, birth=1, online=False, version="1", changed_at=now))
    told = open_pack(house, declare(house, teacher.device).pack)
    (missing,), (perhaps,) = told["not_delivered"], told["delivered_perhaps_still_held"]
    assert (missing["recording"], missing["owner"], missing["epoch"]) == (part.id, teacher.id, house.epoch)
    assert (missing["objects"], missing["delivered_objects"]) == (4, 2)
    assert missing["missing_bytes"] == len(part.objects[2]) + len(part.objects[3])
    assert perhaps["recording"] == whole.id
    assert told["unit"]["label"] == "Room 12"
    assert told["unit"]["waiting_bytes"] == 123_456
    assert told["unit"]["presence_at"] == now.isoformat()
    assert told["epochs"] == [{"name": house.epoch, "identity": "held by the school's server"}]
    assert told["owners"] == [{"id": teacher.id, "name": "Ada Moreno", "email": "ada@school.example"}]
    assert {key["key"] for key in told["keys"]} >= {"recorder.key", "tls.key and certificate"}
    assert told["certificates"][0]["revoked_at"] == now.isoformat()


def test_lesson_whose_receipt_the_unit_has_is_counted_and_not_named(house: House, teacher: Teacher) -> None:
    """Its segments were released: nothing of it is on the card any more."""
    lesson = house.deliver(house.make_lesson(teacher, [made_up_segment()]))
    with house.services.database.writing() as session:
        row = session.get_one(Recording, lesson)
        row.receipt_version = row.receipt_acked = 1
    told = open_pack(house, declare(house, teacher.device).pack)
    assert (told["not_delivered"], told["delivered_perhaps_still_held"]) == ([], [])
    assert told["delivered_and_released"] == 1


def acknowledge(house: House, lesson: str, *, keep_days: int) -> None:
    """Issue the lesson's receipt, by which the unit may keep a copy for some days, and let the unit have it."""
    config = house.services.config
    kept = replace(config, retention=replace(config.retention, keep_delivered_days=keep_days))
    issue_due(replace(house.services, config=kept))
    with house.services.database.writing() as session:
        row = session.get_one(Recording, lesson)
        row.receipt_acked = row.receipt_version


def collected(house: House, teacher: Teacher) -> Breach:
    """Collect what a pack would say now."""
    with house.services.database.reading() as session:
        return gather(house.services, session, teacher.device)


def test_kept_copy_is_named_until_the_recorder_says_that_its_epoch_is_gone(house: House, teacher: Teacher) -> None:
    """A unit with the receipt may hold its copy still; only the recorder's own word, or no keeping, says otherwise."""
    lesson = house.deliver(house.make_lesson(teacher, [made_up_segment()]))
    acknowledge(house, lesson, keep_days=7)
    told = collected(house, teacher)
    assert [each.recording for each in told.delivered_perhaps_still_held] == [lesson]
    said = EpochsHeld(device=teacher.device, counter=1, at=house.clock(), held=("2030-W01",), unknown=False)
    with house.services.database.writing() as session:
        line = issue_epochs_held(said, teacher.recorder)
        session.add(EpochStatement(device=teacher.device, line=line, counter=1, received_at=house.clock()))
    told = collected(house, teacher)
    assert (told.delivered_perhaps_still_held, told.delivered_and_released) == ([], 1)


def test_destroyed_lesson_is_named_until_the_unit_has_its_receipt(house: House, teacher: Teacher) -> None:
    """Its copy on the card goes with that receipt, and not before."""
    lesson = house.deliver(house.make_lesson(teacher, [made_up_segment()]))
    acknowledge(house, lesson, keep_days=7)
    with house.services.database.writing() as session:
        row = session.get_one(Recording, lesson)
        stores = Stores(house.services.objects, house.services.key_store)
        destroy_recording(session, row, None, stores=stores, now=house.clock())
    told = collected(house, teacher)
    assert [each.recording for each in told.delivered_perhaps_still_held] == [lesson]
    acknowledge(house, lesson, keep_days=7)
    told = collected(house, teacher)
    assert (told.not_delivered, told.delivered_perhaps_still_held) == ([], [])


def test_operator_learns_nothing_from_the_pack(house: House, teacher: Teacher) -> None:
    """P7: a unit that recorded all week leaves a file of the same length, and the same words, as one that never did."""
    quiet = house.add_teacher("Bea Quiet", room="Room 14")
    for _ in range(9):
        house.deliver(house.make_lesson(teacher, [made_up_segment()]), only=0)
    packs = [declare(house, device).pack for device in (teacher.device, quiet.device)]
    assert all(packs)
    sizes = {pack.stat().st_size for pack in packs if pack}
    assert len(sizes) == 1
    assert sizes.pop() > BLOCK_BYTES
    histories = []
    with house.services.database.reading() as session:
        for device in (teacher.device, quiet.device):
            lines = [(row.what, row.by, row.detail.replace(device, "")) for row in events_of(session, device)]
            histories.append(lines)
    assert histories[0] == histories[1]


def test_pack_opens_for_the_keeper_alone(house: House, teacher: Teacher) -> None:
    """No key of the server opens it, and only its owner reads the file."""
    pack = declare(house, teacher.device).pack
    assert pack is not None
    age = shutil.which("age")
    assert age is not None
    keys = house.services.config.controller.keys
    for identity in [*keys.glob("epochs/*.key"), *keys.glob("storage/*.key")]:
        tried = subprocess.run([age, "-d", "-i", str(identity), str(pack)], capture_output=True, check=False)
        assert tried.returncode != 0
    assert stat.S_IMODE(pack.stat().st_mode) == 0o600
    assert stat.S_IMODE(pack.parent.stat().st_mode) == 0o700


def test_unit_is_let_in_no_more_also_where_no_pack_can_be_sealed(house: House, teacher: Teacher) -> None:
    """Revocation comes first; what failed is told with its remedy, and made up for by saying lost once more."""
    keeper = house.services.config.controller.keys / "keeper.pub"
    text = keeper.read_text()
    keeper.unlink()
    done = declare(house, teacher.device)
    assert done.pack is None
    assert len(done.troubles) == 1
    assert "keeper.pub" in done.troubles[0]
    with house.services.database.reading() as session:
        assert session.get_one(Device, teacher.device).state is DeviceState.LOST
        assert session.scalars(select(Certificate.revoked_at)).one() is not None
    keeper.write_text(text)
    again = declare(house, teacher.device)
    assert again.troubles == ()
    assert open_pack(house, again.pack)["unit"]["id"] == teacher.device


def test_second_declaration_answers_with_the_pack_that_exists(house: House, teacher: Teacher) -> None:
    """A click too many makes no second pack and no line of history; whoever wants another says so."""
    first = declare(house, teacher.device)
    house.clock.pass_time(timedelta(minutes=1))
    again = declare(house, teacher.device)
    assert (again.pack, again.is_held, first.is_held) == (first.pack, True, False)
    anew = lose(house.services, teacher.device, Deed(OPERATOR, house.clock()), pack=Pack.ANEW)
    assert anew.pack != first.pack
    assert not anew.is_held
    assert anew.pack is not None
    anew.pack.unlink()
    house.clock.pass_time(timedelta(minutes=1))
    made = declare(house, teacher.device)
    assert open_pack(house, made.pack)["unit"]["id"] == teacher.device
    with house.services.database.reading() as session:
        lines = [row.what for row in events_of(session, teacher.device)]
    assert lines == ["breach_pack", "breach_pack", "breach_pack", "lost"]


def test_pack_of_an_earlier_loss_is_none_of_this_one(house: House, teacher: Teacher) -> None:
    """A unit that was taken on again and is lost again held something else."""
    first = declare(house, teacher.device)
    with house.services.database.writing() as session:
        session.get_one(Device, teacher.device).state = DeviceState.ACTIVE
    house.clock.pass_time(timedelta(days=9))
    again = declare(house, teacher.device)
    assert again.pack != first.pack
    assert not again.is_held


def test_list_of_revoked_certificates_is_issued_at_once(house: House, teacher: Teacher) -> None:
    """The broker reads it within a second; no job is waited for."""
    declare(house, teacher.device)
    assert b"X509 CRL" in (house.services.config.controller.data / LIST).read_bytes()


def test_manifest_that_cannot_be_read_is_said_and_stops_nothing(
    house: House, teacher: Teacher, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged store keeps no pack from being made, and only the pack says so: the log would tell that it recorded."""
    caplog.set_level(0)
    lesson = house.deliver(house.make_lesson(teacher, [made_up_segment()]), only=0)
    for path in house.services.config.controller.data.rglob("manifest"):
        path.write_bytes(b"damaged")
    (missing,) = open_pack(house, declare(house, teacher.device).pack)["not_delivered"]
    assert missing["recording"] == lesson
    assert "cannot be read" in missing["epoch"]
    assert "manifest" not in caplog.text
