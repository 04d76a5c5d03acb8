"""The processes of a district's night: controller, bridge, jobs, and the rooms; each can be killed and started again.

The rooms reach the controller by a wire for each site, which can be cut, where a night has faults; else directly.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from provisioning.demo.crew import Crew, backrow
from provisioning.demo.errors import DemoError
from tests.e2e.district import District, Unit

UNITS_A_PROCESS = 25
SERVER = ("serve", "bridge", "jobs")


class Night:
    """The processes of one night by name; a context manager that leaves none."""

    def __init__(self, district: District) -> None:
        self.district = district
        self.meter_log = district.folder / "meter"
        self.rooms = _share(district.units)
        self._crews: dict[str, Crew] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for name in list(self._crews):
            with suppress(ProcessLookupError):
                os.kill(self._pid(name), signal.SIGTERM)
        for name in list(self._crews):
            self._crews.pop(name).stop_all()

    def start(self, *names: str) -> None:
        """Start processes by name, or all of them."""
        for name in names or (*SERVER, *self.rooms):
            self._crews[name] = Crew(self.district.folder)
            self._crews[name].start(name, self._command(name))

    def _command(self, name: str) -> Sequence[str]:
        if name in self.rooms:
            return [sys.executable, "-m", "tests.e2e.rooms", *(str(unit.config) for unit in self.rooms[name])]
        if name == "serve":
            config, log = str(self.district.config), str(self.meter_log)
            return [sys.executable, "-m", "tests.e2e.metered", "--config", config, log]
        return backrow("controller", name, "--config", self.district.config)

    def kill(self, name: str) -> None:
        """End a process as a power cut would."""
        os.kill(self._pid(name), signal.SIGKILL)
        self._crews.pop(name).stop_all()

    def runs(self, name: str) -> bool:
        """Tell whether a process was started and not killed."""
        return name in self._crews

    def _pid(self, name: str) -> int:
        (pid,) = self._crews[name].pids()
        return pid

    def check(self) -> None:
        """Raise `DemoError` when a process has ended unasked."""
        for crew in self._crews.values():
            crew.check()

    def wait(self, what: str, answer: Callable[[], bool], *, within_s: float) -> None:
        """Wait until `answer` says yes; raise `DemoError` when a process ends unasked or the time is over."""
        end = time.monotonic() + within_s
        while not answer():
            self.check()
            if time.monotonic() > end:
                raise DemoError(f"waited {within_s:.0f} s in vain for {what}; see {self.district.folder / 'logs'}")
            time.sleep(0.5)


def _share(units: Sequence[Unit]) -> Mapping[str, Sequence[Unit]]:
    """Give each process its units, those of one site together."""
    ordered = sorted(units, key=lambda unit: unit.site)
    starts = range(0, len(ordered), UNITS_A_PROCESS)
    return {f"rooms-{at // UNITS_A_PROCESS}": ordered[at : at + UNITS_A_PROCESS] for at in starts}
