"""The bandwidth calculator: rooms × lessons × quality, and how long a line takes for them. Pure.

Its numbers are the product's own: 2 Mbit/s of picture and 64 kbit/s of sound unless somebody says otherwise, and no
margin that is not named. What a line is sold with it seldom gives; the page offers what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

BITS = 8
SOUND_BPS = 64_000
MOST_ROOMS, MOST_LESSONS, MOST_MINUTES, MOST_HOURS = 100_000, 16, 240, 24.0
LEAST_BPS, MOST_BPS = 100_000, 100_000_000_000
LEAST_VIDEO_BPS, MOST_VIDEO_BPS = 100_000, 20_000_000
VIDEO_BPS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class School:
    """What is asked: how much is recorded on a school day, and what the line gives in how many hours of a night."""

    rooms: int
    lessons: float = 5
    minutes: float = 45
    video_bps: int = VIDEO_BPS
    line_bps: int
    hours: float

    @property
    def lesson_bytes(self) -> int:
        """Give the size of one lesson."""
        return round((self.video_bps + SOUND_BPS) * self.minutes * 60 / BITS)

    @property
    def day_bytes(self) -> int:
        """Give the size of a school day."""
        return round(self.lesson_bytes * self.lessons * self.rooms)

    @property
    def night_bytes(self) -> int:
        """Give how much a night carries."""
        return round(self.line_bps * self.hours * 3600 / BITS)

    @property
    def needs_hours(self) -> float:
        """Give how long the line takes for a school day."""
        return self.day_bytes * BITS / self.line_bps / 3600

    @property
    def fits(self) -> bool:
        """Tell whether a school day leaves in one night."""
        return self.day_bytes <= self.night_bytes

    @property
    def most_lessons(self) -> int:
        """Give how many lessons a night carries, of all rooms together."""
        return self.night_bytes // max(1, self.lesson_bytes)

    @property
    def needs_bps(self) -> int:
        """Give the rate at which it would just fit."""
        return round(self.day_bytes * BITS / (self.hours * 3600))


class Change(StrEnum):
    """What could be different."""

    LINE = "line"
    HOURS = "hours"
    QUALITY = "quality"
    LESSONS = "lessons"


@dataclass(frozen=True)
class Whatif:
    """One thing that is different, and the school with it."""

    change: Change
    school: School


def what_ifs(school: School) -> tuple[Whatif, ...]:
    """Give what each change would do: the line at double speed, four hours more, half the bits, one lesson fewer."""
    longer = min(MOST_HOURS, school.hours + 4)
    fewer = max(1.0, school.lessons - 1)
    half = max(LEAST_VIDEO_BPS, school.video_bps // 2)
    changed = (
        (Change.LINE, replace(school, line_bps=school.line_bps * 2)),
        (Change.HOURS, replace(school, hours=longer)),
        (Change.QUALITY, replace(school, video_bps=half)),
        (Change.LESSONS, replace(school, lessons=fewer)),
    )
    return tuple(Whatif(change, other) for change, other in changed if other != school)
