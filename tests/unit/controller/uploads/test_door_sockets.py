"""The units' door behind the controller's own listener, over real sockets: bodies that hang, and leases that end."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from threading import Thread

import pytest

from controller import Surface, create_app
from controller.server import make_listener
from controller.uploads.ingress import FRESH_S
from tests.house import House, house
from tests.lesson import Lesson
from tests.unit.controller.uploads.unit_client import PATH, TUS, UnitClient, made_up_segment, make_unit

PATIENCE_S = 20.0
FIRST = 40_000
__all__ = ["house"]
PATCH = {**TUS, "Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def address(house: House) -> Iterator[tuple[str, int]]:
    """Serve the units' door with three threads."""
    app = create_app(house.services.config, Surface.UNITS, house.services)
    listener = make_listener(app, "127.0.0.1", 0, threads=3)
    listener.prepare()
    thread = Thread(target=listener.serve)
    thread.start()
    yield listener.bind_addr
    listener.stop()
    thread.join(PATIENCE_S)


@pytest.fixture
def unit(house: House) -> UnitClient:
    """Make a unit with a lease."""
    return make_unit(house)


@pytest.fixture
def lesson(house: House, unit: UnitClient) -> Lesson:
    """Announce a lesson of one segment."""
    made = house.make_lesson(unit.teacher, [made_up_segment(150_000)])
    assert unit.put_manifest(made).status_code == 200
    return made


@pytest.fixture
def place(unit: UnitClient, lesson: Lesson) -> str:
    """Make an upload for the segment."""
    return str(unit.create(lesson, 1).headers["Location"])


def begin_body(address: tuple[str, int], unit: UnitClient, place: str, data: bytes) -> socket.socket:
    """Begin a PATCH that announces all of the segment, and send no more than `data`."""
    headers = {**unit.headers, **PATCH, "Host": "x", "Upload-Offset": "0", "Content-Length": "150000"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection = socket.create_connection(address, PATIENCE_S)
    connection.sendall(f"PATCH {place} HTTP/1.1\r\n{lines}\r\n".encode() + data)
    return connection


def answer_of(connection: socket.socket) -> tuple[int, str, bool]:
    """Read the answer of a begun body: status, code, and whether the controller then ended the connection."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    code = json.loads(response.read())["error"]
    try:
        return response.status, code, connection.recv(1) == b""
    except ConnectionResetError:
        return response.status, code, True


def offset_of(address: tuple[str, int], unit: UnitClient, place: str) -> int:
    """Ask for the offset over a connection of its own."""
    with closing(http.client.HTTPConnection(*address, timeout=PATIENCE_S)) as connection:
        connection.request("HEAD", place, headers={**unit.headers, **TUS})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        return int(answer.headers["Upload-Offset"])


def wait_until_written(house: House, place: str, size_bytes: int) -> None:
    """Wait until the body's bytes are in the file, without asking the door, which would fence it."""
    path = house.services.config.controller.data / "incoming" / f"{place.removeprefix(f'{PATH}/uploads/')}.part"
    for _ in range(int(PATIENCE_S * 100)):
        if path.stat().st_size >= size_bytes:
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} did not become {size_bytes} bytes long")


def test_head_answers_while_a_body_hangs_and_frees_its_thread(
    house: House, address: tuple[str, int], unit: UnitClient, lesson: Lesson, place: str
) -> None:
    """Whoever asks is told all that came, and the thread that hung is done with it and not only after a time-out."""
    with begin_body(address, unit, place, lesson.objects[1][:FIRST]) as hanging:
        wait_until_written(house, place, FIRST)
        assert offset_of(address, unit, place) == FIRST
        assert answer_of(hanging) == (409, "offset_conflict", True)


@pytest.mark.parametrize("ending", ["fenced", "ended"])
def test_running_body_is_cut_by_the_controller_when_its_lease_is_over(
    house: House, address: tuple[str, int], unit: UnitClient, lesson: Lesson, place: str, ending: str
) -> None:
    """What comes after the end is not kept, the unit is told why, and what had come goes on under a new lease."""
    with begin_body(address, unit, place, lesson.objects[1][:FIRST]) as sending:
        wait_until_written(house, place, FIRST)
        if ending == "ended":
            house.clock.pass_time(timedelta(hours=2))
        else:
            unit.take_lease()
            time.sleep(FRESH_S * 1.5)  # so old may be what the controller believes of fences
        sending.sendall(b"!" * 20_000)  # was sent under the lease of before, and is not what belongs there
        assert answer_of(sending) == (403, "lease_fenced" if ending == "fenced" else "lease_expired", True)
    unit.take_lease()
    assert offset_of(address, unit, place) == FIRST
    assert unit.patch(place, FIRST, lesson.objects[1][FIRST:]).status_code == 204
    assert unit.put_manifest(lesson).get_json()["wanted"] == [0]


def test_body_without_a_lease_is_not_read(address: tuple[str, int], unit: UnitClient, place: str) -> None:
    """A body that may not come in is refused as soon as its head is here, and the connection ends."""
    unit.show_older_lease()
    with begin_body(address, unit, place, b"") as sending:
        assert answer_of(sending) == (403, "lease_fenced", True)
