"""The school's signed word on what time it is, for one unit that asked with a nonce of its own.

One signed line, signed with a policy key under a domain of its own. It is no document: it has no version and is worth
something to nobody but the recorder that made the nonce, once, while that recorder waits for it.
Defined in docs/protocol/consent.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from protocol.codec import CodecError, encode_canonical, encode_record, parse_canonical, parse_record
from protocol.documents import Purpose, Trust, require_current
from protocol.ids import parse_id
from protocol.signing import SigningKey, sign_line, verify_line

KIND = "signed_time"
LIMIT_BYTES = 1024


@dataclass(frozen=True, kw_only=True)
class SignedTime:
    """It was `at`, by the school's clock, when `device` was answered on `nonce`."""

    device: str
    nonce: str
    at: datetime

    def __post_init__(self) -> None:
        """Refuse what is no identifier: a nonce has the form of one, 128 random bits."""
        parse_id(self.device, "device")
        parse_id(self.nonce, "nonce")


def issue_signed_time(said: SignedTime, key: SigningKey) -> bytes:
    """Sign the time with a policy key: one line of bytes, at most LIMIT_BYTES long."""
    return sign_line(encode_canonical({"statement": KIND, **encode_record(said)}), domain=KIND, key=key)


def verify_signed_time(line: bytes, trust: Trust) -> SignedTime:
    """Verify that a policy key of a keyring that holds at that time signed it, and read it.

    Whether it answers what was asked is the asker's question. Raises `SignatureError`, `CodecError`, `ExpiredError`.
    """
    if len(line) > LIMIT_BYTES:
        raise CodecError(f"{KIND}: expected at most {LIMIT_BYTES} bytes, got {len(line)}")
    said = _parse(verify_line(line, domain=KIND, keys=trust.keys_for(Purpose.POLICY), what=KIND))
    if trust.keyring:
        require_current(trust.keyring, said.at)
    return said


def _parse(body: bytes) -> SignedTime:
    mapping: dict[str, Any] = parse_canonical(body, KIND, limit_bytes=LIMIT_BYTES)
    named = mapping.pop("statement", None)
    if named != KIND:
        raise CodecError(f"{KIND}.statement: expected {KIND!r}, got {str(named)[:40]!r}")
    return parse_record(SignedTime, mapping, KIND)
