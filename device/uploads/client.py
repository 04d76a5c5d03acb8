"""The unit's door to the controller over HTTPS: the only module of the uploader that knows requests.

It sends one request and gives the answer, whatever its status; it follows no redirect, believes no proxy of the
environment, and waits for nothing without a time-out. Plain HTTP goes to loopback alone (tests, and a demo on one
machine). What to ask and what an answer means is decided in its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from protocol.loopback import is_loopback

ANSWER_LIMIT_BYTES = 2 * 1024 * 1024
BLOCK_BYTES = 64 * 1024


class LinkError(Exception):
    """The controller gave no usable answer: who was asked, and what went wrong on the way."""


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


class Door(Protocol):
    """Whoever sends requests to the controller."""

    def address_of(self, path: str) -> str:
        """Give the whole address of a path; raise `LinkError` when it leads away from the controller."""

    def ask(self, request: Request) -> Answer:
        """Send one request and give the answer; raise `LinkError` when there is none."""


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """The controller's address and how patient the unit is.

    `identity` holds ca.pem and tls.pem, and tls.key too unless `keys` says where that one lies.
    """

    url: str
    identity: Path
    connect_timeout_s: float
    read_timeout_s: float
    keys: Path | None = None


class Client:
    """A `Door` with one connection that is kept open between requests."""

    def __init__(self, settings: ClientSettings) -> None:
        """Prepare the connection; raise `AddressError` for plain HTTP to anywhere but loopback."""
        _require_safe(settings.url)
        self._base = settings.url.rstrip("/") + "/"
        self._timeout = (settings.connect_timeout_s, settings.read_timeout_s)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("https://", _Adapter())
        self._session.mount("http://", _Adapter())
        if self._base.startswith("https://"):
            self._session.verify = str(settings.identity / "ca.pem")
            keys = settings.keys or settings.identity
            self._session.cert = (str(settings.identity / "tls.pem"), str(keys / "tls.key"))

    def ask(self, request: Request) -> Answer:
        """Send one request and give the answer; raise `LinkError` when there is none.

        What the body's `read` raises, other than `OSError`, comes through as it is.
        """
        url = self.address_of(request.path)
        try:
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
            raise LinkError(f"{request.method} {url}: {_describe(error)}") from error

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def address_of(self, path: str) -> str:
        """Give the whole address of a path; raise `LinkError` when it leads away from the controller."""
        url = urljoin(self._base, path)
        if not url.startswith(self._base):
            raise LinkError(f"{path[:200]!r} leads away from the controller at {self._base}; it was not followed")
        return url


class _Adapter(HTTPAdapter):
    """Reads bodies in blocks of 64 KiB: http.client's own 8 KiB cost a fast link half its rate."""

    def init_poolmanager(self, *args: Any, **options: Any) -> Any:
        return super().init_poolmanager(*args, **options, blocksize=BLOCK_BYTES)


def _describe(error: BaseException) -> str:
    """Give the innermost words: requests wraps urllib3, which wraps what the system said."""
    while error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    reason = getattr(error, "reason", None)
    return str(reason if isinstance(reason, BaseException) else error)


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
