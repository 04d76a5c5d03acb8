"""Taking certificates back: the row says it at once, the list tells TLS, the outbox empties what the broker keeps.

The registry is asked at every HTTP request, so the row alone shuts that door. The broker asks nobody: it reads the list
(`revoked.crl` in the controller's data), which is issued anew at each revocation, whenever it does not say what the
rows say, and daily. Live sessions at the broker are closed by the bridge (controller/bridge/closing.py). Nothing here
decides who is revoked.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from controller.bridge import outbox
from controller.enrollment.models import Certificate
from controller.keys import load_authority, load_retired_authorities
from controller.services import Services
from protocol.durable import replace_file
from protocol.pki import Credential, PkiError, Revoked, issue_crl, parse_crls

LIST = "revoked.crl"
PUBLIC = 0o644
LISTED_ON = timedelta(days=7)  # after a certificate's end: clocks differ
RENEWED = timedelta(days=1)  # OpenSSL refuses everybody when a list is over, which is after 30 days

log = logging.getLogger(__name__)


def revoke_unit(session: Session, device: str, *, why: str, now: datetime) -> int:
    """Take back every certificate of a unit and what the broker keeps for it; tell how many certificates.

    `renew_list` belongs after the end of the transaction.
    """
    outbox.forget_retained(session, device, now)
    return _revoke(session, (Certificate.device == device,), why, now)


def revoke_key(session: Session, device: str, spki: str, *, why: str, now: datetime) -> int:
    """Take back the certificates of one of a unit's keys; the unit goes on with another one."""
    return _revoke(session, (Certificate.device == device, Certificate.spki == spki), why, now)


def _revoke(session: Session, whose: tuple[object, ...], why: str, now: datetime) -> int:
    taken = session.execute(
        update(Certificate)
        .where(*whose, Certificate.revoked_at.is_(None))  # type: ignore[arg-type]  # conditions on columns
        .values(revoked_at=now, revoked_why=why)
    )
    return int(taken.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result has it


def renew_list(services: Services) -> bool:
    """Issue the list when there is none, it is a day old, or says something else than the rows; tell whether it was.

    Several processes may do this at once: each reads the rows under a lock, so the last one to write knows them all.
    Raises `OperatorError` when the issuing CA cannot be read, `OSError` when the list cannot be written.
    """
    with _locked(services.config.controller.data):
        now, path = services.clock(), services.config.controller.data / LIST
        authorities, revoked = issuing_authorities(services.config.controller.keys), _revoked(services, now)
        if _is_good(path, authorities, revoked, now):
            return False
        replace_file(path, b"".join(_lists(authorities, revoked, now)), mode=PUBLIC)
    log.info("a new list of revoked certificates was issued: %d", len(revoked))
    return True


def issuing_authorities(keys: Path) -> tuple[Credential, ...]:
    """Give every issuing CA of which certificates may still be shown, the present one first."""
    return (load_authority(keys), *load_retired_authorities(keys))


def _revoked(services: Services, now: datetime) -> Sequence[Certificate]:
    still_listed = Certificate.ends_at > now - LISTED_ON
    with services.database.reading() as session:
        return session.scalars(select(Certificate).where(Certificate.revoked_at.is_not(None), still_listed)).all()


def _is_good(path: Path, authorities: Sequence[Credential], revoked: Sequence[Certificate], now: datetime) -> bool:
    try:
        lists = parse_crls(path.read_bytes(), str(path))
    except (FileNotFoundError, PkiError):
        return False
    listed = {entry.serial_number for each in lists for entry in each}
    says_all = {int(row.serial, 16) for row in revoked} <= listed
    from_all = {_issuer_id(each) for each in lists} == {_key_id(each) for each in authorities}
    return says_all and from_all and all(each.last_update_utc > now - RENEWED for each in lists)


def _issuer_id(signed: x509.Certificate | x509.CertificateRevocationList) -> bytes | None:
    return signed.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier


def _key_id(authority: Credential) -> bytes:
    return x509.SubjectKeyIdentifier.from_public_key(authority.key.public_key()).digest


def _lists(authorities: Sequence[Credential], revoked: Sequence[Certificate], now: datetime) -> Iterator[bytes]:
    """Sign one list for each authority; a certificate whose CA is gone needs none: TLS refuses it without."""
    signed: dict[bytes | None, list[Revoked]] = defaultdict(list)
    for row in revoked:
        issuer = _issuer_id(x509.load_pem_x509_certificate(row.pem.encode("ascii")))
        signed[issuer].append(Revoked(int(row.serial, 16), row.revoked_at or now))
    for authority in authorities:
        yield issue_crl(authority, signed[_key_id(authority)], now=now)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder itself: a lock file made by one user could not be opened by another."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
