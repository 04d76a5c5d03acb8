"""A unit as the controller's tests see it: asks the units' application, with a lease that the controller granted."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from controller import Surface, create_app
from controller.uploads import repo
from controller.uploads.scheduler.plan import Grant
from protocol.documents import Receipt, verify_document
from protocol.manifest import (
    NO_LINE,
    Closed,
    CloseReason,
    Content,
    Event,
    EventName,
    FragmentEntry,
    digest_of,
    parse_manifest,
    sign_content,
)
from tests.house import House, Teacher
from tests.leasing import issue_lease, revoke
from tests.lesson import Lesson, MediaSegment

PATH = "/units/v1"
FAST_BPS = 10**12  # so that nothing waits for the pace
TUS = {"Tus-Resumable": "1.0.0"}


def made_up_segment(size_bytes: int = 150_000, *, take: int = 1) -> MediaSegment:
    """Make a segment of random bytes that is indexed as one fragment: the controller never looks into media."""
    entry = FragmentEntry(offset=100, length=size_bytes - 100, start_ticks=0, duration_ticks=90_000, keyframe=1)
    return MediaSegment(take=take, data=os.urandom(size_bytes), init_bytes=100, fragments=(entry,))


def resigned(lesson: Lesson, change: Callable[[Content], Content]) -> bytes:
    """Give a lesson's manifest with changed lines, signed and chained as its recorder would have written them."""
    lines: list[bytes] = []
    for line in parse_manifest(lesson.manifest, lesson.recorder.verifying).lines:
        previous = digest_of(lines[-1]) if lines else NO_LINE
        place = {"moment": line.moment, "number": line.number, "previous": previous, "key": lesson.recorder}
        lines.append(sign_content(change(line.content), **place))
    return b"".join(lines)


def discarded(lesson: Lesson) -> bytes:
    """Give a lesson's manifest as it would be had the teacher discarded it instead of stopping."""
    return resigned(lesson, lambda one: replace(one, reason=CloseReason.DISCARDED) if isinstance(one, Closed) else one)


def lifted(lesson: Lesson) -> bytes:
    """Give the manifest of a lesson that was discarded, and whose owner took that back."""
    data = discarded(lesson)
    lines = parse_manifest(data, lesson.recorder.verifying).lines
    undone = Event(name=EventName.UNDISCARD)
    last = lines[-1]
    place = {"moment": last.moment, "number": len(lines), "previous": last.digest, "key": lesson.recorder}
    return data + sign_content(undone, **place)


def encode_metadata(recording: str, index: int) -> str:
    """Name an object as Upload-Metadata does."""
    pairs = {"recording": recording, "index": str(index)}
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())


@dataclass
class UnitClient:
    """One unit with a lease."""

    house: House
    teacher: Teacher
    web: FlaskClient
    lease: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def take_lease(self, lasts: timedelta = timedelta(hours=1)) -> bytes:
        """Get a new lease, which fences the one before."""
        now = self.house.clock()
        with self.house.services.database.writing() as session:
            if before := repo.lease_in_force(session, self.teacher.device, now):
                revoke(self.house.services, session, before.device)
            grant = Grant(self.teacher.device, FAST_BPS, now, now + lasts)
            self.lease = issue_lease(self.house.services, session, grant).line
        self.headers = {"Backrow-Lease": self.lease.decode().strip()}
        return self.lease

    def show_older_lease(self) -> None:
        """Get a new lease and go on showing the one before."""
        before = self.headers
        self.take_lease()
        self.headers = before

    def ask(self, method: str, path: str, *, more: Mapping[str, str] | None = None, **options: Any) -> TestResponse:
        """Send a request with the lease."""
        return self.web.open(PATH + path, method=method, headers={**self.headers, **(more or {})}, **options)

    def put_manifest(self, lesson: Lesson, data: bytes | None = None) -> TestResponse:
        """Send a manifest, the lesson's own unless another is given."""
        return self.ask("PUT", f"/recordings/{lesson.id}/manifest", data=lesson.manifest if data is None else data)

    def create(self, lesson: Lesson, index: int, *, length: int | None = None, data: bytes = b"") -> TestResponse:
        """Make an upload for an object."""
        length = len(lesson.objects[index]) if length is None else length
        headers = {**TUS, "Upload-Length": str(length), "Upload-Metadata": encode_metadata(lesson.id, index)}
        if data:
            headers["Content-Type"] = "application/offset+octet-stream"
        return self.ask("POST", "/uploads", more=headers, data=data)

    def patch(self, location: str, offset: int, data: bytes) -> TestResponse:
        """Send bytes."""
        headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        return self.ask("PATCH", location.removeprefix(PATH), more=headers, data=data)

    def head(self, location: str) -> TestResponse:
        """Ask for the offset."""
        return self.ask("HEAD", location.removeprefix(PATH), more=TUS)

    def upload(self, lesson: Lesson, index: int, data: bytes | None = None) -> TestResponse:
        """Make an upload and send all of an object's bytes, or others of the same length."""
        made = self.create(lesson, index)
        if made.status_code != 201:
            return made
        return self.patch(made.headers["Location"], 0, lesson.objects[index] if data is None else data)

    def deliver(self, lesson: Lesson) -> Receipt:
        """Do as the uploader does until nothing is wanted, and give the receipt."""
        wanted = self.put_manifest(lesson).get_json()["wanted"]
        for index in wanted:
            answer = self.upload(lesson, index)
            assert answer.status_code == 204, answer.text
        return self.receipt(lesson)

    def receipt(self, lesson: Lesson) -> Receipt:
        """Fetch and verify the newest receipt."""
        answer = self.ask("GET", f"/recordings/{lesson.id}/receipt")
        assert answer.status_code == 200, answer.text
        return verify_document(Receipt, answer.data, self.house.services.keys.trust)


def make_unit(house: House, teacher: Teacher | None = None) -> UnitClient:
    """Make the unit of a teacher, with a lease for an hour."""
    app = create_app(house.services.config, Surface.UNITS, house.services)
    app.testing = True
    unit = UnitClient(house, teacher or house.add_teacher(), app.test_client())
    unit.take_lease()
    return unit
