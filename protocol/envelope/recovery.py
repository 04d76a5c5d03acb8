"""What a power cut left of a sealed file: how many chunks are whole, and how much of it will open.

Only looks: never writes, never mends, and never continues the payload. Without a key it knows sizes alone.
Defined by docs/protocol/envelope.md ("Recovery of a torn tail").
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from io import SEEK_END

from protocol.envelope.access import SeekableFile
from protocol.envelope.filekey import unwrap_file_key
from protocol.envelope.header import Header
from protocol.envelope.keys import Identity
from protocol.envelope.reader import read_header, read_payload_nonce
from protocol.envelope.source import ByteSource
from protocol.envelope.stream import CHUNK_BYTES, PAYLOAD_NONCE_BYTES, SEALED_CHUNK_BYTES, TAG_BYTES, ChunkCipher


@dataclass(frozen=True)
class RecoveredTail:
    """The state of a sealed file whose writer may have been cut off.

    Without identities `whole_chunks` counts those of full length up to the last whose tag is not all zeros (disks leave
    zeros of what they never wrote), and `final_present` is None: a shorter piece at the end may be the final chunk or a
    torn one. With identities it counts those that authenticate one after the other
    from the first; a final chunk, of any length, is among them and in `plaintext_bytes`.
    """

    header: bytes
    payload_start: int
    """Where the first chunk begins, after the header and the payload nonce; the file's length if it is shorter."""
    whole_chunks: int
    plaintext_bytes: int
    whole_end: int
    """The file offset at which the whole chunks end."""
    torn_bytes: int
    """What follows `whole_end`."""
    final_present: bool | None


def recover(file: SeekableFile, identities: Iterable[Identity] | None = None) -> RecoveredTail:
    """What can be had of the file; raises HeaderTruncatedError when that is nothing because the header is incomplete.

    With `identities` every chunk is read and authenticated; that raises NoMatchError and HeaderMacError too.
    """
    file_bytes = file.seek(0, SEEK_END)
    file.seek(0)
    header = read_header(ByteSource(file))
    by_size = _measure(file, header, file_bytes)
    if identities is None:
        return by_size
    file_key = unwrap_file_key(header, identities)
    if file_bytes < len(header.raw) + PAYLOAD_NONCE_BYTES:
        return replace(by_size, final_present=False)
    file.seek(len(header.raw))
    source = ByteSource(file)
    return _authenticate(by_size, source, ChunkCipher(file_key, read_payload_nonce(source)))


def read_header_bytes(file: SeekableFile) -> bytes:
    """The header of a sealed file, exactly as it stands there; leaves the file's position right after it."""
    file.seek(0)
    source = ByteSource(file)
    header = read_header(source)
    file.seek(len(header.raw))
    return header.raw


def _measure(file: SeekableFile, header: Header, file_bytes: int) -> RecoveredTail:
    payload_start = min(len(header.raw) + PAYLOAD_NONCE_BYTES, file_bytes)
    whole_chunks = (file_bytes - payload_start) // SEALED_CHUNK_BYTES
    whole_end = payload_start + whole_chunks * SEALED_CHUNK_BYTES
    while whole_chunks and _read_tag(file, whole_end) == bytes(TAG_BYTES):
        whole_chunks, whole_end = whole_chunks - 1, whole_end - SEALED_CHUNK_BYTES
    return RecoveredTail(
        header=header.raw,
        payload_start=payload_start,
        whole_chunks=whole_chunks,
        plaintext_bytes=whole_chunks * CHUNK_BYTES,
        whole_end=whole_end,
        torn_bytes=file_bytes - whole_end,
        final_present=None,
    )


def _read_tag(file: SeekableFile, chunk_end: int) -> bytes | None:
    file.seek(chunk_end - TAG_BYTES)
    return file.read(TAG_BYTES)


def _authenticate(by_size: RecoveredTail, source: ByteSource, cipher: ChunkCipher) -> RecoveredTail:
    file_bytes = by_size.whole_end + by_size.torn_bytes
    chunks, plaintext_bytes, end = 0, 0, by_size.payload_start
    final_present = False
    while not final_present:
        sealed = source.read(SEALED_CHUNK_BYTES)
        plaintext = cipher.open_middle(chunks, sealed) if len(sealed) == SEALED_CHUNK_BYTES else None
        if plaintext is None:
            plaintext = cipher.open_final(chunks, sealed)
            final_present = plaintext is not None and (bool(plaintext) or chunks == 0)
            if not final_present:
                break
        chunks, plaintext_bytes, end = chunks + 1, plaintext_bytes + len(plaintext or b""), end + len(sealed)
    source.raise_fault()
    return replace(
        by_size,
        whole_chunks=chunks,
        plaintext_bytes=plaintext_bytes,
        whole_end=end,
        torn_bytes=file_bytes - end,
        final_present=final_present,
    )
