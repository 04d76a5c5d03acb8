"""EST (RFC 7030, 8951) behind both doors: certificates of the authorities, first certificates, renewals.

Decides nothing: who is asking is settled by `claims`, `adoption` and `renewal`. Defined in docs/protocol/enrollment.md.
"""

from __future__ import annotations

import hashlib
import ssl
from http import HTTPStatus

from flask import Blueprint, Flask, Response, request

from controller.auth.access import for_anyone
from controller.enrollment import policy
from controller.enrollment.base_views import (
    address_of,
    answer_certificates,
    answer_der,
    answer_waiting,
    answering,
    read_request,
)
from controller.enrollment.issuing import EnrollmentRefusal, forbid, load_authorities
from controller.enrollment.policy import Limits
from controller.enrollment.services import make_enrollment
from controller.services import Services
from protocol.enrollment import CSR_ATTRIBUTES, EST_PATH
from protocol.pki import CertificateRequest

ASKED_FOR = bytes.fromhex(
    "3021"
    "301506072a8648ce3d0201310a06082a8648ce3d030107"  # a key: ecPublicKey on prime256v1
    "06082a8648ce3d040302"  # a signature: ecdsa-with-SHA256
)
"""CsrAttrs of RFC 7030 section 4.5.2 in DER."""


def register(app: Flask, services: Services, limits: Limits | None = None) -> None:
    """Add EST to an application; forms' tokens are no matter of programs."""
    room = Blueprint("est", __name__, url_prefix=EST_PATH)
    EstViews(services, limits).add_to(room)
    app.register_blueprint(room)
    if "csrf" in app.extensions:
        app.extensions["csrf"].exempt(room)


class EstViews:
    """The four requests of EST."""

    def __init__(self, services: Services, limits: Limits | None) -> None:
        self._services = services
        self._enrollment = make_enrollment(services, limits)

    def add_to(self, room: Blueprint) -> None:
        """Add the addresses."""
        for method, view in (
            ("GET", self.cacerts),
            ("GET", self.csrattrs),
            ("POST", self.simpleenroll),
            ("POST", self.simplereenroll),
        ):
            name = view.__name__
            room.add_url_rule(f"/{name}", name, view_func=for_anyone(answering(view)), methods=[method])

    def cacerts(self) -> Response:
        """Give the root CA and every issuing CA in use."""
        return answer_certificates(*load_authorities(self._services))

    def csrattrs(self) -> Response:
        """Say which kind of key and signature a request shall have."""
        return answer_der(ASKED_FOR, CSR_ATTRIBUTES)

    def simpleenroll(self) -> Response:
        """Give a first certificate for a one-time secret, or keep the request for a person."""
        asked = read_request()
        if "Authorization" not in request.headers:
            return self._adopt(asked)
        given = request.authorization
        if given is None or given.type != "basic" or not given.username:
            detail = "expected HTTP Basic: the device id, and the one-time secret as the password"
            raise EnrollmentRefusal(HTTPStatus.UNAUTHORIZED, "credentials", detail)
        claimed = self._enrollment.claims.claim(
            asked, device=given.username, secret=given.password or "", address=address_of()
        )
        return answer_certificates(claimed)

    def simplereenroll(self) -> Response:
        """Give a unit that shows its certificate another."""
        if request.environ.get("SSL_CLIENT_VERIFY") != "SUCCESS":
            raise forbid("no_certificate", "renew at the units' listener, with the unit's certificate")
        asked = read_request()
        shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(request.environ["SSL_CLIENT_CERT"])).hexdigest()
        return answer_certificates(self._enrollment.renewal.renew(asked, shown=shown))

    def _adopt(self, asked: CertificateRequest) -> Response:
        adopted = self._enrollment.adoption.ask(asked, address=address_of())
        if adopted is not None:
            return answer_certificates(adopted)
        words = f"a person must adopt this key first; compare its fingerprint: {asked.fingerprint}"
        return answer_waiting(words, int(policy.ASK_AGAIN.total_seconds()))
