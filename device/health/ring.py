"""The last seven days of readings, on the unit alone: for each day the codes that were found and measures' extremes.

A day has no times, free space and load are not kept, and the rest is coarse: who reads the file learns how the machine
fared and not in which hours it worked (promise P7). The file has a fixed number of days and so a bounded size.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from device.health.report import Reading
from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.durable import SHARED, Files, replace_file
from protocol.errors import ProtocolError

log = logging.getLogger(__name__)
KEPT_DAYS = 7
STEPS = {"celsius": 10, "write_ms": 50, "available_percent": 10}


@dataclass(frozen=True, kw_only=True)
class Extremes:
    """The smallest and the largest of one measure, in coarse steps."""

    measure: str
    least: int
    most: int


@dataclass(frozen=True, kw_only=True)
class DayOfReadings:
    """What one day showed."""

    day: str
    codes: tuple[str, ...] = ()
    extremes: tuple[Extremes, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ring:
    """The days, in the order in which they came."""

    days: tuple[DayOfReadings, ...] = ()

    def before(self, day: str) -> tuple[str, ...]:
        """Give the codes of the last day that is not `day`."""
        others = [each for each in self.days if each.day != day]
        return others[-1].codes if others else ()


def add_readings(ring: Ring, day: str, readings: Iterable[Reading], codes: Iterable[str]) -> Ring:
    """Add readings and the codes that follow from them to a day; the oldest day goes when there are too many."""
    known = next((each for each in ring.days if each.day == day), DayOfReadings(day=day))
    sums = {each.measure: each for each in known.extremes}
    for reading in readings:
        for name, value in reading.measures.items():
            if name in STEPS and isinstance(value, int):
                sums[name] = _widen(sums.get(name), name, value - value % STEPS[name])
    found = DayOfReadings(day=day, codes=tuple(dict.fromkeys((*known.codes, *codes))), extremes=tuple(sums.values()))
    others = tuple(each for each in ring.days if each.day != day)
    return Ring(days=(*others, found)[-KEPT_DAYS:])


def _widen(known: Extremes | None, name: str, value: int) -> Extremes:
    if known is None:
        return Extremes(measure=name, least=value, most=value)
    return Extremes(measure=name, least=min(known.least, value), most=max(known.most, value))


def load_ring(path: Path) -> Ring:
    """Read the ring; one that is not there, damaged or unreadable is empty."""
    try:
        return parse_record(Ring, parse_canonical(path.read_bytes(), "agent/readings"), "agent/readings")
    except FileNotFoundError:
        return Ring()
    except (OSError, ProtocolError) as error:
        log.warning("agent/readings: %s; the days begin anew", error)
        return Ring()


class RingFile:
    """The ring at `path`, written only when a day shows something new."""

    def __init__(self, path: Path, files: Files) -> None:
        self._path = path
        self._files = files
        self.ring = load_ring(path)

    def add(self, day: str, readings: Iterable[Reading], codes: Iterable[str]) -> None:
        """Add readings; a card that refuses is told, and the days are kept in memory."""
        ring = add_readings(self.ring, day, readings, codes)
        if ring == self.ring:
            return
        self.ring = ring
        try:
            self._files.make_folder(self._path.parent)
            replace_file(self._path, encode_canonical(encode_record(ring)), mode=SHARED, files=self._files)
        except OSError as error:
            log.warning("agent/readings cannot be written: %s", error)
