"""Issuing certificates to units: which key of which unit is given one, and which of the unit's older ones that ends.

Who is asking has been settled before; names come from the registry and never from the request. Defined in
docs/protocol/enrollment.md.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus

from cryptography import x509
from sqlalchemy.orm import Session

from controller.devices.history import Deed, Happening, note_event
from controller.devices.models import Device, DeviceState
from controller.devices.policies import issue_policy
from controller.enrollment import policy, repo
from controller.enrollment.models import Certificate
from controller.enrollment.policy import Held, Limits
from controller.enrollment.revocation import renew_list, revoke_key
from controller.errors import OperatorError, Refusal
from controller.keys import RETIRED_CA, ROOT_CA, load_authority
from controller.services import Services
from protocol.pki import CertificateRequest, PkiError, issue_device_for, parse_certificates, spell_fingerprint

log = logging.getLogger(__name__)
_REVOKED = "backrow_revoked"


class EnrollmentRefusal(Refusal):
    """A request of enrollment that is refused; `wait` says after which time it may be tried again."""

    def __init__(self, status: HTTPStatus, code: str, detail: str, wait: timedelta | None = None) -> None:
        super().__init__(status, code, detail)
        self.wait = wait


def refuse_for_now(code: str, detail: str, wait: timedelta) -> EnrollmentRefusal:
    """Make the refusal of somebody who asks too often."""
    return EnrollmentRefusal(HTTPStatus.TOO_MANY_REQUESTS, code, detail, wait)


def forbid(code: str, detail: str) -> EnrollmentRefusal:
    """Make the refusal that no other credentials would change."""
    return EnrollmentRefusal(HTTPStatus.FORBIDDEN, code, detail)


def load_authorities(services: Services) -> tuple[x509.Certificate, ...]:
    """Read what `/cacerts` gives: the root CA and every issuing CA that is in use; raise `OperatorError`."""
    keys = services.config.controller.keys
    files = [keys / "ca.pem", *sorted((keys / RETIRED_CA).glob("*.pem"))]
    try:
        found = [*parse_certificates(services.keys.root_ca_pem, ROOT_CA)]
        found += [certificate for path in files for certificate in parse_certificates(path.read_bytes(), str(path))]
    except (OSError, PkiError) as error:
        raise OperatorError(f"the school's CA cannot be used: {error}") from None
    return tuple(dict.fromkeys(found))


class Issuing:
    """Gives certificates; every method is called inside a writing session."""

    def __init__(self, services: Services, limits: Limits) -> None:
        self._services = services
        self._limits = limits

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a writing session; when certificates were revoked in it, TLS is told at its end."""
        with self._services.database.writing() as session:
            yield session
        if session.info.get(_REVOKED):
            try:
                renew_list(self._services)
            except (OSError, OperatorError):
                log.exception("the list of revoked certificates waits for the jobs, which try again")

    def join(self, session: Session, device: Device, request: CertificateRequest, *, by: str) -> x509.Certificate:
        """Give a key its certificate and make it the one key of the unit; raise `EnrollmentRefusal`.

        A pending unit becomes active. Certificates of other keys are revoked: the card was made anew.
        """
        if device.state not in policy.JOINING:
            raise forbid(f"device_{device.state}", f"unit {device.id} is {device.state}: it cannot join")
        certificate = self._give(session, device, request)
        now = self._services.clock()
        others = {row.spki for row in repo.living_certificates(session, device.id)} - {request.spki}
        self._replace(session, device, others)
        repo.forget_waiting(session, request.spki)
        if device.state is DeviceState.PENDING:
            device.state, device.state_reason = DeviceState.ACTIVE, ""
            detail = f"key {spell_fingerprint(request.spki)}"
            note_event(session, device.id, Happening.ENROLLED, Deed(by, now), detail)
        if device.policy_ends_at is None or device.policy_ends_at <= now:
            issue_policy(self._services, session, device)
        return certificate

    def renew(
        self, session: Session, shown: Certificate, device: Device, request: CertificateRequest
    ) -> x509.Certificate:
        """Give a unit that showed one of its certificates another, and end those of keys older than the shown one."""
        if device.state not in policy.RENEWING:
            raise forbid(f"device_{device.state}", f"unit {device.id} is {device.state}: it cannot renew")
        held = repo.certificates_of(session, device.id)
        self._replace(session, device, policy.find_superseded([_describe(row) for row in held], shown.spki))
        return self._give(session, device, request)

    def _replace(self, session: Session, device: Device, keys: set[str]) -> None:
        for spki in keys:
            taken = revoke_key(session, device.id, spki, why="replaced", now=self._services.clock())
            session.info[_REVOKED] = session.info.get(_REVOKED, 0) + taken

    def _give(self, session: Session, device: Device, request: CertificateRequest) -> x509.Certificate:
        now, held = self._services.clock(), repo.certificates_of(session, device.id)
        if any(row.spki == request.spki and row.revoked_at for row in held):
            raise forbid("key_revoked", "a certificate of this key was revoked; the unit must make a new key")
        if repo.is_key_of_another(session, request.spki, device.id):
            raise forbid("key_foreign", "this key is another unit's; the unit must make a key of its own")
        place = policy.find_repeatable([_describe(row) for row in held], request.spki, now)
        if place is not None:
            return x509.load_pem_x509_certificate(held[place].pem.encode("ascii"))
        self._require_patience(device, held)
        authority = load_authority(self._services.config.controller.keys)
        certificate = issue_device_for(authority, device.id, request.public_key, now=now)
        repo.enter_certificate(session, device.id, certificate, now=now)
        return certificate

    def _require_patience(self, device: Device, held: Sequence[Certificate]) -> None:
        wait = policy.decide_wait(
            [row.issued_at for row in held],
            most=self._limits.certificates_of_device,
            within=policy.CERTIFICATES_WITHIN,
            now=self._services.clock(),
        )
        if wait:
            raise refuse_for_now("too_many_certificates", f"unit {device.id} was given too many certificates", wait)


def _describe(row: Certificate) -> Held:
    return Held(row.spki, row.issued_at, row.revoked_at is not None)
