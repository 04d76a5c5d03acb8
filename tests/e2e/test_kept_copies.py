"""A unit's copy repairs what the school's disk damages days later: the unit's real parts against the real controller.

Days pass in a world of their own; nobody has a broker, so that everything comes over the units' listener. The recorder
is there with what erases; what it recorded is laid down ready.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from controller import Surface, create_app
from controller.devices.models import Device
from controller.enrollment.repo import enter_certificate
from controller.jobs.service import destroy_due
from controller.keys import load_authority
from controller.recordings import repo
from controller.recordings.models import Recording
from controller.recordings.receipts import issue_due
from controller.recordings.scrub import Scrubber
from controller.recordings.services import delete_recording
from controller.uploads.models import SpoolReportRow
from controller.uploads.scheduler.plan import Grant
from device.config import load_config
from device.identity import DocumentStore
from device.spool.keeping import SpoolKeeper
from device.spool.manifest import Signer
from device.spool.releasing import Releaser, UndoRule
from device.spool.store import SpoolStore
from device.uploads.client import Answer, Request
from device.uploads.service import Uploader, make_uploader
from protocol.documents import Receipt, Recipients
from protocol.durable import REAL, SHARED, replace_file
from protocol.manifest import Manifest, Moment, parse_manifest
from protocol.pki import issue_device
from tests.fakes.world import FakeWorld
from tests.house import House, Teacher, make_house
from tests.leasing import issue_lease
from tests.lesson import Lesson
from tests.school import make_school
from tests.unit.controller.uploads.unit_client import FAST_BPS, made_up_segment

KEEP_DAYS = 7
UPLOAD = {"chunk_bytes": 65536, "retry_min_s": 60.0, "look_every_s": 900.0}


class Listener:
    """The units' listener as the unit's uploader sees it, with the unit's own certificate; time is the world's."""

    def __init__(self, web: FlaskClient, house: House, world: FakeWorld) -> None:
        self._web = web
        self._house = house
        self._world = world

    def address_of(self, path: str) -> str:
        """See `Door.address_of`."""
        return f"http://localhost/{path.removeprefix('http://localhost').lstrip('/')}"

    def ask(self, request: Request) -> Answer:
        """See `Door.ask`."""
        body = request.body if request.body is None or isinstance(request.body, bytes) else b"".join(request.body)
        self._house.clock.now = self._world.now_at
        found = self._web.open(
            self.address_of(request.path), method=request.method, headers=dict(request.headers), data=body
        )
        return Answer(found.status_code, found.headers, found.data)


@dataclass
class Room:
    """A unit in its room, the school's server, and the days that pass over both."""

    house: House
    teacher: Teacher
    world: FakeWorld
    data: Path
    uploader: Uploader
    documents: DocumentStore
    releaser: Releaser
    store: SpoolStore

    def lay(self, lesson: Lesson) -> None:
        """Lay a lesson into the spool as the recorder leaves it."""
        self.store.create(lesson.id)
        for index, data in lesson.objects.items():
            replace_file(self.store.object_path(lesson.id, index), data, mode=SHARED)
        replace_file(self.store.manifest_path(lesson.id), lesson.manifest, mode=SHARED)

    def pass_time(self, span: timedelta) -> None:
        """Let the unit live: its uploader turns, its recorder looks, and the school grants leases for what waits."""
        end = self.world.now_at + span
        while self.world.now_at < end:
            self.world.advance(self.uploader.turn())
            self.house.clock.now = self.world.now_at
            self._grant_when_something_waits()
            issue_due(self.house.services)
            self.look()

    def rest(self, span: timedelta) -> None:
        """Let time pass without a network, and the recorder look then."""
        self.world.advance(span.total_seconds())
        self.house.clock.now = self.world.now_at
        self.look()

    def _grant_when_something_waits(self) -> None:
        now = self.world.now_at
        with self.house.services.database.writing() as session:
            said = session.get(SpoolReportRow, self.teacher.device)
            if said and said.waiting_bytes > 0 and now - said.received_at < timedelta(minutes=20):
                device = session.get_one(Device, self.teacher.device)
                issue_lease(self.house.services, session, Grant(device.id, FAST_BPS, now, now + timedelta(hours=1)))
                said.waiting_bytes = 0

    def look(self) -> None:
        """Do what the recorder does at each look."""
        now = self.world.now_at
        recipients = self.documents.load(Recipients, now).document
        epoch = recipients.epoch_at(now) if recipients else None
        self.releaser.release(now=now, trusted=True, active="", in_force=epoch.name if epoch else None)

    def read_back(self) -> None:
        """Let the server read back what is due."""
        scrubber = Scrubber(self.house.services, lambda _seconds: False)
        while scrubber.turn():
            pass
        issue_due(self.house.services)

    def held_file(self, lesson: Lesson, index: int) -> Path:
        """Give the file of a segment on the server."""
        return self.house.services.config.controller.data / "objects" / lesson.id / f"{index:06d}.age"

    def damaged(self, lesson: Lesson) -> set[int]:
        """Name what the server knows to be damaged."""
        with self.house.services.database.reading() as session:
            return {row.object_index for row in repo.held_objects(session, lesson.id) if row.damaged_at}

    def receipt(self, lesson: Lesson) -> Receipt | None:
        """Give the receipt that the unit holds."""
        return self.documents.load_receipt(lesson.id, self.world.now_at).document

    def manifest(self, lesson: Lesson) -> Manifest:
        """Read the lesson's manifest."""
        return parse_manifest(lesson.manifest, self.teacher.recorder.verifying)


