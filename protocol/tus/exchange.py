"""What the server's decisions are made of: requests, the state of an upload, responses, and instructions.

An instruction (`Create`, `Accept`, `Terminate`) says what the I/O side must do before it can answer; everything else
is a `Response` that can be sent as it stands. Plain values: nothing here reads, writes or knows the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from protocol.tus.headers import CONTENT_TYPE, Checksum, Headers, parse_optional_count

CHECKSUM_MISMATCH = 460
EXTENSIONS = ("creation", "creation-with-upload", "checksum", "expiration", "termination")


@dataclass(frozen=True)
class Rules:
    """What this server takes: the largest upload, in bytes."""

    largest_upload_bytes: int


@dataclass(frozen=True)
class Request:
    """One HTTP request without its body; `method` is the one on the request line."""

    method: str
    headers: Headers

    @property
    def effective_method(self) -> str:
        """The method that counts: `X-HTTP-Method-Override` where it was sent (specification, *Headers*)."""
        return self.headers.get("X-HTTP-Method-Override", self.method).strip().upper()

    @property
    def body_bytes(self) -> int | None:
        """The announced length of the body, or None when it comes in chunks; raises `HeaderError` when malformed."""
        if "Transfer-Encoding" in self.headers:
            return None
        return parse_optional_count(self.headers, "Content-Length") or 0

    @property
    def is_tus_body(self) -> bool:
        """Whether the body says that it is bytes of an upload."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower() == CONTENT_TYPE


@dataclass(frozen=True)
class UploadState:
    """What the server knows about one upload: `offset` is what is durable, both in bytes."""

    id: str
    length: int
    offset: int
    expires_at: datetime | None = None
    metadata: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every byte of the upload is durable."""
        return self.offset == self.length

    def is_expired(self, now: datetime) -> bool:
        """Whether the upload was left unfinished for too long."""
        return not self.is_complete and self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True)
class Gone:
    """An upload that once was: terminated, expired, or delivered and put away; `reason` is shown to the client."""

    reason: str


@dataclass(frozen=True)
class Accept:
    """Write this request's body at `offset`, make it durable, then answer.

    Not one byte past `offset + limit_bytes` may be kept: a longer body is discarded whole and answered by
    `respond_too_long`. With a `checksum`, a body that does not match is discarded whole (`respond_mismatch`). A body
    that breaks off is kept as far as it came, unless a checksum was announced.
    """

    offset: int
    limit_bytes: int
    checksum: Checksum | None = None


@dataclass(frozen=True)
class Create:
    """Make an upload of `length` bytes; then write `body`, if there is one; then answer by `respond_created`.

    An upload of length 0 is complete as soon as it is made.
    """

    length: int
    metadata: Mapping[str, bytes]
    body: Accept | None = None


@dataclass(frozen=True)
class Terminate:
    """Remove the upload and its bytes; then answer by `respond_terminated`."""


@dataclass(frozen=True)
class Response:
    """A whole HTTP response, to be sent as it stands."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
