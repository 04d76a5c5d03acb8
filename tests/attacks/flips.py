"""`python -m tests.attacks.flips [flips] [seed]`: one wrong bit in a manifest, a segment or a key, again and again.

Half of the flips are in manifests, judged by what judges them at the door; half in sealed segments and `key.age`,
hashed block by block as the store of incoming files does and compared with the signed manifest. One in fifty goes the
whole way through the units' door instead. Nothing may be accepted, and in the end the true bytes still are.
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from controller.errors import Refusal
from controller.recordings.ingest import Arrived, DamagedError, require_expected
from controller.recordings.manifests import verify_arrived
from controller.uploads.body import RunningDigest
from protocol.manifest import Manifest, parse_manifest
from tests.house import House, make_house
from tests.lesson import Lesson
from tests.unit.controller.uploads.unit_client import UnitClient, made_up_segment, make_unit

FLIPS = 100_000
BY_THE_DOOR = 50
LESSONS = 12
SIZES = (3_000, 20_000, 60_000)
BLOCK_BYTES = 16 * 1024


@dataclass
class Outcome:
    """How many flips of each kind were tried, how the door answered, and what was accepted."""

    tried: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    accepted: list[str] = field(default_factory=list)


@dataclass
class Target:
    """A lesson of a unit; the manifest of every second one is held already."""

    lesson: Lesson
    unit: UnitClient
    manifest: Manifest


@contextmanager
def flipped(data: bytearray, chance: random.Random) -> Iterator[tuple[int, int]]:
    """Change one random bit for a while, and tell which."""
    at, bit = chance.randrange(len(data)), chance.randrange(8)
    data[at] ^= 1 << bit
    yield at, bit
    data[at] ^= 1 << bit


def flip_all(house: House, flips: int, seed: int) -> Outcome:
    """Flip bits, and tell what came of it."""
    chance, outcome = random.Random(seed), Outcome()  # noqa: S311 (a schedule, no secret)
    targets = [_make_target(house, number) for number in range(LESSONS)]
    for number in range(flips):
        target = chance.choice(targets)
        kind = ("manifest", "object")[number % 2]
        if number // 2 % BY_THE_DOOR == 0:
            _flip_at_the_door(target, kind, chance, outcome)
        elif kind == "manifest":
            _flip_manifest(house, target, chance, outcome)
        else:
            _flip_object(target, chance, outcome)
    for target in targets:
        target.unit.deliver(target.lesson)
    return outcome


def _make_target(house: House, number: int) -> Target:
    unit = make_unit(house, house.add_teacher(f"Teacher{number} Moreno"))
    lesson = house.make_lesson(unit.teacher, [made_up_segment(size) for size in SIZES], torn=frozenset({3}))
    if number % 2 == 0:
        assert unit.put_manifest(lesson).status_code == 200
    return Target(lesson, unit, parse_manifest(lesson.manifest, lesson.recorder.verifying))


def _flip_manifest(house: House, target: Target, chance: random.Random, outcome: Outcome) -> None:
    data, names = (
        bytearray(target.lesson.manifest),
        {"device": target.unit.teacher.device, "recording": target.lesson.id},
    )
    with flipped(data, chance) as where, house.services.database.reading() as session:
        outcome.tried["manifest"] += 1
        try:
            verify_arrived(session, house.services.manifests, bytes(data), **names)
        except Refusal:
            return
        outcome.accepted.append(f"manifest, byte and bit {where}")


def _flip_object(target: Target, chance: random.Random, outcome: Outcome) -> None:
    lesson = target.lesson
    index = chance.choice(list(lesson.objects))
    data, digest = bytearray(lesson.objects[index]), RunningDigest()
    with flipped(data, chance) as where:
        outcome.tried["key.age" if index == 0 else "segment"] += 1
        for at in range(0, len(data), BLOCK_BYTES):
            digest.feed(data[at : at + BLOCK_BYTES], at=at)
        arrived = Arrived(Path(), index, digest.value().hex(), len(data))
        try:
            require_expected(target.manifest, arrived)
        except DamagedError:
            return
        outcome.accepted.append(f"object {index}, byte and bit {where}")


def _flip_at_the_door(target: Target, kind: str, chance: random.Random, outcome: Outcome) -> None:
    lesson, unit = target.lesson, target.unit
    index = chance.choice([one for one in lesson.objects if one])
    data = bytearray(lesson.manifest if kind == "manifest" else lesson.objects[index])
    if kind == "object":
        assert unit.put_manifest(lesson).status_code == 200
        assert unit.upload(lesson, 0).status_code == 204
    with flipped(data, chance) as where:
        wrong = bytes(data)
        answer = unit.put_manifest(lesson, wrong) if kind == "manifest" else unit.upload(lesson, index, wrong)
    outcome.tried[f"{kind} through the door"] += 1
    outcome.answers[f"{answer.status_code} {(answer.get_json(silent=True) or {}).get('error', '')}"] += 1
    if answer.status_code < 400:
        outcome.accepted.append(f"{kind} at the door, byte and bit {where}")


def main(arguments: list[str]) -> int:
    """Flip bits in a temporary folder; 1 when one was accepted."""
    flips = int(arguments[0]) if arguments else FLIPS
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(10**6)  # noqa: S311
    logging.disable(logging.ERROR)  # each refusal at the door is told there
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="backrow-flips-") as name:
        house = make_house(Path(name))
        outcome = flip_all(house, flips, seed)
        house.services.database.close()
    tried = ", ".join(f"{kind} {count}" for kind, count in sorted(outcome.tried.items()))
    print(f"flips of seed {seed}: {outcome.tried.total()} in {time.monotonic() - began_s:.0f} s ({tried})")
    print(f"  the door answered {', '.join(f'{what}: {count}' for what, count in sorted(outcome.answers.items()))}")
    print(f"  {len(outcome.accepted)} accepted; the true bytes were delivered in the end")
    for words in outcome.accepted[:20]:
        print(f"    {words}")
    return 1 if outcome.accepted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
