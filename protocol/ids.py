"""Opaque identifiers of devices, recordings, leases and people: 128 random bits that say nothing of whom they name.

Defined in docs/protocol/manifest.md. Randomness comes in as an argument, so that pure code stays pure.
"""

from __future__ import annotations

import base64
import re

from protocol.errors import ProtocolError

ID_BYTES = 16
_FORM = re.compile(r"[a-z2-7]{25}[aeimquy4]")


class IdError(ProtocolError):
    """An identifier is not 26 lower-case base32 characters."""


def make_id(random_bytes: bytes) -> str:
    """Turn 16 random bytes into an identifier of 26 lower-case base32 characters (RFC 4648, no padding)."""
    if len(random_bytes) != ID_BYTES:
        raise ValueError(f"an identifier is made of {ID_BYTES} random bytes, got {len(random_bytes)}")
    return base64.b32encode(random_bytes).decode("ascii").rstrip("=").lower()


def parse_id(text: str, what: str = "identifier") -> str:
    """Give the identifier back when it has the right form; raise `IdError` that names `what` otherwise."""
    if not _FORM.fullmatch(text):
        raise IdError(f"{what}: expected 26 lower-case base32 characters, got {text[:40]!r}")
    return text


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an identifier."""
    return _FORM.fullmatch(text) is not None
