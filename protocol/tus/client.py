"""The client's half of tus 1.0: which request comes next, and what each response means for the upload.

`ClientUpload` is a value: `next_request` says what to send, `receive` and `broken` give the upload as it stands
afterwards and what happened. It never counts a byte that the server did not acknowledge. A response that tus does not
allow raises `TusRemoteError`, a move out of turn `TusLocalError`; neither changes anything, and after the first the
caller goes on with `broken`. Source: the tus 1.0 specification. No I/O, no clock.

    upload = tus.ClientUpload(creation_url, length=size, chunk_bytes=8 * 2**20)
    while upload.is_open:
        request = upload.next_request()
        try:
            upload, outcome = upload.receive(request, send(request))  # send: HTTP; gives a tus.Reply
        except (ConnectionError, tus.TusRemoteError):
            upload, outcome = upload.broken()
        ...  # log the outcome; wait after a RetryLater; keep upload.url and upload.acknowledged
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from urllib.parse import urljoin, urlsplit

from protocol.tus.errors import HeaderError, TusLocalError, TusRemoteError
from protocol.tus.exchange import CHECKSUM_MISMATCH
from protocol.tus.headers import (
    CONTENT_TYPE,
    VERSION,
    Headers,
    encode_metadata,
    parse_count,
    parse_http_date,
    parse_optional_count,
)

RETRIED_STATUSES = frozenset({408, 423, 425, 429})
GONE_STATUSES = frozenset({404, 410})
RETRY_AFTER_LIMIT_S = 86_400


class Phase(StrEnum):
    """What comes next in an upload."""

    CREATE = "create"
    ASK = "ask"
    SEND = "send"
    DONE = "done"
    GIVEN_UP = "given up"


@dataclass(frozen=True)
class Part:
    """The bytes of the file that a request carries."""

    offset: int
    length: int


@dataclass(frozen=True)
class ClientRequest:
    """One request to send; with a `part`, those bytes of the file are its body."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    part: Part | None = None


@dataclass(frozen=True)
class Reply:
    """What the server answered; `body` is used for the reason of a refusal only."""

    status: int
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True)
class Advanced:
    """The server acknowledged more: bytes up to `offset` are durable there."""

    offset: int


@dataclass(frozen=True)
class Created:
    """The server made the upload."""

    url: str


@dataclass(frozen=True)
class AskAgain:
    """Where the upload stands is not known any more (a conflict, a broken connection); HEAD comes next."""

    reason: str


@dataclass(frozen=True)
class StartOver:
    """The upload is gone on the server: it is created again and sent from its first byte."""

    reason: str


@dataclass(frozen=True)
class LostBytes:
    """The server lost bytes that it had acknowledged: a fault to report. Sending goes on from what it has now."""

    acknowledged: int
    offset: int


@dataclass(frozen=True)
class RetryLater:
    """The server cannot now; wait for at least `after_s` seconds where it said how long, else as the caller likes."""

    reason: str
    after_s: int | None = None


@dataclass(frozen=True)
class GaveUp:
    """The server refuses for good, and sending the same again would not help."""

    status: int
    reason: str


Outcome = Advanced | Created | AskAgain | StartOver | LostBytes | RetryLater | GaveUp
Step = tuple["ClientUpload", Outcome]


