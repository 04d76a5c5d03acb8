"""Base64 as age writes it: canonical, and in headers without padding.

Refuses everything that a lenient decoder would pass over: other characters, padding where none belongs, and stray bits.
Defined by RFC 4648 section 4 with section 3.5, and C2SP age.md ("Conventions", "ASCII armor").
"""

import binascii
import re

_RAW = re.compile(rb"[A-Za-z0-9+/]*")


def encode_raw(data: bytes) -> bytes:
    """Base64 without padding."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=")


def parse_raw(text: bytes) -> bytes:
    """The bytes of unpadded canonical base64; raises ValueError with the reason."""
    if not _RAW.fullmatch(text):
        raise ValueError("it has a character that is not of unpadded base64")
    if len(text) % 4 == 1:
        raise ValueError(f"{len(text)} characters cannot be base64")
    return _parse_canonical(text + b"=" * (-len(text) % 4))


def parse_padded(text: bytes) -> bytes:
    """The bytes of padded canonical base64; raises ValueError with the reason."""
    if not _RAW.fullmatch(text.rstrip(b"=")) or len(text) % 4:
        raise ValueError("it is not base64 with its padding")
    return _parse_canonical(text)


def _parse_canonical(padded: bytes) -> bytes:
    try:
        data = binascii.a2b_base64(padded, strict_mode=True)
    except binascii.Error as error:
        raise ValueError(f"it is not base64: {error}") from error
    if binascii.b2a_base64(data, newline=False) != padded:
        raise ValueError("it is not canonical: bits that belong to no byte are set")
    return data
