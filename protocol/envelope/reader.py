"""Opens a sealed file from its beginning to its end, from any stream, binary or armored.

Gives out only authenticated whole chunks; where the file stops being right it raises what is wrong with it, after
everything before that place has been given. To be used where every byte is wanted; `access` is for the rest.
Defined by C2SP age.md ("Payload") and docs/protocol/envelope.md ("Reading").
"""

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Self

from protocol.envelope.armor import unarmor
from protocol.envelope.errors import ChunkError, HeaderTruncatedError, TrailingDataError
from protocol.envelope.filekey import unwrap_file_key
from protocol.envelope.header import Header, HeaderParser
from protocol.envelope.keys import Identity
from protocol.envelope.source import ByteSource, Readable
from protocol.envelope.stream import PAYLOAD_NONCE_BYTES, SEALED_CHUNK_BYTES, ChunkCipher

_BATCH_CHUNKS = 8
_HEADER_READ_BYTES = 4096


class OpenReader:
    """The plaintext of one sealed file, as an iterator of chunks; the header is read and checked at once.

    The constructor raises HeaderError, NoMatchError, HeaderMacError or ArmorError; iterating raises PayloadError (its
    subclasses tell damage, truncation and trailing data apart), ArmorError, or the OSError of a source that failed.
    """

    def __init__(self, source: Readable, identities: Iterable[Identity]) -> None:
        self._source = unarmor(ByteSource(source))
        self.header = read_header(self._source)
        file_key = unwrap_file_key(self.header, identities)
        self._cipher = ChunkCipher(file_key, read_payload_nonce(self._source))
        self._chunks = self._open_chunks()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def _open_chunks(self) -> Iterator[bytes]:
        pieces = self._read_pieces()
        for index, piece in enumerate(pieces):
            if len(piece) < SEALED_CHUNK_BYTES:
                yield from self._open_short(index, piece)
                return
            plaintext = self._cipher.open_middle(index, piece)
            if plaintext is None:
                yield self._open_full_final(index, piece)
                self._expect_end(next(pieces), index)
                return
            yield plaintext

    def _read_pieces(self) -> Iterator[memoryview]:
        """Sealed chunks of full length, and at the end of the file exactly one piece that is shorter, maybe empty."""
        while True:
            batch = memoryview(self._source.read(_BATCH_CHUNKS * SEALED_CHUNK_BYTES))
            for start in range(0, len(batch), SEALED_CHUNK_BYTES):
                yield batch[start : start + SEALED_CHUNK_BYTES]
            if len(batch) < _BATCH_CHUNKS * SEALED_CHUNK_BYTES:
                yield batch[:0]
                return

    def _open_short(self, index: int, piece: memoryview) -> Iterator[bytes]:
        self._source.raise_fault()  # the piece is short because the source failed: it is no end of the file
        plaintext = self._cipher.open_last(index, piece)
        if plaintext:
            yield plaintext

    def _open_full_final(self, index: int, piece: memoryview) -> bytes:
        plaintext = self._cipher.open_final(index, piece)
        if plaintext is None:
            raise ChunkError(index=index, reason="it does not authenticate")
        return plaintext

    def _expect_end(self, following: memoryview, index: int) -> None:
        if following:
            raise TrailingDataError(whole_chunks=index + 1)
        self._source.raise_fault()


def open_sealed(sealed: bytes, identities: Iterable[Identity]) -> bytes:
    """The plaintext of a sealed file in memory; raises EnvelopeError and gives nothing when it is not whole."""
    return b"".join(OpenReader(BytesIO(sealed), identities))


def read_header(source: ByteSource) -> Header:
    """The header at the front of `source`, which then stands at the payload nonce; raises HeaderError."""
    parser = HeaderParser()
    while (header := parser.feed(part := source.read_some(_HEADER_READ_BYTES))) is None:
        if not part:
            source.raise_fault()
            parser.raise_truncated()
    source.push_back(parser.rest)
    return header


def read_payload_nonce(source: ByteSource) -> bytes:
    """The nonce that stands between header and chunks; raises HeaderTruncatedError when the file ends in it."""
    nonce = source.read(PAYLOAD_NONCE_BYTES)
    if len(nonce) < PAYLOAD_NONCE_BYTES:
        source.raise_fault()
        raise HeaderTruncatedError(
            f"the file ends right after its age header: expected a payload nonce of {PAYLOAD_NONCE_BYTES} bytes, "
            f"got {len(nonce)}; there is no content in it"
        )
    return nonce
