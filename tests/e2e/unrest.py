"""What goes wrong in a night of faults: kills of every process, cut links, flipped bits, a controller that moves.

Everything is chosen by one source of chance. After each kill of the controller it is checked that it still holds what
units were told it holds; after the night, that no flipped bit was taken for the recorder's.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from controller.recordings.models import HeldObject
from device.uploads.records import Records
from protocol.manifest import KEY_INDEX
from tests.e2e.district import District, Unit
from tests.e2e.morning import facts, receipt_items
from tests.e2e.school_night import SERVER, Night
from tests.e2e.stack import set_values
from tests.e2e.wire import LASTING, Fate, Wire

STEP_S = 0.1
FAULTS_EVERY_S = 1.2
AWAY_S = 3.0
LOOKED_AT = 12  # units, after each kill of the controller
FLIPS = 8
BROKER, MOVE, LINK, FLIP = "broker", "controller moved", "links of a site cut", "bit flipped"


@dataclass(frozen=True)
class Flip:
    """A bit that was changed on a card, and where."""

    unit: Unit
    lesson: str
    index: int
    path: Path

    def change(self) -> None:
        """Change it, or change it back."""
        data = bytearray(self.path.read_bytes())
        data[len(data) // 2] ^= 1
        self.path.write_bytes(data)


@dataclass
class Unrest:
    """Faults at random for so many seconds."""

    chance: random.Random
    lasts_s: float
    say: Callable[[str], None]
    counts: Counter[str] = field(default_factory=Counter)
    flips: list[Flip] = field(default_factory=list)
    noticed: int = 0
    looked: int = 0
    _wires: dict[str, Wire] = field(default_factory=dict)
    _back_at_s: dict[str, float] = field(default_factory=dict)

    def prepare(self, district: District) -> None:
        """Put a wire between the units of each site and the controller."""
        for site in district.site_bps:
            self._lead(district, site)

    def _lead(self, district: District, site: str) -> None:
        """Let the units of a site reach the controller at a new address, and at no other."""
        wire = Wire(district.services.config.units.port)
        for unit in district.units:
            if unit.site == site:
                set_values(unit.config, {"controller": {"url": f"https://127.0.0.1:{wire.port}"}})
        before = self._wires.get(site)
        self._wires[site] = wire
        if before:
            before.close()

    def rage(self, night: Night, is_over: Callable[[], bool]) -> None:
        """Break things until the time is over, or everything is at home; then start what is away, and mend links."""
        began_s = time.monotonic()
        next_s, moves_at_s = began_s, began_s + self.lasts_s / 3
        while (now_s := time.monotonic()) < began_s + self.lasts_s:
            self._bring_back(night, now_s)
            if now_s >= moves_at_s:
                moves_at_s = began_s + 2 * self.lasts_s
                self._move(night)
            if now_s >= next_s:
                next_s = now_s + self.chance.expovariate(1 / FAULTS_EVERY_S)
                self._break(night, now_s)
                if is_over():
                    break
            time.sleep(STEP_S)
        self._bring_back(night, float("inf"))
        for wire in self._wires.values():
            wire.mend()
        self.say(f"calm after {time.monotonic() - began_s:.0f} s: {dict(self.counts)}")

    def _bring_back(self, night: Night, now_s: float) -> None:
        for name in [name for name, at_s in self._back_at_s.items() if at_s <= now_s]:
            del self._back_at_s[name]
            if name == BROKER:
                night.district.broker.start()
            else:
                night.start(name)

    def _break(self, night: Night, now_s: float) -> None:
        what = self.chance.choice((*SERVER, *SERVER, *night.rooms, BROKER, LINK, LINK, FLIP))
        if what == LINK:
            self._cut(self.chance.choice(list(self._wires)))
        elif what == FLIP:
            self._flip(night.district)
        elif what not in self._back_at_s:
            self._kill(night, what)
            self._back_at_s[what] = now_s + self.chance.uniform(0.0, AWAY_S)

    def _cut(self, site: str) -> None:
        self.counts[LINK] += 1
        lasting = self.chance.random() < 0.3
        self._wires[site].disturb((lambda: LASTING) if lasting else self._next_fate)

    def _next_fate(self) -> Fate:
        return Fate(self.chance.randrange(10_000, 1_000_000), stalls=self.chance.random() < 0.1)

    def _kill(self, night: Night, what: str) -> None:
        self.counts[f"{what.split('-')[0]} killed"] += 1
        if what == BROKER:
            night.district.broker.stop(signal.SIGKILL)
        else:
            night.kill(what)
        if what == "serve":
            self._look_at_what_was_told(night.district)

    def _look_at_what_was_told(self, district: District) -> None:
        """What a unit was told to be held, by receipt or by the controller's wishes, is in rows and on the disk."""
        for unit in self.chance.sample(district.units, min(LOOKED_AT, len(district.units))):
            told = {
                (lesson.id, index)
                for lesson in unit.lessons
                for index in (
                    *receipt_items(district, unit, lesson),
                    *Records(unit.data / "uploads").load(lesson.id).delivered,
                )
            }
            held = _held(district, unit)
            assert told <= held, f"{unit.folder.name} was told of {len(told - held)} objects that are not held"
            self.looked += len(told)

    def _move(self, night: Night) -> None:
        """The controller answers the units of one site at another address, which they learn at their next start."""
        self.counts[MOVE] += 1
        site = self.chance.choice(list(self._wires))
        names = [name for name, units in night.rooms.items() if any(unit.site == site for unit in units)]
        for name in names:
            if night.runs(name):
                night.kill(name)
            self._back_at_s[name] = 0.0
        self._lead(night.district, site)

    def _flip(self, district: District) -> None:
        """Change a bit of a segment that has not come home yet, if chance finds one."""
        unit = self.chance.choice(district.units)
        lesson = self.chance.choice(unit.lessons)
        index = self.chance.randrange(1, len(lesson.objects))
        if len(self.flips) >= FLIPS or (lesson.id, index) in _held(district, unit):
            return
        if any((each.lesson, each.index) == (lesson.id, index) for each in self.flips):
            return
        flip = Flip(unit, lesson.id, index, unit.data / "spool" / lesson.id / f"{index:06d}.age")
        flip.change()
        self.flips.append(flip)
        self.counts[FLIP] += 1

    def is_apart(self, lesson: str) -> bool:
        """Tell whether a lesson cannot come home before its card is repaired."""
        return any(each.lesson == lesson for each in self.flips)

    def repair(self, night: Night) -> None:
        """Count what the units noticed, put the bits back, and let the units forget that their cards were damaged."""
        names = [name for name, units in night.rooms.items() if any(each.unit in units for each in self.flips)]
        for name in names:
            night.kill(name)
        for each in self.flips:
            records = Records(each.unit.data / "uploads")
            self.noticed += each.index in records.load(each.lesson).damaged
            each.change()
            (each.unit.data / "uploads" / each.lesson).unlink(missing_ok=True)
        night.start(*names) if names else None

    def close(self) -> None:
        """Let go of the wires."""
        for wire in self._wires.values():
            wire.close()

    def told(self) -> list[str]:
        """Say what went wrong and what came of it."""
        return [
            f"faults: {dict(self.counts)}",
            f"objects that units had been told are held, looked for after kills of the controller: {self.looked}",
            f"flipped bits: {len(self.flips)}, noticed by their units: {self.noticed}; taken in: 0",
        ]


def _held(district: District, unit: Unit) -> set[tuple[str, int]]:
    """Give what the controller holds of a unit as it was sealed, by rows and files."""
    held: set[tuple[str, int]] = set()
    folder = district.services.config.controller.data / "objects"
    for lesson in unit.lessons:
        wanted = facts(lesson)
        with district.services.database.reading() as session:
            rows = session.scalars(select(HeldObject).where(HeldObject.recording == lesson.id)).all()
        for row in rows:
            path = folder / lesson.id / f"{row.object_index:06d}.age"
            is_there = row.object_index == KEY_INDEX or path.stat().st_size == row.size_bytes
            assert (row.digest, row.size_bytes) == wanted[row.object_index], "what is held is not what was sealed"
            assert is_there, "a row stands without its file"
            held.add((lesson.id, row.object_index))
    return held
