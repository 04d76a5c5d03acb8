"""`python -m tests.attacks.storm [faults] [seed]`: drops and kills of units, controller and both, at random.

Units are processes, and so is the units' door of a real controller; both are killed by SIGKILL wherever they are, and
after every other kill of the controller the power is cut as well: what it had not synchronised is gone. Links drop, are
reset, damage a byte, lose answers; the same upload is sent by several requests at once. In the end everything is
delivered in calm, and looked at: digests, one row for each object, receipts, and no acknowledged byte ever taken back.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from controller.recordings.models import HeldObject, Recording, RecordingState
from controller.recordings.receipts import receipt_of
from controller.services import Services
from protocol.documents import Receipt, verify_document
from protocol.manifest import KEY_INDEX
from tests.attacks.storm_server import StormServer
from tests.attacks.storm_unit import Diary, StormUnit
from tests.benchmarks.crowd import add_units, grant
from tests.controller_process import FAST_BPS, ControllerProcess, make_controller
from tests.lesson import Lesson, MediaSegment
from tests.unit.controller.uploads.unit_client import made_up_segment

FAULTS = 10_000
UNITS = 6
SIZES = (90_000, 150_000, 40_000, 200_000)
FAULTS_A_LESSON = 30
LONGEST_S = 1500.0


@dataclass
class Outcome:
    """What happened, and what was wrong in the end."""

    faults: Counter[str] = field(default_factory=Counter)
    lost_bytes: int = 0
    objects: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Crew:
    """The units' processes, each of which is forked anew when it was killed."""

    units: list[StormUnit]
    seed: int
    pids: dict[int, StormUnit] = field(default_factory=dict)
    forks: int = 0

    def start(self, unit: StormUnit) -> None:
        """Start a unit, which goes on from its diary."""
        self.forks += 1
        pid = os.fork()
        if pid == 0:
            try:
                unit.diary.load()
                unit.chance = random.Random(self.seed * 1_000_003 + self.forks)  # noqa: S311
                unit.run()
                os._exit(0)
            finally:
                os._exit(1)
        self.pids[pid] = unit

    def kill_one(self, chance: random.Random) -> bool:
        """Kill a unit and start it again; False when none runs."""
        if not self.pids:
            return False
        pid = chance.choice(list(self.pids))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.start(self.pids.pop(pid))
        return True

    def reap(self) -> None:
        """Forget units that have delivered everything; raise when one failed."""
        for pid in list(self.pids):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                unit = self.pids.pop(pid)
                if status:
                    raise RuntimeError(f"a unit ended with {status}: {unit.diary.path}")

    def end(self) -> None:
        """End all that still run."""
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def faults(self) -> Counter[str]:
        """Count what broke at the units."""
        counted: Counter[str] = Counter()
        for unit in self.units:
            counted.update(Diary(unit.diary.path).load().faults)
        return counted


def rage(folder: Path, faults: int, seed: int, *, lying: bool = False) -> Outcome:
    """Let the storm loose until so many things broke, deliver the rest in calm, and look at everything."""
    chance, outcome = random.Random(seed), Outcome()  # noqa: S311 (a schedule, no secret)
    controller = make_controller(folder, tls=False, units={"threads": 40})
    server = StormServer(folder, lying=lying)
    crew = Crew(_make_units(controller, folder, faults), seed)
    controller.services.database.close()
    server.start()
    try:
        for unit in crew.units:
            crew.start(unit)
        _break(server, crew, outcome, chance, faults)
        (folder / "calm").touch()
        _wait_for(crew, time.monotonic() + LONGEST_S / 5)
    finally:
        crew.end()
        server.kill()
    outcome.faults += crew.faults()
    for unit in crew.units:
        outcome.wrong += Diary(unit.diary.path).load().wrong
    _look(controller, [lesson for unit in crew.units for lesson in unit.lessons], outcome)
    controller.close()
    return outcome


