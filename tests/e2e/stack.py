"""A whole school in a folder: seven real processes on loopback, a finger at the button, and a wire that can be cut.

It is founded with the commands of the demo; every process can be killed, stopped and started again by its name. What
a test may say of a lesson that has come home is in tests/e2e/home.py.
"""

from __future__ import annotations

import os
import signal
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from provisioning.demo.broker import plan_broker
from provisioning.demo.crew import STOP_SECONDS, Crew, backrow
from provisioning.demo.errors import DemoError
from provisioning.demo.panel import Panel
from provisioning.demo.school import Footage, School, enroll_unit, found_school, pick_ports, prepare_unit
from provisioning.demo.viewer import Viewer
from tests.e2e.wire import Wire
from tests.school import encode_toml

SERVER = ("broker", "serve", "bridge", "jobs")
UNIT = ("recorder", "agent", "uploader")
EVERYBODY = (*SERVER, *UNIT)
PATIENCE_S = 60.0
LOOK_S = 0.03
ASK_S = 0.2
"""How often a wait looks: at files and the lamp; at what costs a process its time, a page or a database."""
HOLD_S = 0.9
SPEED = 4.0
SEGMENT_S = 2.0
LEASE_S = 3

QUICK_UNIT: dict[str, dict[str, Any]] = {  # minutes become tenths of a second
    "camera": {"loop": True},
    "timings": {"settle_s": 0.0, "double_tap_s": 0.2, "stop_s": 0.6, "release_every_s": 0.2},
    "limits": {"segment_s": SEGMENT_S, "lesson_bytes": 32 * 1024 * 1024, "spool_reserve_bytes": 1024 * 1024},
    "agent": {
        "presence_every_s": 0.5,
        "health_every_s": 0.5,
        "spool_every_s": 0.5,
        "reconnect_min_s": 0.1,
        "reconnect_max_s": 1.0,
    },
    "upload": {
        "look_every_s": 0.2,
        "chunk_bytes": 128 * 1024,
        "timeout_s": 3.0,
        "retry_min_s": 0.1,
        "retry_max_s": 0.5,
    },
}
QUICK_NIGHT: dict[str, dict[str, Any]] = {
    "uploads": {"lease_s": LEASE_S, "tick_s": 1, "reserve_bytes": 1_000_000},
    "retention": {"keep_delivered_days": 0},  # that a unit lets go is how most tests see that it has the receipt
}


