"""Weeks without a broker, in simulated time: the unit follows its schedule over HTTPS alone, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from device.config import load_config
from device.uploads.asking import OUTSIDE_EVERY_S
from device.uploads.service import make_uploader
from device.uploads.told import ToldTime
from protocol.backlog import Backlog
from protocol.schedule import Opening
from tests.fakes.spooled import Spooled, spool_recording
from tests.unit.device.uploads.conftest import NOW, Night, make_night

DAY = timedelta(days=1)
OFFSET = timedelta(minutes=7)
OPEN_FOR = timedelta(hours=8)
LEASE = timedelta(minutes=15)


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    """A unit that looks seldom, so that weeks pass in seconds."""
    with make_night(tmp_path, look_every_s=1800, chunk_bytes=1_000_000) as made:
        yield made


def openings(nights: int) -> list[Opening]:
    """Give nights from 22:00 to 06:00, beginning at the unit's own offset."""
    return [
        Opening(begins_at=NOW + day * DAY + OFFSET, ends_at=NOW + day * DAY + OPEN_FOR, rate_bps=10_000_000)
        for day in range(nights)
    ]


def give_schedule(night: Night, nights: int, **options: int) -> None:
    """Let the controller have a schedule for the unit; it comes with the documents."""
    line = night.school.issue_schedule(
        night.unit.device, openings(nights), expires_at=NOW + nights * DAY - timedelta(hours=12), **options
    )
    night.ingest.documents = (night.school.keyring, night.school.recipients, line)


@dataclass
class Controller:
    """Grants leases as the real one does: inside the window, to whoever said that bytes wait, a tick after it asked."""

    night: Night
    lease_for: timedelta = LEASE
    fence: int = 0
    version: int = 0
    ends_at: datetime = NOW
    asked_at: datetime | None = None
    granted: list[datetime] = field(default_factory=list)

    def grant(self, waiting: Backlog | None) -> bytes | None:
        """Answer an asking."""
        now = self.night.world.now_at
        known, self.asked_at = self.asked_at, now
        closes_at = now - (now - NOW) % DAY + OPEN_FOR
        heard = known is not None and now - known < timedelta(minutes=10)
        if now >= closes_at or not waiting or not waiting.waiting_bytes or not heard:
            return None
        self.fence += now >= self.ends_at
        self.version += 1
        self.ends_at = min(now + self.lease_for, closes_at)
        self.night.ingest.fence = self.fence
        self.granted.append(now)
        lease = self.night.lease(fence=self.fence, version=self.version, rate_bps=200_000, lasts=self.ends_at - now)
        return lease


def pass_days(night: Night, days: int, *, lessons: int = 2) -> list[Spooled]:
    """Let days pass, each with lessons in the afternoon; give what was recorded."""
    made: list[Spooled] = []
    begins_at = night.world.now_at
    for day in range(days):
        until = begins_at + day * DAY + timedelta(hours=16)
        while night.world.now_at < until:
            night.turn()
        made += [spool_recording(night.unit, began_at=until, sizes=(20_000,)) for _ in range(lessons)]
    until = begins_at + days * DAY + OPEN_FOR
    while night.world.now_at < until:
        night.turn()
    return made


def is_open(at: datetime | None) -> bool:
    """Tell whether the school's line was open then."""
    assert at
    return (at - NOW) % DAY < OPEN_FOR


@pytest.mark.parametrize("days", [4, pytest.param(14, marks=pytest.mark.soak)])
def test_weeks_without_a_broker_lose_nothing(night: Night, days: int) -> None:
    """Every lesson is home by the next morning, by one schedule, for days and for two weeks; no byte leaves by day."""
    give_schedule(night, days + 1)
    controller = Controller(night)
    night.ingest.grant_lease = controller.grant
    made = pass_days(night, days)
    for one in made:
        assert night.is_delivered(one)
        assert night.held(one) == one.objects
    bodies = [one for one in night.ingest.asked if one.method in ("PUT", "POST", "PATCH")]
    assert all(is_open(one.at) for one in bodies)
    askings = [one.at for one in night.ingest.asked if one.path.endswith("/lease")]
    outside = [at for at in askings if not is_open(at)]
    assert len(outside) <= days * (16 * 3600 / (OUTSIDE_EVERY_S / 2) + 1)
    starts = [min((at for at in controller.granted if at >= NOW + day * DAY), default=None) for day in range(1, days)]
    late = [start - (NOW + day * DAY + OFFSET) for day, start in enumerate(starts, 1) if start]
    assert len(late) == days - 1
    assert max(late) < timedelta(minutes=1)


