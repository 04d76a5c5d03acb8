"""Each unit's own offset inside a window, so that ten thousand units do not ask in one second. Pure.

It comes out of the unit's id alone: the same every night, and told to nobody but the unit. The schedule of a unit that
hears no broker begins there; a lease that is offered earlier is as good.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

from protocol.schedule import Opening

SHARE = Fraction(1, 10)
LONGEST = timedelta(minutes=30)


def share_of(device: str) -> Fraction:
    """Give a number from 0 up to but not 1, spread evenly over the ids."""
    return Fraction(int.from_bytes(hashlib.sha256(device.encode("ascii")).digest()[:8]), 2**64)


def offset(device: str, begins_at: datetime, ends_at: datetime) -> timedelta:
    """Give a unit's offset in whole seconds: within the first tenth of a window, and within its first half hour."""
    most_s = min((ends_at - begins_at).total_seconds() * SHARE, LONGEST.total_seconds())
    return timedelta(seconds=int(Fraction(most_s) * share_of(device)))


def stagger(found: Sequence[Opening], device: str) -> tuple[Opening, ...]:
    """Let every window begin at the unit's own offset; where the rate changes inside a window, nothing is put off."""
    return tuple(late for run in _runs(found) for late in _begin_late(run, device))


def _runs(found: Iterable[Opening]) -> Iterator[list[Opening]]:
    """Give the openings of one kind that meet, together."""
    run: list[Opening] = []
    for opening in found:
        if run and (run[-1].ends_at, run[-1].kind) != (opening.begins_at, opening.kind):
            yield run
            run = []
        run.append(opening)
    if run:
        yield run


def _begin_late(run: Sequence[Opening], device: str) -> Iterator[Opening]:
    begins_at = run[0].begins_at + offset(device, run[0].begins_at, run[-1].ends_at)
    for opening in run:
        if opening.begins_at >= begins_at:
            yield opening
        elif opening.ends_at > begins_at:
            yield replace(opening, begins_at=begins_at)
