"""One simulated night: the scheduler decides each half minute, the world goes on, and what happened is measured.

It runs controller/uploads/scheduler as it is. Figures are of what was really sent; caps are held against the faster of
the old and the new rate of every unit, which no second can exceed, whoever hears when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import thread_time

import numpy as np

from controller.simulation.evening import Stretch
from controller.simulation.workload import Workload
from controller.simulation.world import RESUMES_S, World
from controller.uploads.scheduler.allocation import allocate
from controller.uploads.scheduler.fleet import Fleet, Floats, Ints, Line


@dataclass(frozen=True, kw_only=True)
class Crash:
    """The controller is gone for a while: nobody decides, nobody takes anything in."""

    at_s: float
    lasts_s: float


@dataclass
class Record:
    """What happened, tick by tick."""

    at_s: list[float] = field(default_factory=list)
    lasts_s: list[float] = field(default_factory=list)
    sent_bits: list[Floats] = field(default_factory=list)
    """By site."""
    watched_bits: list[float] = field(default_factory=list)
    """What one unit sent."""
    decision_s: list[float] = field(default_factory=list)
    over_bps: int = 0
    """The most by which a sum of rates was above a cap in any second; 0: never."""
    most_at_a_time: int = 0
    leases: int = 0
    """How many leases were signed, for new rates alone."""
    taken_back: int = 0
    """How many leases were ended of units that could still send."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """How a night went."""

    load: Workload
    world: World
    record: Record
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True)
class Setting:
    """How the controller is set."""

    at_a_time: int
    tick_s: float
    watched: int = 0
    """The row of the unit that is watched."""
    crash: Crash | None = None

    def down_s(self, now_s: float, lasts_s: float) -> float:
        """Give for how much of a time the controller is gone."""
        if self.crash is None:
            return 0.0
        ends_s = min(self.crash.at_s + self.crash.lasts_s, now_s + lasts_s)
        return max(0.0, ends_s - max(self.crash.at_s, now_s))


def simulate(load: Workload, stretches: tuple[Stretch, ...], setting: Setting) -> Told:
    """Let an evening and its night pass; stretches are in the order of time."""
    night = _Night(World.of(load), Record(), setting)
    for stretch in stretches:
        night.pass_stretch(stretch)
    return Told(load=load, world=night.world, record=night.record, stretches=stretches)


@dataclass
class _Night:
    world: World
    record: Record
    setting: Setting

    def pass_stretch(self, stretch: Stretch) -> None:
        """Decide and let time pass until the stretch ends, or everybody has sent everything."""
        self.world.heard_bps = np.zeros(len(self.world.load), np.int64)
        now_s = stretch.begins_s
        while now_s < stretch.ends_s and self.world.left_bits.any():
            lasts_s = min(self.setting.tick_s, stretch.ends_s - now_s)
            sent = self._pass_tick(stretch, now_s, lasts_s)
            self.record.at_s.append(now_s)
            self.record.lasts_s.append(lasts_s)
            by_site = np.bincount(self.world.load.site, sent, len(stretch.site_bps)).astype(float)
            self.record.sent_bits.append(by_site)
            self.record.watched_bits.append(float(sent[self.setting.watched]))
            now_s += lasts_s

    def _pass_tick(self, stretch: Stretch, now_s: float, lasts_s: float) -> Floats:
        """Let the time until the next decision pass; a controller that is gone decides nothing and takes nothing."""
        down_s, crash = self.setting.down_s(now_s, lasts_s), self.setting.crash
        granted = self.world.heard_bps
        if crash is None or not crash.at_s <= now_s < crash.at_s + crash.lasts_s:
            granted = self._decide(stretch, now_s)
            self._hold_against_caps(stretch, granted)
        silent_s = np.full(len(self.world.load), down_s)
        if crash and now_s < crash.at_s + crash.lasts_s <= now_s + lasts_s:
            silent_s += self.world.chance.uniform(0.0, RESUMES_S, len(self.world.load))
        silent_s += self._stops_early_s(stretch, now_s + lasts_s, lasts_s)
        return self.world.pass_time(now_s, lasts_s, granted, silent_s=silent_s)

    def _stops_early_s(self, stretch: Stretch, until_s: float, lasts_s: float) -> Floats:
        """Give for how much of a time a unit whose clock is ahead holds the opening for ended."""
        early: Floats = self.world.load.clock_ahead_s - (stretch.ends_s - until_s)
        return np.clip(early, 0.0, lasts_s)

    def _decide(self, stretch: Stretch, now_s: float) -> Ints:
        fleet, line = self._fleet(stretch, now_s), self._line(stretch, now_s)
        began = thread_time()
        decided = allocate(fleet, line)
        self.record.decision_s.append(thread_time() - began)
        held = self.world.heard_bps
        self.record.leases += int(np.count_nonzero((decided.rate_bps != held) & (decided.rate_bps > 0)))
        back = (decided.rate_bps == 0) & (held > 0) & (fleet.waiting_bytes > 0)
        self.record.taken_back += int(np.count_nonzero(back))
        return decided.rate_bps.astype(np.int64)

    def _fleet(self, stretch: Stretch, now_s: float) -> Fleet:
        world, load = self.world, self.world.load
        reachable = world.reachable(now_s) & ~(load.switched_off & (not stretch.by_day))
        left = np.ceil(world.left_bits / 8).astype(np.int64)
        return Fleet(
            site=load.site,
            waiting_bytes=np.where(reachable, left, 0),
            due_bytes=np.maximum(load.due_bytes - (load.waiting_bytes - left), 0),
            link_bps=world.known_bps,
            measured_bps=world.measured_bps,
            granted_bps=world.heard_bps,
            counted_bps=np.where(left > 0, world.heard_bps, 0),
            leaves_s=np.where(load.switched_off, stretch.ends_s - now_s, np.inf),
            by_day=load.switched_off,
        )

    def _line(self, stretch: Stretch, now_s: float) -> Line:
        sites = len(stretch.site_bps)
        return Line(
            total_bps=stretch.total_bps,
            site_bps=stretch.site_bps,
            left_s=np.full(sites, stretch.ends_s - now_s),
            by_day=np.full(sites, stretch.by_day),
            at_a_time=self.setting.at_a_time,
            tick_s=self.setting.tick_s,
        )

    def _hold_against_caps(self, stretch: Stretch, granted: Ints) -> None:
        """Sum the faster of old and new rates of all who can still send."""
        worst: Ints = np.where(self.world.left_bits > 0, np.maximum(self.world.heard_bps, granted), 0)
        by_site = _sums(self.world.load.site, worst, len(stretch.site_bps))
        over = max(int(worst.sum()) - stretch.total_bps, int((by_site - stretch.site_bps).max()))
        self.record.over_bps = max(self.record.over_bps, over)
        self.record.most_at_a_time = max(self.record.most_at_a_time, int(np.count_nonzero(granted)))


def _sums(site: Ints, values: Ints, sites: int) -> Ints:
    sums: Ints = np.bincount(site, values, sites).astype(np.int64)
    return sums
