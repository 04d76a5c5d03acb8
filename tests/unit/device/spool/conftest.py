"""A spool with a signer, and footage that was drawn once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from device.media.muxer import Fragment, InitSegment
from device.spool.manifest import Signer, start_manifest
from device.spool.recording import OpenRecording
from device.spool.store import SpoolStore
from protocol.durable import REAL, Files
from protocol.envelope import X25519Identity, generate_x25519, seal
from protocol.manifest import TICKS_PER_SECOND, Begun, CloseReason, Manifest, Moment, digest_of, parse_manifest
from protocol.signing import SigningKey
from tests.fakes.clock import BEGAN_AT
from tests.school import new_id

INIT = InitSegment(b"\x00\x00\x00\x10ftypiso6" + bytes(4))


def make_fragment(number: int, size: int, *, seconds: float = 0.5, keyframe: bool = True) -> Fragment:
    """Make something that is shaped like a fragment: a `moof` and an `mdat` of `size` bytes in all."""
    moof = b"\x00\x00\x00\x10moof" + bytes(8)
    mdat = (size - len(moof)).to_bytes(4, "big") + b"mdat" + bytes([number % 251]) * (size - len(moof) - 8)
    ticks = round(seconds * TICKS_PER_SECOND)
    return Fragment(moof + mdat, number * ticks, ticks, keyframe)


@dataclass
class SpoolBench:
    """A spool, the recorder's key, and the identity that opens what is sealed here."""

    root: Path
    files: Files = REAL
    device: str = field(default_factory=new_id)
    owner: str = field(default_factory=new_id)
    recorder: SigningKey = field(default_factory=SigningKey.generate)
    identity: X25519Identity = field(default_factory=generate_x25519)

    def __post_init__(self) -> None:
        self.store = SpoolStore(self.root, self.files)
        self.store.prepare()
        self.signer = Signer(key=self.recorder, moment=self.moment, files=self.files)

    def moment(self) -> Moment:
        """Every line is written at the same moment."""
        return Moment(wall_at=BEGAN_AT, wall_trusted=True, boot="boot-1", monotonic_ms=1000)

    def begun(self, recording: str, key: bytes) -> Begun:
        """The first line of a recording."""
        return Begun(
            recording=recording,
            device=self.device,
            owner=self.owner,
            epoch="2026-w36",
            key_digest=digest_of(key),
            key_bytes=len(key),
            recipient=str(self.identity.recipient),
            policy_generation=1,
            policy_version=1,
            camera="synthetic",
        )

    def begin(self) -> OpenRecording:
        """Begin a recording, with a key that is sealed to the bench's own identity."""
        recording, key = new_id(), seal(b"identity", [self.identity.recipient])
        self.store.create(recording)
        self.store.put_key(recording, key)
        path = self.store.manifest_path(recording)
        return OpenRecording(self.store, *start_manifest(path, self.begun(recording, key), self.signer))

    def record(self, segments: int = 2, *, reason: CloseReason | None = CloseReason.STOPPED) -> str:
        """Make a whole recording of some short segments; without `reason` it stays open."""
        recording = self.begin()
        for _ in range(segments):
            self.seal_segment(recording)
        if reason is not None:
            recording.close(reason)
        return recording.name

    def seal_segment(self, recording: OpenRecording) -> None:
        """One segment of two fragments."""
        segment = recording.open_segment(1)
        segment.write_init(INIT)
        for number in range(2):
            segment.write_fragment(make_fragment(number, 5_000))
        recording.seal_segment(segment)

    def manifest(self, recording: str) -> Manifest:
        """Read and verify."""
        return parse_manifest(self.store.manifest_path(recording).read_bytes(), self.recorder.verifying)


@pytest.fixture
def bench(tmp_path: Path) -> SpoolBench:
    """A fresh spool."""
    return SpoolBench(tmp_path / "spool")


@pytest.fixture
def make_bench(tmp_path: Path) -> Callable[[Files], SpoolBench]:
    """A fresh spool behind a door that fails."""
    return lambda files: SpoolBench(tmp_path / new_id(), files)
