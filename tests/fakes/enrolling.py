"""A small controller that enrolls units: EST and our own three requests, with faults to order, over TLS on loopback.

It keeps the rules of docs/protocol/enrollment.md by which a unit could be locked out, and none of the others. The
certificates are made by `protocol.pki`; the real controller meets the real unit in tests/e2e.
"""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from device.identity.tls import NO_CHECK_TIME
from protocol.enrollment import (
    EST_PATH,
    NONCE_PATH,
    RECORDER_KEY_PATH,
    RENEWAL_PATH,
    decode_body,
    encode_body,
    renewal_bytes,
    verify_recorder_key,
)
from protocol.errors import ProtocolError
from protocol.pki import (
    CertificateRequest,
    Credential,
    encode_pkcs7,
    issue_device_for,
    issue_server,
    parse_request,
)
from tests.fakes.listener import LoopbackListener

Reply = tuple[int, bytes]


@dataclass
class Registry:
    """The school's authorities and what is known of one unit."""

    root: Credential
    issuing: Credential
    device: str
    now: Callable[[], datetime]
    documents: bytes = b""
    secret: str = ""
    bound: str = ""
    adopted: set[str] = field(default_factory=set)
    issued: list[x509.Certificate] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    recorder_key: str | None = None
    nonces: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    lose_replies: int = 0
    refuse: dict[str, Reply] = field(default_factory=dict)
    in_place_of: dict[str, bytes] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def handle(self, method: str, path: str, headers: Any, body: bytes, shown: bytes | None) -> Reply:
        """Answer one request; `shown` is the DER of the client's certificate at the units' listener."""
        with self.lock:
            self.asked.append(f"{method} {path}")
            if path in self.refuse:
                return self.refuse[path]
            try:
                return self._route(path, headers, body, shown)
            except ProtocolError as error:
                return 400, str(error).encode()

    def _route(self, path: str, headers: Any, body: bytes, shown: bytes | None) -> Reply:
        if path == f"{EST_PATH}/cacerts":
            return 200, encode_body(encode_pkcs7([self.root.certificate, self.issuing.certificate]))
        if path == f"{EST_PATH}/simpleenroll":
            return self._enroll(parse_request(decode_body(body, "request")), headers.get("Authorization"))
        if path == NONCE_PATH:
            self.nonces.add(nonce := secrets.token_hex(8))
            return 200, json.dumps({"nonce": nonce}).encode()
        if path == RENEWAL_PATH:
            return self._renew_signed(json.loads(body))
        return (403, b"no certificate") if shown is None else self._route_shown(path, body, shown)

    def _route_shown(self, path: str, body: bytes, shown: bytes) -> Reply:
        if not self._knows(shown):
            return 403, b"this certificate is not let in"
        if path == f"{EST_PATH}/simplereenroll":
            return self._give(parse_request(decode_body(body, "request")))
        if path == RECORDER_KEY_PATH:
            return self._register(body)
        return (200, self.documents) if path == "/units/v1/documents" else (404, b"")

    def _enroll(self, request: CertificateRequest, authorization: str | None) -> Reply:
        if authorization is None:
            return self._give(request) if request.spki in self.adopted else (202, b"a person must adopt this key")
        said = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        if said != f"{self.device}:{self.secret}":
            return 401, b"device id and one-time secret do not fit"
        if self.bound not in ("", request.spki):
            return 403, b"another key has used this one-time secret"
        self.bound = request.spki
        return self._give(request)

    def _renew_signed(self, said: dict[str, str]) -> Reply:
        if said["nonce"] not in self.nonces:
            return 400, b"this nonce was not made here, or used already"
        self.nonces.remove(said["nonce"])
        der, request = (base64.b64decode(said[name]) for name in ("certificate", "request"))
        key = x509.load_der_x509_certificate(der).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        try:
            signed = renewal_bytes(said["nonce"], request)
            key.verify(base64.b64decode(said["signature"]), signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return 403, b"the signature does not fit"
        return self._give(parse_request(request)) if self._knows(der) else (403, b"this certificate is not known")

    def _register(self, body: bytes) -> Reply:
        said = verify_recorder_key(body)
        if self.recorder_key not in (said.key, said.previous):
            return 409, json.dumps({"error": "key_held", "detail": "another key is in force"}).encode()
        self.recorder_key = said.key
        return 200, json.dumps({"key": said.key}).encode()

    def _knows(self, der: bytes) -> bool:
        digest = sha256(der).hexdigest()
        known = {one.fingerprint(hashes.SHA256()).hex() for one in self.issued}
        return digest in known - self.revoked

    def _give(self, request: CertificateRequest) -> Reply:
        certificate = issue_device_for(self.issuing, self.device, request.public_key, now=self.now())
        self.issued.append(certificate)
        return 200, encode_body(encode_pkcs7([certificate]))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    disable_nagle_algorithm = True  # heads and bodies are written apart: each answer would wait 40 ms for an ACK
    server: EnrollingServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent; the registry keeps what was asked."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(self.server.registry.now(), usegmt=True)

    def _answer(self) -> None:
        school = self.server.registry
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        shown = self.connection.getpeercert(binary_form=True) if isinstance(self.connection, ssl.SSLSocket) else None
        if shown and x509.load_der_x509_certificate(shown).not_valid_after_utc <= school.now():
            self.close_connection = True  # a real listener refuses the handshake
            return
        status, answer = school.handle(self.command, self.path, self.headers, body, shown)
        if self.path in school.in_place_of:
            status, answer = 200, school.in_place_of[self.path]
        with school.lock:
            if school.lose_replies and self.command != "GET":
                school.lose_replies -= 1
                self.close_connection = True
                return
        self.send_response(status)
        if status == 202:
            self.send_header("Retry-After", "30")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


class EnrollingServer(LoopbackListener):
    """One listener; `wants_certificate` makes it the units'. It checks no dates by the machine: tests move time."""

    def __init__(self, registry: Registry, folder: Path, *, server: Credential, wants_certificate: bool) -> None:
        super().__init__(_Handler, tls=_context(registry, folder, server, wants_certificate))
        self.registry = registry


def _context(registry: Registry, folder: Path, server: Credential, wants_certificate: bool) -> ssl.SSLContext:  # noqa: FBT001
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / ("units" if wants_certificate else "people")
    stem.with_suffix(".pem").write_bytes(server.certificate_pem())
    stem.with_suffix(".key").write_bytes(server.key_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(stem.with_suffix(".pem"), stem.with_suffix(".key"))
    if wants_certificate:
        (folder / "root-ca.pem").write_bytes(registry.root.certificate_pem())
        context.load_verify_locations(folder / "root-ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= NO_CHECK_TIME
    return context


def server_credential(registry: Registry, *hosts: str) -> Credential:
    """Make the certificate of a listener, for this machine unless it is for others."""
    return issue_server(registry.issuing, hosts or ("127.0.0.1",), now=registry.now())
