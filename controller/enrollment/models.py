"""Tables of joining: certificates, one-time secrets, requests that wait for a person, the recorder's keys.

Secrets stand here as digests only.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import DIGEST_CHARS, ID_CHARS, Base, ChoiceType

SERIAL_CHARS = 40  # RFC 5280 allows 20 octets
ADDRESS_CHARS = 64


class KeyOrigin(StrEnum):
    """How a recorder's key became the one that is believed."""

    ENROLLED = "enrolled"
    SUCCEEDED = "succeeded"
    ADOPTED = "adopted"


class Certificate(Base):
    """A certificate that was issued to a unit. All of a unit's that are neither revoked nor over are accepted."""

    __tablename__ = "certificate"

    serial: Mapped[str] = mapped_column(String(SERIAL_CHARS), primary_key=True)
    """Hexadecimal, without leading zeros."""
    device: Mapped[str] = mapped_column(ForeignKey("device.id"), index=True)
    digest: Mapped[str] = mapped_column(String(DIGEST_CHARS), unique=True)
    spki: Mapped[str] = mapped_column(String(DIGEST_CHARS), index=True)
    """SHA-256 of the public key (SubjectPublicKeyInfo, DER)."""
    pem: Mapped[str] = mapped_column(Text)
    issued_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_why: Mapped[str | None] = mapped_column(String(64))


class EnrollmentSecret(Base):
    """A one-time secret of one unit; the first public key that presents it is the only one that it serves."""

    __tablename__ = "enrollment_secret"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    device: Mapped[str] = mapped_column(ForeignKey("device.id"), index=True)
    secret_hash: Mapped[str] = mapped_column(String(DIGEST_CHARS), unique=True)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    spki: Mapped[str | None] = mapped_column(String(DIGEST_CHARS))
    bound_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class EnrollmentRequest(Base):
    """A unit without a secret that asked to join, until a person has compared its key's fingerprint."""

    __tablename__ = "enrollment_request"

    spki: Mapped[str] = mapped_column(String(DIGEST_CHARS), primary_key=True)
    request: Mapped[bytes] = mapped_column(LargeBinary)
    """The PKCS#10 request as DER; its names are never believed."""
    hint: Mapped[str] = mapped_column(String(120), default="")
    address: Mapped[str] = mapped_column(String(ADDRESS_CHARS))
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    device: Mapped[str | None] = mapped_column(ForeignKey("device.id"))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(ID_CHARS))
    refused: Mapped[bool] = mapped_column(default=False)


class EnrollmentAttempt(Base):
    """A failed attempt, for the limits by address and by unit."""

    __tablename__ = "enrollment_attempt"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    address: Mapped[str] = mapped_column(String(ADDRESS_CHARS), index=True)
    device: Mapped[str | None] = mapped_column(String(ID_CHARS), index=True)
    at: Mapped[datetime] = mapped_column(index=True)


class RenewalNonce(Base):
    """A number that is used once, by a unit whose certificate is over."""

    __tablename__ = "renewal_nonce"

    nonce: Mapped[str] = mapped_column(String(64), primary_key=True)
    made_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class RecorderKey(Base):
    """A key by which a unit's recorder signed, from when to when, and how it came to be believed."""

    __tablename__ = "recorder_key"

    device: Mapped[str] = mapped_column(ForeignKey("device.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    how: Mapped[KeyOrigin] = mapped_column(ChoiceType(KeyOrigin))
    by: Mapped[str] = mapped_column(String(ID_CHARS), default="")
    """The person who adopted it; empty where the unit's own signature was enough."""