def test_lease_is_renewed_over_https_before_it_ends(night: Night) -> None:
    """What takes longer than a lease goes on without a pause: each version is asked for before the last one ends."""
    give_schedule(night, 3)
    controller = Controller(night, lease_for=timedelta(minutes=2))
    night.ingest.grant_lease = controller.grant
    spooled = spool_recording(night.unit, began_at=NOW, sizes=(9_000_000,))  # six minutes at 200 kbit/s
    while not night.is_delivered(spooled):
        night.turn()
    assert controller.fence == 1
    assert 4 <= controller.version <= 6
    assert night.ingest.count("HEAD") == 0


def test_asking_is_the_same_whatever_waits(tmp_path: Path) -> None:
    """P7: a unit with a full spool and one with an empty one ask at the same instants, for three days."""
    asked: list[list[datetime | None]] = []
    for name, lessons in (("full", 3), ("empty", 0)):
        with make_night(tmp_path / name, look_every_s=1800) as night:
            give_schedule(night, 5)
            pass_days(night, 3, lessons=lessons)
            asked.append([one.at for one in night.ingest.asked if one.path.endswith("/lease")])
    assert asked[0] == asked[1]
    assert len(asked[0]) > 100


def test_schedule_that_has_run_out_is_asked_without(night: Night) -> None:
    """After the end of the last schedule the unit asks as if it had none: at all hours, with its back-off."""
    give_schedule(night, 2)
    pass_days(night, 4, lessons=0)
    by_day = [one.at for one in night.ingest.asked if one.path.endswith("/lease") and not is_open(one.at)]
    assert sum(at < NOW + 1.4 * DAY for at in by_day if at) <= 12
    assert sum(at > NOW + 1.6 * DAY for at in by_day if at) > 100


def test_newer_schedule_comes_with_the_documents_within_the_hour_and_a_half(night: Night) -> None:
    """A calendar that changes at noon opens the line to a unit that hears no broker, long before its next asking."""
    give_schedule(night, 3)
    pass_days(night, 1, lessons=0)
    noon = NOW + DAY + timedelta(hours=14)
    while night.world.now_at < noon:
        night.turn()
    changed = [*openings(2), Opening(begins_at=noon, ends_at=noon + 4 * timedelta(hours=1), rate_bps=1)]
    line = night.school.issue_schedule(night.unit.device, changed, expires_at=NOW + 5 * DAY, version=2)
    night.ingest.documents = (line,)
    began = len(night.ingest.asked)
    while night.world.now_at < noon + timedelta(hours=2):
        night.turn()
    asked = [one.at for one in night.ingest.asked[began:] if one.path.endswith("/lease")]
    assert asked
    assert asked[0]
    assert asked[0] - noon < timedelta(minutes=95)
    assert len(asked) > 5


@pytest.mark.parametrize("wrong", [timedelta(hours=11), -timedelta(hours=11), timedelta(days=400)])
def test_unit_without_a_clock_follows_the_controllers_time(night: Night, wrong: timedelta) -> None:
    """A clock that nobody has set, ahead or behind, asks in the window all the same, once an answer told the time."""
    config = load_config(night.unit.config)
    start = NOW + timedelta(hours=12)
    night.ingest.now = lambda: night.world.now_at - wrong
    night.world.now_at = start + wrong
    told = ToldTime(night.client, night.world.world, lambda: False)
    night.uploader = make_uploader(config, told, world=told.world, stop=night.world)
    give_schedule(night, 5)
    while night.ingest.now() < NOW + DAY + OFFSET + timedelta(seconds=30):
        night.turn()
    times = [one.at for one in night.ingest.asked if one.path.endswith("/lease")]
    early = [at for at in times if at and at < NOW + DAY + OFFSET]
    assert len(early) <= 4
    assert (
        timedelta(0) <= min(at for at in times if at and at not in early) - (NOW + DAY + OFFSET) < timedelta(seconds=5)
    )
