"""One-time secrets: made for one unit, kept as a digest, bound to the first public key that presents one.

The binding is one statement of the database, so that of any number of keys at once exactly one wins. Defined in
docs/protocol/enrollment.md.
"""

from __future__ import annotations

from http import HTTPStatus

from cryptography import x509
from sqlalchemy.orm import Session

from controller.devices.history import OPERATOR, UNIT, Deed, Happening, note_event
from controller.devices.models import Device
from controller.enrollment import policy, repo
from controller.enrollment.attempts import Attempts
from controller.enrollment.issuing import EnrollmentRefusal, Issuing, forbid
from controller.enrollment.models import EnrollmentSecret
from controller.enrollment.policy import Offered
from controller.errors import OperatorError
from controller.services import Services
from protocol.enrollment import SECRET_BYTES, EnrollmentError, digest_secret, spell_secret
from protocol.pki import CertificateRequest, spell_fingerprint


def make_secret(services: Services, session: Session, device: Device) -> str:
    """Make a unit's next one-time secret and give it, spelled; the ones before it end. Call inside a writing session.

    Raises `OperatorError` for a unit that cannot join.
    """
    if device.state not in policy.JOINING:
        raise OperatorError(f"unit {device.id} is {device.state}: it cannot join")
    now, spelled = services.clock(), spell_secret(services.random_bytes(SECRET_BYTES))
    repo.end_secrets(session, device.id, now)
    session.add(
        EnrollmentSecret(
            id=services.new_id(),
            device=device.id,
            secret_hash=digest_secret(spelled),
            made_at=now,
            expires_at=now + policy.SECRET_LASTS,
        )
    )
    note_event(session, device.id, Happening.READIED, Deed(OPERATOR, now))
    return spelled


class Claims:
    """Lets units in by their secrets."""

    def __init__(self, services: Services, issuing: Issuing, attempts: Attempts) -> None:
        self._services = services
        self._issuing = issuing
        self._attempts = attempts

    def claim(self, request: CertificateRequest, *, device: str, secret: str, address: str) -> x509.Certificate:
        """Give the key of `request` a certificate of `device`; raise `EnrollmentRefusal`."""
        self._attempts.require_patience(address, device)
        try:
            return self._claim(request, device, digest_secret(secret))
        except EnrollmentError as error:
            refusal = EnrollmentRefusal(HTTPStatus.UNAUTHORIZED, "secret_malformed", str(error))
        except EnrollmentRefusal as error:
            refusal = error
        if refusal.status is HTTPStatus.UNAUTHORIZED or refusal.code == "secret_bound":
            self._attempts.note(address, device)
        if refusal.code == "secret_bound":
            self._tell_history(device, request)
        raise refusal

    def _claim(self, request: CertificateRequest, device: str, digest: str) -> x509.Certificate:
        now = self._services.clock()
        with self._services.database.reading() as session:  # what is wrong anyway waits for no writer
            self._require_fitting(session, digest, device)
        with self._issuing.writing() as session:
            if not repo.bind_secret(session, digest, device=device, spki=request.spki, now=now):
                self._require_fitting(session, digest, device)
                raise forbid("secret_bound", "another key has used this one-time secret; make a new one for the unit")
            return self._issuing.join(session, session.get_one(Device, device), request, by="unit")

    def _require_fitting(self, session: Session, digest: str, device: str) -> None:
        row = repo.find_secret(session, digest)
        offered = Offered(device=row.device, expires_at=row.expires_at, revoked_at=row.revoked_at) if row else None
        fault = policy.find_secret_fault(offered, device=device, now=self._services.clock())
        if fault:
            raise EnrollmentRefusal(HTTPStatus.UNAUTHORIZED, "secret_refused", fault)

    def _tell_history(self, device: str, request: CertificateRequest) -> None:
        """Write down, once in a while, that somebody had the right secret and another key: a card was copied."""
        now = self._services.clock()
        with self._services.database.writing() as session:
            if not repo.has_event(session, device, Happening.CLAIMED_AGAIN, since=now - policy.FAILURES_WITHIN):
                detail = f"by key {spell_fingerprint(request.spki)}"
                note_event(session, device, Happening.CLAIMED_AGAIN, Deed(UNIT, now), detail)
