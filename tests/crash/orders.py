"""Snapshots of consent in random orders, with the process killed or the power cut between storing and using.

What arrives is valid, old, forged, expired, of another room or another generation, or a fork; agent and uploader both
store, the recorder reads. The oracle here knows nothing of the store: the newest valid snapshot that arrived is what
the button goes by, whole, and when that has ended nothing is. `python -m tests.crash.long` runs ten thousand orders.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from device.consent import decide_press
from device.identity import DocumentStore
from protocol.documents import Decision, Permission, Policy, Undo, issue_document
from protocol.durable import Files
from protocol.messages import Verdict
from protocol.signing import SigningKey
from tests.fakes.clock import BEGAN_AT
from tests.fakes.cutfiles import Cut, KilledFiles, PoweredFiles, Tail
from tests.school import School, new_id

NOW = BEGAN_AT
DEVICE, ELSEWHERE, OWNER = new_id(), new_id(), new_id()
GENERATIONS, VERSIONS = 3, 5
ENDED_EACH = 4
OPERATIONS = 9
"""One more than storing takes: the last one is a death after storing, before anybody used it."""
KEPT_OFTEN = 4
"""So many times as often as a hostile line arrives one that a unit may keep."""
Order = tuple[int, int]


@dataclass(frozen=True)
class Arrival:
    """A line that arrives; `order` and `allows` of one that a unit may keep, whatever its end; None of all others."""

    what: str
    line: bytes
    order: Order | None = None
    allows: bool = False
    ends_at: datetime = NOW


@dataclass
class Tally:
    """What was tried."""

    orders: int = 0
    arrivals: int = 0
    deaths: int = 0
    refused: int = 0
    uses: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)


def mint_pool(school: School) -> tuple[Arrival, ...]:
    """Make everything that may arrive: valid ones of each generation and version, and what is tried against them."""
    pool: list[Arrival] = []
    for generation in range(1, GENERATIONS + 1):
        for version in range(1, VERSIONS + 1):
            number = (generation - 1) * VERSIONS + version
            good = _policy(generation, version, allows=number % 2 == 0, ends=number % ENDED_EACH == 1)
            pool += _of(school, good, "ended" if good.expires_at <= NOW else "valid")
            pool += _of(school, replace(good, policy_version=99), "fork")
            pool += _hostile(school, good)
    return tuple(pool)


def _policy(generation: int, version: int, *, allows: bool, ends: bool) -> Policy:
    permission = Permission.ALLOWED if allows else Permission.REFUSED
    issued_at = NOW - timedelta(days=8) + timedelta(minutes=generation * VERSIONS + version)
    return Policy(
        generation=generation,
        version=version,
        issued_at=issued_at,
        expires_at=NOW - timedelta(hours=1) if ends else NOW + timedelta(days=6),
        device=DEVICE,
        policy_version=1,
        otherwise=Decision(permission=permission, reason=f"said_{generation}_{version}", owner=OWNER),
    )


def _of(school: School, policy: Policy, what: str) -> list[Arrival]:
    allows = policy.otherwise.permission is Permission.ALLOWED
    line = issue_document(policy, school.policy_key)
    return [Arrival(what, line, policy.order, allows, policy.expires_at)]


def _hostile(school: School, good: Policy) -> list[Arrival]:
    """Make lines that no unit may keep: each would allow, for the longest time, and is far newer than its like."""
    bold = replace(good, version=good.version + 50, otherwise=replace(good.otherwise, permission=Permission.ALLOWED))
    line = issue_document(bold, school.policy_key)
    undo = Undo(
        generation=9, version=9, issued_at=NOW, expires_at=bold.expires_at + timedelta(days=9), device=DEVICE,
        recording=new_id(),
    )  # fmt: skip
    lines = {
        "forged": issue_document(bold, SigningKey.generate()),
        "altered": line.replace(b'"version":', b'"version":1', 1),
        "wrong_key": issue_document(bold, school.receipt_key),
        "other_room": issue_document(replace(bold, device=ELSEWHERE), school.policy_key),
        "other_kind": issue_document(undo, school.policy_key),
        "torn": line[: len(line) * 2 // 3],
        "tail": line + b"\n",
    }
    return [Arrival(what, each) for what, each in lines.items()]


class _Unsynced(Files):
    """A kill and a modelled power cut need no disk that really syncs, and ten thousand orders have no time for it."""

    def sync(self, descriptor: int) -> None:
        """See `Files.sync`."""

    def sync_folder(self, path: Path) -> None:
        """See `Files.sync_folder`."""


class _Killed(KilledFiles, _Unsynced):
    """The process is killed at an operation."""


class _Powered(PoweredFiles, _Unsynced):
    """The power goes at an operation."""


@dataclass
class Unit:
    """A unit's `state/`, and what the oracle knows: the valid line that it must be going by."""

    school: School
    folder: Path
    tally: Tally
    held: Arrival | None = None

    def __post_init__(self) -> None:
        """Begin with the school's keyring alone; the recorder opens its store once, for as long as it lives."""
        self.folder.mkdir(parents=True)
        (self.folder / "keyring").write_bytes(self.school.keyring)
        self.recorder = self._open(_Unsynced())

    def take(self, arrival: Arrival) -> None:
        """Let a line arrive whole, and hold the store to the answer that it owes."""
        answer = self._open(_Unsynced()).accept(Policy, arrival.line)
        self._judge(arrival, answer.verdict)

    def die(self, arrival: Arrival, at: int, tail: Tail | None) -> None:
        """Let a line arrive while the process is killed, or the power goes (`tail`), at an operation of storing it."""
        files = _Killed(at) if tail is None else _Powered(self.folder, at, tail)
        if isinstance(files, _Powered):
            files.take_as_durable()
        verdict = None
        with suppress(Cut):  # then nobody knows whether it was stored: what lies there decides between the two
            verdict = self._open(files).accept(Policy, arrival.line).verdict
        if isinstance(files, _Powered):
            files.leave()
        if verdict is not None:
            self._judge(arrival, verdict)
        elif self._line() == arrival.line and self._is_newer(arrival):
            self.held = arrival
        self.recorder = self._open(_Unsynced())
        self.tally.deaths += 1

    def use(self, now: datetime) -> None:
        """Press: what the recorder goes by is the newest valid one, and nothing when that has ended."""
        expected = self.held if self.held and now < self.held.ends_at else None
        document = self.recorder.load(Policy, now).document
        assert self._line() == (self.held.line if self.held else b"")
        assert (document.order if document else None) == (expected.order if expected else None)
        answer = decide_press(document, now, clock_trusted=True)
        assert answer.allowed == bool(expected and expected.allows), (answer, self.held)
        self.tally.uses += 1

    def _judge(self, arrival: Arrival, verdict: Verdict) -> None:
        if self._is_newer(arrival):
            assert verdict is Verdict.APPLIED, arrival.what
            self.held = arrival
        elif self.held and arrival.line == self.held.line:
            assert verdict is Verdict.HELD_ALREADY, arrival.what
        else:
            assert verdict is Verdict.REFUSED, arrival.what
            self.tally.refused += 1

    def _is_newer(self, arrival: Arrival) -> bool:
        held = self.held.order if self.held and self.held.order else (0, 0)
        return arrival.order is not None and arrival.order > held

    def _line(self) -> bytes:
        path = self.folder / "policy"
        return path.read_bytes() if path.exists() else b""

    def _open(self, files: Files) -> DocumentStore:
        return DocumentStore(self.folder, device=DEVICE, root=self.school.root.verifying, files=files)


