"""Renewal of an expired certificate behind the people's door, where TLS asks for none: a nonce, then a signed request.

Defined in docs/protocol/enrollment.md.
"""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus

from flask import Blueprint, Flask, Response

from controller.auth.access import for_anyone
from controller.enrollment.base_views import address_of, answer_certificates, answering, read_body
from controller.enrollment.issuing import EnrollmentRefusal
from controller.enrollment.renewal import SignedRenewal
from controller.enrollment.services import make_enrollment
from controller.services import Services
from controller.uploads.base_views import answer_json
from protocol.enrollment import NONCE_PATH, RENEWAL_PATH, decode_body
from protocol.pki import parse_request

FIELDS = ("certificate", "request", "nonce", "signature")


def register(app: Flask, services: Services) -> None:
    """Add both requests to an application."""
    room = Blueprint("renewal", __name__)
    renewal = make_enrollment(services).renewal

    def nonce() -> Response:
        return answer_json({"nonce": renewal.make_nonce()})

    def renew() -> Response:
        return answer_certificates(renewal.renew_expired(_read_renewal(), address=address_of()))

    room.add_url_rule(NONCE_PATH, view_func=for_anyone(answering(nonce)), methods=["GET"])
    room.add_url_rule(RENEWAL_PATH, view_func=for_anyone(answering(renew)), methods=["POST"])
    app.register_blueprint(room)
    app.extensions["csrf"].exempt(room)


def _read_renewal() -> SignedRenewal:
    fields = _read_fields(read_body("application/json"))
    return SignedRenewal(
        certificate=hashlib.sha256(decode_body(fields["certificate"].encode(), "certificate")).hexdigest(),
        request=parse_request(decode_body(fields["request"].encode(), "request")),
        nonce=fields["nonce"],
        signature=decode_body(fields["signature"].encode(), "signature"),
    )


def _read_fields(body: bytes) -> dict[str, str]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or any(not isinstance(value.get(name), str) for name in FIELDS):
        detail = f"expected a JSON object with the texts {', '.join(FIELDS)}"
        raise EnrollmentRefusal(HTTPStatus.BAD_REQUEST, "malformed", detail)
    return {name: str(value[name]) for name in FIELDS}
