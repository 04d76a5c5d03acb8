"""Decides who speaks on a stick: a head counts only with the signature of a certificate that is registered.

The certificate may be over: a unit without a network cannot renew it, and a signature with its key proves as much as
before. What a unit may then have is the law of its life (controller/devices/policy.py). docs/protocol/stick.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.orm import Session

from controller.devices.models import Device, DeviceState
from controller.devices.policy import ADMITTED, Need
from controller.enrollment.models import Certificate
from controller.enrollment.repo import find_certificate
from controller.services import Services
from protocol.errors import ProtocolError
from protocol.stick import Head, StickError, parse_head, verify_head


class NotAdmittedError(Exception):
    """Nothing on the stick is looked at; the words say why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """A unit that proved itself by the head of its export, and what it is let in for."""

    head: Head
    label: str
    state: DeviceState

    @property
    def delivers(self) -> bool:
        """Tell whether its recordings are taken in; the others are given documents alone."""
        return self.state in ADMITTED[Need.DELIVERY]


def find_speaker(services: Services, folder: str, data: bytes) -> Speaker:
    """Give the unit whose head this is; raise `NotAdmittedError`. `folder`: the device whose folder it lay in."""
    try:
        head = parse_head(data)
        with services.database.reading() as session:
            return _require_admitted(session, folder, head, data)
    except ProtocolError as error:
        raise NotAdmittedError(f"it is refused: {error}") from None


def _require_admitted(session: Session, folder: str, head: Head, data: bytes) -> Speaker:
    certificate = find_certificate(session, head.certificate)
    if certificate is None or certificate.device != head.device:
        raise NotAdmittedError(
            "it is signed with no certificate that is registered here: it is of a unit of another school, or of one "
            "whose certificate was revoked, as that of a lost unit is"
        )
    verify_head(data, _key_of(certificate))
    if head.device != folder:
        raise NotAdmittedError(f"it lies in the folder of another unit: {folder} has what {head.device} wrote")
    unit = session.get_one(Device, head.device)
    if unit.state not in ADMITTED[Need.DOCUMENTS]:
        raise NotAdmittedError(f"the unit is {unit.state}: nothing of it is taken in, and it is told nothing")
    return Speaker(head=head, label=unit.label, state=unit.state)


def _key_of(certificate: Certificate) -> ec.EllipticCurvePublicKey:
    key = x509.load_pem_x509_certificate(certificate.pem.encode("ascii")).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise StickError("head: the registered certificate has no key on an elliptic curve")
    return key