def run_orders(folder: Path, school: School, *, orders: int, seed: int) -> Tally:
    """Run so many random orders; the first that leaves anything but the newest valid snapshot is an error."""
    pool, tally = mint_pool(school), Tally()
    for number in range(orders):
        chance = random.Random(f"{seed}/{number}")  # noqa: S311 what arrives when is no secret
        unit = Unit(school, folder / str(number), tally)
        try:
            run_order(unit, pool, chance)
        except AssertionError as error:
            error.add_note(f"order {number} of seed {seed}")
            raise
        tally.orders += 1
        shutil.rmtree(unit.folder)
    return tally


def run_order(unit: Unit, pool: Sequence[Arrival], chance: random.Random) -> None:
    """Let a dozen lines arrive, deaths between; at the end everything is said again, as at a birth."""
    arrivals = chance.choices(pool, weights=[KEPT_OFTEN if each.order else 1 for each in pool], k=chance.randint(6, 14))
    for arrival in arrivals:
        unit.tally.arrivals += 1
        unit.tally.by_kind[arrival.what] = unit.tally.by_kind.get(arrival.what, 0) + 1
        if chance.random() < 0.5:
            unit.die(arrival, chance.randint(1, OPERATIONS), chance.choice((None, *Tail)))
        else:
            unit.take(arrival)
        unit.use(NOW + timedelta(minutes=chance.choice((-600, 0, 600, 14_400))))
    for arrival in chance.sample(arrivals, len(arrivals)):
        unit.take(arrival)
        unit.use(NOW)
    newest = max((each.order for each in arrivals if each.order), default=None)
    assert (unit.held.order if unit.held else None) == newest
