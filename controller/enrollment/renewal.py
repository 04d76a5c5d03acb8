"""Renewal: another certificate for a unit that shows one it has, over TLS or, when that is over, by a signature.

The registry is asked each time: a revoked certificate renews nothing. Nonces are made from a key of the school and
kept only once they are used, so that asking for many fills nothing. Defined in docs/protocol/enrollment.md.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from controller.devices.models import Device
from controller.enrollment import policy, repo
from controller.enrollment.attempts import Attempts
from controller.enrollment.issuing import EnrollmentRefusal, Issuing, forbid
from controller.enrollment.models import Certificate, RenewalNonce
from controller.services import Services
from protocol.enrollment import renewal_bytes
from protocol.pki import CertificateRequest

_RANDOM_BYTES = 8
_MAC_CHARS = 32


@dataclass(frozen=True, kw_only=True)
class SignedRenewal:
    """What an expired unit sends: `certificate` is the SHA-256 of the old certificate's DER in hexadecimal."""

    certificate: str
    request: CertificateRequest
    nonce: str
    signature: bytes


class Renewal:
    """Gives certificates to units that have one."""

    def __init__(self, services: Services, issuing: Issuing, attempts: Attempts) -> None:
        self._services = services
        self._issuing = issuing
        self._attempts = attempts

    def renew(self, request: CertificateRequest, *, shown: str) -> x509.Certificate:
        """Give the unit that showed the certificate with the digest `shown` over TLS another."""
        with self._issuing.writing() as session:
            return self._renew(session, request, shown, since=self._services.clock())

    def make_nonce(self) -> str:
        """Make a nonce for one renewal."""
        body = f"{int(self._services.clock().timestamp())}.{self._services.random_bytes(_RANDOM_BYTES).hex()}"
        return f"{body}.{self._mac(body)}"

    def renew_expired(self, said: SignedRenewal, *, address: str) -> x509.Certificate:
        """Give a unit that signed with its old key another certificate; raise `EnrollmentRefusal`."""
        self._attempts.require_patience(address)
        try:
            made_at = self._require_nonce(said.nonce)
            self._require_signature(said)
            with self._issuing.writing() as session:
                self._use_nonce(session, said.nonce, made_at)
                return self._renew(session, said.request, said.certificate, since=None)
        except EnrollmentRefusal as refusal:
            if refusal.status is not HTTPStatus.TOO_MANY_REQUESTS:
                self._attempts.note(address)
            raise

    def _renew(
        self, session: Session, request: CertificateRequest, shown: str, *, since: datetime | None
    ) -> x509.Certificate:
        """Give a certificate for the one shown, which must not have ended by `since`; None asks for no end."""
        row = _require_known(repo.find_certificate(session, shown))
        if since is not None and row.ends_at <= since:  # TLS asked at the handshake, which may be long ago
            raise forbid(
                "certificate_over", "this certificate is over; renew it with a nonce, at the people's listener"
            )
        return self._issuing.renew(session, row, session.get_one(Device, row.device), request)

    def _require_signature(self, said: SignedRenewal) -> None:
        with self._services.database.reading() as session:
            row = _require_known(repo.find_certificate(session, said.certificate))
        key = x509.load_pem_x509_certificate(row.pem.encode("ascii")).public_key()
        try:
            signed = renewal_bytes(said.nonce, said.request.der)
            cast("ec.EllipticCurvePublicKey", key).verify(said.signature, signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise forbid("signature", "nonce and request are not signed by the old certificate's key") from None

    def _require_nonce(self, nonce: str) -> datetime:
        body, _, mac = nonce.rpartition(".")
        if not nonce.isascii() or not hmac.compare_digest(mac, self._mac(body)):
            raise _bad_nonce("this nonce was not made here")
        made_at = datetime.fromtimestamp(int(body.partition(".")[0]), UTC)
        if not policy.nonce_holds(made_at, self._services.clock()):
            raise _bad_nonce("this nonce is over")
        return made_at

    def _use_nonce(self, session: Session, nonce: str, made_at: datetime) -> None:
        now = self._services.clock()
        session.execute(delete(RenewalNonce).where(RenewalNonce.made_at < now - 2 * policy.NONCE_LASTS))
        session.add(RenewalNonce(nonce=nonce, made_at=made_at, used_at=now))
        try:
            session.flush()
        except IntegrityError:
            raise _bad_nonce("this nonce was used already") from None

    def _mac(self, body: str) -> str:
        key = hmac.digest(self._services.keys.lease.seed, b"backrow/v1/renewal-nonce", "sha256")
        return hmac.digest(key, body.encode("ascii", "replace"), "sha256").hex()[:_MAC_CHARS]


def _require_known(row: Certificate | None) -> Certificate:
    if row is None:
        raise forbid("certificate_unknown", "this certificate is not one that the registry issued, or was revoked")
    return row


def _bad_nonce(why: str) -> EnrollmentRefusal:
    return EnrollmentRefusal(HTTPStatus.BAD_REQUEST, "nonce", f"{why}; ask for another at /enrollment/v1/nonce")
