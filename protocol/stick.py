"""What lies inside the sealed file of a USB stick: records of announced length in a fixed order, and the unit's head.

Frames and reads; it seals nothing (protocol.envelope), touches no disk (protocol.stick_folder), and believes no record:
manifests, documents and the statement of epochs are signed lines of their own. Defined in docs/protocol/stick.md.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from protocol.checks import require_digest
from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.envelope import CHUNK_BYTES, SEALED_CHUNK_BYTES, parse_recipient
from protocol.errors import ProtocolError
from protocol.ids import parse_id

MIB = 1024 * 1024
GIB = 1024 * MIB
LAST_INDEX = 999_999
LEAST_TO_SCHOOL_BYTES = 4 * GIB
LEAST_FROM_SCHOOL_BYTES = MIB
CLASS_FACTOR = 4
_HEADER = struct.Struct(">2sBBIQ")
RECORD_BYTES = _HEADER.size
"""What a record takes beside its body."""
_MARK = b"BR"
_DOMAIN = b"backrow/v1/stick\n"
_ALLOWANCE_BYTES = 64 * 1024  # an age header of any recipient, and the rounding of file systems


class StickError(ProtocolError):
    """What was sealed on a stick is not in the form of this page; the words say where."""


class Way(Enum):
    """The first bytes of the content, which say which way it travels: one is never taken for the other."""

    TO_SCHOOL = b"backrow-stick v1 to school\n"
    FROM_SCHOOL = b"backrow-stick v1 from school\n"


class Kind(IntEnum):
    """What a record holds."""

    HEAD = 1
    """Who speaks: `encode_head`."""
    STATEMENT = 2
    """The recorder's statement of epochs, a signed line."""
    MANIFEST = 3
    """A whole manifest; the objects that follow are its recording's."""
    OBJECT = 4
    """A sealed object as it lies in the spool; the record's index is the object's."""
    DOCUMENT = 5
    """A signed line for the unit."""
    PADDING = 6
    END = 7
    """Nothing follows: the content is whole."""


MOST_BYTES: dict[Kind, int] = {
    Kind.HEAD: 8 * 1024,
    Kind.STATEMENT: 4096,
    Kind.MANIFEST: 16 * MIB,
    Kind.OBJECT: 2**40,
    Kind.DOCUMENT: MIB + 1024,
    Kind.PADDING: 2**50,
    Kind.END: 0,
}
"""How long a record's body may be announced to be; objects are held to their manifest besides."""

_AFTER_HEAD = frozenset({Kind.MANIFEST, Kind.PADDING, Kind.END})
_LAST = frozenset({Kind.PADDING, Kind.END})
FOLLOWS: dict[Way, dict[Kind | None, frozenset[Kind]]] = {
    Way.TO_SCHOOL: {
        None: frozenset({Kind.HEAD}),
        Kind.HEAD: _AFTER_HEAD | {Kind.STATEMENT},
        Kind.STATEMENT: _AFTER_HEAD,
        Kind.MANIFEST: _AFTER_HEAD | {Kind.OBJECT},
        Kind.OBJECT: _AFTER_HEAD | {Kind.OBJECT},
        Kind.PADDING: frozenset({Kind.END}),
        Kind.END: frozenset(),
    },
    Way.FROM_SCHOOL: {
        None: _LAST | {Kind.DOCUMENT},
        Kind.DOCUMENT: _LAST | {Kind.DOCUMENT},
        Kind.PADDING: frozenset({Kind.END}),
        Kind.END: frozenset(),
    },
}
"""The order of records: what may follow what, from the beginning (None) on."""


def record_header(kind: Kind, size_bytes: int, index: int = 0) -> bytes:
    """Give the 16 bytes before a record's body."""
    if not 0 <= size_bytes <= MOST_BYTES[kind] or not 0 <= index <= LAST_INDEX:
        raise ValueError(f"a record {kind.name} cannot have {size_bytes} bytes and index {index}")
    return _HEADER.pack(_MARK, kind, 0, index, size_bytes)


class Record:
    """One record while it is read; whatever is not read of its body is passed over with the next record."""

    def __init__(self, kind: Kind, index: int, size_bytes: int, source: _Source) -> None:
        self.kind = kind
        self.index = index
        self.size_bytes = size_bytes
        self._left = size_bytes
        self._source = source

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes of the body, b"" at its end; raise `StickError`, or what the sealed file raises."""
        part = self._source.read_some(self._left if size < 0 else min(size, self._left))
        self._left -= len(part)
        return part

    def read_all(self) -> bytes:
        """Give the rest of the body; only of kinds whose bodies are small."""
        return b"".join(iter(self.read, b""))


class _Source:
    """The plaintext of a sealed file, piece by piece."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._ahead = b""
        self.offset = 0

    def read_some(self, most: int) -> bytes:
        """Give at least one byte, at most `most`; raise `StickError` where the content ends instead."""
        if most == 0:
            return b""
        while not self._ahead:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise StickError(f"the content ends at byte {self.offset}, before its last record")
            self._ahead = chunk
        part, self._ahead = self._ahead[:most], self._ahead[most:]
        self.offset += len(part)
        return part

    def read_exactly(self, size: int) -> bytes:
        """Give `size` bytes."""
        data = b""
        while len(data) < size:
            data += self.read_some(size - len(data))
        return data

    def require_end(self) -> None:
        """Raise `StickError` unless nothing follows."""
        if self._ahead or any(self._chunks):
            raise StickError(f"bytes follow the last record, from byte {self.offset} on")


