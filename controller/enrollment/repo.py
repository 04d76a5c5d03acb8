"""Reading and writing the tables of joining. Every function takes the session."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy.orm import Session

from controller.devices.models import Device
from controller.enrollment.models import Certificate, KeyOrigin, RecorderKey
from protocol.manifest import digest_of
from protocol.pki import fingerprint


def enter_certificate(session: Session, device: str, certificate: x509.Certificate, *, now: datetime) -> Certificate:
    """Enter a certificate that was issued to a unit: from now on the unit is known by it."""
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    row = Certificate(
        serial=f"{certificate.serial_number:x}",
        device=device,
        digest=fingerprint(certificate),
        spki=digest_of(public),
        pem=certificate.public_bytes(Encoding.PEM).decode("ascii"),
        issued_at=now,
        ends_at=certificate.not_valid_after_utc,
    )
    session.add(row)
    return row


def enter_recorder_key(session: Session, device: Device, key: str, *, how: KeyOrigin, now: datetime) -> None:
    """Make a key the one that signs a unit's manifests; the one before it keeps its recordings."""
    if device.recorder_key:
        before = session.get_one(RecorderKey, (device.id, device.recorder_key))
        before.until = now
    device.recorder_key = key
    session.add(RecorderKey(device=device.id, key=key, since=now, how=how))
