"""The real controller is killed while segments come in, and started again: no byte that it acknowledged is gone."""

from __future__ import annotations

import random
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.controller_process import PATH, TIMEOUT_S, ControllerProcess, make_controller
from tests.lesson import Lesson
from tests.unit.controller.uploads.unit_client import TUS, encode_metadata, made_up_segment

KILLS = (2, pytest.param(8, marks=pytest.mark.soak))
OCTETS = {"Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[ControllerProcess]:
    """Run a controller."""
    made = make_controller(tmp_path)
    made.start()
    yield made
    made.close()


def create(controller: ControllerProcess, session: requests.Session, lesson: Lesson, index: int) -> str:
    """Make an upload and give its address."""
    size = str(len(lesson.objects[index]))
    headers = {**TUS, "Upload-Length": size, "Upload-Metadata": encode_metadata(lesson.id, index)}
    answer = session.post(f"{controller.url}/uploads", headers=headers, timeout=TIMEOUT_S)
    assert answer.status_code == 201, answer.text
    return controller.url.removesuffix(PATH) + answer.headers["Location"]


def offset_of(session: requests.Session, upload: str) -> int:
    """Ask for the offset."""
    answer = session.head(upload, headers=TUS, timeout=TIMEOUT_S)
    assert answer.status_code == 200, answer.headers
    return int(answer.headers["Upload-Offset"])


def patch(session: requests.Session, upload: str, offset: int, data: bytes | Iterator[bytes]) -> requests.Response:
    """Send bytes."""
    headers = {**TUS, **OCTETS, "Upload-Offset": str(offset)}
    return session.patch(upload, data=data, headers=headers, timeout=TIMEOUT_S)


def slowly(data: bytes, pause_s: float = 0.05) -> Iterator[bytes]:
    """Send in small parts, as a slow link does."""
    for at in range(0, len(data), 16_384):
        yield data[at : at + 16_384]
        time.sleep(pause_s)


@pytest.mark.parametrize("kills", KILLS)
def test_upload_survives_kills_of_the_controller(controller: ControllerProcess, kills: int) -> None:
    """Killed at random moments of a PATCH and started again, the upload goes on where it was acknowledged."""
    lesson, chance = controller.make_lesson(made_up_segment(6_000_000)), random.Random(20261123)  # noqa: S311 - no secret
    data, acknowledged = lesson.objects[1], 0
    with controller.session() as session:
        controller.put_manifest(session, lesson)
        upload = create(controller, session, lesson, 1)
    for _ in range(kills):
        with controller.session() as session:
            offset = offset_of(session, upload)
            assert patch(session, upload, offset, data[offset : offset + len(data) // 20]).status_code == 204
            acknowledged = offset + len(data) // 20
            timer = threading.Timer(chance.uniform(0.1, 0.6), controller.kill)
            timer.start()
            with pytest.raises(requests.RequestException):
                patch(session, upload, acknowledged, slowly(data[acknowledged:]))
            timer.join()
        controller.start()
        with controller.session() as session:
            assert offset_of(session, upload) >= acknowledged
    with controller.session() as session:
        offset = offset_of(session, upload)
        assert patch(session, upload, offset, data[offset:]).status_code == 204
        assert controller.put_manifest(session, lesson) == [0]
        assert [item.index for item in controller.receipt(session, lesson).items] == [1]
    assert (controller.data / "objects" / lesson.id / "000001.age").read_bytes() == data


@pytest.mark.parametrize("kills", KILLS)
def test_delivery_survives_kills_at_random_moments(controller: ControllerProcess, kills: int) -> None:
    """Killed again and again while a lesson is delivered, it ends with every object and an honest receipt."""
    lesson = controller.make_lesson(*(made_up_segment(300_000) for _ in range(12)))
    chance, wanted = random.Random(7), list(lesson.objects)  # noqa: S311 - no secret
    for _ in range(kills):
        timer = threading.Timer(chance.uniform(0.1, 1.2), controller.kill)
        timer.start()
        with controller.session() as session:
            try:
                for index in controller.put_manifest(session, lesson):
                    patch(session, create(controller, session, lesson, index), 0, lesson.objects[index])
            except requests.RequestException:
                pass
        timer.join()
        controller.start()
        with controller.session() as session:
            wanted = controller.put_manifest(session, lesson)
            received = {item.index for item in controller.receipt(session, lesson).items}
            assert received == set(lesson.objects) - set(wanted)
    with controller.session() as session:
        for index in wanted:
            assert patch(session, create(controller, session, lesson, index), 0, lesson.objects[index]).ok
        assert {item.index for item in controller.receipt(session, lesson).items} == set(lesson.objects)
    for index in range(1, 13):
        kept = controller.data / "objects" / lesson.id / f"{index:06d}.age"
        assert kept.read_bytes() == lesson.objects[index]


def test_silent_connections_keep_nobody_waiting(controller: ControllerProcess) -> None:
    """Connections that never say a word of TLS, or stop half-way in it, do not hold up a unit that speaks."""
    units = controller.services.config.units
    silent = [socket.create_connection((units.host, units.port)) for _ in range(20)]
    silent[0].sendall(b"\x16\x03\x01")
    began_s = time.monotonic()
    with controller.session() as session:
        assert session.get(f"{controller.url}/documents", timeout=TIMEOUT_S).status_code == 200
    assert time.monotonic() - began_s < 5
    for one in silent:
        one.close()


def test_listener_lets_only_the_schools_units_in(controller: ControllerProcess, tmp_path: Path) -> None:
    """Without a certificate, or with one of another authority, the handshake fails; a unit speaks TLS 1.2 or newer."""
    other = make_controller(tmp_path / "other-school")
    address = f"{controller.url}/documents"
    with pytest.raises(requests.RequestException):
        requests.get(address, verify=controller.authority, timeout=TIMEOUT_S)
    with pytest.raises(requests.RequestException):
        requests.get(address, verify=controller.authority, cert=other.certificate, timeout=TIMEOUT_S)
    other.close()
    context = ssl.create_default_context(cafile=controller.authority)
    context.load_cert_chain(*controller.certificate)
    units = controller.services.config.units
    with (
        socket.create_connection((units.host, units.port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        assert wrapped.version() in ("TLSv1.2", "TLSv1.3")


def test_hung_upload_is_fenced_by_a_newer_request(controller: ControllerProcess) -> None:
    """A PATCH whose link hangs is fenced by HEAD at once, and loses its connection; the next one goes on from there."""
    lesson = controller.make_lesson(made_up_segment(3_000_000))
    data = lesson.objects[1]
    with controller.session() as session:
        controller.put_manifest(session, lesson)
        upload = create(controller, session, lesson, 1)
        hung, go_on = threading.Event(), threading.Event()

        def hang() -> Iterator[bytes]:
            yield data[:2_500_000]
            hung.set()
            go_on.wait(TIMEOUT_S)
            yield data[2_500_000:]

        cut: list[bool] = []
        with controller.session() as older:

            def send_hanging() -> None:
                try:
                    cut.append(patch(older, upload, 0, hang()).status_code == 409)
                except requests.ConnectionError:
                    cut.append(True)

            lease = controller.grant_lease()
            older.headers.update(lease)
            session.headers.update(lease)
            thread = threading.Thread(target=send_hanging)
            thread.start()
            assert hung.wait(TIMEOUT_S)
            time.sleep(0.3)
            began_s = time.monotonic()
            offset = offset_of(session, upload)
            assert time.monotonic() - began_s < 2
            assert 0 < offset <= 2_500_000
            assert patch(session, upload, offset, data[offset:]).status_code == 204
            go_on.set()
            thread.join()
        assert cut == [True]
        assert controller.put_manifest(session, lesson) == [0]
