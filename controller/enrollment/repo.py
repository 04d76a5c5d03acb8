"""Reading and writing the tables of joining. Every function takes the session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import CursorResult, delete, func, or_, select, update
from sqlalchemy.orm import Session

from controller.devices.history import Happening
from controller.devices.models import Device, DeviceEvent
from controller.enrollment.models import (
    Certificate,
    EnrollmentAttempt,
    EnrollmentRequest,
    EnrollmentSecret,
    KeyOrigin,
    RecorderKey,
)
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


def certificates_of(session: Session, device: str) -> Sequence[Certificate]:
    """Give all certificates that were ever issued to a unit."""
    return session.scalars(select(Certificate).where(Certificate.device == device)).all()


def living_certificates(session: Session, device: str) -> Sequence[Certificate]:
    """Give a unit's certificates that are not revoked; some of them may be over."""
    living = (Certificate.device == device, Certificate.revoked_at.is_(None))
    return session.scalars(select(Certificate).where(*living)).all()


def find_certificate(session: Session, digest: str) -> Certificate | None:
    """Give a certificate by the digest of its DER, unless it was revoked."""
    known = (Certificate.digest == digest, Certificate.revoked_at.is_(None))
    return session.scalars(select(Certificate).where(*known)).first()


def is_key_of_another(session: Session, spki: str, device: str) -> bool:
    """Tell whether a certificate of this key was issued to another unit."""
    others = (Certificate.spki == spki, Certificate.device != device)
    return session.scalars(select(Certificate.serial).where(*others)).first() is not None


def find_secret(session: Session, digest: str) -> EnrollmentSecret | None:
    """Give a one-time secret by its digest, as the database has it now."""
    found = select(EnrollmentSecret).where(EnrollmentSecret.secret_hash == digest)
    return session.scalars(found.execution_options(populate_existing=True)).first()


def bind_secret(session: Session, digest: str, *, device: str, spki: str, now: datetime) -> bool:
    """Bind a secret to a key in one statement; tell whether it is this key's now, or was before."""
    free = or_(EnrollmentSecret.spki.is_(None), EnrollmentSecret.spki == spki)
    held = (EnrollmentSecret.revoked_at.is_(None), EnrollmentSecret.expires_at > now)
    wanted = update(EnrollmentSecret).where(
        EnrollmentSecret.secret_hash == digest, EnrollmentSecret.device == device, free, *held
    )
    done = session.execute(wanted.values(spki=spki, bound_at=func.coalesce(EnrollmentSecret.bound_at, now)))
    return cast("CursorResult[Any]", done).rowcount == 1


def end_secrets(session: Session, device: str, now: datetime) -> None:
    """End all one-time secrets of a unit."""
    held = (EnrollmentSecret.device == device, EnrollmentSecret.revoked_at.is_(None))
    session.execute(update(EnrollmentSecret).where(*held).values(revoked_at=now))


def failures_from(session: Session, address: str, since: datetime) -> Sequence[datetime]:
    """Give when attempts from an address failed."""
    counted = (EnrollmentAttempt.address == address, EnrollmentAttempt.at >= since)
    return session.scalars(select(EnrollmentAttempt.at).where(*counted)).all()


def failures_of(session: Session, device: str, since: datetime) -> Sequence[datetime]:
    """Give when attempts in the name of a unit failed."""
    counted = (EnrollmentAttempt.device == device, EnrollmentAttempt.at >= since)
    return session.scalars(select(EnrollmentAttempt.at).where(*counted)).all()


def failures_since(session: Session, since: datetime) -> Sequence[EnrollmentAttempt]:
    """Give every attempt that failed."""
    return session.scalars(select(EnrollmentAttempt).where(EnrollmentAttempt.at >= since)).all()


def forget_failures(session: Session, *, device: str | None, address: str | None) -> None:
    """Forget the failed attempts in the name of a unit, and those from an address."""
    session.execute(
        delete(EnrollmentAttempt).where(or_(EnrollmentAttempt.device == device, EnrollmentAttempt.address == address))
    )


def note_failure(session: Session, address: str, device: str | None, *, now: datetime, keep: timedelta) -> None:
    """Write a failed attempt down, and forget those that are older than `keep`."""
    session.execute(delete(EnrollmentAttempt).where(EnrollmentAttempt.at < now - keep))
    session.add(EnrollmentAttempt(address=address, device=device, at=now))


def has_event(session: Session, device: str, what: Happening, *, since: datetime) -> bool:
    """Tell whether a unit's history holds a line of this kind since an instant."""
    lines = (DeviceEvent.device == device, DeviceEvent.what == what.value, DeviceEvent.at >= since)
    return session.scalars(select(DeviceEvent.id).where(*lines)).first() is not None


def waiting_requests(session: Session) -> Sequence[EnrollmentRequest]:
    """Give the requests that no person has decided about, the oldest first."""
    waiting = select(EnrollmentRequest).where(EnrollmentRequest.decided_at.is_(None))
    return session.scalars(waiting.order_by(EnrollmentRequest.first_at)).all()


def forget_waiting(session: Session, spki: str) -> None:
    """Forget the request of a key that waits for a person: it has joined in another way."""
    waiting = (EnrollmentRequest.spki == spki, EnrollmentRequest.decided_at.is_(None))
    session.execute(delete(EnrollmentRequest).where(*waiting))


def forget_requests(session: Session, *, waiting_before: datetime, refused_before: datetime) -> None:
    """Forget requests that nobody decided about for long, and refusals that are old."""
    undecided = EnrollmentRequest.decided_at.is_(None)
    session.execute(delete(EnrollmentRequest).where(undecided, EnrollmentRequest.last_at < waiting_before))
    session.execute(
        delete(EnrollmentRequest).where(EnrollmentRequest.refused, EnrollmentRequest.decided_at < refused_before)
    )


def enter_recorder_key(session: Session, device: Device, key: str, *, how: KeyOrigin, now: datetime) -> None:
    """Make a key the one that signs a unit's manifests; the one before it keeps its recordings."""
    end_recorder_key(session, device, now)
    device.recorder_key = key
    session.add(RecorderKey(device=device.id, key=key, since=now, how=how))


def end_recorder_key(session: Session, device: Device, now: datetime) -> None:
    """End the key in force, if there is one; it keeps its recordings."""
    if device.recorder_key:
        session.get_one(RecorderKey, (device.id, device.recorder_key)).until = now
    device.recorder_key = None


def recorder_keys_of(session: Session, device: str) -> Sequence[RecorderKey]:
    """Give all keys that a unit's recorder ever had."""
    return session.scalars(select(RecorderKey).where(RecorderKey.device == device)).all()
