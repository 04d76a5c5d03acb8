"""Watches the machine for the agent: lets the probes run, keeps their days, and tells which codes hold.

It never waits: a probe that takes long is looked at again at the next turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from device.config import DeviceConfig
from device.health.prober import Prober
from device.health.probes import Places, make_probes
from device.health.report import judge
from device.health.ring import RingFile
from device.localtime import local_zone
from device.spool.days import name_day
from device.world import World
from protocol.durable import REAL


@dataclass(frozen=True)
class Found:
    """The codes found now, and those of the last day before today."""

    now: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


class Watch:
    """The probes and the ring of their days, by the school's own `zone`."""

    def __init__(self, prober: Prober, ring: RingFile, zone: tzinfo) -> None:
        self._prober = prober
        self._ring = ring
        self._zone = zone

    def look(self, now: datetime, said: Iterable[str] = ()) -> Found:
        """Take in what the probes have found since the last look, and the codes that others `said` at this moment."""
        day = name_day(now, self._zone)
        readings = self._prober.turn()
        codes = tuple(dict.fromkeys((*said, *judge(readings))))
        self._ring.add(day, readings, codes)
        return Found(now=codes, before=self._ring.ring.before(day))


def make_watch(config: DeviceConfig, world: World) -> Watch:
    """Make the watch of this unit."""
    prober = Prober(make_probes(config, world, Places()), world.monotonic_s)
    return Watch(prober, RingFile(config.data / "agent" / "readings", REAL), local_zone(config.device.timezone))
