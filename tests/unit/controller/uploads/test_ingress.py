"""Bodies under a lease: no faster than its rate, none after its end, and what came before stays."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from controller.devices.models import Device, DeviceState
from controller.errors import Refusal
from controller.uploads.caller import LEASE_HEADER, Callers
from controller.uploads.ingress import FRESH_S, MOST_BODIES, Ingress, LeaseOverError, Timing
from controller.uploads.pace import Bucket
from controller.uploads.scheduler.plan import Grant
from protocol.documents import Lease, verify_document
from tests.house import House, make_house
from tests.leasing import issue_lease, revoke

RATE_BPS = 8_000_000
BYTES_PER_S = RATE_BPS // 8


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a controller."""
    made = make_house(tmp_path)
    yield made
    made.services.database.close()


@dataclass
class Passing:
    """Time that passes only when somebody waits, on the wall too; `then` happens as soon as it has passed `at_s`."""

    house: House
    passed_s: float = 0.0
    then: Callable[[], object] = lambda: None
    at_s: float = float("inf")

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.passed_s += seconds
        self.house.clock.pass_time(timedelta(seconds=seconds))
        if self.passed_s >= self.at_s:
            self.at_s = float("inf")
            self.then()


@dataclass
class Greedy(io.RawIOBase):
    """A sender without manners: as many bytes as anybody wants to read, at once; notes when each block was taken."""

    passing: Passing
    taken: list[tuple[float, int]] = field(default_factory=list)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Give what was asked for."""
        self.taken.append((self.passing.passed_s, len(buffer)))
        return len(buffer)


@dataclass
class Room:
    """A controller's ingress in made-up time, and one unit."""

    house: House
    passing: Passing
    ingress: Ingress
    device: str
    lines: dict[int, bytes] = field(default_factory=dict)

    def grant(self, rate_bps: int = RATE_BPS, lasts: timedelta = timedelta(hours=1)) -> Lease:
        """Grant the unit a lease."""
        services = self.house.services
        now = services.clock()
        with services.database.writing() as session:
            line = issue_lease(services, session, Grant(self.device, rate_bps, now, now + lasts)).line
        lease = verify_document(Lease, line, services.keys.trust)
        self.lines[lease.version] = line
        return lease


@pytest.fixture
def room(house: House) -> Room:
    """Make an ingress and a unit."""
    passing = Passing(house)
    ingress = Ingress(house.services, Timing(lambda: passing.passed_s, passing.sleep))
    return Room(house, passing, ingress, house.add_teacher().device)


def read_until(room: Room, lease: Lease, end_s: float) -> list[tuple[float, int]]:
    """Read one greedy body until a time has come; give when how much was read."""
    sender, buffer = Greedy(room.passing), memoryview(bytearray(1 << 20))
    with room.ingress.body(lease, sender) as body:
        while room.passing.passed_s < end_s:
            body.readinto(buffer)
    return sender.taken


def read_until_cut(room: Room, lease: Lease) -> tuple[list[tuple[float, int]], str]:
    """Read one greedy body until it is cut; give when how much was read, and the code of the refusal."""
    sender, buffer = Greedy(room.passing), memoryview(bytearray(1 << 20))
    with room.ingress.body(lease, sender) as body:
        try:
            while True:
                body.readinto(buffer)
        except LeaseOverError as over:
            return sender.taken, over.code


def shown_anew(room: Room, lease: Lease) -> Lease:
    """Give what the door makes of a lease that a unit shows with its next request."""
    line = room.lines[lease.version].decode().strip()
    return Callers(room.house.services).require_lease({LEASE_HEADER: line})


def worst(taken: list[tuple[float, int]], span_s: float) -> int:
    """Give the most bytes that were taken in any stretch of `span_s` seconds."""
    return max(sum(count for at_s, count in taken if start_s <= at_s <= start_s + span_s) for start_s, _ in taken)


def test_body_that_does_not_pace_itself_is_read_at_the_lease_s_rate(room: Room) -> None:
    """Over any ten seconds at most 101 % of the rate comes in, and nearly all of it does."""
    taken = read_until(room, room.grant(), 25.0)
    assert worst(taken, 10.0) <= BYTES_PER_S * 10 * 1.01
    assert sum(count for _, count in taken) >= BYTES_PER_S * 24.8


def test_parallel_bodies_share_one_lease(room: Room) -> None:
    """Five bodies of one unit, read in turn at random, bring no more together than one."""
    lease, chance = room.grant(), random.Random(7)  # noqa: S311 (a schedule, no secret)
    sender, buffer = Greedy(room.passing), memoryview(bytearray(1 << 20))
    contexts = [room.ingress.body(lease, sender) for _ in range(5)]
    bodies = [context.__enter__() for context in contexts]
    while room.passing.passed_s < 15:
        chance.choice(bodies).readinto(buffer)
        if chance.random() < 0.02:
            room.passing.sleep(chance.random() * 2)
    assert worst(sender.taken, 10.0) <= BYTES_PER_S * 10 * 1.01
    for context in contexts:
        context.__exit__(None, None, None)


def test_new_leases_bring_no_new_burst(room: Room) -> None:
    """A unit that is granted lease after lease brings no more than their rate; the bucket is the unit's."""
    taken = []
    for second in range(1, 21):
        taken += read_until(room, room.grant(), second * 0.6)
    assert worst(taken, 10.0) <= BYTES_PER_S * 10 * 1.01


