"""When a take's next segment file begins, and the index of the fragments in each.

Pure. A segment is cut at a keyframe once it is about half a minute long. A stream without keyframes is cut at the
bound all the same, so that no file grows without end; such a segment shows its first picture only at its next
keyframe, and its index says so. Offsets are plaintext bytes, as `docs/protocol/manifest.md` wants them.
"""

from dataclasses import dataclass, field

from device.hardware.ports import TICKS_PER_S
from device.media.muxer import Fragment, InitSegment


@dataclass(frozen=True, slots=True)
class SegmentLimits:
    """`target_s`: cut at the first keyframe from here on; `bound_s`: cut before growing beyond this, keyframe or not.

    Raises ValueError unless 0 < target_s <= bound_s.
    """

    target_s: float = 30.0
    bound_s: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.target_s <= self.bound_s:
            raise ValueError(f"segment limits: need 0 < target_s <= bound_s, got {self.target_s} and {self.bound_s}")


@dataclass(frozen=True, slots=True)
class FragmentEntry:
    """One fragment of a segment: where its `moof` begins in the plaintext, and what it holds (ticks of the take)."""

    offset: int
    length: int
    start_ticks: int
    duration_ticks: int
    keyframe: bool


@dataclass(slots=True)
class SegmentIndex:
    """The growing index of one segment, which begins with the take's init segment."""

    length: int
    entries: list[FragmentEntry] = field(default_factory=list)

    @classmethod
    def begin(cls, init: InitSegment) -> "SegmentIndex":
        """A segment that holds nothing but the init segment so far."""
        return cls(length=len(init.data))

    def add(self, fragment: Fragment) -> FragmentEntry:
        """Append a fragment at the present end."""
        entry = FragmentEntry(
            offset=self.length,
            length=len(fragment.data),
            start_ticks=fragment.start_ticks,
            duration_ticks=fragment.duration_ticks,
            keyframe=fragment.begins_with_keyframe,
        )
        self.entries.append(entry)
        self.length += entry.length
        return entry

    def add_padding(self, size: int) -> None:
        """Count a `free` box of `size` bytes that sealing wrote at the present end."""
        self.length += size

    @property
    def duration_ticks(self) -> int:
        """From the first fragment's start to the last one's end."""
        if not self.entries:
            return 0
        last = self.entries[-1]
        return last.start_ticks + last.duration_ticks - self.entries[0].start_ticks


def decide_cut(index: SegmentIndex, fragment: Fragment, limits: SegmentLimits) -> bool:
    """Whether `fragment` begins a new segment; never before the first fragment of one."""
    if not index.entries:
        return False
    so_far = index.duration_ticks
    if fragment.begins_with_keyframe and so_far >= limits.target_s * TICKS_PER_S:
        return True
    return so_far + fragment.duration_ticks > limits.bound_s * TICKS_PER_S
