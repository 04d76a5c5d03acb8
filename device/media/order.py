"""Brings a file's pictures into the form that a recording has: one unit each, decoding times that rise, nothing hidden.

Pure. Presentation times are the file's word and stay as they are; of the decoding times only what is missing or cannot
be is replaced. Matroska keeps none, and what FFmpeg guesses instead is wrong where the depth of reordering changes.
"""

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

LOOKAHEAD = 17  # H.264 allows 16 pictures to be shown before one that is decoded first (A.3.1)
_MOST_AHEAD = 10 * 90_000  # ticks: a decoding time that is hours early, as damage makes it, would delay everything


@dataclass(frozen=True, slots=True)
class TimedUnit:
    """An access unit with the times that the container gave, in ticks; None where it gave none.

    `hidden`: an edit list says that it is decoded and not shown.
    """

    data: bytes
    pts: int | None
    dts: int | None
    duration: int
    keyframe: bool
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """A unit and its decoding time."""

    unit: TimedUnit
    pts: int
    dts: int


def join_fields(units: Iterable[TimedUnit]) -> Iterator[TimedUnit]:
    """Join a unit without any time to the one before it: in a transport stream the second field of the same picture."""
    first: TimedUnit | None = None
    fields = 0
    for unit in units:
        fields += 1
        if first is not None and fields == 2 and unit.pts is None and unit.dts is None:
            first = replace(first, data=first.data + unit.data)
            continue
        if first is not None:
            yield first
        first, fields = unit, 1
    if first is not None:
        yield first


def leave_out_hidden(units: Iterable[TimedUnit]) -> Iterator[TimedUnit]:
    """Leave out hidden pictures that no shown one is decoded from: all up to a keyframe, and all at the end.

    The others keep their times before the beginning, where a recording has no other place for them. Further on they
    pass within a few ticks before the shown one that needs them, too fast to be seen.
    """
    held: list[TimedUnit] = []
    begins: int | None = None
    newest = -sys.maxsize
    for unit in units:
        if unit.keyframe:
            held.clear()
        if unit.hidden:
            held.append(unit)
            continue
        for place, hidden in enumerate(held):
            before = begins is None or ((hidden.pts or 0) < begins and (hidden.dts or 0) > newest)
            yield hidden if before else _squeeze(hidden, unit, ticks=len(held) - place)
        yield unit
        begins = min((each for each in (begins, unit.pts) if each is not None), default=None)
        newest = max(newest, *(each.dts or 0 for each in (*held, unit)))
        held.clear()


def _squeeze(hidden: TimedUnit, shown: TimedUnit, *, ticks: int) -> TimedUnit:
    pts, dts = (None if at is None else at - ticks for at in (shown.pts, shown.dts))
    return replace(hidden, pts=pts, dts=dts)


class DecodingOrder:
    """Takes units in decoding order and gives them back, LOOKAHEAD later, with times that a muxer can take.

    Where neither can hold (the same `pts` for too many pictures, or time that runs backwards), `dts` wins.
    """

    def __init__(self) -> None:
        self._waiting: deque[TimedUnit] = deque()
        self._last_dts: int | None = None

    def place(self, unit: TimedUnit) -> Iterator[Settled]:
        """Take the next unit; give those whose times are settled."""
        self._waiting.append(unit)
        if len(self._waiting) > LOOKAHEAD:
            yield self._settle()

    def flush(self) -> Iterator[Settled]:
        """Give what is left at the end."""
        while self._waiting:
            yield self._settle()

    def _settle(self) -> Settled:
        dts = self._decide()
        unit = self._waiting.popleft()
        if self._last_dts is not None and dts <= self._last_dts:
            dts = self._following()
        self._last_dts = dts
        return Settled(unit, dts if unit.pts is None else max(dts, unit.pts), dts)

    def _decide(self) -> int:
        proposed, latest = self._propose(), self._latest()
        if latest is None:
            return self._following() if proposed is None else proposed
        return latest if proposed is None else max(min(proposed, latest), latest - _MOST_AHEAD)

    def _following(self) -> int:
        return 0 if self._last_dts is None else self._last_dts + 1

    def _propose(self) -> int | None:
        """The container's own time, or counted back from the next one that it gives."""
        ahead = 0
        for unit in self._waiting:
            if unit.dts is not None:
                return unit.dts - ahead
            ahead += unit.duration
        return None

    def _latest(self) -> int | None:
        """The latest time at which this unit can be decoded so that it and all that follow are in time."""
        return min((unit.pts - place for place, unit in enumerate(self._waiting) if unit.pts is not None), default=None)