def test_too_many_bodies_of_one_unit_are_refused(room: Room) -> None:
    """One unit cannot hold all threads; a body that has ended makes room for the next."""
    lease = room.grant()
    contexts = [room.ingress.body(lease, io.BytesIO(b"x")) for _ in range(MOST_BODIES)]
    for context in contexts:
        context.__enter__()
    with pytest.raises(Refusal, match="busy"), room.ingress.body(lease, io.BytesIO(b"x")):
        pass
    contexts.pop().__exit__(None, None, None)
    with room.ingress.body(lease, io.BytesIO(b"x")) as body:
        assert body.read(10) == b"x"


def test_body_is_cut_at_the_end_of_its_lease(room: Room) -> None:
    """No block is taken at or after the end, although the sender has more."""
    taken, code = read_until_cut(room, room.grant(lasts=timedelta(seconds=3)))
    assert code == "lease_expired"
    assert 2.9 < taken[-1][0] < 3.0


def test_block_that_came_after_the_end_is_thrown_away(room: Room) -> None:
    """Whoever hung in a read while the lease ended gives nothing of what then came."""

    class Hangs(io.RawIOBase):
        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            room.house.clock.pass_time(timedelta(hours=1))
            buffer[:4] = b"late"
            return 4

    with room.ingress.body(room.grant(), Hangs()) as body, pytest.raises(LeaseOverError, match="lease_expired"):
        body.read(100)


def _revoke(room: Room) -> None:
    with room.house.services.database.writing() as session:
        revoke(room.house.services, session, room.device)


def _fence(room: Room) -> None:
    _revoke(room)
    room.grant()


def _quarantine(room: Room) -> None:
    with room.house.services.database.writing() as session:
        session.get_one(Device, room.device).state = DeviceState.QUARANTINED


@pytest.mark.parametrize("end", [_fence, _revoke, _quarantine])
def test_body_is_cut_soon_after_its_lease_was_taken_back(room: Room, end: Callable[[Room], None]) -> None:
    """Another process fences or revokes the lease, or the unit is let in no more: within `FRESH_S` nothing is read."""
    room.passing.at_s, room.passing.then = 2.0, lambda: end(room)
    taken, code = read_until_cut(room, room.grant())
    assert code == "lease_fenced"
    assert 1.9 < taken[-1][0] <= 2.0 + FRESH_S + 0.1


def test_lease_that_is_lengthened_under_its_fence_goes_on(room: Room) -> None:
    """A newer lease with the same fence changes end and rate of the body that runs."""
    lease = room.grant(lasts=timedelta(seconds=2))
    room.passing.at_s, room.passing.then = 1.0, lambda: room.grant(RATE_BPS // 4, timedelta(seconds=3))
    taken, code = read_until_cut(room, lease)
    assert code == "lease_expired"
    assert 3.8 < taken[-1][0] < 4.0
    late = sum(count for at_s, count in taken if at_s >= 2.0)
    assert late <= BYTES_PER_S / 4 * 2.1


def test_body_under_a_lowered_version_is_read_at_the_newest_rate_from_its_first_byte(room: Room) -> None:
    """A unit that has not heard of a lowering shows the older version, and is read no faster for that."""
    older = room.grant()
    read_until(room, shown_anew(room, older), 0.1)  # the database was asked just now, and is not asked again
    room.grant(RATE_BPS // 4)
    taken = read_until(room, shown_anew(room, older), FRESH_S - 0.05)
    assert sum(count for _, count in taken) <= BYTES_PER_S / 4 * (FRESH_S + 0.05)


def test_rate_that_was_read_before_a_lowering_does_not_undo_it(room: Room) -> None:
    """A request that was judged before a lowering, and begins its body after it was seen, changes no rate."""
    older, began_s = room.grant(), FRESH_S / 2
    read_until(room, room.grant(RATE_BPS // 4), began_s)
    taken = read_until(room, older, FRESH_S - 0.05)
    assert sum(count for _, count in taken) <= BYTES_PER_S / 4 * (FRESH_S - began_s + 0.1)


def test_raised_rate_is_read_before_the_unit_has_heard_of_it(room: Room) -> None:
    """A unit that shows the older version, and sends as fast as it can, is read at what it may have by now."""
    older = room.grant(RATE_BPS // 4)
    read_until(room, shown_anew(room, older), 0.1)
    room.grant()
    taken = read_until(room, shown_anew(room, older), FRESH_S - 0.05)
    assert sum(count for _, count in taken) >= BYTES_PER_S * (FRESH_S - 0.3)


def test_lease_of_after_the_last_question_is_believed(room: Room) -> None:
    """What the database said of the lease before does not cut the body that begins under the next one."""
    read_until(room, room.grant(), 1.0)
    with room.ingress.body(room.grant(), io.BytesIO(b"new")) as body:
        assert body.read(10) == b"new"


def test_slow_lease_is_read_in_small_blocks() -> None:
    """At 64 kbit/s a block is a tenth of a second, so that a fast sender brings no more than the rate."""
    bucket = Bucket(64_000, at_s=0.0)
    assert bucket.block_bytes(1) == 800
    assert bucket.wait_s(800, 1, 0.0) == pytest.approx(0.1)
    assert bucket.wait_s(800, 1, 0.101) == 0.0
