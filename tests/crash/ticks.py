"""Kills the lease tick with SIGKILL at a chosen point, in a process of its own, and reckons what units may send then.

Points are before and after each statement, before each commit, and the end of each tick. What may be sent is reckoned
from the signed lines alone and not from the columns by which the tick itself decides: a unit uses the fastest line that
the controller still lets in. Defined in docs/adr/0029-leases-at-a-tick.md.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select

from controller import wiring
from controller.bridge.models import Outbox
from controller.config import Config
from controller.services import Services
from controller.uploads import leases, repo
from controller.uploads.looking import STILL_USED
from controller.uploads.models import LeaseRow
from protocol.documents import Lease, verify_document
from tests.house import House, TestClock

DATABASE = "controller.sqlite3"
_PROCESSES = multiprocessing.get_context("forkserver")  # it has one thread; a fork of ours copies others' held locks
_PROCESSES.set_forkserver_preload([__name__])
TICK = timedelta(seconds=30)
SOME_OR_ALL = (pytest.param(8, id="some"), pytest.param(1, id="all", marks=pytest.mark.soak))
"""Every eighth point in the suite: each wait after a kill comes up, before a commit and behind the last one."""


@dataclass
class Point:
    """Counts points, and ends the process at one of them; 0 ends it nowhere."""

    kill_at: int
    passed: int = 0

    def pass_by(self, *_: object) -> None:
        """Count one more point, or die there."""
        self.passed += 1
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def spread(points: int, step: int) -> range:
    """Give every so manieth of the points, the last one always: it is behind the commit."""
    return range(points, 0, -step)


def reopen(house: House, folder: Path, now: datetime) -> House:
    """Give the controller on a copy of its database, or on the one that lies there, at an instant."""
    clock = TestClock(now)
    return replace(house, services=_services_on(house.services.config, folder, clock), clock=clock)


def _services_on(config: Config, folder: Path, clock: TestClock) -> Services:
    if not folder.exists():
        folder.mkdir()
        shutil.copy(config.controller.data / DATABASE, folder / DATABASE)
    moved = replace(config, controller=replace(config.controller, data=folder))
    return replace(wiring.make_services(moved), clock=clock)


def tick_killed(house: House, folder: Path, begins_at: datetime, *, ticks: int, kill_at: int) -> int:
    """Tick in a process of its own until point `kill_at`; give how many points there were, 0 when it was killed."""
    given = (house.services.config, folder, begins_at, ticks, kill_at)
    process = _PROCESSES.Process(target=_tick_until_killed, args=given)
    process.start()
    process.join()
    if process.exitcode == -signal.SIGKILL:
        return 0
    assert process.exitcode == 0, f"the tick ended with {process.exitcode}; its words are above"
    return int((folder / "points").read_text())


def _tick_until_killed(config: Config, folder: Path, begins_at: datetime, ticks: int, kill_at: int) -> None:
    clock, point = TestClock(begins_at), Point(kill_at)
    services = _services_on(config, folder, clock)
    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(services.database.engine, name, point.pass_by)
    for _ in range(ticks):
        leases.tick(services)
        point.pass_by()
        clock.pass_time(TICK)
    (folder / "points").write_text(str(point.passed))


@dataclass(frozen=True)
class Version:
    """A line that a unit may hold: from when, until when, and how fast."""

    lease: str
    fence: int
    begins_at: datetime
    ends_at: datetime
    rate_bps: int


@dataclass
class Lines:
    """Every line that was ever on its way to a unit, in the order of their versions, and what was taken back when."""

    services: Services
    versions: Mapping[str, Sequence[Version]] = field(init=False)
    taken_back: Mapping[str, datetime] = field(init=False)

    def __post_init__(self) -> None:
        """Read them."""
        with self.services.database.reading() as session:
            rows = session.scalars(select(Outbox).where(Outbox.topic.endswith("/lease")).order_by(Outbox.id)).all()
            revoked = select(LeaseRow.id, LeaseRow.revoked_at).where(LeaseRow.revoked_at.is_not(None))
            self.taken_back = {lease: at for lease, at in session.execute(revoked) if at}
        found: dict[str, list[Version]] = defaultdict(list)
        seen: set[tuple[str, int]] = set()
        for row in rows:
            lease = verify_document(Lease, row.payload, self.services.keys.trust)
            assert (lease.device, lease.version) not in seen, f"version {lease.version} was signed and sent twice"
            seen.add((lease.device, lease.version))
            made = Version(lease.lease, lease.fence, lease.issued_at, lease.expires_at, lease.rate_bps)
            found[lease.device].append(made)
        self.versions = found

    def sum_bps(self, at: datetime) -> int:
        """Add up the most that every unit may send at an instant."""
        return sum(self._most_bps(versions, at) for versions in self.versions.values())

    def _most_bps(self, versions: Sequence[Version], at: datetime) -> int:
        """A line counts until its end, or two seconds after a newer one was written or its lease was taken back."""
        most = 0
        for number, one in enumerate(versions):
            newer = versions[number + 1].begins_at if number + 1 < len(versions) else one.ends_at
            ends_at = min(one.ends_at, newer + STILL_USED, self.taken_back.get(one.lease, one.ends_at) + STILL_USED)
            if one.begins_at <= at < ends_at:
                most = max(most, one.rate_bps)
        return most


def holders_in_force(services: Services) -> list[str]:
    """Give the devices that hold a lease now; one that holds two is there twice."""
    with services.database.reading() as session:
        return sorted(row.device for row in repo.leases_in_force(session, services.clock()))
