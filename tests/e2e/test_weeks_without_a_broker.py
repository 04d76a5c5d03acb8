"""Days without a broker, in simulated time: the real uploader and the real controller, and nothing between them.

The unit's requests go into the controller's own application, with its certificate as the listener would show it; the
jobs that a broker's bridge would wait for tick as time passes, and nobody carries what they put into the outbox.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from controller import Surface, create_app
from controller.bridge.models import Outbox
from controller.calendar.policy import opening_at
from controller.calendar.repo import SCHOOL, read_calendar
from controller.calendar.schedules import issue_due
from controller.devices.models import Device
from controller.devices.services import NewDevice
from controller.recordings import receipts
from controller.recordings.models import Recording, RecordingState
from controller.services import Services
from controller.uploads import leases
from device.config import load_config
from device.uploads.client import Answer, Request
from device.uploads.service import Uploader, make_uploader
from protocol.documents import Receipt, verify_document
from protocol.keyfiles import load_signing_key
from protocol.schedule import Schedule
from tests.e2e.district import lay_down
from tests.e2e.stack import set_values
from tests.fakes.world import FakeWorld
from tests.house import House, Teacher, make_house
from tests.joined import add_device
from tests.lesson import Lesson
from tests.unit.controller.uploads.unit_client import made_up_segment

A_WEEK = 7
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TICK = timedelta(seconds=30)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
LOOKS_EVERY_S = 1800.0
PLACE = "https://controller.school.example"


@dataclass
class Passage:
    """A `Door` into the controller's application; `sent` has when bytes went through it."""

    services: Services
    shown: dict[str, str]
    sent: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the application once."""
        app = create_app(self.services.config, Surface.UNITS, self.services)
        app.testing = True
        self._web = app.test_client()

    def address_of(self, path: str) -> str:
        """Give a path below the controller."""
        return f"/{path.removeprefix(PLACE).lstrip('/')}"

    def ask(self, request: Request) -> Answer:
        """Put a request through; a body takes the time that its pace takes."""
        body = request.body if isinstance(request.body, bytes | None) else b"".join(request.body)
        if request.method in ("PUT", "POST", "PATCH"):
            self.sent.append(self.services.clock())
        answer = self._web.open(
            self.address_of(request.path),
            method=request.method,
            headers=dict(request.headers),
            data=body,
            environ_overrides=self.shown,
        )
        return Answer(answer.status_code, dict(answer.headers), answer.data)


@dataclass
class Room:
    """The unit, its controller, and the time that both go by."""

    house: House
    world: FakeWorld
    unit: Path
    device: str
    owner: str
    door: Passage
    uploader: Uploader
    lessons: list[Lesson] = field(default_factory=list)
    schedules: set[int] = field(default_factory=set)
    _worked_at: datetime = LONG_AGO

    def pass_until(self, until: datetime) -> None:
        """Let time pass; the jobs have ticked before whatever the unit does next."""
        while self.world.now_at < until:
            self.world.advance(self.uploader.turn())
            self.world.advance(TICK.total_seconds())
            if self.is_open(self.world.now_at) or self.world.now_at - self._worked_at > HOUR:
                self._work()

    def _work(self) -> None:
        """Do what the jobs do; by day, when nothing can come of it, once an hour."""
        self._worked_at = self.world.now_at
        issue_due(self.house.services)
        leases.tick(self.house.services)
        receipts.issue_due(self.house.services)
        self._note_schedule()

    def _note_schedule(self) -> None:
        path = self.unit / "data" / "state" / "schedule"
        if path.exists():
            self.schedules.add(verify_document(Schedule, path.read_bytes(), self.house.services.keys.trust).version)

    def record(self) -> None:
        """Lay a lesson into the spool, as the recorder leaves it."""
        services, now = self.house.services, self.world.now_at
        epoch = services.keys.recipients.epoch_at(now)
        assert epoch
        lesson = Lesson(
            device=self.device,
            owner=self.owner,
            recorder=load_signing_key(self.unit / "data" / "identity" / "recorder.key"),
            epoch=epoch.name,
            epoch_identity=services.keys.epochs[epoch.name],
            segments=[made_up_segment(20_000), made_up_segment(30_000)],
            began_at=now,
        )
        lay_down(lesson, self.unit / "data" / "spool")
        self.lessons.append(lesson)

    def is_home(self, lesson: Lesson) -> bool:
        """Tell whether a lesson can be watched, and the unit holds the receipt for all of it."""
        path = self.unit / "data" / "state" / "receipts" / lesson.id
        with self.house.services.database.reading() as session:
            row = session.get(Recording, lesson.id)
        if row is None or row.state is not RecordingState.READY or not path.exists():
            return False
        receipt = verify_document(Receipt, path.read_bytes(), self.house.services.keys.trust)
        return {item.index for item in receipt.items} == set(lesson.objects)

    def is_open(self, at: datetime) -> bool:
        """Tell whether the school's line was open."""
        config = self.house.services.config
        with self.house.services.database.reading() as session:
            hours = read_calendar(session, config, at).of(SCHOOL)
        return opening_at(hours, config.controller.time_zone, at) is not None


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A unit that has joined, on the morning of a school day; there is no broker, and never was."""
    house = make_house(tmp_path)
    world = FakeWorld(house.clock.now + timedelta(hours=5))
    services = replace(house.services, clock=lambda: world.now_at)
    house = replace(house, services=services)
    teacher: Teacher = house.add_teacher()
    wanted = NewDevice(
        label="Room 7", owner=teacher.id, settings={"camera": {"kind": "synthetic"}, "pins": {"kind": "mock"}}
    )
    unit = tmp_path / "unit"
    device = add_device(services, wanted, unit).id
    set_values(unit / "device.toml", {"upload": {"look_every_s": LOOKS_EVERY_S}})
    certificate = (unit / "data" / "certificate" / "tls.pem").read_text("ascii")
    leaf = certificate[: certificate.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n"
    shown = {"SSL_CLIENT_VERIFY": "SUCCESS", "SSL_CLIENT_S_DN_CN": device, "SSL_CLIENT_CERT": leaf}
    door = Passage(services, shown)
    uploader = make_uploader(load_config(unit / "device.toml"), door, world=world.world, stop=world)
    yield Room(house, world, unit, device, teacher.id, door, uploader)
    services.database.close()


@pytest.mark.parametrize("days", [2, pytest.param(A_WEEK, marks=pytest.mark.soak)])
def test_days_without_a_broker_lose_nothing(room: Room, days: int) -> None:
    """Every lesson of a week is home by the next morning, over HTTPS alone; no byte by day; schedules follow too."""
    began_at = room.world.now_at
    for day in range(days):
        room.pass_until(began_at + day * DAY + timedelta(hours=4))
        room.record()
        room.pass_until(began_at + day * DAY + timedelta(hours=7))
        room.record()
        room.pass_until(began_at + (day + 1) * DAY)
        assert all(room.is_home(lesson) for lesson in room.lessons), f"something of day {day} is not at home"
    assert room.door.sent
    assert [at for at in room.door.sent if not room.is_open(at)] == []
    assert len(room.schedules) >= days, "the next schedule comes over HTTPS each day"
    with room.house.services.database.reading() as session:
        assert session.scalar(select(func.count()).where(Outbox.sent_at.is_not(None))) == 0
        assert session.get_one(Device, room.device).asked_at
