"""What every native stanza type demands of its arguments and body before any key is tried.

Raises HeaderError; a length that is wrong must fail here, never as "no match" (C2SP age.md, partitioning oracles).
"""

from protocol.envelope.base64text import encode_raw, parse_raw
from protocol.envelope.errors import HeaderError
from protocol.envelope.header import FILE_KEY_BYTES, Stanza
from protocol.envelope.stream import TAG_BYTES

WRAPPED_KEY_BYTES = FILE_KEY_BYTES + TAG_BYTES


def encode_argument(data: bytes) -> str:
    """Bytes as the argument of a stanza."""
    return encode_raw(data).decode("ascii")


def parse_argument(stanza: Stanza, place: int, *, length: int) -> bytes:
    """The bytes of argument `place`, which must be exactly `length` of them."""
    try:
        data = parse_raw(stanza.arguments[place].encode("ascii"))
    except ValueError as error:
        raise HeaderError(f"{stanza.type} stanza: argument {place} is malformed: {error}") from error
    if len(data) != length:
        raise HeaderError(f"{stanza.type} stanza: expected argument {place} of {length} bytes, got {len(data)}")
    return data


def require_arguments(stanza: Stanza, *, count: int) -> None:
    """Raise unless the stanza has `count` arguments, its type among them."""
    if len(stanza.arguments) != count:
        raise HeaderError(f"{stanza.type} stanza: expected {count} arguments, got {len(stanza.arguments)}")


def require_body(stanza: Stanza) -> None:
    """Raise unless the body has the length of a wrapped file key."""
    if len(stanza.body) != WRAPPED_KEY_BYTES:
        raise HeaderError(
            f"{stanza.type} stanza: expected a wrapped file key of {WRAPPED_KEY_BYTES} bytes, got {len(stanza.body)}"
        )