def set_values(path: Path, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Change values in a configuration; a process reads them when it starts."""
    held = tomllib.loads(path.read_text("utf-8"))
    merged = {name: {**held.get(name, {}), **tables.get(name, {})} for name in {**held, **tables}}
    path.write_text(encode_toml(merged), "utf-8")


def wait_until(what: str, answer: Callable[[], bool], *, within_s: float = PATIENCE_S, every_s: float = LOOK_S) -> None:
    """Wait until `answer` says yes; fails when the time is over."""
    end = time.monotonic() + within_s
    while not answer():
        assert time.monotonic() < end, f"waited {within_s:.0f} s in vain for {what}"
        time.sleep(every_s)


@dataclass(frozen=True)
class Place:
    """A school that has been founded: nothing of it runs yet."""

    school: School
    wire: Wire


def found_place(folder: Path, video: Path, *, rate_bps: int) -> Place:
    """Make keys, database, people, and a unit that replays `video` for ever and reaches the controller by a wire."""
    school = found_school(folder, pick_ports(), "en")
    set_values(school.config, {**QUICK_NIGHT, "uploads": {**QUICK_NIGHT["uploads"], "rate_bps": rate_bps}})
    prepare_unit(school, Footage(video, None, SPEED))
    wire = Wire(school.ports.units)
    set_values(school.unit_config, {**QUICK_UNIT, "controller": {"url": f"https://127.0.0.1:{wire.port}"}})
    return Place(school, wire)


class Stack:
    """The processes of a place by name, its teacher's finger and her browser; a context manager that leaves none."""

    def __init__(self, place: Place) -> None:
        self.school, self.wire = place.school, place.wire
        self.viewer = Viewer(self.school.url)
        self._crews: dict[str, Crew] = {}
        self._panel: Panel | None = None
        self._commands = _commands(self.school)
        self._launchers: dict[str, Sequence[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.let_go_of_panel()
        for name in reversed(list(self._crews)):
            self.stop(name)
        self.viewer.close()
        self.wire.close()

    # ---- processes

    def open(self) -> None:
        """Start everything, the unit when it has joined, and sign the teacher in."""
        self.start(*SERVER)
        self.wait_served()
        enroll_unit(self.school)
        self.start(*UNIT)
        self.viewer.sign_in(self.school.teacher_link, "a long enough password")
        self.wait_lamp("ready")

    def start(self, *names: str) -> None:
        """Start processes; their words go on in the logs of before."""
        for name in names:
            assert name not in self._crews, f"{name} runs already"
            self._crews[name] = Crew(self.school.folder)
            self._crews[name].start(name, [*self._launchers.get(name, ()), *self._commands[name]])

    def launch_by(self, launcher: Sequence[str], *names: str) -> None:
        """Put words before the commands of processes that are started from now on: a clock of their own, say."""
        self._launchers |= dict.fromkeys(names, launcher)

    def start_second(self, name: str, again: str) -> None:
        """Start a process of a kind that runs already, under another name."""
        self._commands[again] = self._commands[name]
        self.start(again)

    def kill(self, *names: str) -> None:
        """End processes as a power cut would; one that has ended already is only forgotten."""
        for name in names:
            if not _has_ended(self._crews[name]):
                os.kill(self.pid(name), signal.SIGKILL)
        self._reap(names)

    def stop(self, *names: str) -> None:
        """End processes as systemd would, all at once; fails when one does not end in time."""
        for name in names:
            self._crews[name].check()
        for name in names:
            os.kill(self.pid(name), signal.SIGTERM)
        began_s = time.monotonic()
        self._reap(names)
        assert time.monotonic() - began_s < STOP_SECONDS, f"one of {names} had to be killed"

    def _reap(self, names: Iterable[str]) -> None:
        if "recorder" in names:
            self.let_go_of_panel()
        for name in names:
            self._crews.pop(name).stop_all()

    def pid(self, name: str) -> int:
        """Give a process's number."""
        (pid,) = self._crews[name].pids()
        return pid

    def runs(self, name: str) -> bool:
        """Tell whether a process was started and neither stopped nor killed."""
        return name in self._crews

    def ended(self) -> list[str]:
        """Name the processes that have ended by themselves."""
        return [name for name, crew in self._crews.items() if _has_ended(crew)]

    def wait(
        self, what: str, answer: Callable[[], bool], *, within_s: float = PATIENCE_S, every_s: float = LOOK_S
    ) -> None:
        """Wait until `answer` says yes; fails when a process ends unasked or the time is over."""

        def look() -> bool:
            for crew in self._crews.values():
                crew.check()
            return answer()

        where = self.school.folder / "logs"
        wait_until(f"{what}; the logs are in {where}", look, within_s=within_s, every_s=every_s)

    def wait_told(self, what: str, answer: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
        """Wait until `answer`, which asks a page or looks into the database, says yes."""
        self.wait(what, answer, within_s=within_s, every_s=ASK_S)

    def restore(self) -> None:
        """Bring what a test has left in disorder to rest: everything runs, the wire holds, the lamp is ready."""
        self.wire.mend()
        self.wire.is_down = False
        self.start(*(name for name in EVERYBODY if not self.runs(name)))
        self.wait_served()
        self.wait_lamp("ready")

    def wait_served(self) -> None:
        """Wait until the pages answer."""
        self.wait_told("the pages", lambda: _answers(self.school.url))

    def log(self, name: str) -> str:
        """Give what a process has written since the school was founded."""
        path = self.school.folder / "logs" / f"{name}.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    # ---- the teacher's finger and eye

    @property
    def panel(self) -> Panel:
        """Give the panel of the running recorder; waits until it is there."""
        if self._panel is None:
            self.wait("the unit's button", self._connect)
        assert self._panel
        return self._panel

    def _connect(self) -> bool:
        with suppress(OSError):
            self._panel = Panel(self.school.panel)
        return self._panel is not None

    def panel_if_there(self) -> Panel | None:
        """Give the panel of the recorder when it can be reached now."""
        return self._panel if self._panel or self._connect() else None

    def let_go_of_panel(self) -> None:
        """Take the finger away: the recorder that was there is gone, or shall be."""
        if self._panel:
            self._panel.close()
            self._panel = None

    def wait_lamp(self, *patterns: str, within_s: float = PATIENCE_S) -> float:
        """Wait for one of the lamp's patterns, and tell since when (monotonic, in seconds) it is seen."""
        panel = self.panel
        self.wait(f"the lamp to say {' or '.join(patterns)}", lambda: panel.lamp in patterns, within_s=within_s)
        return time.monotonic()

    def press(self) -> str:
        """Begin a recording and give its name, when the lamp shows that it runs."""
        before = set(self.spooled())
        self.wait_lamp("ready")
        self.panel.tap()
        self.wait_lamp("recording")
        self.wait("the recording's folder", lambda: len(set(self.spooled()) - before) == 1)
        (recording,) = set(self.spooled()) - before
        return recording

    def hold(self) -> None:
        """End the recording by a hold, and wait until the lamp is ready again."""
        self.wait_lamp("recording")
        self.panel.hold(HOLD_S)
        self.wait_lamp("ready")

    def record(self, seconds: float) -> str:
        """Record a lesson of so many seconds of the clock on the wall; the film passes at `SPEED`."""
        recording = self.press()
        time.sleep(seconds)
        self.hold()
        return recording

    # ---- what lies where

    def spooled(self) -> list[str]:
        """Name the recordings in the unit's spool."""
        spool = self.school.spool
        return sorted(each.name for each in spool.iterdir() if each.is_dir()) if spool.is_dir() else []

    def stored(self, recording: str) -> Path:
        """Name the folder in which the controller holds a recording's objects."""
        return self.school.objects / recording

    def state(self, recording: str) -> str:
        """Give the state of a recording as the teacher's page has it; nothing while she cannot know of it."""
        try:
            listed = self.viewer.recordings()
        except requests.RequestException:
            return ""
        return next((str(one["state"]) for one in listed if one["id"] == recording), "")

    def wait_ready(self, *recordings: str, within_s: float = PATIENCE_S) -> None:
        """Wait until recordings can be watched."""
        for name in recordings:
            is_ready = partial(lambda name: self.state(name) == "ready", name)
            self.wait_told(f"recording {name} to be ready", is_ready, within_s=within_s)

    def wait_home(self, *recordings: str, within_s: float = PATIENCE_S) -> None:
        """Wait until recordings can be watched and the unit has let go of them."""
        self.wait_ready(*recordings, within_s=within_s)
        self.wait("the spool to be released", lambda: not set(recordings) & set(self.spooled()), within_s=within_s)


def _has_ended(crew: Crew) -> bool:
    try:
        crew.check()
    except DemoError:
        return True
    return False


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2, allow_redirects=False).status_code < 500
    except requests.RequestException:
        return False


def _commands(school: School) -> dict[str, list[str]]:
    server = {name: backrow("controller", name, "--config", school.config) for name in ("serve", "bridge", "jobs")}
    unit = {name: backrow("device", name, "--config", school.unit_config) for name in UNIT}
    return {"broker": plan_broker(school.folder, school.ports.broker).command, **server, **unit}