@dataclass(frozen=True)
class ClientUpload:
    """One file on its way: `length` bytes to an upload made at `creation_url`, at most `chunk_bytes` a request.

    A fresh one begins with POST. To go on with an upload that was begun before, give its `url` and the number of bytes
    that were `acknowledged`; it begins with HEAD.
    """

    creation_url: str
    length: int
    chunk_bytes: int
    metadata: Mapping[str, bytes] = field(default_factory=dict)
    url: str | None = None
    acknowledged: int = 0
    expires_at: datetime | None = None
    phase: Phase = Phase.CREATE

    def __post_init__(self) -> None:
        if not 0 <= self.acknowledged <= self.length:
            raise ValueError(f"acknowledged: expected 0 to {self.length}, got {self.acknowledged}")
        if self.chunk_bytes < 1:
            raise ValueError(f"chunk_bytes: expected at least 1, got {self.chunk_bytes}")
        if self.url is None and self.acknowledged:
            raise ValueError("acknowledged: an upload without a URL has no acknowledged bytes")
        if self.url is not None and self.phase is Phase.CREATE:
            object.__setattr__(self, "phase", Phase.ASK)

    @property
    def is_open(self) -> bool:
        """Whether there is still something to send or ask."""
        return self.phase not in (Phase.DONE, Phase.GIVEN_UP)

    def next_request(self) -> ClientRequest:
        """Give the request that comes next; raise `TusLocalError` when the upload is done or given up."""
        if self.phase is Phase.CREATE:
            return self._creation()
        if self.phase is Phase.ASK and self.url:
            return ClientRequest("HEAD", self.url, (("Tus-Resumable", VERSION),))
        if self.phase is Phase.SEND and self.url:
            return self._patch(self.url)
        raise TusLocalError(f"the upload is {self.phase}: there is nothing to send")

    def receive(self, request: ClientRequest, reply: Reply) -> Step:
        """Take the server's answer to `request`, which must be the one that came next; give what follows from it."""
        if request.method != self._method() or (request.part and request.part.offset != self.acknowledged):
            raise TusLocalError(f"the upload is to {self.phase}: it has no {request.method} that could be answered")
        if reply.status in RETRIED_STATUSES or reply.status >= 500:
            return self._unsure(), RetryLater(_reason(reply), _retry_after_s(reply.headers))
        match self.phase:
            case Phase.CREATE:
                return self._after_creation(reply)
            case Phase.ASK:
                return self._after_asking(reply)
            case _:
                return self._after_sending(request, reply)

    def broken(self, reason: str = "the connection broke") -> Step:
        """No usable answer came: what the server has is not known, so ask, or create again where nothing is there."""
        if not self.is_open:
            raise TusLocalError(f"the upload is {self.phase}: no connection of it can break")
        if self.phase is Phase.CREATE:
            return self, RetryLater(reason)
        return self._unsure(), AskAgain(reason)

    def _method(self) -> str | None:
        return {Phase.CREATE: "POST", Phase.ASK: "HEAD", Phase.SEND: "PATCH"}.get(self.phase)

    def _creation(self) -> ClientRequest:
        headers = [("Tus-Resumable", VERSION), ("Content-Length", "0"), ("Upload-Length", str(self.length))]
        if self.metadata:
            headers.append(("Upload-Metadata", encode_metadata(self.metadata)))
        return ClientRequest("POST", self.creation_url, tuple(headers))

    def _patch(self, url: str) -> ClientRequest:
        part = Part(self.acknowledged, min(self.chunk_bytes, self.length - self.acknowledged))
        headers = (
            ("Tus-Resumable", VERSION),
            ("Content-Type", CONTENT_TYPE),
            ("Content-Length", str(part.length)),
            ("Upload-Offset", str(part.offset)),
        )
        return ClientRequest("PATCH", url, headers, part)

    def _after_creation(self, reply: Reply) -> Step:
        if reply.status != 201:
            return self._give_up(reply)
        location = reply.headers.get("Location")
        if not location:
            raise HeaderError("Location", expected="the address of the upload", got=location)
        url = urljoin(self.creation_url, location)
        if _origin(url) != _origin(self.creation_url):
            raise HeaderError("Location", expected="an address on the same server", got=location)
        phase = Phase.SEND if self.length else Phase.DONE
        return replace(self, url=url, phase=phase, expires_at=_expires_at(reply)), Created(url)

    def _after_asking(self, reply: Reply) -> Step:
        if reply.status in GONE_STATUSES:
            return self._start_over(reply)
        if reply.status not in (200, 204):
            return self._give_up(reply)
        length = parse_optional_count(reply.headers, "Upload-Length")
        if length not in (None, self.length):
            reason = f"Upload-Length: expected {self.length}, got {length}: the address holds another upload"
            return replace(self, phase=Phase.GIVEN_UP), GaveUp(reply.status, reason)
        offset = self._offset(reply, least=0, most=self.length)
        return self._at(offset, reply)

    def _after_sending(self, request: ClientRequest, reply: Reply) -> Step:
        if reply.status in GONE_STATUSES:
            return self._start_over(reply)
        if reply.status == 409:
            return self._unsure(), AskAgain(_reason(reply))
        if reply.status == CHECKSUM_MISMATCH:
            return self, RetryLater(_reason(reply))
        if reply.status not in (200, 204):
            return self._give_up(reply)
        sent = request.part.length if request.part else 0
        offset = self._offset(reply, least=self.acknowledged, most=self.acknowledged + sent)
        if offset == self.acknowledged:
            return self._unsure(), RetryLater("the server took nothing of what was sent")
        return self._at(offset, reply)

    def _offset(self, reply: Reply, *, least: int, most: int) -> int:
        offset = parse_count(reply.headers, "Upload-Offset")
        if not least <= offset <= most:
            raise HeaderError("Upload-Offset", expected=f"{least} to {most}", got=str(offset))
        return offset

    def _at(self, offset: int, reply: Reply) -> Step:
        phase = Phase.DONE if offset == self.length else Phase.SEND
        upload = replace(self, acknowledged=offset, phase=phase, expires_at=_expires_at(reply))
        return upload, Advanced(offset) if offset >= self.acknowledged else LostBytes(self.acknowledged, offset)

    def _unsure(self) -> ClientUpload:
        return self if self.phase is Phase.CREATE else replace(self, phase=Phase.ASK)

    def _start_over(self, reply: Reply) -> Step:
        upload = replace(self, url=None, acknowledged=0, expires_at=None, phase=Phase.CREATE)
        return upload, StartOver(_reason(reply))

    def _give_up(self, reply: Reply) -> Step:
        if not 300 <= reply.status < 500:
            raise TusRemoteError(f"{self._method()}: {reply.status} is no answer that tus has")
        return replace(self, phase=Phase.GIVEN_UP), GaveUp(reply.status, _reason(reply))


def _reason(reply: Reply) -> str:
    """Say in one printable line what the server answered."""
    words = reply.body[:300].decode("utf-8", "replace").split("\n")[0].strip()
    return f"{reply.status}: {words}" if words.isprintable() and words else str(reply.status)


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    """Scheme, host and port of an address (RFC 6454, section 4); None for one that has none."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None


def _retry_after_s(headers: Headers) -> int | None:
    """Read Retry-After in seconds (RFC 9110, section 10.2.3); a date or nonsense is as good as none, but no error."""
    value = headers.get("Retry-After", "")
    is_number = value.isascii() and value.isdigit() and len(value) < 10
    return min(int(value), RETRY_AFTER_LIMIT_S) if is_number else None


def _expires_at(reply: Reply) -> datetime | None:
    """Read Upload-Expires; it only informs, so that one which is no date must not keep the bytes from moving."""
    with suppress(HeaderError):
        return parse_http_date("Upload-Expires", reply.headers.get("Upload-Expires", ""))
    return None
