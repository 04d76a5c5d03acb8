"""What a unit asks the controller when it joins and renews: EST (RFC 7030, 8951) and three requests of our own.

One method a request of docs/protocol/enrollment.md. Nothing that comes back is believed here: what a certificate is
worth, device/enrollment/checking.py says. A one-time secret leaves only over a connection whose server was verified.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from device.uploads.client import Answer, Door, LinkError, Request, UntrustedError
from protocol.enrollment import (
    EST_PATH,
    NONCE_PATH,
    PKCS10,
    RECORDER_KEY_PATH,
    RENEWAL_PATH,
    decode_body,
    encode_body,
    renewal_bytes,
)
from protocol.errors import ProtocolError
from protocol.pki import parse_pkcs7

_WORDS_CHARS = 400


class Refused(Exception):
    """The controller answered and said no: the status, its words, and after how many seconds it wants to be asked."""

    def __init__(self, asked: str, answer: Answer) -> None:
        self.words = _words(answer)
        super().__init__(f"{asked}: the controller refused with {answer.status}: {self.words}")
        self.status = answer.status
        self.wait_s = _wait_s(answer)

    @property
    def is_passing(self) -> bool:
        """Tell whether the same may be granted later, without anybody's doing."""
        return self.status >= 500 or self.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class Waiting(Exception):
    """A person must adopt the key first; ask again after `wait_s`."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(_words(answer))
        self.wait_s = _wait_s(answer)


@dataclass(frozen=True, kw_only=True)
class Authorities:
    """The school's authorities, and the controller's time when it gave them; None when it did not say."""

    certificates: tuple[x509.Certificate, ...]
    at: datetime | None


class EitherDoor:
    """The people's listener: its certificate is the school's own, or else one that the system's authorities vouch for.

    Whoever cannot prove the one is asked for the other, before a byte of the request has left.
    """

    def __init__(self, pinned: Door, system: Door) -> None:
        """Take a door that believes the pinned root, and one that believes the system's authorities."""
        self._doors = (pinned, system)

    def address_of(self, path: str) -> str:
        """See `Door.address_of`."""
        return self._doors[0].address_of(path)

    def ask(self, request: Request) -> Answer:
        """See `Door.ask`."""
        pinned, system = self._doors
        try:
            return pinned.ask(request)
        except UntrustedError as error:
            try:
                return system.ask(request)
            except UntrustedError as other:
                raise UntrustedError(
                    f"neither the school's pinned root nor the system's authorities vouch for the controller: {error}; "
                    f"{other}"
                ) from error


class EnrollmentClient:
    """The requests, through one door. Every method raises `LinkError`, `Refused` or `ProtocolError`."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def authorities(self) -> Authorities:
        """Fetch the root CA and the issuing CAs: RFC 7030 section 4.1."""
        answer = self._ask(Request("GET", _path(f"{EST_PATH}/cacerts")))
        return Authorities(certificates=_certificates(answer), at=answer.said_at)

    def join(self, request: bytes, *, device: str, secret: str) -> tuple[x509.Certificate, ...]:
        """Ask for a first certificate: section 4.2.1; without a secret a person decides, and `Waiting` is raised."""
        headers = {"Content-Type": PKCS10}
        if secret:
            credentials = base64.b64encode(f"{device}:{secret}".encode()).decode("ascii")
            headers["Authorization"] = f"Basic {credentials}"
        asked = Request("POST", _path(f"{EST_PATH}/simpleenroll"), headers, encode_body(request))
        return _certificates(self._ask(asked))

    def renew_shown(self, request: bytes) -> tuple[x509.Certificate, ...]:
        """Ask for another certificate over a connection that shows the present one: section 4.2.2."""
        headers = {"Content-Type": PKCS10}
        asked = Request("POST", _path(f"{EST_PATH}/simplereenroll"), headers, encode_body(request))
        return _certificates(self._ask(asked))

    def renew_signed(
        self, request: bytes, *, old: x509.Certificate, key: ec.EllipticCurvePrivateKey
    ) -> tuple[x509.Certificate, ...]:
        """Ask for another certificate by a signature with the old certificate's key, which may be over."""
        nonce = self._nonce()
        signature = key.sign(renewal_bytes(nonce, request), ec.ECDSA(hashes.SHA256()))
        fields = {"certificate": old.public_bytes(Encoding.DER), "request": request, "signature": signature}
        body = {"nonce": nonce, **{name: base64.b64encode(value).decode("ascii") for name, value in fields.items()}}
        headers = {"Content-Type": "application/json"}
        return _certificates(self._ask(Request("POST", _path(RENEWAL_PATH), headers, json.dumps(body).encode())))

    def register(self, statement: bytes) -> None:
        """Say which key signs the recordings of this unit."""
        headers = {"Content-Type": "application/octet-stream"}
        self._ask(Request("PUT", _path(RECORDER_KEY_PATH), headers, statement))

    def _nonce(self) -> str:
        answer = self._ask(Request("GET", _path(NONCE_PATH)))
        nonce = _fields(answer).get("nonce")
        if not isinstance(nonce, str):
            raise LinkError(f"GET {NONCE_PATH}: expected a nonce, got {answer.body[:80]!r}")
        return nonce

    def _ask(self, request: Request) -> Answer:
        answer = self._door.ask(request)
        if answer.status == HTTPStatus.ACCEPTED:
            raise Waiting(answer)
        if answer.status != HTTPStatus.OK:
            raise Refused(f"{request.method} {request.path}", answer)
        return answer


def _path(path: str) -> str:
    """Make a path relative, so that a controller below the path of a proxy is asked below it."""
    return path.removeprefix("/")


def _certificates(answer: Answer) -> tuple[x509.Certificate, ...]:
    return parse_pkcs7(decode_body(answer.body, "the controller's answer"), "the controller's answer")


def _fields(answer: Answer) -> dict[str, Any]:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _words(answer: Answer) -> str:
    """Give what a refusal says: JSON's `detail` at the units' listener, plain text elsewhere."""
    detail = _fields(answer).get("detail")
    text = detail if isinstance(detail, str) else answer.body.decode("utf-8", "replace")
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:_WORDS_CHARS] or "no reason was given"


def _wait_s(answer: Answer) -> float:
    """Read `Retry-After` (RFC 9110, 10.2.3) in seconds; a date would need the clock that may be wrong."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0.0


def try_each(clients: Sequence[EnrollmentClient]) -> Authorities:
    """Fetch the authorities from the first that answers; raise the last one's error when none does."""
    *others, last = clients
    for client in others:
        try:
            return client.authorities()
        except (LinkError, Refused, ProtocolError):
            continue
    return last.authorities()
