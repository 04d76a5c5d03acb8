"""What units and links do with the leases that they are given, from one decision to the next.

A unit hears of a change after a moment, sends as fast as lease and link allow, and stops when it is done or cut off.
Between two decisions nothing else happens to a unit, so that each half minute is worked out and not stepped through.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller.simulation.workload import Workload
from controller.uploads.scheduler.efficiency import learn_links
from controller.uploads.scheduler.fleet import NOT_MEASURED, Flags, Floats, Ints

HEARS_S = (0.1, 2.0)
"""A lease goes by the broker; sending by it begins with a request."""
HEARS_LATE = 0.01
"""One message in a hundred takes up to half a minute."""
NOTICED_S = 45.0
"""An outage is known to the controller after this time: the broker's last will, or no bytes."""
RESUMES_S = 30.0
"""A unit whose request failed tries again within this time."""


@dataclass
class World:
    """The state of all units; what is sent is taken off `left_bits`."""

    load: Workload
    chance: np.random.Generator
    left_bits: Floats
    heard_bps: Ints
    """The rate that each unit goes by."""
    link_bps: Floats
    known_bps: Ints
    measured_bps: Ints
    done_s: Floats
    """When each unit had sent everything; infinite: not yet."""

    @classmethod
    def of(cls, load: Workload) -> World:
        """Make the world as it is before anybody sends."""
        return cls(
            load=load,
            chance=np.random.default_rng(load.seed + 1_000_000),
            left_bits=load.waiting_bytes * 8.0,
            heard_bps=np.zeros(len(load), np.int64),
            link_bps=load.link_bps.copy(),
            known_bps=load.known_bps.copy(),
            measured_bps=np.full(len(load), NOT_MEASURED),
            done_s=np.where(load.waiting_bytes > 0, np.inf, 0.0),
        )

    def reachable(self, now_s: float) -> Flags:
        """Tell whom the controller thinks reachable: an outage is noticed late, its end soon."""
        begins, ends = self.load.away_from_s, self.load.away_to_s
        gone: Flags = np.any((begins + NOTICED_S <= now_s) & (now_s < ends), axis=1)
        return ~gone

    def pass_time(self, now_s: float, lasts_s: float, granted_bps: Ints, *, silent_s: Floats) -> Floats:
        """Let units send until the next decision; give the bits that each sent. `silent_s`: nobody could, at first."""
        self._waver()
        here = np.maximum(lasts_s - silent_s - self._away(now_s, lasts_s), 0.0)
        hears = np.minimum(self._hears(granted_bps), here)
        early = np.minimum(self.left_bits, np.minimum(self.heard_bps, self.link_bps) * hears)
        speed = np.minimum(granted_bps, self.link_bps)
        late = np.minimum(self.left_bits - early, speed * (here - hears))
        self._note_done(now_s + lasts_s - here + hears, early, late, speed)
        self.left_bits = np.where(self.left_bits - early - late < 1.0, 0.0, self.left_bits - early - late)
        self._measure(granted_bps, late, here - hears, lasts_s)
        self.heard_bps = granted_bps
        sent: Floats = early + late
        return sent

    def _waver(self) -> None:
        if self.load.wavers:
            self.link_bps = self.load.link_bps * self.chance.lognormal(
                -(self.load.wavers**2) / 2, self.load.wavers, len(self.load)
            )

    def _away(self, now_s: float, lasts_s: float) -> Floats:
        begins = np.maximum(self.load.away_from_s, now_s)
        ends = np.minimum(self.load.away_to_s, now_s + lasts_s)
        away: Floats = np.maximum(np.where(np.isfinite(begins), ends - begins, 0.0), 0.0).sum(axis=1)
        return away

    def _hears(self, granted_bps: Ints) -> Floats:
        """Give how long each goes by what it had before: until it hears."""
        units = len(self.load)
        hears = self.chance.uniform(*HEARS_S, units)
        hears = np.where(self.chance.random(units) < HEARS_LATE, self.chance.uniform(2.0, 30.0, units), hears)
        return np.where(granted_bps == self.heard_bps, 0.0, hears)

    def _note_done(self, from_s: Floats, early: Floats, late: Floats, speed: Floats) -> None:
        done = (self.done_s == np.inf) & (self.left_bits - early - late < 1.0)
        took = np.where(late > 0, late / np.maximum(speed, 1.0), 0.0)
        self.done_s = np.where(done, from_s + took, self.done_s)

    def _measure(self, granted_bps: Ints, sent: Floats, time_s: Floats, lasts_s: float) -> None:
        """Let units say what they got, if they had half the time for it and were not done; and what links gave."""
        fair = (granted_bps > 0) & (time_s > lasts_s / 2) & (self.left_bits > 0)
        got = np.where(fair, sent / np.maximum(time_s, 1e-9), NOT_MEASURED).astype(np.int64)
        self.measured_bps = np.where((granted_bps > 0) & (self.left_bits > 0) & ~fair & (sent == 0), 0, got)
        self.known_bps = np.where(fair, learn_links(self.known_bps, got, granted_bps), self.known_bps)
