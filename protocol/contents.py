"""What the lines of a manifest say: one frozen record for each kind, checked when it is made.

A record that breaks a rule cannot be built, neither by the recorder nor by a reader. How lines are signed, chained and
ordered is protocol.manifest's business. Defined in docs/protocol/manifest.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, TypeAlias

from protocol.checks import require_at_least, require_digest, require_name
from protocol.ids import parse_id


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When a line was written: wall time and whether it was trusted, and the boot's own clock in milliseconds."""

    wall_at: datetime
    wall_trusted: bool
    boot: str
    monotonic_ms: int

    def __post_init__(self) -> None:
        """Refuse a clock that runs before its boot."""
        require_at_least(0, monotonic_ms=self.monotonic_ms)


class FragmentEntry(NamedTuple):
    """One fragment in a segment's plaintext: where it lies, its time in 1/90000 s, and if it begins with a keyframe."""

    offset: int
    length: int
    start_ticks: int
    duration_ticks: int
    keyframe: int


@dataclass(frozen=True, kw_only=True)
class Begun:
    """The first line: whose unit, whose lesson, under which policy and to which keys the recording is sealed.

    `seats`: how many seats somebody confirmed at the button to be out of the picture; None when none had to be.
    `without_sound`: the room was not to be heard, so that no take of it has sound; None when it was.
    `mask_version`: which version of the room's mask hides parts of its pictures; None when nothing is hidden.
    """

    LINE: ClassVar[str] = "begun"

    recording: str
    device: str
    owner: str
    epoch: str
    key_digest: str
    key_bytes: int
    recipient: str
    policy_generation: int
    policy_version: int
    camera: str
    lesson: str | None = None
    seats: int | None = None
    without_sound: bool | None = None
    mask_version: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is no identifier, no epoch's name, no digest, or counts from the wrong number."""
        parse_id(self.recording, "recording")
        parse_id(self.device, "device")
        parse_id(self.owner, "owner")
        require_name(self.epoch, "epoch")
        require_digest(self.key_digest, "key_digest")
        require_at_least(1, key_bytes=self.key_bytes, policy_generation=self.policy_generation)
        require_at_least(1, policy_version=self.policy_version)
        require_at_least(0, seats=self.seats or 0)
        if self.mask_version is not None:
            require_at_least(1, mask_version=self.mask_version)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A segment is about to be written: the digest of its age header. `take` counts unbroken stretches from 1."""

    LINE: ClassVar[str] = "opened"

    index: int
    take: int
    header_digest: str

    def __post_init__(self) -> None:
        """Refuse a place before the first, and what is no digest."""
        require_at_least(1, index=self.index, take=self.take)
        require_digest(self.header_digest, "header_digest")


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A segment is whole: digest and length of its sealed bytes, the init's length, and where its fragments lie."""

    LINE: ClassVar[str] = "sealed"

    index: int
    digest: str
    size_bytes: int
    init_bytes: int
    duration_ticks: int
    fragments: tuple[FragmentEntry, ...]

    def __post_init__(self) -> None:
        """Refuse fragments that overlap, run backwards or lie in the init, and what is no digest."""
        require_at_least(1, index=self.index, size_bytes=self.size_bytes)
        require_at_least(0, init_bytes=self.init_bytes, duration_ticks=self.duration_ticks)
        require_digest(self.digest, "digest")
        end = self.init_bytes
        for at, entry in enumerate(self.fragments):
            if entry.offset < end or entry.length < 1 or entry.duration_ticks < 0 or entry.keyframe not in (0, 1):
                raise ValueError(f"fragments[{at}]: expected a fragment at byte {end} or later, got {entry}")
            end = entry.offset + entry.length


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """A segment that was cut off: digest and length of what was found, and how many whole chunks that can be."""

    LINE: ClassVar[str] = "recovered"

    index: int
    digest: str
    size_bytes: int
    whole_chunks: int

    def __post_init__(self) -> None:
        """Refuse counts below nothing, and what is no digest."""
        require_at_least(1, index=self.index)
        require_at_least(0, size_bytes=self.size_bytes, whole_chunks=self.whole_chunks)
        require_digest(self.digest, "digest")


class EventName(StrEnum):
    """What can happen in a recording beside its segments."""

    BOOKMARK = "bookmark"
    PAUSE = "pause"
    RESUME = "resume"
    SOUND = "sound"
    FAULT = "fault"
    POLICY = "policy"
    UNDISCARD = "undiscard"


class SoundVerdict(StrEnum):
    """What the sound of a recording was like."""

    GOOD = "good"
    QUIET = "quiet"
    CLIPPING = "clipping"
    SILENT = "silent"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Measures of the sound: shares in parts per thousand, loudness in thousandths of a decibel full scale.

    `speech_permille`: the share of the take's time in which somebody spoke; None where it was not measured.
    """

    verdict: SoundVerdict
    silent_permille: int
    clipped_permille: int
    loudness_mdbfs: int
    peak_mdbfs: int
    speech_permille: int | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened at a media time (1/90000 s since the take began); `detail` is words for a fault."""

    LINE: ClassVar[str] = "event"

    name: EventName
    take: int = 0
    at_ticks: int = 0
    detail: str = ""
    sound: Sound | None = None

    def __post_init__(self) -> None:
        """Refuse a time before the recording."""
        require_at_least(0, take=self.take, at_ticks=self.at_ticks)


class CloseReason(StrEnum):
    """Why a recording ended. `DISCARDED` is the one that lets a unit destroy undelivered footage."""

    STOPPED = "stopped"
    BELL = "bell"
    DISCARDED = "discarded"
    LIMIT = "limit"
    CONSENT = "consent"
    FAULT = "fault"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class Closed:
    """No segment follows. Only events may."""

    LINE: ClassVar[str] = "closed"

    reason: CloseReason
    segments: int
    duration_ticks: int

    def __post_init__(self) -> None:
        """Refuse counts below nothing."""
        require_at_least(0, segments=self.segments, duration_ticks=self.duration_ticks)


Content: TypeAlias = Begun | Opened | Sealed | Recovered | Event | Closed
KINDS: dict[str, type[Any]] = {kind.LINE: kind for kind in (Begun, Opened, Sealed, Recovered, Event, Closed)}