def _make_units(controller: ControllerProcess, folder: Path, faults: int) -> list[StormUnit]:
    devices = add_units(controller, UNITS)
    leases = grant(devices, FAST_BPS)
    address = (controller.services.config.units.host, controller.services.config.units.port)
    count = max(1, faults // (FAULTS_A_LESSON * UNITS))
    return [
        StormUnit(
            address=address,
            lease=lease,
            lessons=[device.make_lesson(*_segments()) for _ in range(count)],
            diary=Diary(folder / f"diary-{number}"),
            calm=folder / "calm",
            chance=random.Random(number),  # noqa: S311
        )
        for number, (device, lease) in enumerate(zip(devices, leases, strict=True))
    ]


def _segments() -> list[MediaSegment]:
    return [made_up_segment(size) for size in SIZES]


def _break(server: StormServer, crew: Crew, outcome: Outcome, chance: random.Random, faults: int) -> None:
    """Kill units, controller and both, until so many things broke or all is delivered."""
    deadline_s = time.monotonic() + LONGEST_S
    while crew.pids and time.monotonic() < deadline_s:
        time.sleep(chance.uniform(0.05, 0.6))
        crew.reap()
        match chance.random():
            case draw if draw < 0.45:
                outcome.faults["unit killed"] += crew.kill_one(chance)
            case draw:
                server.kill()
                outcome.faults["controller killed"] += 1
                if draw > 0.8 and crew.kill_one(chance):
                    outcome.faults["both killed"] += 1
                if chance.random() < 0.5:
                    outcome.lost_bytes += server.cut_power(chance)
                    outcome.faults["and power cut"] += 1
                server.start()
        if outcome.faults.total() + crew.faults().total() >= faults:
            return


def _wait_for(crew: Crew, deadline_s: float) -> None:
    while crew.pids:
        if time.monotonic() > deadline_s:
            raise RuntimeError("the units did not end although all is calm")
        time.sleep(0.05)
        crew.reap()


def _look(controller: ControllerProcess, lessons: list[Lesson], outcome: Outcome) -> None:
    """Compare every object with what was recorded."""
    services = controller.services
    with services.database.reading() as session:
        for lesson in lessons:
            rows = session.scalars(select(HeldObject).where(HeldObject.recording == lesson.id)).all()
            held = Counter(row.object_index for row in rows)
            if held != Counter(lesson.objects.keys()):
                outcome.wrong.append(f"{lesson.id}: rows {dict(held)}")
            if session.get_one(Recording, lesson.id).state is not RecordingState.READY:
                outcome.wrong.append(f"{lesson.id}: not ready")
        outcome.objects = session.scalar(select(func.count()).select_from(HeldObject)) or 0
    for lesson in lessons:
        line = receipt_of(services, lesson.id)
        receipt = verify_document(Receipt, line, services.keys.trust) if line else None
        named = {item.index: item.digest for item in receipt.items} if receipt else {}
        if named != {index: hashlib.sha256(data).hexdigest() for index, data in lesson.objects.items()}:
            outcome.wrong.append(f"{lesson.id}: the receipt names {sorted(named)}")
        outcome.wrong += [f"{lesson.id}: {index}" for index in lesson.objects if not _is_held(services, lesson, index)]
    kept = services.config.controller.data / "quarantine"
    outcome.wrong += [f"in quarantine: {path.name}" for path in (kept.iterdir() if kept.is_dir() else ())]


def _is_held(services: Services, lesson: Lesson, index: int) -> bool:
    if index == KEY_INDEX:
        return services.key_store.get(lesson.id) == lesson.identity
    with services.objects.open(lesson.id, index) as file:
        return file.read() == lesson.objects[index]


def main(arguments: list[str]) -> int:
    """Rage in a temporary folder; 1 when anything was wrong."""
    faults = int(arguments[0]) if arguments else FAULTS
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(10**6)  # noqa: S311
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="backrow-storm-") as name:
        outcome = rage(Path(name), faults, seed)
    counted = ", ".join(f"{kind} {count}" for kind, count in sorted(outcome.faults.items()))
    print(f"storm of seed {seed}: {outcome.faults.total()} faults in {time.monotonic() - began_s:.0f} s ({counted})")
    print(f"  power cuts took {outcome.lost_bytes} bytes that had been written and not acknowledged")
    print(f"  {outcome.objects} objects held, one row each; {len(outcome.wrong)} things wrong")
    for words in outcome.wrong[:20]:
        print(f"    {words}")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
