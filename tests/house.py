"""A controller for tests: a made-up school's keys, a database, people, units, and lessons that have been delivered.

Real parts throughout; only the clock is a test's own. The pages are asked through Flask's client or a real server.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher
from cheroot.wsgi import Server
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import event
from werkzeug.test import TestResponse

from controller import Surface, create_app, wiring
from controller.accounts.models import Role
from controller.accounts.passwords import Passwords
from controller.accounts.services import Accounts, make_accounts
from controller.auth.logins import COOKIE
from controller.claims.policy import Said
from controller.claims.services import Word, say, weigh_arrival
from controller.config import Config, Core, People
from controller.db import Database
from controller.devices.models import Device, DeviceState
from controller.enrollment.models import KeyOrigin
from controller.enrollment.repo import enter_recorder_key
from controller.migrations import upgrade
from controller.recordings.ingest import Arrived, take_in
from controller.recordings.manifests import ArrivedManifest, take_in_manifest
from controller.recordings.models import Recording
from controller.services import Services
from protocol.manifest import Event, parse_manifest
from protocol.signing import SigningKey
from tests.lesson import BEGAN_AT, Lesson, MediaSegment, sound_measured
from tests.school import make_school, new_id

PASSWORD = "four words in a row"
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
NIGHT = BEGAN_AT + timedelta(hours=18)


class CompiledTemplates(BytecodeCache):
    """Compiled templates of this process: a page is compiled once, and not again for each house that shows it."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what was compiled of the same source."""
        if bucket.key + bucket.checksum in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key + bucket.checksum])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._compiled[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


COMPILED = CompiledTemplates()


@dataclass
class TestClock:
    """An aware instant that a test moves."""

    __test__ = False
    now: datetime = NIGHT

    def __call__(self) -> datetime:
        """Give the instant."""
        return self.now

    def pass_time(self, time: timedelta) -> None:
        """Let time pass."""
        self.now += time


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with an account; `login` is the token of a browser that is signed in."""

    id: str
    email: str
    login: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Teacher(Person):
    """A teacher, and the unit in their room."""

    device: str
    recorder: SigningKey = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class House:
    """The controller, its clock, and what a test does in it."""

    services: Services
    clock: TestClock
    epoch: str

    @property
    def accounts(self) -> Accounts:
        """Give the accounts; hashing is quick here, so that tests are."""
        return replace(make_accounts(self.services), passwords=QUICK)

    @cached_property
    def app(self) -> Flask:
        """Give the people's application that the browsers of this house ask, made when it is first asked."""
        return self.make_app()

    def make_app(self) -> Flask:
        """Make the people's application anew; mistakes of ours are raised, not shown."""
        app = create_app(self.services.config, Surface.PEOPLE, self.services)
        app.testing = True
        app.jinja_env.bytecode_cache = COMPILED
        return app

    def browser(self, person: Person | None = None, app: Flask | None = None) -> FlaskClient:
        """Make a browser; with `person`, one that is signed in."""
        client = (app or self.app).test_client()
        client.environ_base["HTTP_ACCEPT"] = "text/html,*/*;q=0.8"
        if person:
            client.set_cookie(COOKIE, person.login)
        return client

    def add_person(self, name: str, role: Role, *, site: str = "") -> Person:
        """Add an account with `PASSWORD` and one login; its address is the name's first word."""
        account = self.accounts.add(email=email_of(name), name=name, role=role, site=site)
        link = self.accounts.issue_link(account, made_by=None)
        login = self.accounts.redeem_link(link, password=PASSWORD, repeated=PASSWORD)
        return Person(id=account, email=email_of(name), login=login)

    def add_teacher(self, name: str = "Ada Moreno", room: str = "Room 12") -> Teacher:
        """Add a teacher and the unit of their room."""
        person, device, recorder = self.add_person(name, Role.TEACHER), new_id(), SigningKey.generate()
        with self.services.database.writing() as session:
            row = Device(id=device, label=room, owner=person.id, state=DeviceState.ACTIVE, added_at=NIGHT)
            session.add(row)
            session.flush()
            enter_recorder_key(session, row, recorder.verifying.encode(), how=KeyOrigin.ENROLLED, now=NIGHT)
        return Teacher(id=person.id, email=person.email, login=person.login, device=device, recorder=recorder)

    def add_admin(self, name: str = "Grace Admin") -> Person:
        """Add an admin."""
        return self.add_person(name, Role.ADMIN)

    def make_lesson(
        self,
        teacher: Teacher,
        segments: Sequence[MediaSegment],
        *,
        events: Sequence[Event] = (),
        torn: frozenset[int] = frozenset(),
        began_at: datetime = BEGAN_AT,
    ) -> Lesson:
        """Record a lesson on a teacher's unit; it has not been delivered yet."""
        return Lesson(
            device=teacher.device,
            owner=teacher.id,
            recorder=teacher.recorder,
            epoch=self.epoch,
            epoch_identity=self.services.keys.epochs[self.epoch],
            segments=segments,
            events=(sound_measured(), *events),
            torn=torn,
            began_at=began_at,
        )

    def deliver(self, lesson: Lesson, *, only: int | None = None) -> str:
        """Take a lesson in, and let its owner say that it was theirs; with `only`, no object above that index."""
        recording = self.deliver_unasked(lesson, only=only)
        self.confirm(recording)
        return recording

    def confirm(self, recording: str) -> None:
        """Let a recording's owner say that it was theirs."""
        with self.services.database.writing() as session:
            row = session.get_one(Recording, recording)
            assert say(session, row, Word(said=Said.YES, by=row.owner, at=self.clock()))

    def deliver_unasked(self, lesson: Lesson, *, only: int | None = None) -> str:
        """Take a lesson in as the units' door does; with `only`, no object above that index. Give its id."""
        services, zone = self.services, self.services.config.controller.time_zone
        manifest = parse_manifest(lesson.manifest, lesson.recorder.verifying)
        with services.database.writing() as session:
            arrived = ArrivedManifest(
                manifest=manifest, data=lesson.manifest, signed_by=lesson.recorder.verifying.encode()
            )
            row = take_in_manifest(session, services.objects, arrived, now=services.clock())
            weigh_arrival(session, row, manifest, zone=zone, now=services.clock())
        incoming = services.config.controller.data / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        for index, data in sorted(lesson.objects.items()):
            if only is None or index <= only:
                path = incoming / f"{lesson.id}-{index}"
                path.write_bytes(data)
                take_in(services, lesson.id, Arrived(path, index, hashlib.sha256(data).hexdigest(), len(data)))
        return lesson.id


def email_of(name: str) -> str:
    """Give the address of a made-up person."""
    return f"{name.split()[0].lower()}@school.example"


@cache
def _newest_database() -> bytes:
    """Migrate an empty database once, for all houses."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "controller.sqlite3"
        with closing(Database(f"sqlite:///{path}")) as database:
            upgrade(database)
        return path.read_bytes()


def make_house(folder: Path, *, zone: str = "Europe/Madrid", url: str = "") -> House:
    """Make a controller under `folder`, with an empty database of the newest form."""
    make_school(folder, now=BEGAN_AT)
    (folder / "data").mkdir()
    (folder / "data" / "controller.sqlite3").write_bytes(_newest_database())
    return open_house(folder, zone=zone, url=url)


def open_house(folder: Path, *, zone: str = "Europe/Madrid", url: str = "") -> House:
    """Start the controller of a folder where a house has been made, or which is a copy of one that was closed."""
    config = Config(
        controller=Core(
            data=folder / "data", keys=folder / "keys", key_store=folder / "key-store", time_zone=ZoneInfo(zone)
        ),
        people=People(url=url),
    )
    clock = TestClock()
    services = replace(wiring.make_services(config), clock=clock)
    event.listen(services.database.engine, "connect", _wait_for_no_disk)
    epoch = next(iter(services.keys.epochs))
    return House(services=services, clock=clock, epoch=epoch)


def _wait_for_no_disk(connection: Any, _record: object) -> None:
    """Let commits wait for no disk: a process that is killed loses nothing by that, and no test cuts the power here."""
    connection.execute("PRAGMA synchronous = OFF").close()


def form_token(page: str) -> str:
    """Find the form token of a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, "the page has no form token"
    return found.group(1)


def post(client: FlaskClient, address: str, *, page: str, **fields: str | list[str]) -> TestResponse:
    """Post a form as a browser does: with the token of the page that shows it."""
    token = form_token(client.get(page).text)
    return client.post(address, data={"csrf_token": token, **fields})


@contextmanager
def serve(app: Flask) -> Iterator[str]:
    """Serve an application on loopback and give its address."""
    server = Server(("127.0.0.1", 0), app.wsgi_app, numthreads=16)
    server.prepare()
    thread = Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.bind_addr[1]}"
    finally:
        server.stop()
        thread.join(timeout=10)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a controller with nobody in it."""
    made = make_house(tmp_path)
    yield made
    made.services.database.close()
