"""Recordings for tests of the controller: real takes out of the real muxer, sealed and signed as a unit does it.

A lesson is held in memory; `tests/house.py` puts it into a controller as if it had been delivered.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from device.hardware.clock import SystemClock
from device.hardware.ports import AudioFrame, CameraEnd, CameraFault, PictureFacts, VideoPacket
from device.hardware.synthetic import SyntheticCamera, SyntheticSettings
from device.media.demux import Footage, read_footage
from device.media.inputs import inspect_input
from device.media.muxer import Fragment, InitSegment, TakeMuxer
from device.media.segments import SegmentIndex, SegmentLimits, decide_cut
from protocol.envelope import KeyIdentity, generate_x25519, read_header_bytes, seal
from protocol.ids import make_id
from protocol.manifest import (
    NO_LINE,
    Begun,
    Closed,
    CloseReason,
    Content,
    Event,
    EventName,
    FragmentEntry,
    Moment,
    Opened,
    Recovered,
    Sealed,
    Sound,
    SoundVerdict,
    digest_of,
    sign_content,
)
from protocol.signing import SigningKey

SMALL = (320, 180)
BEGAN_AT = datetime(2026, 11, 23, 8, 15, tzinfo=UTC)
GOOD_SOUND = Sound(
    verdict=SoundVerdict.GOOD, silent_permille=20, clipped_permille=0, loudness_mdbfs=-21_000, peak_mdbfs=-3_000
)


@dataclass(frozen=True, kw_only=True)
class MediaSegment:
    """The plaintext of one segment and its index."""

    take: int
    data: bytes
    init_bytes: int
    fragments: tuple[FragmentEntry, ...]


class _Film:
    """Takes what a camera gives until it ends."""

    def __init__(self) -> None:
        self.items: list[Footage] = []
        self._over = threading.Event()

    def on_video(self, packet: VideoPacket) -> None:
        self.items.append(packet)

    def on_audio(self, frame: AudioFrame) -> None:
        self.items.append(frame)

    def on_end(self, end: CameraEnd) -> None:
        self._over.set()

    def on_fault(self, fault: CameraFault) -> None:
        raise fault

    def wait(self) -> list[Footage]:
        """Give everything once the camera has ended."""
        if not self._over.wait(timeout=60):
            raise TimeoutError("the camera did not end within a minute")
        return self.items


def film(*, seconds: float, size: tuple[int, int] = SMALL) -> list[Footage]:
    """Film with the synthetic camera, without waiting."""
    width, height = size
    settings = SyntheticSettings(
        width=width, height=height, bit_rate_bps=5 * width * height, speed=math.inf, seconds=seconds
    )
    camera, taken = SyntheticCamera(clock=SystemClock(), settings=settings), _Film()
    camera.start(taken)
    items = taken.wait()
    camera.stop()
    return items


def record_take(
    footage: Iterable[Footage], *, take: int, limits: SegmentLimits, picture: PictureFacts
) -> list[MediaSegment]:
    """Mux one take and cut it into segments, as the recorder does."""
    muxer = TakeMuxer(picture)
    made: list[InitSegment | Fragment] = []
    for item in footage:
        made += muxer.add_video(item) if isinstance(item, VideoPacket) else muxer.add_audio(item)
    made += muxer.close()
    return _cut(made, take, limits)


def _cut(made: Sequence[InitSegment | Fragment], take: int, limits: SegmentLimits) -> list[MediaSegment]:
    init = next(item for item in made if isinstance(item, InitSegment))
    files: list[tuple[SegmentIndex, bytearray]] = []
    for item in made:
        if isinstance(item, InitSegment):
            continue
        if not files or decide_cut(files[-1][0], item, limits):
            files.append((SegmentIndex.begin(init), bytearray(init.data)))
        files[-1][0].add(item)
        files[-1][1].extend(item.data)
    return [
        MediaSegment(
            take=take,
            data=bytes(data),
            init_bytes=len(init.data),
            fragments=tuple(
                FragmentEntry(one.offset, one.length, one.start_ticks, one.duration_ticks, int(one.keyframe))
                for one in index.entries
            ),
        )
        for index, data in files
    ]


def record_synthetic(
    *, take: int = 1, seconds: float = 6, segment_s: float = 30, size: tuple[int, int] = SMALL
) -> list[MediaSegment]:
    """Record the synthetic camera."""
    limits = SegmentLimits(target_s=segment_s, bound_s=2 * segment_s)
    return record_take(film(seconds=seconds, size=size), take=take, limits=limits, picture=PictureFacts())


def record_file(path: Path, *, take: int = 1, segment_s: float = 30) -> list[MediaSegment]:
    """Record a video file, pictures as they are."""
    limits = SegmentLimits(target_s=segment_s, bound_s=2 * segment_s)
    return record_take(read_footage(path), take=take, limits=limits, picture=inspect_input(path).picture)


@dataclass(kw_only=True)
class Lesson:
    """A recording as a unit delivers it: sealed objects by index, and the signed manifest."""

    device: str
    owner: str
    recorder: SigningKey = field(repr=False)
    epoch: str
    epoch_identity: KeyIdentity = field(repr=False)
    segments: Sequence[MediaSegment]
    events: Sequence[Event] = ()
    torn: frozenset[int] = frozenset()
    """Indexes of segments that a power cut ended: a tenth of their sealed bytes is missing."""
    began_at: datetime = BEGAN_AT
    id: str = field(default_factory=lambda: make_id(os.urandom(16)))
    identity: KeyIdentity = field(default_factory=generate_x25519, repr=False)
    objects: dict[int, bytes] = field(init=False, default_factory=dict, repr=False)
    manifest: bytes = field(init=False, default=b"", repr=False)

    def __post_init__(self) -> None:
        """Seal and sign everything."""
        self.objects[0] = seal(f"{self.identity.encode()}\n".encode(), [self.epoch_identity.recipient])
        for index, segment in enumerate(self.segments, start=1):
            sealed = seal(segment.data, [self.identity.recipient])
            self.objects[index] = sealed[: len(sealed) * 9 // 10] if index in self.torn else sealed
        lines: list[bytes] = []
        for number, content in enumerate(self._contents()):
            previous = digest_of(lines[-1]) if lines else NO_LINE
            moment = Moment(wall_at=self.began_at, wall_trusted=True, boot="made-up", monotonic_ms=1000 * (number + 1))
            lines.append(sign_content(content, moment=moment, number=number, previous=previous, key=self.recorder))
        self.manifest = b"".join(lines)

    def line_of(self, event: Event) -> int:
        """Give the number of an event's line."""
        return list(self._contents()).index(event)

    def _contents(self) -> Iterator[Content]:
        yield Begun(
            recording=self.id,
            device=self.device,
            owner=self.owner,
            epoch=self.epoch,
            key_digest=digest_of(self.objects[0]),
            key_bytes=len(self.objects[0]),
            recipient=str(self.identity.recipient),
            policy_generation=1,
            policy_version=1,
            camera="synthetic",
        )
        for index, segment in enumerate(self.segments, start=1):
            header = read_header_bytes(BytesIO(self.objects[index]))
            yield Opened(index=index, take=segment.take, header_digest=digest_of(header))
            yield self._end(index, segment)
        yield from self.events
        ticks = sum(_length(segment) for segment in self.segments)
        yield Closed(reason=CloseReason.STOPPED, segments=len(self.segments), duration_ticks=ticks)

    def _end(self, index: int, segment: MediaSegment) -> Sealed | Recovered:
        sealed = self.objects[index]
        if index in self.torn:
            return Recovered(
                index=index, digest=digest_of(sealed), size_bytes=len(sealed), whole_chunks=len(sealed) // 65_552
            )
        return Sealed(
            index=index,
            digest=digest_of(sealed),
            size_bytes=len(sealed),
            init_bytes=segment.init_bytes,
            duration_ticks=_length(segment),
            fragments=segment.fragments,
        )


def _length(segment: MediaSegment) -> int:
    last = segment.fragments[-1]
    return last.start_ticks + last.duration_ticks - segment.fragments[0].start_ticks


def bookmark(take: int, at_s: float) -> Event:
    """Make a tap at a moment of a take."""
    return Event(name=EventName.BOOKMARK, take=take, at_ticks=round(at_s * 90_000))


def sound_measured(sound: Sound = GOOD_SOUND) -> Event:
    """Make the line with the measures of the sound."""
    return Event(name=EventName.SOUND, sound=sound)
