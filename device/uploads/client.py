"""The unit's door to the controller over HTTPS: the only module of the uploader that knows requests.

It sends one request and gives the answer, whatever its status; it follows no redirect, believes no proxy of the
environment, and waits for nothing without a time-out. Plain HTTP goes to loopback alone (tests, and a demo on one
machine). What to ask and what an answer means is decided in its neighbours.
"""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, SystemTimeWarning

from device.identity.tls import Credentials, Stamp
from device.uploads.courtesy import RoundTrip
from device.uploads.roundtrip import ask_round_trip
from protocol.loopback import is_loopback

ANSWER_LIMIT_BYTES = 2 * 1024 * 1024
BLOCK_BYTES = 64 * 1024
# A unit knows that its clock may be wrong; urllib3 would say so in the log at every start.
warnings.filterwarnings("ignore", category=SystemTimeWarning)


class LinkError(Exception):
    """The controller gave no usable answer: who was asked, and what went wrong on the way."""


class UntrustedError(LinkError):
    """Whoever answered could not prove to be the controller: authority, name or dates of its certificate are wrong."""


class ShutOutError(LinkError):
    """The listener broke off the handshake over the unit's own certificate."""


class AddressError(ValueError):
    """The controller's address must not be used."""


class Body(Protocol):
    """A request's body that is read while it is sent; its length is announced."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]: ...

    def read(self, size: int = -1) -> bytes: ...


@dataclass(frozen=True)
class Request:
    """One request to the controller; `path` is relative to its address, or an address below it."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Body | None = None


@dataclass(frozen=True)
class Answer:
    """What came back; header names compare without regard to case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def said_at(self) -> datetime | None:
        """Give the time that the answer's `Date` tells, in UTC; None when it tells none."""
        try:
            found = parsedate_to_datetime(self.headers.get("Date", ""))
        except (ValueError, TypeError):
            return None
        return found.astimezone(UTC) if found.tzinfo else None


class Door(Protocol):
    """Whoever sends requests to the controller."""

    def address_of(self, path: str) -> str:
        """Give the whole address of a path; raise `LinkError` when it leads away from the controller."""

    def ask(self, request: Request) -> Answer:
        """Send one request and give the answer; raise `LinkError` when there is none."""


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """The controller's address and how patient the unit is; `tls` is not looked at for plain HTTP."""

    url: str
    tls: Credentials
    connect_timeout_s: float
    read_timeout_s: float


class Client:
    """A `Door` with one connection that is kept open between requests, until the unit has another certificate."""

    def __init__(self, settings: ClientSettings) -> None:
        """Prepare the connection; raise `AddressError` for plain HTTP to anywhere but loopback."""
        _require_safe(settings.url)
        self._base = settings.url.rstrip("/") + "/"
        self._timeout = (settings.connect_timeout_s, settings.read_timeout_s)
        self._tls = settings.tls
        self._stamp: Stamp | None = None
        self._session = requests.Session()
        self._session.trust_env = False
        self._socket: socket.socket | None = None
        self._session.mount("http://", Adapter(None, self._note_socket))

    def ask(self, request: Request) -> Answer:
        """Send one request and give the answer; raise `LinkError` when there is none.

        What the body's `read` raises, other than `OSError`, comes through as it is.
        """
        url = self.address_of(request.path)
        try:
            self._take_up_certificate()
            with self._session.request(
                request.method,
                url,
                headers=dict(request.headers),
                data=request.body,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                return Answer(response.status_code, response.headers, _read_body(response))
        except (requests.RequestException, HTTPError, OSError) as error:
            cause = _innermost(error)
            raise _kind_of(cause)(f"{request.method} {url}: {cause}") from error

    def round_trip(self) -> RoundTrip | None:
        """Give the round trip of the connection, also while a body is being sent; None where it is not known."""
        return ask_round_trip(self._socket) if self._socket else None

    def _note_socket(self, sock: socket.socket) -> None:
        self._socket = sock

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def address_of(self, path: str) -> str:
        """Give the whole address of a path; raise `LinkError` when it leads away from the controller."""
        url = urljoin(self._base, path)
        if not url.startswith(self._base):
            raise LinkError(f"{path[:200]!r} leads away from the controller at {self._base}; it was not followed")
        return url

    def _take_up_certificate(self) -> None:
        """Begin new connections when the certificate was renewed, or dates have begun to count; raise `OSError`."""
        stamp = self._tls.stamp()
        if self._base.startswith("https://") and (self._stamp is None or self._stamp.is_older_than(stamp)):
            adapter = Adapter(self._tls.context(), self._note_socket)
            if self._stamp is not None:
                self._session.get_adapter(self._base).close()
            self._session.mount("https://", adapter)
            self._stamp = stamp


class Adapter(HTTPAdapter):
    """Believes the context that it was given and nobody else: requests would add the authorities that it brings.

    Reads bodies in blocks of 64 KiB: http.client's own 8 KiB cost a fast link half its rate.
    """

    def __init__(self, context: ssl.SSLContext | None, note: Callable[[socket.socket], None]) -> None:
        """Take the context of all connections to https:// (None for plain HTTP), and who is told of each connection."""
        self._context = context
        self._note = note
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> Any:
        """See `HTTPAdapter.init_poolmanager`."""
        super().init_poolmanager(*args, **options, blocksize=BLOCK_BYTES, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = _pools_that_tell(self._note)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """Name host and port alone: the pool has its context already."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave checking and showing of certificates to the context."""


def _pools_that_tell(note: Callable[[socket.socket], None]) -> dict[str, type[HTTPConnectionPool]]:
    """Give urllib3's pools with connections that tell of their socket; it shows no connection that is in use."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            note(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            note(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _innermost(error: BaseException) -> BaseException:
    """Give what the system said: requests wraps urllib3, which wraps that, as an argument or a reason."""
    for _ in range(10):
        wrapped = error.args[0] if error.args else None
        inner = wrapped if isinstance(wrapped, BaseException) else getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            break
        error = inner
    return error


def _kind_of(cause: BaseException) -> type[LinkError]:
    """Tell who did not believe whom; alerts are named as OpenSSL names them (RFC 8446, 6.2)."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return UntrustedError
    alert = str(getattr(cause, "reason", None) or "").partition("_ALERT_")[2]
    return ShutOutError if "CERTIFICATE" in alert or alert in ("UNKNOWN_CA", "ACCESS_DENIED") else LinkError


def _read_body(response: requests.Response) -> bytes:
    body: bytes = response.raw.read(ANSWER_LIMIT_BYTES + 1, decode_content=True)
    if len(body) > ANSWER_LIMIT_BYTES:
        raise LinkError(f"{response.url}: expected an answer of at most {ANSWER_LIMIT_BYTES} bytes")
    return body


def _require_safe(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https":
        return
    if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
        raise AddressError(f"[controller] url: expected https://… (plain http only to this machine), got {url!r}")
