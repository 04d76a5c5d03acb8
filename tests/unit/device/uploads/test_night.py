"""A whole night of the uploader against a controller on loopback, with every fault that a network has."""

from __future__ import annotations

from datetime import timedelta

from protocol.documents import Receipt, verify_document
from tests.fakes.spooled import Spooled, spool_recording
from tests.unit.device.uploads.conftest import NOW, Night


def is_delivered(night: Night, spooled: Spooled) -> bool:
    """Tell whether the unit holds a receipt for every byte of a recording."""
    path = night.unit.data / "state" / "receipts" / spooled.recording
    if not path.exists():
        return False
    receipt = verify_document(Receipt, path.read_bytes(), night.school.trust)
    return {item.index for item in receipt.items} == set(spooled.objects)


def held(night: Night, spooled: Spooled) -> dict[int, bytes]:
    """Give what the controller holds of a recording."""
    return {index: data for (name, index), data in night.ingest.held.items() if name == spooled.recording}


def test_night_delivers_manifest_key_and_segments_in_order(night: Night) -> None:
    """A closed recording leaves as manifest, `key.age`, segments in order, receipt; byte for byte."""
    spooled = spool_recording(night.unit, began_at=NOW - timedelta(hours=8))
    night.grant()
    night.settle(lambda: is_delivered(night, spooled))
    assert held(night, spooled) == spooled.objects
    assert list(night.ingest.held) == [(spooled.recording, index) for index in (0, 1, 2)]
    kinds = [one.method for one in night.ingest.asked if not one.path.endswith("/documents")]
    assert kinds[:3] == ["PUT", "POST", "PATCH"]
    assert kinds[-1] == "GET"
