"""What changes under an upload: the unit's certificate, and where the controller is. Nothing is lost or begun anew."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.config import load_config
from device.identity.tls import tls_files
from device.uploads.client import Client, ClientSettings
from device.uploads.service import make_uploader
from protocol.pki import issue_device
from tests.fakes.ingest import Fault, IngestServer
from tests.fakes.spooled import spool_recording
from tests.unit.device.uploads.conftest import NOW, Night, make_night

EVENING = NOW - timedelta(hours=8)


def move_to(night: Night, server: IngestServer) -> Client:
    """Let the unit's uploader begin anew with a controller at another address."""
    config = load_config(night.unit.config)
    settings = ClientSettings(url=server.url, tls=tls_files(config), connect_timeout_s=5, read_timeout_s=10)
    client = Client(settings)
    night.uploader = make_uploader(config, client, world=night.world.world, stop=night.world)
    return client


def test_another_address_of_the_controller_goes_on_with_what_is_held(night: Night) -> None:
    """A controller that answers elsewhere is not sent again what it holds; only the segment under way begins anew."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(20_000, 20_000, 20_000))
    night.grant()
    whole = Fault("PATCH")
    night.ingest.faults.extend((*[whole] * 8, Fault("PATCH", cut_after=500)))
    night.settle(lambda: any(one.method == "PATCH" and one.status == 0 for one in night.ingest.asked))
    held = set(night.ingest.held)
    assert len(held) == 2
    began = len(night.ingest.asked)
    with IngestServer(night.ingest) as elsewhere:
        client = move_to(night, elsewhere)
        night.deliver(spooled)
        client.close()
    made = [one for one in night.ingest.asked[began:] if one.method == "POST"]
    assert len(made) == len(spooled.objects) - len(held)
    assert night.record(spooled.recording).needs_person == ""


@pytest.fixture
def today(tmp_path: Path) -> Iterator[Night]:
    """A night of today: TLS goes by the real clock."""
    with make_night(tmp_path, datetime.now(UTC)) as made:
        yield made


def test_certificate_that_is_renewed_between_two_pieces_cuts_nothing(today: Night) -> None:
    """The next piece leaves over a new connection with the new certificate, from the acknowledged offset."""
    night = today
    spooled = spool_recording(night.unit, began_at=night.world.now_at, sizes=(40_000,))
    night.grant()
    shown: set[int] = set()

    def renew() -> None:
        renewed = issue_device(night.school.authority, night.unit.device, now=night.school.now)
        shown.add(renewed.certificate.serial_number)
        night.school.put_certificate(night.unit.data, renewed)

    night.ingest.faults.extend((Fault("PATCH"), Fault("PATCH"), Fault("PATCH", action=renew)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(night.school.keys / "server.pem", night.school.keys / "server.key")
    context.load_verify_locations(night.school.keys / "root-ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with IngestServer(night.ingest, tls=context) as secure:
        client = move_to(night, secure)
        night.deliver(spooled)
        client.close()
    assert shown
    assert night.ingest.count("POST") == 2
    assert night.ingest.count("HEAD") == 0