def keep_copies(house: House, days: int) -> House:
    """Give the same controller with this setting."""
    config = house.services.config
    kept = replace(config, retention=replace(config.retention, keep_delivered_days=days))
    return replace(house, services=replace(house.services, config=kept))


def certify(house: House, teacher: Teacher) -> dict[str, str]:
    """Register a certificate of the unit; give what the listener tells the application of it."""
    authority = load_authority(house.services.config.controller.keys)
    credential = issue_device(authority, teacher.device, now=house.clock())
    with house.services.database.writing() as session:
        enter_certificate(session, teacher.device, credential.certificate, now=house.clock())
    return {
        "SSL_CLIENT_VERIFY": "SUCCESS",
        "SSL_CLIENT_S_DN_CN": teacher.device,
        "SSL_CLIENT_CERT": credential.certificate_pem().decode().split("-----END CERTIFICATE-----")[0]
        + "-----END CERTIFICATE-----\n",
    }


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A unit that may keep its copies for a week; it is Tuesday."""
    house = keep_copies(make_house(tmp_path), KEEP_DAYS)
    teacher, world = house.add_teacher(), FakeWorld(house.clock())
    app = create_app(house.services.config, Surface.UNITS, house.services)
    app.testing = True
    web = app.test_client()
    web.environ_base |= certify(house, teacher)
    made_up = make_school(tmp_path / "elsewhere", now=world.now_at)
    unit = made_up.make_unit(tmp_path / "unit", tables={"upload": UPLOAD, "device": {"id": teacher.device}})
    root = house.services.keys.trust.root
    for path in (unit.data / "state").iterdir():
        path.unlink()
    (unit.data / "identity" / "root.pub").write_text(root.encode() + "\n", "ascii")
    (unit.data / "identity" / "recorder.pub").write_text(teacher.recorder.verifying.encode() + "\n", "ascii")
    documents = DocumentStore(unit.data / "state", device=teacher.device, root=root, files=REAL)
    store = SpoolStore(unit.data / "spool", REAL)
    store.prepare()
    moment = Moment(wall_at=world.now_at, wall_trusted=True, boot="boot", monotonic_ms=1)
    releaser = Releaser(
        store,
        documents,
        keeper=SpoolKeeper(store, Signer(key=teacher.recorder, moment=lambda: moment, files=REAL)),
        receipts=unit.data / "state" / "receipts",
        undo=UndoRule(until=time(18), zone=UTC, grace=timedelta()),
    )
    uploader = make_uploader(load_config(unit.config), Listener(web, house, world), world=world.world, stop=world)
    yield Room(house, teacher, world, unit.data, uploader, documents, releaser, store)
    house.services.database.close()


@pytest.fixture
def lesson(room: Room) -> Lesson:
    """A lesson that came home in its first night, and whose copy the unit keeps."""
    made = room.house.make_lesson(room.teacher, [made_up_segment(90_000) for _ in range(3)])
    room.lay(made)
    room.pass_time(timedelta(hours=4))
    held = room.receipt(made)
    assert held is not None
    assert {item.index for item in held.items} == {0, 1, 2, 3}
    assert room.releaser.delivered() == {made.id}
    return made


def test_flipped_bit_is_found_and_repaired_from_the_unit_days_later(room: Room, lesson: Lesson) -> None:
    """Found the night after the next, told to the unit with its documents, sent again under a lease, whole again."""
    for _ in range(8):
        room.rest(timedelta(hours=6))
    path = room.held_file(lesson, 2)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    room.read_back()
    assert room.damaged(lesson) == {2}
    room.pass_time(timedelta(hours=12))
    assert room.damaged(lesson) == set()
    assert path.read_bytes() == lesson.objects[2]
    held = room.receipt(lesson)
    assert held is not None
    assert ({item.index for item in held.items}, held.wanted) == ({0, 1, 2, 3}, None)
    assert room.releaser.delivered() == {lesson.id}
    ends = datetime(2026, 11, 30, tzinfo=UTC)
    room.rest(ends - room.world.now_at - timedelta(seconds=1))
    assert room.store.recordings() == (lesson.id,)
    room.rest(timedelta(seconds=1))
    assert room.store.recordings() == (), "the copy goes with its epoch"


def test_copy_of_what_its_owner_deletes_goes_within_the_hour(room: Room, lesson: Lesson) -> None:
    """P8: locked, and not destroyed yet; the unit hears of it with its next documents, and keeps the other lesson."""
    other = room.house.make_lesson(room.teacher, [made_up_segment(90_000)])
    room.lay(other)
    room.pass_time(timedelta(hours=10))
    assert room.releaser.delivered() == {lesson.id, other.id}
    with room.house.services.database.writing() as session:
        assert delete_recording(session.get_one(Recording, lesson.id), now=room.world.now_at, undo_days=7)
    room.pass_time(timedelta(hours=2))
    assert room.store.recordings() == (other.id,)
    room.world.advance(timedelta(days=7).total_seconds())
    room.house.clock.now = room.world.now_at
    assert destroy_due(room.house.services) == 1


def test_copy_that_the_card_has_damaged_too_repairs_nothing_and_is_not_sent(room: Room, lesson: Lesson) -> None:
    """What is sent is compared with the manifest first: a wrong copy never leaves, and the school still wants it."""
    copy = room.store.object_path(lesson.id, 2)
    copy.write_bytes(bytes(len(lesson.objects[2])))
    room.pass_time(timedelta(days=1))
    room.held_file(lesson, 2).unlink()
    room.read_back()
    room.pass_time(timedelta(hours=12))
    assert room.damaged(lesson) == {2}
    assert room.store.size_bytes(lesson.id, 2) is not None, "no receipt names it: it stays"
