"""Who is asking: the unit behind a request, by its client certificate, its lease, or both; they must agree.

A certificate counts only when the TLS listener verified it and it is the one that is registered. A lease counts only
when we signed it, it is in force and its fence is the newest. Where TLS ends elsewhere the lease alone names the unit.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session

from controller.devices.models import Device
from controller.errors import Refusal
from controller.services import Services
from controller.uploads import policy
from protocol.documents import Lease, verify_document
from protocol.errors import ProtocolError

LEASE_HEADER = "HTTP_BACKROW_LEASE"


def require_unit(services: Services, environ: Mapping[str, Any]) -> str:
    """Give the device that asks, by certificate or else by lease; raise `Refusal`. For what needs no lease."""
    with services.database.reading() as session:
        device = _certified(session, environ)
    return device or require_lease(services, environ)


def require_lease(services: Services, environ: Mapping[str, Any]) -> str:
    """Give the device that asks and may send now; raise `Refusal` with one of the `lease_…` codes."""
    lease = _signed_lease(services, environ)
    with services.database.reading() as session:
        certified = _certified(session, environ)
        fence = _known(session, lease.device).fence  # a revocation takes a fence, too: no lease is below it
    denial = policy.judge_lease(lease, fence=fence, now=services.clock(), device=certified)
    if denial:
        raise Refusal(HTTPStatus.FORBIDDEN, denial.code, denial.detail)
    return lease.device


def _signed_lease(services: Services, environ: Mapping[str, Any]) -> Lease:
    text = environ.get(LEASE_HEADER)
    if not text:
        raise Refusal(HTTPStatus.FORBIDDEN, "lease_missing", "send the lease in the header Backrow-Lease")
    try:
        # WSGI hands headers over as Latin-1, whatever bytes they were (PEP 3333)
        return verify_document(Lease, text.encode("latin-1") + b"\n", services.keys.trust)
    except ProtocolError as error:
        raise Refusal(HTTPStatus.FORBIDDEN, "lease_foreign", str(error)) from None


def _certified(session: Session, environ: Mapping[str, Any]) -> str | None:
    """Give the device of the verified client certificate, or None where no certificate was shown."""
    if environ.get("SSL_CLIENT_VERIFY") != "SUCCESS":
        return None
    device = _known(session, str(environ.get("SSL_CLIENT_S_DN_CN")))
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(environ["SSL_CLIENT_CERT"])).hexdigest()
    if digest != device.certificate_digest:
        detail = f"device {device.id} showed a certificate that is not the registered one"
        raise Refusal(HTTPStatus.FORBIDDEN, "certificate_replaced", detail)
    return device.id


def _known(session: Session, device: str) -> Device:
    row = session.get(Device, device)
    if row is None or row.retired_at is not None:
        raise Refusal(HTTPStatus.FORBIDDEN, "device_unknown", f"device {device[:40]!r} is not one of this school's")
    return row
