"""Sealed files: the age v1 format, written as a recording grows, opened whole, in part, or as far as a cut left it.

    identity = generate_x25519()
    sealed = seal(b"...", [identity.recipient])
    plaintext = open_sealed(sealed, [identity])

This is the whole public surface; the format and the rules of the project are in docs/protocol/envelope.md.
"""

from protocol.envelope.access import RandomAccessReader, Tail
from protocol.envelope.errors import (
    ArmorError,
    ArmorTruncatedError,
    ChunkError,
    EnvelopeError,
    HeaderError,
    HeaderMacError,
    HeaderTruncatedError,
    KeyTextError,
    NoMatchError,
    PayloadError,
    RecipientsError,
    TrailingDataError,
    TruncatedError,
)
from protocol.envelope.header import Header, HeaderParser, Stanza, parse_header
from protocol.envelope.hybrid import HybridIdentity, HybridRecipient
from protocol.envelope.keys import (
    Identity,
    KeyIdentity,
    Recipient,
    generate_hybrid,
    generate_x25519,
    parse_identities,
    parse_identity,
    parse_recipient,
)
from protocol.envelope.passphrase import PassphraseIdentity, PassphraseRecipient
from protocol.envelope.reader import OpenReader, open_sealed
from protocol.envelope.recovery import RecoveredTail, read_header_bytes, recover
from protocol.envelope.rewrap import rewrap
from protocol.envelope.stream import CHUNK_BYTES, SEALED_CHUNK_BYTES
from protocol.envelope.writer import SealingWriter, Sink, seal
from protocol.envelope.x25519 import X25519Identity, X25519Recipient

__all__ = [
    "CHUNK_BYTES",
    "SEALED_CHUNK_BYTES",
    "ArmorError",
    "ArmorTruncatedError",
    "ChunkError",
    "EnvelopeError",
    "Header",
    "HeaderError",
    "HeaderMacError",
    "HeaderParser",
    "HeaderTruncatedError",
    "HybridIdentity",
    "HybridRecipient",
    "Identity",
    "KeyIdentity",
    "KeyTextError",
    "NoMatchError",
    "OpenReader",
    "PassphraseIdentity",
    "PassphraseRecipient",
    "PayloadError",
    "RandomAccessReader",
    "Recipient",
    "RecipientsError",
    "RecoveredTail",
    "SealingWriter",
    "Sink",
    "Stanza",
    "Tail",
    "TrailingDataError",
    "TruncatedError",
    "X25519Identity",
    "X25519Recipient",
    "generate_hybrid",
    "generate_x25519",
    "open_sealed",
    "parse_header",
    "parse_identities",
    "parse_identity",
    "parse_recipient",
    "read_header_bytes",
    "recover",
    "rewrap",
    "seal",
]
