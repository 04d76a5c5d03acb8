"""What the views of enrollment share: bodies read within their limit, refusals in words, no secret over plain HTTP.

RFC 7030 section 4.2.3 wants plain text for people where a request is refused. Defined in docs/protocol/enrollment.md.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import ParamSpec

from cryptography import x509
from flask import Response, request

from controller.enrollment.issuing import EnrollmentRefusal, forbid
from controller.errors import OperatorError, Refusal
from controller.uploads.base_views import drain_body
from protocol.enrollment import (
    EST_PATH,
    LONGEST_BODY_BYTES,
    NONCE_PATH,
    PKCS7,
    PKCS10,
    decode_body,
    encode_body,
)
from protocol.errors import ProtocolError
from protocol.loopback import is_loopback
from protocol.pki import CertificateRequest, encode_pkcs7, parse_request

PROGRAMS = (f"{EST_PATH}/", NONCE_PATH.rpartition("/")[0] + "/")
"""Below these addresses programs ask: whatever is wrong there is told in words and not as a page."""
CHALLENGE = 'Basic realm="backrow"'
_PROXIED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Via")
P = ParamSpec("P")
log = logging.getLogger(__name__)


def answering(view: Callable[P, Response]) -> Callable[P, Response]:
    """Let a view be asked over TLS or on one machine alone, and turn what it raises into words."""

    @wraps(view)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Response:
        try:
            require_private()
            return view(*args, **kwargs)
        except Refusal as refusal:
            return _answer_refusal(refusal)
        except ProtocolError as error:
            return answer_words(HTTPStatus.BAD_REQUEST, str(error))
        except OperatorError:
            log.exception("enrollment cannot go on")
            return answer_words(HTTPStatus.SERVICE_UNAVAILABLE, "the controller cannot sign now; its log says why")

    return wrapper


def require_private() -> None:
    """Raise `EnrollmentRefusal` unless the request came over TLS, or from a program on this very machine."""
    passed_on = any(name in request.headers for name in _PROXIED)
    if not request.is_secure and (passed_on or not is_loopback(request.remote_addr or "")):
        raise forbid("not_private", "enrollment is answered over TLS only: use https")


def read_body(content_type: str) -> bytes:
    """Read a request's body; raise `EnrollmentRefusal` when its length or type is wrong."""
    length = request.content_length
    if length is None:
        raise EnrollmentRefusal(HTTPStatus.LENGTH_REQUIRED, "length", "send a Content-Length; chunks are not taken")
    if length > LONGEST_BODY_BYTES:
        detail = f"expected at most {LONGEST_BODY_BYTES} bytes, got {length}"
        raise EnrollmentRefusal(HTTPStatus.BAD_REQUEST, "too_long", detail)
    if request.mimetype != content_type:
        detail = f"expected Content-Type {content_type}, got {request.mimetype[:80] or 'none'}"
        raise EnrollmentRefusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content_type", detail)
    return request.get_data(cache=False)


def read_request() -> CertificateRequest:
    """Read the PKCS#10 request of a body; raise `EnrollmentRefusal` or `ProtocolError`."""
    return parse_request(decode_body(read_body(PKCS10), "certificate request"))


def address_of() -> str:
    """Give the address that asks."""
    return (request.remote_addr or "")[:64]


def answer_certificates(*certificates: x509.Certificate) -> Response:
    """Answer with certificates, as EST does."""
    return answer_der(encode_pkcs7(certificates), PKCS7)


def answer_der(der: bytes, content_type: str) -> Response:
    """Answer with DER in base64 that nobody keeps."""
    response = Response(encode_body(der), content_type=content_type)
    response.headers["Cache-Control"] = "no-store"
    return response


def answer_waiting(words: str, wait_s: int) -> Response:
    """Answer that a person must decide first (RFC 7030 section 4.2.3)."""
    response = answer_words(HTTPStatus.ACCEPTED, words)
    response.headers["Retry-After"] = str(wait_s)
    return response


def _answer_refusal(refusal: Refusal) -> Response:
    response = answer_words(refusal.status, refusal.detail)
    if isinstance(refusal, EnrollmentRefusal) and refusal.wait:
        response.headers["Retry-After"] = str(math.ceil(refusal.wait.total_seconds()))
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = CHALLENGE
    return response


def answer_words(status: int, words: str) -> Response:
    """Answer with words for people, which nobody keeps."""
    drain_body()
    response = Response(f"{words}\n", status, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response
