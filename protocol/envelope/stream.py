"""The payload of an age file: chunk sizes, chunk nonces, and the AEAD over one chunk.

Decides what a last chunk is and how a payload that does not end well is to be called; reads and writes no file.
Defined by C2SP age.md ("Payload").
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from protocol.envelope.derive import derive_key
from protocol.envelope.errors import ChunkError, TruncatedError

CHUNK_BYTES = 64 * 1024
"""Plaintext in every chunk but the final one."""

TAG_BYTES = 16
SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
PAYLOAD_NONCE_BYTES = 16

_Bytes = bytes | bytearray | memoryview


def middle_nonce(index: int) -> bytes:
    """The AEAD nonce of chunk `index` where more chunks follow."""
    return (index << 8).to_bytes(12, "big")


def final_nonce(index: int) -> bytes:
    """The AEAD nonce of chunk `index` where it is the final one."""
    return (index << 8 | 1).to_bytes(12, "big")


class ChunkCipher:
    """Seals and opens the single chunks of one payload."""

    def __init__(self, file_key: bytes, payload_nonce: bytes) -> None:
        self._aead = ChaCha20Poly1305(derive_key(file_key, salt=payload_nonce, info=b"payload"))

    def seal_middle(self, index: int, plaintext: _Bytes, *, into: memoryview) -> None:
        """Write the sealed form of a whole chunk that others follow."""
        self._aead.encrypt_into(middle_nonce(index), plaintext, None, into)

    def seal_final(self, index: int, plaintext: _Bytes) -> bytes:
        """The sealed form of the final chunk."""
        return self._aead.encrypt(final_nonce(index), plaintext, None)

    def open_middle(self, index: int, sealed: _Bytes) -> bytes | None:
        """The plaintext of chunk `index`, or None when these bytes are not that chunk with more to follow."""
        return self._open(middle_nonce(index), sealed)

    def open_final(self, index: int, sealed: _Bytes) -> bytes | None:
        """The plaintext of chunk `index`, or None when these bytes are not that chunk as the final one."""
        return self._open(final_nonce(index), sealed)

    def open_last(self, index: int, sealed: _Bytes) -> bytes:
        """The plaintext of the bytes at the very end of a payload, which must be its final chunk.

        Raises TruncatedError when they are what a cut leaves, ChunkError when they are something else.
        """
        plaintext = self.open_final(index, sealed)
        if plaintext is None:
            raise self._explain_last(index, sealed)
        if not plaintext and index:
            raise ChunkError(index=index, reason="the final chunk is empty, which only the whole payload may be")
        return plaintext

    def _explain_last(self, index: int, sealed: _Bytes) -> ChunkError | TruncatedError:
        whole = len(sealed) == SEALED_CHUNK_BYTES
        if self.open_middle(index, sealed) is not None:
            if whole:
                return TruncatedError(whole_chunks=index + 1, torn_bytes=0)
            return ChunkError(index=index, reason="it is shorter than a chunk and is not marked final")
        if whole:
            return ChunkError(index=index, reason="it does not authenticate")
        return TruncatedError(whole_chunks=index, torn_bytes=len(sealed))

    def _open(self, nonce: bytes, sealed: _Bytes) -> bytes | None:
        if len(sealed) < TAG_BYTES:
            return None
        try:
            return self._aead.decrypt(nonce, sealed, None)
        except InvalidTag:
            return None