def read_records(chunks: Iterable[bytes], way: Way) -> Iterator[Record]:
    """Give the records of an opened file in order, the last of them END, after which the file's end was verified.

    Raises `StickError` at the first byte that breaks the form; errors of `chunks` (age's, the disk's) come through.
    """
    source = _Source(iter(chunks))
    first = source.read_exactly(len(way.value))
    if first != way.value:
        raise StickError(f"the content begins with {first[:40]!r}, expected {way.value!r}")
    previous: Kind | None = None
    while previous is not Kind.END:
        record = _read_header(source, FOLLOWS[way][previous])
        previous = record.kind
        if previous is Kind.END:
            source.require_end()
        yield record
        while record.read(MIB):
            pass


def _read_header(source: _Source, allowed: frozenset[Kind]) -> Record:
    at = source.offset
    mark, number, zero, index, size_bytes = _HEADER.unpack(source.read_exactly(RECORD_BYTES))
    if mark != _MARK or zero or number not in list(Kind):
        raise StickError(
            f"byte {at}: expected a record, got {mark!r}, kind {number}; update this release, or it is torn"
        )
    kind = Kind(number)
    if kind not in allowed:
        raise StickError(f"byte {at}: a record {kind.name} cannot stand here")
    if size_bytes > MOST_BYTES[kind] or index > (LAST_INDEX if kind is Kind.OBJECT else 0):
        raise StickError(f"byte {at}: a record {kind.name} cannot have {size_bytes} bytes and index {index}")
    return Record(kind, index, size_bytes, source)


def padding_bytes(written: int, whole: int) -> int:
    """Tell how long the padding must be so that content of `written` bytes becomes `whole`, END included."""
    left = whole - written - 2 * RECORD_BYTES
    if left < 0:
        raise ValueError(f"content of {written} bytes does not fit into {whole}")
    return left


def class_of(content_bytes: int, least_bytes: int) -> int:
    """Give the class of sizes that content is padded to: `least_bytes`, or four times, or sixteen times as much …"""
    whole = least_bytes
    while whole < content_bytes + 2 * RECORD_BYTES:
        whole *= CLASS_FACTOR
    return whole


def content_that_fits(room_bytes: int) -> int:
    """Give the most content whose sealed file fits into some room, in whole MiB."""
    chunks = max(0, room_bytes - _ALLOWANCE_BYTES) // SEALED_CHUNK_BYTES
    return chunks * CHUNK_BYTES // MIB * MIB


@dataclass(frozen=True, kw_only=True)
class Head:
    """Who speaks on a stick, signed with the key of the unit's certificate.

    `certificate`: SHA-256 of the certificate in hexadecimal. `return_to`: the age recipient to which the answer is
    sealed. `counters`, `board`, `abilities`: what a unit says of itself over HTTPS (docs/protocol/uploads.md), "" for
    nothing. `everything`: all that waits on the unit is on the stick.
    """

    device: str
    made_at: datetime
    certificate: str
    return_to: str
    everything: bool
    counters: str = ""
    board: str = ""
    abilities: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no identifier, no digest and no recipient."""
        parse_id(self.device, "device")
        require_digest(self.certificate, "certificate")
        parse_recipient(self.return_to)


def encode_head(head: Head, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Write a head: a line of canonical JSON, and the signature over the domain and it (ECDSA with SHA-256, DER)."""
    body = encode_canonical(encode_record(head))
    return body + b"\n" + key.sign(_DOMAIN + body, ec.ECDSA(hashes.SHA256()))


def parse_head(data: bytes) -> Head:
    """Read a head that is not verified yet; raise a `ProtocolError`."""
    body, _ = _split_head(data)
    return parse_record(Head, parse_canonical(body, "head"), "head")


def verify_head(data: bytes, key: ec.EllipticCurvePublicKey) -> None:
    """Raise `StickError` unless `key` signed this head."""
    body, signature = _split_head(data)
    try:
        key.verify(signature, _DOMAIN + body, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise StickError("head: it is not signed with the key of the certificate that it names") from None


def _split_head(data: bytes) -> tuple[bytes, bytes]:
    body, feed, signature = data.partition(b"\n")
    if not feed:
        raise StickError(f"head: expected a line and a signature, got {len(data)} bytes")
    return body, signature
