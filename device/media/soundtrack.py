"""Where each piece of sound goes in a take whose audio track must never have a hole.

Pure arithmetic on sample positions (0 is the take's beginning): silence where nothing came, nothing twice where
sound came late. It never touches a sample and never waits.
"""

from dataclasses import dataclass

JITTER_SAMPLES = 1440
"""30 ms at 48 kHz: a microphone's timestamps wander by this much without anything being lost."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Write `silence` samples of silence, then the frame without its first `skip` samples."""

    silence: int
    skip: int


class Soundtrack:
    """The write position of one take's audio track, in samples."""

    def __init__(self) -> None:
        self.position = 0
        self.silent_samples = 0
        self.skipped_samples = 0
        self._in_sound = False

    def place(self, start: int, count: int) -> Placement:
        """Decide for a frame of `count` samples that belongs at position `start`, and advance past it.

        Within a run of sound a deviation of at most JITTER_SAMPLES is ignored; after silence, and after a frame that
        came too late as a whole, the place is exact.
        """
        gap = start - self.position
        if self._in_sound and abs(gap) <= JITTER_SAMPLES:
            gap = 0
        placement = Placement(silence=max(0, gap), skip=min(count, max(0, -gap)))
        self._advance(placement, count)
        return placement

    def fill_to(self, end: int) -> int:
        """Return how many samples of silence bring the track to position `end` (0 when it is there), and advance."""
        missing = max(0, end - self.position)
        if missing:
            self.position += missing
            self.silent_samples += missing
            self._in_sound = False
        return missing

    def _advance(self, placement: Placement, count: int) -> None:
        written = count - placement.skip
        self.position += placement.silence + written
        self.silent_samples += placement.silence
        self.skipped_samples += placement.skip
        self._in_sound = written > 0 or (self._in_sound and not placement.skip)
