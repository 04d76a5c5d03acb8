"""An upload goes on where it was acknowledged, whatever else has changed: process, certificates, addresses.

The real controller behind TLS, asked by a plain client: what is remembered of an upload is its path alone.
"""

from __future__ import annotations

import http.client
import ssl
import tomllib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller import wiring
from controller.config import load_config
from controller.enrollment.repo import enter_certificate
from controller.keys import load_authority
from protocol.pki import Credential, issue_device, issue_server
from tests.broker import free_port
from tests.controller_process import PATH, TIMEOUT_S, ControllerProcess, make_controller
from tests.lesson import Lesson
from tests.school import encode_toml
from tests.unit.controller.uploads.unit_client import TUS, encode_metadata, made_up_segment

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.77"
HALF = 200_000
OCTETS = {**TUS, "Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[ControllerProcess]:
    """Run a controller."""
    made = make_controller(tmp_path)
    made.start()
    yield made
    made.close()


def write_credential(certificate: Path, key: Path, credential: Credential) -> None:
    """Put a renewed certificate and its key in the place of those before."""
    certificate.write_bytes(credential.certificate_pem())
    key.write_bytes(credential.key_pem())


def renew_both(controller: ControllerProcess) -> None:
    """Give unit and controller another key and certificate each."""
    now, keys = datetime.now(UTC), controller.services.config.controller.keys
    authority = load_authority(keys)
    mine = issue_device(authority, controller.device, now=now)
    with controller.services.database.writing() as session:
        enter_certificate(session, controller.device, mine.certificate, now=now)
    certificate, key = (Path(name) for name in controller.certificate)
    write_credential(certificate, key, mine)
    write_credential(keys / "server.pem", keys / "server.key", issue_server(authority, (HERE,), now=now))


def at_another_port(controller: ControllerProcess) -> ControllerProcess:
    """Let the controller listen elsewhere from its next start on."""
    path = controller.folder / "controller.toml"
    tables = tomllib.loads(path.read_text())
    tables["units"]["port"] = free_port()
    path.write_text(encode_toml(tables))
    controller.services.database.close()
    return replace(controller, services=wiring.make_services(load_config(path)))


def ask(
    controller: ControllerProcess, method: str, place: str, headers: dict[str, str], body: bytes = b"", at: str = HERE
) -> http.client.HTTPResponse:
    """Send one request from an address over a connection of its own."""
    context = ssl.create_default_context(cafile=controller.authority)
    context.load_cert_chain(*controller.certificate)
    units = controller.services.config.units
    connection = http.client.HTTPSConnection(
        units.host, units.port, timeout=TIMEOUT_S, context=context, source_address=(at, 0)
    )
    with closing(connection):
        connection.request(method, place, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer


def begin(controller: ControllerProcess, lesson: Lesson, lease: dict[str, str]) -> str:
    """Announce a lesson, send the first half of its segment, and give the upload's path."""
    assert ask(controller, "PUT", f"{PATH}/recordings/{lesson.id}/manifest", lease, lesson.manifest).status == 200
    announced = {"Upload-Length": str(len(lesson.objects[1])), "Upload-Metadata": encode_metadata(lesson.id, 1)}
    made = ask(controller, "POST", f"{PATH}/uploads", {**TUS, **lease, **announced})
    place = made.headers["Location"]
    sent = ask(controller, "PATCH", place, {**OCTETS, **lease, "Upload-Offset": "0"}, lesson.objects[1][:HALF])
    assert sent.headers["Upload-Offset"] == str(HALF)
    return place


def test_upload_goes_on_after_restart_renewal_and_change_of_address(controller: ControllerProcess) -> None:
    """Another process, port and certificate; another key of the unit's, and another address: the offset is the same.

    The lease is the one from before, too: it names the device, and no certificate.
    """
    lesson, lease = controller.make_lesson(made_up_segment(500_000)), controller.grant_lease()
    place = begin(controller, lesson, lease)
    assert controller.stop() == 0
    renew_both(controller)
    moved = at_another_port(controller)
    moved.start()
    try:
        told = ask(moved, "HEAD", place, {**TUS, **lease}, at=ELSEWHERE)
        assert told.headers["Upload-Offset"] == str(HALF)
        rest = lesson.objects[1][HALF:]
        sent = ask(moved, "PATCH", place, {**OCTETS, **lease, "Upload-Offset": str(HALF)}, rest, at=ELSEWHERE)
        assert sent.status == 204
        assert (moved.data / "objects" / lesson.id / "000001.age").read_bytes() == lesson.objects[1]
    finally:
        moved.close()
