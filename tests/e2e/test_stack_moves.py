"""What changes under a delivery of the whole stack: the unit's certificate, its address, and the controller's.

The unit's own uploader delivers to the real controller over TLS; what the controller had is not sent again. A restart
of the controller is in test_stack_faults.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography import x509

from device.config import load_config
from provisioning.demo.crew import run
from tests.e2e import home
from tests.e2e.stack import Stack, found_place, set_values
from tests.e2e.wire import Wire
from tests.footage import find_footage

RATE_BPS = 4_000_000
CHUNK_BYTES = 128 * 1024
TALK_BYTES = 64 * 1024
"""What goes up besides: handshakes, heads of requests, the manifest, a renewal."""


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A school whose seven processes run."""
    place = found_place(tmp_path_factory.mktemp("school"), find_footage("bigbuckbunny.mp4"), rate_bps=RATE_BPS)
    with Stack(place) as stack:
        stack.open()
        yield stack


@pytest.fixture
def stack(founded: Stack) -> Stack:
    """The school at rest."""
    founded.restore()
    return founded


def incoming_bytes(stack: Stack) -> int:
    """Tell how much of unfinished uploads the controller has."""
    parts = (stack.school.folder / "controller" / "incoming").glob("*.part")
    return sum(path.stat().st_size for path in parts if path.exists())


def stored_bytes(stack: Stack, recording: str) -> int:
    """Tell how much of a recording the controller holds."""
    return sum(path.stat().st_size for path in stack.stored(recording).glob("0*.age"))


def record_until_it_arrives(stack: Stack) -> tuple[str, int]:
    """Record a lesson, wait until a segment of it is half there, and give its name and its length in bytes."""
    recording = stack.record(2.0)
    whole = sum(path.stat().st_size for path in (stack.school.spool / recording).glob("0*.age"))
    stack.wait(
        "half a segment after a whole one",
        lambda: stored_bytes(stack, recording) > 0 and incoming_bytes(stack) > CHUNK_BYTES,
    )
    return recording, whole


def serial_of(stack: Stack) -> int:
    """Give the serial number of the unit's certificate."""
    return x509.load_pem_x509_certificate(load_config(stack.school.unit_config).certificate.read_bytes()).serial_number


def test_certificate_that_is_renewed_in_mid_segment_costs_nothing(stack: Stack) -> None:
    """Another key, too, and the old one's certificate revoked: the uploader goes on from the acknowledged offset."""
    recording, whole = record_until_it_arrives(stack)
    before, had, serial = stack.wire.up_bytes, stored_bytes(stack, recording) + incoming_bytes(stack), serial_of(stack)
    run("device", "renew", "--new-key", "--config", stack.school.unit_config, cwd=stack.school.unit)
    assert serial_of(stack) != serial
    assert recording in stack.spooled(), "the lesson is still on its way when the certificate is another"
    stack.wait_home(recording)
    home.check_home(stack, recording)
    assert stack.wire.up_bytes - before < whole - had + 2 * CHUNK_BYTES + TALK_BYTES


def test_unit_that_gets_another_address_goes_on_from_the_acknowledged_offset(stack: Stack) -> None:
    """Its connections end, and the next one comes from elsewhere: a lease and a certificate name no address."""
    recording, whole = record_until_it_arrives(stack)
    before, had = stack.wire.up_bytes, stored_bytes(stack, recording) + incoming_bytes(stack)
    stack.wire.source = "127.0.0.77"
    stack.wire.cut()
    stack.wait_home(recording)
    home.check_home(stack, recording)
    assert stack.wire.up_bytes - before < whole - had + 2 * CHUNK_BYTES + TALK_BYTES


def test_controller_that_is_reached_elsewhere_is_not_sent_again_what_it_holds(stack: Stack) -> None:
    """The unit's configuration names another port; only the segment under way begins anew."""
    recording, whole = record_until_it_arrives(stack)
    stack.stop("uploader")
    held = stored_bytes(stack, recording)
    with Wire(stack.school.ports.units) as elsewhere:
        set_values(stack.school.unit_config, {"controller": {"url": f"https://127.0.0.1:{elsewhere.port}"}})
        stack.start("uploader")
        stack.wait_home(recording)
        home.check_home(stack, recording)
        assert elsewhere.up_bytes < whole - held + CHUNK_BYTES + TALK_BYTES
        assert elsewhere.up_bytes > 0
        stack.stop("uploader")
    set_values(stack.school.unit_config, {"controller": {"url": f"https://127.0.0.1:{stack.wire.port}"}})
