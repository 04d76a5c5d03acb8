"""A command line to call and a recording to open, for the tests of `backrow open`."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from click.testing import CliRunner, Result

from protocol.envelope import CHUNK_BYTES, KeyIdentity, generate_x25519, read_header_bytes, seal
from protocol.ids import make_id
from protocol.manifest import (
    NO_LINE,
    Begun,
    Content,
    Moment,
    Opened,
    Recovered,
    Sealed,
    digest_of,
    sign_content,
)
from protocol.signing import SigningKey
from provisioning.recover import open_command

IDENTITY = generate_x25519(random_bytes=lambda count: b"\x42" * count)
OTHER = generate_x25519(random_bytes=lambda count: b"\x43" * count)
SIGNING_KEY = SigningKey.from_seed(b"\x07" * 32)
SEGMENT_BYTES = 2 * CHUNK_BYTES + 100
_MOMENT = Moment(wall_at=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), wall_trusted=True, boot="b" * 32, monotonic_ms=5)
_ID = make_id(bytes(16))


def content(length: int, label: str = "recover") -> bytes:
    """Plaintext that repeats nowhere."""
    return hashlib.shake_256(label.encode()).digest(length)


def run_open(*arguments: str | Path, data: bytes | None = None) -> Result:
    """Call `backrow open` in this process; a bug's exception is raised, not reported as a status."""
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(open_command, words, input=data, catch_exceptions=False)


def write_key(path: Path, identity: KeyIdentity = IDENTITY) -> Path:
    """A key file as a school keeps it."""
    path.write_text(f"# the school's key\n{identity.encode()}\n")
    return path


@dataclass
class SampleRecording:
    """A folder as the recorder leaves it: key, three segments and the manifest, all in order."""

    folder: Path

    def segment(self, index: int) -> Path:
        """The file of a segment."""
        return self.folder / f"{index:06d}.age"

    @staticmethod
    def plaintext(index: int) -> bytes:
        """What a segment holds."""
        return content(SEGMENT_BYTES, f"segment {index}")

    def make(self) -> "SampleRecording":
        """Write all files; the recording's own identity is sealed to IDENTITY."""
        self.folder.mkdir()
        own = generate_x25519(random_bytes=lambda count: b"\x11" * count)
        key = seal(f"{own.encode()}\n".encode(), [IDENTITY.recipient])
        (self.folder / "key.age").write_bytes(key)
        for index in (1, 2, 3):
            self.segment(index).write_bytes(seal(self.plaintext(index), [own.recipient]))
        self.write_manifest(_begun(key, str(own.recipient)), *self.contents(1), *self.contents(2), *self.contents(3))
        return self

    def contents(self, index: int) -> tuple[Content, Content]:
        """The two lines of a segment as its file now is: cut short if it is not whole."""
        data = self.segment(index).read_bytes()
        header_digest = digest_of(read_header_bytes(BytesIO(data)))
        opened = Opened(index=index, take=1, header_digest=header_digest)
        digest, size = digest_of(data), len(data)
        if len(data) == len(seal(self.plaintext(index), [IDENTITY.recipient])):
            return opened, Sealed(
                index=index, digest=digest, size_bytes=size, init_bytes=0, duration_ticks=90_000, fragments=()
            )
        return opened, Recovered(index=index, digest=digest, size_bytes=size, whole_chunks=2)

    def write_manifest(self, *contents: Content) -> None:
        """Sign the lines, one after the other."""
        data, previous = b"", NO_LINE
        for number, line in enumerate(contents):
            signed = sign_content(line, moment=_MOMENT, number=number, previous=previous, key=SIGNING_KEY)
            data, previous = data + signed, digest_of(signed)
        (self.folder / "manifest").write_bytes(data)

    def rewrite_manifest(self, *contents: Content) -> None:
        """Put other lines behind the first, which stays."""
        key = (self.folder / "key.age").read_bytes()
        self.write_manifest(_begun(key, "age1"), *contents)


def _begun(key: bytes, recipient: str) -> Begun:
    return Begun(
        recording=_ID,
        device=_ID,
        owner=_ID,
        epoch="2026-48",
        key_digest=digest_of(key),
        key_bytes=len(key),
        recipient=recipient,
        policy_generation=1,
        policy_version=1,
        camera="synthetic",
    )
