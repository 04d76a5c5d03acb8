"""A recording that nobody made, as a unit leaves it: for the drill that proves a backup of the keys.

Written with the modules that units write with: an identity of its own sealed to the epoch's recipient, segments
sealed to that identity, a signed manifest. Holds no picture and no sound. Formats:
docs/protocol/envelope.md and manifest.md.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

from protocol.contents import Begun, Closed, CloseReason, Content, Moment, Opened, Sealed
from protocol.documents import Epoch
from protocol.envelope import CHUNK_BYTES, generate_x25519, parse_recipient, read_header_bytes, seal
from protocol.ids import ID_BYTES, make_id
from protocol.manifest import NO_LINE, digest_of, sign_content
from protocol.signing import SigningKey

SEGMENTS = 2
SEGMENT_BYTES = 3 * CHUNK_BYTES + 100  # whole chunks and a part of one
TICKS = 90_000


@dataclass(frozen=True)
class Rehearsal:
    """What was sealed, by segment, and the file of the key that signed it."""

    folder: Path
    plaintexts: tuple[bytes, ...]
    recorder_key: Path


def rehearse(folder: Path, epoch: Epoch, now: datetime) -> Rehearsal:
    """Write a test recording into `folder`, sealed to the epoch's recipient."""
    own, recorder = generate_x25519(), SigningKey.generate()
    folder.mkdir(parents=True)
    key = seal(f"{own.encode()}\n".encode("ascii"), [parse_recipient(epoch.recipient)])
    (folder / "key.age").write_bytes(key)
    contents: list[Content] = [_begun(epoch, key, str(own.recipient))]
    plaintexts = tuple(os.urandom(SEGMENT_BYTES) for _ in range(SEGMENTS))
    for index, plaintext in enumerate(plaintexts, 1):
        sealed = seal(plaintext, [own.recipient])
        (folder / f"{index:06d}.age").write_bytes(sealed)
        contents += _lines_of(index, sealed)
    contents.append(Closed(reason=CloseReason.STOPPED, segments=SEGMENTS, duration_ticks=SEGMENTS * TICKS))
    (folder / "manifest").write_bytes(_sign(contents, recorder, now))
    (folder / "recorder.pub").write_text(f"{recorder.verifying.encode()}\n", "ascii")
    return Rehearsal(folder, plaintexts, folder / "recorder.pub")


def _begun(epoch: Epoch, key: bytes, recipient: str) -> Begun:
    return Begun(
        recording=_new_id(),
        device=_new_id(),
        owner=_new_id(),
        epoch=epoch.name,
        key_digest=digest_of(key),
        key_bytes=len(key),
        recipient=recipient,
        policy_generation=1,
        policy_version=1,
        camera="drill",
    )


def _lines_of(index: int, sealed: bytes) -> tuple[Content, Content]:
    opened = Opened(index=index, take=1, header_digest=digest_of(read_header_bytes(BytesIO(sealed))))
    digest, size = digest_of(sealed), len(sealed)
    return opened, Sealed(index=index, digest=digest, size_bytes=size, init_bytes=0, duration_ticks=TICKS, fragments=())


def _sign(contents: list[Content], key: SigningKey, now: datetime) -> bytes:
    moment = Moment(wall_at=now.replace(microsecond=0), wall_trusted=True, boot="0" * 32, monotonic_ms=0)
    data, previous = b"", NO_LINE
    for number, content in enumerate(contents):
        line = sign_content(content, moment=moment, number=number, previous=previous, key=key)
        data, previous = data + line, digest_of(line)
    return data


def _new_id() -> str:
    return make_id(os.urandom(ID_BYTES))
