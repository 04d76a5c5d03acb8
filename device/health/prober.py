"""Runs the probes, each on a thread of its own with its own time-out, so that none keeps another or the loop waiting.

A probe that hangs (a card that does not answer) is told as one that did not answer, and is not begun again before it
has returned. It asks no clock but the one it is given.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from device.health.report import Measures, Reading
from protocol.errors import ProtocolError

log = logging.getLogger(__name__)
WAIT_STEP_S = 0.02


class ProbeFailed(Exception):
    """A probe could not find out what it asks for; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One question: `measure` gives numbers and words, or raises `ProbeFailed`, `ProtocolError`, `OSError` or
    `ValueError`; then nothing is known."""

    name: str
    measure: Callable[[], Measures]
    every_s: float = 60.0
    limit_s: float = 5.0


@dataclass
class _Run:
    """One answer on its way."""

    began_s: float
    reading: Reading | None = None


class Prober:
    """The probes and what each said last; `turn` is called by one thread and never waits."""

    def __init__(self, probes: Iterable[Probe], monotonic_s: Callable[[], float]) -> None:
        self._probes = tuple(probes)
        self._monotonic_s = monotonic_s
        self._runs: dict[str, _Run] = {}
        self._last: dict[str, Reading] = {}

    def turn(self) -> tuple[Reading, ...]:
        """Take in what has been answered, ask again what is due, and give what is known of each probe."""
        now_s = self._monotonic_s()
        for probe in self._probes:
            self._turn_one(probe, now_s)
        return tuple(self._last[probe.name] for probe in self._probes if probe.name in self._last)

    def ask_all(self, pause: Callable[[float], object]) -> tuple[Reading, ...]:
        """Ask each probe and wait, with `pause`, until each has answered or had its time."""
        readings = self.turn()
        while len(readings) < len(self._probes):
            pause(WAIT_STEP_S)
            readings = self.turn()
        return readings

    def _turn_one(self, probe: Probe, now_s: float) -> None:
        run = self._runs.get(probe.name)
        if run is None:
            self._start(probe, now_s)
        elif run.reading is not None:
            self._last[probe.name] = run.reading
            if now_s >= run.began_s + probe.every_s:
                self._start(probe, now_s)
        elif now_s >= run.began_s + probe.limit_s:
            problem = f"no answer within {probe.limit_s:g} s"
            self._last[probe.name] = Reading(probe=probe.name, measures={}, problem=problem)

    def _start(self, probe: Probe, now_s: float) -> None:
        run = self._runs[probe.name] = _Run(now_s)
        threading.Thread(target=_answer, args=(probe, run), name=f"probe-{probe.name}", daemon=True).start()


def _answer(probe: Probe, run: _Run) -> None:
    try:
        run.reading = Reading(probe=probe.name, measures=probe.measure())
    except (ProbeFailed, ProtocolError, OSError, ValueError) as error:
        run.reading = Reading(probe=probe.name, measures={}, problem=str(error) or type(error).__name__)
    except BaseException as error:
        run.reading = Reading(probe=probe.name, measures={}, problem=f"the probe itself is broken: {error!r}")
        raise
