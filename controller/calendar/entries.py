"""What a file of free days says, and what taking it would change. Pure values; nothing is read or written here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from controller.calendar.policy import FreeDay
from controller.calendar.refusals import Wrong
from controller.recordings.titles import mark


class Skip(StrEnum):
    """Why an entry is passed over, which is no mistake."""

    OVER = "over"
    TIMED = "timed"
    CANCELLED = "cancelled"
    FAR = "far"


SKIPS = {
    Skip.OVER: mark("is over"),
    Skip.TIMED: mark("has hours: only whole days are free days"),
    Skip.CANCELLED: mark("is cancelled"),
    Skip.FAR: mark("is more than three years away"),
}


@dataclass(frozen=True)
class Skipped:
    """One entry that is passed over."""

    label: str
    why: Skip


@dataclass(frozen=True)
class WrongEntry:
    """One entry that cannot be taken: its number in the file, what it is called, and what is wrong."""

    number: int
    label: str
    wrong: Wrong


@dataclass(frozen=True)
class Found:
    """What a file says: days that can be taken, entries that are passed over, entries that are wrong."""

    days: tuple[FreeDay, ...]
    skipped: tuple[Skipped, ...] = ()
    wrong: tuple[WrongEntry, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[FreeDay | Skipped | WrongEntry]) -> Found:
        """Sort entries by what they are; days that are named twice are taken once."""
        listed = list(entries)
        days = {(day.first_day, day.last_day): day for day in reversed(listed) if isinstance(day, FreeDay)}
        return cls(
            tuple(sorted(days.values())),
            tuple(entry for entry in listed if isinstance(entry, Skipped)),
            tuple(entry for entry in listed if isinstance(entry, WrongEntry)),
        )


@dataclass(frozen=True)
class Difference:
    """Days that are new, that are entered already (by any name), and that are entered but not in the file."""

    new: tuple[FreeDay, ...]
    same: tuple[FreeDay, ...]
    missing: tuple[FreeDay, ...]


def compare(found: Iterable[FreeDay], held: Iterable[FreeDay]) -> Difference:
    """Say what taking `found` would change of what is entered."""
    found, held = tuple(found), tuple(held)
    named = {(day.first_day, day.last_day) for day in found}
    entered = {(day.first_day, day.last_day) for day in held}
    return Difference(
        new=tuple(day for day in found if (day.first_day, day.last_day) not in entered),
        same=tuple(day for day in found if (day.first_day, day.last_day) in entered),
        missing=tuple(day for day in held if (day.first_day, day.last_day) not in named),
    )
