"""The headers of tus 1.0: parsing and encoding of each, and nothing else.

Names are compared without regard to case; a header that was sent twice is joined with a comma, as HTTP says, and then
refused wherever tus wants one value. Sources: the tus 1.0 specification (https://tus.io/protocols/resumable-upload)
and RFC 9110. No I/O, no clock.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from protocol.tus.errors import HeaderError

VERSION = "1.0.0"
CONTENT_TYPE = "application/offset+octet-stream"
CHECKSUM_ALGORITHMS: Mapping[str, int] = {"sha1": 20, "sha256": 32}  # name -> digest length in bytes
LARGEST_COUNT = 2**63 - 1
METADATA_LIMIT_CHARACTERS = 8192

_COUNT = re.compile(r"[0-9]{1,19}", re.ASCII)
_METADATA_KEY = re.compile(r"[!-+\--~]+", re.ASCII)  # visible ASCII but the comma


class Headers(Mapping[str, str]):
    """An unchangeable mapping of header names, compared without regard to case, to their values."""

    def __init__(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        values: dict[str, tuple[str, str]] = {}
        for name, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
            earlier = values.get(name.lower())
            values[name.lower()] = (name, f"{earlier[1]}, {value}" if earlier else value)
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._values.values())

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({dict(self)!r})"


@dataclass(frozen=True)
class Checksum:
    """What one request's body must hash to (extension *checksum*)."""

    algorithm: str
    digest: bytes

    def encode(self) -> str:
        """Encode as the value of `Upload-Checksum`."""
        return f"{self.algorithm} {b64encode(self.digest).decode('ascii')}"


def checksum_of(body: bytes | memoryview, algorithm: str = "sha256") -> Checksum:
    """Hash one request's body with `sha1` or `sha256`."""
    return Checksum(algorithm, hashlib.new(algorithm, body).digest())


def parse_count(headers: Headers, name: str) -> int:
    """Read a header that holds a number of bytes, 0 to 2**63-1; raise `HeaderError` when it is missing or malformed."""
    value = headers.get(name)
    if value is None or not _COUNT.fullmatch(value) or int(value) > LARGEST_COUNT:
        raise HeaderError(name, expected="a whole number of bytes, not negative", got=value)
    return int(value)


def parse_optional_count(headers: Headers, name: str) -> int | None:
    """Read a header that holds a number of bytes, or None when it is absent; raise `HeaderError` when malformed."""
    return parse_count(headers, name) if name in headers else None


def parse_checksum(value: str) -> Checksum:
    """Parse `Upload-Checksum` (algorithm, space, base64); raise `HeaderError` for one that we do not know."""
    algorithm, _, encoded = value.partition(" ")
    length = CHECKSUM_ALGORITHMS.get(algorithm)
    if length is None:
        raise HeaderError("Upload-Checksum", expected=f"one of {', '.join(CHECKSUM_ALGORITHMS)} first", got=value)
    digest = _parse_base64(encoded)
    if digest is None or len(digest) != length:
        raise HeaderError("Upload-Checksum", expected=f"the base64 of a {algorithm} of {length} bytes", got=value)
    return Checksum(algorithm, digest)


def parse_metadata(value: str) -> dict[str, bytes]:
    """Parse `Upload-Metadata` into its pairs, in order; an empty value, which some clients send, holds none.

    Raises `HeaderError` for an empty, doubled or unprintable key, a value that is not base64, and a header that is
    longer than `METADATA_LIMIT_CHARACTERS`.
    """
    if len(value) > METADATA_LIMIT_CHARACTERS:
        limit = f"at most {METADATA_LIMIT_CHARACTERS} characters"
        raise HeaderError("Upload-Metadata", expected=limit, got=f"{len(value)} characters")
    metadata: dict[str, bytes] = {}
    for pair in value.split(",") if value.strip() else []:
        key, content = _parse_pair(pair.strip(" \t"))
        if key in metadata:
            raise HeaderError("Upload-Metadata", expected="each key once", got=key)
        metadata[key] = content
    return metadata


def _parse_pair(pair: str) -> tuple[str, bytes]:
    key, _, encoded = pair.partition(" ")
    if not _METADATA_KEY.fullmatch(key):
        raise HeaderError("Upload-Metadata", expected="keys of visible ASCII characters", got=pair)
    content = _parse_base64(encoded)
    if content is None:
        raise HeaderError("Upload-Metadata", expected=f"the value of {key} in base64", got=encoded)
    return key, content


def encode_metadata(metadata: Mapping[str, bytes]) -> str:
    """Encode pairs as the value of `Upload-Metadata`; raise `ValueError` for a key that tus does not allow."""
    for key in metadata:
        if not _METADATA_KEY.fullmatch(key):
            raise ValueError(f"Upload-Metadata: expected keys of visible ASCII characters without commas, got {key!r}")
    return ",".join(f"{key} {b64encode(content).decode('ascii')}".rstrip(" ") for key, content in metadata.items())


def encode_http_date(moment_at: datetime) -> str:
    """Encode an aware time as an HTTP date (RFC 9110, section 5.6.7)."""
    return format_datetime(moment_at.astimezone(UTC), usegmt=True)


def parse_http_date(name: str, value: str) -> datetime:
    """Parse an HTTP date into aware UTC; raise `HeaderError` when it is none."""
    try:
        return parsedate_to_datetime(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise HeaderError(name, expected="an HTTP date", got=value) from None


def _parse_base64(text: str) -> bytes | None:
    try:
        return b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
