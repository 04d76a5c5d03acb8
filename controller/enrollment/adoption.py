"""Adoption: requests of units that have no secret wait for a person, who compares the key's fingerprint.

What a request says of itself is shown as a hint and never believed. Defined in docs/protocol/enrollment.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from sqlalchemy.orm import Session

from controller.devices.history import Deed, Happening, note_event
from controller.devices.models import Device
from controller.enrollment import policy, repo
from controller.enrollment.issuing import Issuing, forbid, refuse_for_now
from controller.enrollment.models import EnrollmentRequest
from controller.services import Services
from protocol.pki import CertificateRequest, spell_fingerprint


class AdoptionError(Exception):
    """A request cannot be adopted or refused as asked; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Adopter:
    """Who decides: an account's id, or `operator` for somebody at the server's own command line."""

    id: str


OPERATOR = Adopter(id="operator")


class Adoption:
    """The requests that wait for a person, and what the person decides."""

    def __init__(self, services: Services, issuing: Issuing) -> None:
        self._services = services
        self._issuing = issuing

    def ask(self, request: CertificateRequest, *, address: str) -> x509.Certificate | None:
        """Give an adopted key its certificate, or None while it waits; raise `EnrollmentRefusal`."""
        now = self._services.clock()
        with self._services.database.reading() as session:  # most of the asking changes nothing
            row = session.get(EnrollmentRequest, request.spki)
            if row and row.decided_at is None and now - row.last_at < policy.NOTED_EVERY:
                return None
            if row and row.refused:
                raise forbid("adoption_refused", "a person refused this key; ask whoever runs Backrow at your school")
        with self._issuing.writing() as session:
            return self._ask(session, request, address)

    def _ask(self, session: Session, request: CertificateRequest, address: str) -> x509.Certificate | None:
        now = self._services.clock()
        repo.forget_requests(
            session, waiting_before=now - policy.WAITING_LASTS, refused_before=now - policy.REFUSAL_LASTS
        )
        row = session.get(EnrollmentRequest, request.spki)
        if row and row.device and row.decided_at:
            if not policy.adoption_holds(row.decided_at, now):
                raise forbid("adoption_over", "the adoption of this key is over; a new one-time secret must be made")
            device = session.get_one(Device, row.device)
            return self._issuing.join(session, device, request, by=row.decided_by or OPERATOR.id)
        if row is None:
            row = self._enter(session, request, address)
        row.request, row.address, row.last_at = request.der, address, now
        return None

    def _enter(self, session: Session, request: CertificateRequest, address: str) -> EnrollmentRequest:
        now, waiting = self._services.clock(), repo.waiting_requests(session)
        of_address = sum(row.address == address for row in waiting)
        if len(waiting) >= policy.MOST_WAITING or of_address >= policy.MOST_WAITING_OF_ADDRESS:
            detail = f"{len(waiting)} requests wait for a person, {of_address} of them from this address; ask later"
            raise refuse_for_now("too_many_waiting", detail, policy.ASK_AGAIN * 10)
        row = EnrollmentRequest(spki=request.spki, hint=_hint(request.der), first_at=now, refused=False)
        session.add(row)
        return row

    def waiting(self) -> Sequence[EnrollmentRequest]:
        """Give the requests that wait."""
        now = self._services.clock()
        with self._services.database.reading() as session:
            return [row for row in repo.waiting_requests(session) if now - row.last_at < policy.WAITING_LASTS]

    def find(self, fingerprint: str) -> EnrollmentRequest:
        """Give the waiting request of a typed fingerprint; raise `AdoptionError`."""
        for row in self.waiting():
            if policy.is_same_fingerprint(fingerprint, spell_fingerprint(row.spki)):
                return row
        raise AdoptionError(
            f"no request with the fingerprint {fingerprint!r} waits; compare it with the unit's screen: if it differs "
            "by a single digit, it is not that unit"
        )

    def adopt(self, spki: str, device: str, *, by: Adopter) -> None:
        """Let a waiting key be a prepared unit's; raise `AdoptionError`."""
        now = self._services.clock()
        with self._services.database.writing() as session:
            row, unit = _require_waiting(session, spki), session.get(Device, device)
            if unit is None or unit.state not in policy.JOINING:
                raise AdoptionError(f"{device[:40]!r} is no unit that can join; prepare one first")
            if repo.is_key_of_another(session, spki, device):
                raise AdoptionError("this key is another unit's already; the unit must make a key of its own")
            row.device, row.decided_at, row.decided_by = device, now, by.id
            repo.end_secrets(session, device, now)
            detail = f"key {spell_fingerprint(spki)}"
            note_event(session, device, Happening.ADOPTED, Deed(by.id, now), detail)

    def refuse(self, spki: str, *, by: Adopter) -> None:
        """Refuse a waiting key; raise `AdoptionError`."""
        with self._services.database.writing() as session:
            row = _require_waiting(session, spki)
            row.refused, row.decided_at, row.decided_by = True, self._services.clock(), by.id


def _require_waiting(session: Session, spki: str) -> EnrollmentRequest:
    row = session.get(EnrollmentRequest, spki)
    if row is None or row.decided_at is not None:
        raise AdoptionError("this request does not wait any more; look at the list again")
    return row


def _hint(request: bytes) -> str:
    try:
        return policy.tidy_hint(x509.load_der_x509_csr(request).subject.rfc4514_string())
    except ValueError:  # a name in an encoding that is none
        return ""
