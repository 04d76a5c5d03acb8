"""Sealed files for the tests: known identities, reproducible randomness, and ways to bend a file."""

import hashlib
from collections.abc import Callable
from io import BytesIO

from protocol.envelope import CHUNK_BYTES, SEALED_CHUNK_BYTES, X25519Identity, generate_x25519, parse_header, seal
from protocol.envelope.filekey import unwrap_file_key
from protocol.envelope.stream import ChunkCipher

IDENTITY = generate_x25519(random_bytes=lambda count: b"\x42" * count)
OTHER = generate_x25519(random_bytes=lambda count: b"\x43" * count)
NONCE_BYTES = 16


def seeded(seed: str) -> Callable[[int], bytes]:
    """A source of bytes that are the same in every run and never the same twice in one."""
    drawn = 0

    def draw(count: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.shake_256(f"{seed}/{drawn}".encode()).digest(count)

    return draw


def content(length: int) -> bytes:
    """Plaintext in which every 16 bytes differ from all others."""
    return hashlib.shake_256(b"content").digest(length)


def sealed_sample(length: int, *, identity: X25519Identity = IDENTITY) -> bytes:
    """`content(length)`, sealed to one recipient."""
    return seal(content(length), [identity.recipient], random_bytes=seeded("sample"))


def header_end(sealed: bytes) -> int:
    """Where the header of a sealed file ends and its payload nonce begins."""
    return sealed.index(b"\n--- ") + len(b"\n--- ") + 43 + 1


def chunk_start(sealed: bytes, index: int) -> int:
    """Where chunk `index` begins in a sealed file."""
    return header_end(sealed) + NONCE_BYTES + index * SEALED_CHUNK_BYTES


def flip(sealed: bytes, place: int) -> bytes:
    """The file with one bit of one byte changed."""
    changed = bytearray(sealed)
    changed[place] ^= 1
    return bytes(changed)


def with_empty_final_chunk() -> bytes:
    """A file of one whole chunk and a final chunk that holds nothing, which no writer may make."""
    sealed = sealed_sample(CHUNK_BYTES + 1)
    file_key = unwrap_file_key(parse_header(sealed[: header_end(sealed)]), [IDENTITY])
    cipher = ChunkCipher(file_key, sealed[header_end(sealed) : chunk_start(sealed, 0)])
    return sealed[: chunk_start(sealed, 1)] + cipher.seal_final(1, b"")


class Trickle:
    """A pipe that gives a few bytes at a time, and may fail at the end."""

    def __init__(self, data: bytes, *, step: int, failure: OSError | None = None) -> None:
        self._file = BytesIO(data)
        self._step = step
        self._failure = failure

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `step` of them."""
        data = self._file.read(min(size, self._step))
        if not data and self._failure is not None:
            raise self._failure
        return data
