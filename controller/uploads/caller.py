"""Who is asking: the unit behind a request, by its client certificate, its lease, or both; they must agree.

A certificate counts only when the TLS listener verified it and it is the one that is registered. A lease counts only
when we signed it, it is in force and its fence is the newest. Where TLS ends elsewhere the lease alone names the unit.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from typing import Any, TypeVar

from sqlalchemy import and_, bindparam, select

from controller.devices.models import Device, DeviceState
from controller.devices.policy import ADMITTED, Need
from controller.enrollment.models import Certificate
from controller.errors import Refusal
from controller.services import Services
from controller.uploads import policy
from controller.uploads.models import LeaseRow
from protocol.documents import Lease, verify_document
from protocol.errors import ProtocolError

LEASE_HEADER = "HTTP_BACKROW_LEASE"
REMEMBERED = 1024
_UNIT = (
    select(Device.id, Device.state, Device.fence, LeaseRow.version, LeaseRow.rate_bps)
    .outerjoin(LeaseRow, and_(LeaseRow.device == Device.id, LeaseRow.fence == Device.fence))
    .where(Device.id == bindparam("device"))
)
_HOLDER = (
    select(Device.id, Device.state)
    .join(Certificate, Certificate.device == Device.id)
    .where(
        Certificate.digest == bindparam("digest"),
        Certificate.revoked_at.is_(None),
        Certificate.ends_at > bindparam("now"),  # TLS asked at the handshake, which may be long ago, or was resumed
    )
)


@dataclass(frozen=True)
class _Unit:
    device: str
    state: DeviceState


@dataclass(frozen=True)
class _Lessee(_Unit):
    """A unit, and the newest version of the lease under its newest fence; None where no lease has that fence."""

    fence: int
    version: int | None
    rate_bps: int | None

    def newest(self, lease: Lease) -> Lease:
        """Give a lease at the rate of its newest version; its end is still that of the version which was shown."""
        if self.version is None or self.rate_bps is None:
            return lease
        return replace(lease, version=self.version, rate_bps=self.rate_bps)


Admitted = TypeVar("Admitted", bound=_Unit)


class Callers:
    """Tells who asks. Signatures of leases are verified once: what holds at this moment is asked each time."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._verify = lru_cache(REMEMBERED)(self._verify_lease)

    def require_unit(self, environ: Mapping[str, Any], need: Need) -> str:
        """Give the device that asks, by certificate or else by lease; raise `Refusal`. For what needs no lease."""
        return self._certified(environ, need) or self.require_lease(environ).device

    def require_lease(self, environ: Mapping[str, Any]) -> Lease:
        """Give the lease of the device that asks and may send now; raise `Refusal` with one of the `lease_…` codes.

        Its rate is the newest that was granted, whichever version is shown: a unit that has not heard of a lowering is
        read no faster for that.
        """
        line = environ.get(LEASE_HEADER)
        if not line:
            raise Refusal(HTTPStatus.FORBIDDEN, "lease_missing", "send the lease in the header Backrow-Lease")
        lease, certified = self._verify(line), self._certified(environ, Need.DELIVERY)
        unit = self._known(lease.device)  # a revocation takes a fence, too: no lease is below it
        denial = policy.judge_lease(lease, fence=unit.fence, now=self._services.clock(), device=certified)
        if denial:
            raise Refusal(HTTPStatus.FORBIDDEN, denial.code, denial.detail)
        return unit.newest(lease)

    def _verify_lease(self, line: str) -> Lease:
        try:
            # WSGI hands headers over as Latin-1, whatever bytes they were (PEP 3333)
            return verify_document(Lease, line.encode("latin-1") + b"\n", self._services.keys.trust)
        except ProtocolError as error:
            raise Refusal(HTTPStatus.FORBIDDEN, "lease_foreign", str(error)) from None

    def _certified(self, environ: Mapping[str, Any], need: Need) -> str | None:
        """Give the device of the verified client certificate, or None where no certificate was shown."""
        if environ.get("SSL_CLIENT_VERIFY") != "SUCCESS":
            return None
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(environ["SSL_CLIENT_CERT"])).hexdigest()
        named = str(environ.get("SSL_CLIENT_S_DN_CN"))
        found = self._services.database.find(_HOLDER, digest=digest, now=self._services.clock())
        if found is None or found[0] != named:
            detail = f"device {named[:40]!r} showed a certificate that is not registered, revoked, or over"
            raise Refusal(HTTPStatus.FORBIDDEN, "certificate_unknown", detail)
        return _require_admitted(_Unit(*found), need).device

    def _known(self, device: str) -> _Lessee:
        found = self._services.database.find(_UNIT, device=device)
        if found is None:
            raise Refusal(HTTPStatus.FORBIDDEN, "device_unknown", f"device {device[:40]!r} is not one of this school's")
        return _require_admitted(_Lessee(*found), Need.DELIVERY)


def _require_admitted(unit: Admitted, need: Need) -> Admitted:
    """Ask the law of a unit's life (controller/devices/policy.py)."""
    if unit.state not in ADMITTED[need]:
        raise Refusal(HTTPStatus.FORBIDDEN, f"device_{unit.state}", f"device {unit.device} is {unit.state}")
    return unit
