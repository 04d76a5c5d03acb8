"""How a unit joins and stays: the words of enrollment that unit and controller share.

One-time secrets, the base64 of EST's bodies, what an expired unit signs to renew, and the statement with which a
recorder's signing key is registered. Asks nobody and keeps nothing. Defined in docs/protocol/enrollment.md; EST is
RFC 7030 with the clarifications of RFC 8951.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import textwrap
from dataclasses import dataclass

from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.errors import ProtocolError
from protocol.ids import parse_id
from protocol.signing import SigningKey, VerifyingKey, sign_line, split_line, verify_line

EST_PATH = "/.well-known/est"
NONCE_PATH = "/enrollment/v1/nonce"
RENEWAL_PATH = "/enrollment/v1/renewal"
RECORDER_KEY_PATH = "/units/v1/recorder-key"
PKCS10 = "application/pkcs10"
PKCS7 = "application/pkcs7-mime; smime-type=certs-only"
CSR_ATTRIBUTES = "application/csrattrs"
LONGEST_BODY_BYTES = 64 * 1024
RECORDER_KEY = "recorder_key"
"""Kind and signing domain of the statement about a recorder's key."""

SECRET_BYTES = 16
_SECRET_CHARS = 26
_GROUP = 4
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_AS_READ = str.maketrans({"I": "1", "L": "1", "O": "0"})
_SPACE = b" \t\r\n"


class EnrollmentError(ProtocolError):
    """A body, a secret or a statement of enrollment is malformed, or not signed by whom it must be."""


def spell_secret(random_bytes: bytes) -> str:
    """Write 16 random bytes as people read and type them: Crockford's base32 in groups of four."""
    if len(random_bytes) != SECRET_BYTES:
        raise ValueError(f"a one-time secret is made of {SECRET_BYTES} random bytes, got {len(random_bytes)}")
    number = int.from_bytes(random_bytes, "big")
    digits = (_CROCKFORD[number >> 5 * place & 31] for place in reversed(range(_SECRET_CHARS)))
    return "-".join(textwrap.wrap("".join(digits), _GROUP))


def parse_secret(text: str) -> str:
    """Give a typed secret in the one form that is hashed; raise `EnrollmentError`.

    Case, hyphens and spaces are free, and I, L and O are read as 1, 1 and 0 (Crockford's base32).
    """
    plain = "".join(text.upper().replace("-", " ").split()).translate(_AS_READ)
    if len(plain) != _SECRET_CHARS or not set(plain) <= set(_CROCKFORD):
        raise EnrollmentError(
            f"one-time secret: expected {_SECRET_CHARS} letters and digits in groups of {_GROUP}, got {len(plain)} "
            "characters of which some may be none of Crockford's base32"
        )
    return plain


def digest_secret(text: str) -> str:
    """Give the SHA-256 by which the controller knows a one-time secret; raise `EnrollmentError`."""
    return hashlib.sha256(parse_secret(text).encode("ascii")).hexdigest()


def encode_body(der: bytes) -> bytes:
    """Write DER as EST's bodies are: base64 in lines of 64 characters (RFC 4648 section 4; RFC 8951 section 3)."""
    return "\r\n".join(textwrap.wrap(base64.b64encode(der).decode("ascii"), 64)).encode("ascii") + b"\r\n"


def decode_body(body: bytes, what: str) -> bytes:
    """Read the base64 of an EST body, with or without line ends; raise `EnrollmentError` on anything else."""
    text = body.translate(None, _SPACE)
    if not text:
        raise EnrollmentError(f"{what}: expected base64 of DER, got an empty body")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise EnrollmentError(f"{what}: expected base64 of DER (RFC 4648), got {body[:24]!r}") from None


def renewal_bytes(nonce: str, request: bytes) -> bytes:
    """Give what the old TLS key signs when an expired unit renews: the nonce, and the digest of the new request's DER.

    ECDSA with SHA-256; the signature is DER.
    """
    return f"backrow-renewal-v1\n{nonce}\n{hashlib.sha256(request).hexdigest()}".encode("ascii")


@dataclass(frozen=True, kw_only=True)
class RecorderKey:
    """That `key` signs a unit's recordings from now on, and which key did before; None for the first one."""

    device: str
    key: str
    previous: str | None = None

    def __post_init__(self) -> None:
        """Refuse an id or a key that cannot be read, and a key that follows itself."""
        parse_id(self.device, "device")
        VerifyingKey.parse(self.key, "recorder key")
        if self.previous is not None:
            VerifyingKey.parse(self.previous, "previous recorder key")
        if self.previous == self.key:
            raise ValueError("a recorder key does not follow itself")


def issue_recorder_key(statement: RecorderKey, *keys: SigningKey) -> bytes:
    """Sign a statement with the new key and, where there was one before, with that one: a signed line each."""
    body = encode_canonical({"document": RECORDER_KEY, **encode_record(statement)})
    return b"".join(sign_line(body, domain=RECORDER_KEY, key=key) for key in keys)


def verify_recorder_key(data: bytes) -> RecorderKey:
    """Read a statement that its new key signed and, where it names a previous key, that one as well.

    Raises `EnrollmentError`, `SignatureError` or `CodecError`. That `previous` is the key in force is the caller's
    question.
    """
    lines = data.splitlines(keepends=True)
    if not 1 <= len(lines) <= 2:
        raise EnrollmentError(f"recorder key: expected one or two signed lines, got {len(lines)}")
    mapping = parse_canonical(split_line(lines[0], RECORDER_KEY).body, RECORDER_KEY)
    if mapping.pop("document", None) != RECORDER_KEY:
        raise EnrollmentError(f"recorder key: expected a statement of kind {RECORDER_KEY}")
    statement = parse_record(RecorderKey, mapping, RECORDER_KEY)
    signers = [key for key in (statement.key, statement.previous) if key is not None]
    if len(lines) != len(signers):
        raise EnrollmentError(
            f"recorder key: expected {len(signers)} signed line(s), by the new key and by the one it names as "
            f"previous, got {len(lines)}"
        )
    _require_signed(lines, signers)
    return statement


def _require_signed(lines: list[bytes], signers: list[str]) -> None:
    bodies = {
        verify_line(line, domain=RECORDER_KEY, keys=(VerifyingKey.parse(key),), what=RECORDER_KEY)
        for line, key in zip(lines, signers, strict=True)
    }
    if len(bodies) != 1:
        raise EnrollmentError("recorder key: the two lines are not signatures of one statement")
