"""The lease tick is killed at every statement and commit, and jobs start again: no lease twice, no cap broken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from controller.calendar.window import ALWAYS
from controller.config import Uploads
from controller.devices.models import Presence
from controller.uploads import leases
from controller.uploads.models import SpoolReportRow
from tests.crash.ticks import SOME_OR_ALL, TICK, Lines, holders_in_force, reopen, spread, tick_killed
from tests.house import House, make_house

CAP_BPS = 1_000_000
WAITING_BYTES = 700_000_000
HALF = timedelta(seconds=0.5)
STARTS_AGAIN = (timedelta(0), timedelta(seconds=1), timedelta(seconds=40))
TICKS = 2


@dataclass(frozen=True)
class Scene:
    """A school in the middle of a night, whose next tick lowers, renews, takes back, lets linger, and grants anew."""

    house: House
    folder: Path


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Three units that send; then one of them goes away, one has sent everything, and two others come."""
    folder = tmp_path_factory.mktemp("ticks")
    made = make_house(folder)
    uploads = Uploads(window=ALWAYS, rate_bps=CAP_BPS, reserve_bytes=1, lease_s=120, tick_s=30)
    house = replace(made, services=replace(made.services, config=replace(made.services.config, uploads=uploads)))
    first = [add_waiting(house, name) for name in ("Ada", "Bo", "Cy")]
    leases.tick(house.services)
    house.clock.pass_time(2 * TICK + timedelta(seconds=1))
    with house.services.database.writing() as session:
        session.get_one(Presence, first[1]).online = False
        session.get_one(SpoolReportRow, first[2]).waiting_bytes = 0
    for name in ("Di", "Ed"):
        add_waiting(house, name)
    house.services.database.close()
    return Scene(house, folder)


def add_waiting(house: House, name: str) -> str:
    """Add a unit that has said that bytes wait."""
    device, now = house.add_teacher(f"{name} Moreno", name).device, house.clock()
    with house.services.database.writing() as session:
        session.add(Presence(device=device, birth=1, online=True, version="1", changed_at=now))
        session.add(SpoolReportRow(device=device, waiting_bytes=WAITING_BYTES, said_at=now, received_at=now))
    return device


def go_on(house: House) -> None:
    """Tick every second for a while, as jobs that are started again and again, then at the usual pace."""
    for wait in (*[timedelta(seconds=1)] * 5, *[TICK] * 10):
        leases.tick(house.services)
        holders = holders_in_force(house.services)
        assert len(holders) == len(set(holders)), "a unit holds two leases"
        house.clock.pass_time(wait)


def check_sums(house: House, scene: Scene) -> Lines:
    """Check the sum of all lines that may be used, each half second from before the kill until the end."""
    lines, at = Lines(house.services), scene.house.clock() - 3 * TICK
    while at < house.clock():
        assert lines.sum_bps(at) <= CAP_BPS, f"{lines.sum_bps(at)} bit/s at {at}"
        at += HALF
    return lines


@pytest.mark.parametrize("step", SOME_OR_ALL)
def test_tick_killed_at_any_point_grants_nothing_twice_and_never_too_much(scene: Scene, step: int) -> None:
    """Wherever SIGKILL falls, however soon jobs start again: one lease a unit, sums below the cap, nobody forgotten."""
    house, begins_at = scene.house, scene.house.clock()
    points = tick_killed(house, scene.folder / f"whole-{step}", begins_at, ticks=TICKS, kill_at=0)
    assert points > 2 * 20
    for kill_at in spread(points, step):
        folder = scene.folder / f"killed-{step}-{kill_at}"
        assert tick_killed(house, folder, begins_at, ticks=TICKS, kill_at=kill_at) == 0
        later = begins_at + STARTS_AGAIN[kill_at % 3] + (TICK if kill_at > points // 2 else timedelta(0))
        again = reopen(house, folder, later)
        go_on(again)
        check_sums(again, scene)
        assert len(holders_in_force(again.services)) == 3, "whoever waits and is there sends in the end"
        again.services.database.close()


@pytest.mark.parametrize("step", SOME_OR_ALL)
def test_tick_killed_before_its_commit_has_done_nothing(scene: Scene, step: int) -> None:
    """What a killed tick leaves is what was there before, or all of it: a tick's lines are on their way together."""
    house, begins_at = scene.house, scene.house.clock()
    points = tick_killed(house, scene.folder / f"one-{step}", begins_at, ticks=1, kill_at=0)
    counts = set()
    for kill_at in spread(points, step):
        folder = scene.folder / f"one-{step}-{kill_at}"
        tick_killed(house, folder, begins_at, ticks=1, kill_at=kill_at)
        again = reopen(house, folder, begins_at)
        lines = Lines(again.services)
        counts.add((sum(map(len, lines.versions.values())), len(lines.taken_back)))
        again.services.database.close()
    whole = reopen(house, scene.folder / f"one-{step}", begins_at)
    lines = Lines(whole.services)
    done = (sum(map(len, lines.versions.values())), len(lines.taken_back))
    whole.services.database.close()
    assert counts == {(3, 0), done}
    assert done > (3, 0)
