"""The demo's story: a press, a sealed lesson, the night, and a person who watches; told step by step as it happens.

Every step is taken by the product's own processes; the story only presses the button, waits, and looks.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from protocol.words import mark
from provisioning.demo.broker import BrokerKind, plan_broker
from provisioning.demo.crew import Crew, backrow, run
from provisioning.demo.errors import DemoError
from provisioning.demo.lamp import READY, RECORDING, START_S, Lamp
from provisioning.demo.panel import Panel
from provisioning.demo.school import (
    TEACHER,
    Footage,
    School,
    enroll_unit,
    found_school,
    last_word,
    pick_ports,
    prepare_unit,
)
from provisioning.demo.tracks import Tracks, read_tracks
from provisioning.demo.viewer import Viewer

BOOKMARK_AFTER_S = 4.0  # taps in the first three seconds after a press are taken for nervous ones
NIGHT_S = 600


@dataclass(frozen=True)
class Teller:
    """Prints the steps and how long each took; `translate` gives the words in the reader's language."""

    translate: Callable[[str], str]
    write: Callable[[str], None]
    is_terminal: bool

    @contextmanager
    def step(self, words: str, **values: object) -> Iterator[None]:
        """Say what happens now, and how long it took."""
        self.write(f"• {self.translate(words).format(**values)}\n")
        began = time.monotonic()
        yield
        self.say(mark("done after {seconds:.1f} s"), seconds=time.monotonic() - began)

    def say(self, words: str, **values: object) -> None:
        """Say something within a step."""
        clear = "\r\x1b[K" if self.is_terminal else ""
        self.write(f"{clear}  {self.translate(words).format(**values)}\n")

    def progress(self, words: str, **values: object) -> None:
        """Say something that will be overwritten by what comes next; into a file or a pipe it is not said at all."""
        if self.is_terminal:
            self.write(f"\r\x1b[K  {self.translate(words).format(**values)}")


@dataclass
class Story:
    """One demo: its teller, its processes, and what is known so far."""

    tell: Teller
    crew: Crew
    folder: Path
    footage: Footage
    language: str
    broker: BrokerKind = BrokerKind.AUTO

    def open_school(self) -> School:
        """Make keys, server, accounts and the unit, and start everything but the night."""
        ports = pick_ports()
        with self.tell.step(mark("A school makes its keys and its server's database; Ada teaches in room 12.")):
            school = found_school(self.folder, ports, self.language)
            prepare_unit(school, self.footage)
        broker = plan_broker(self.folder, ports.broker, self.broker)
        with self.tell.step(mark("The school's server and its MQTT broker ({broker}) start."), broker=broker.name):
            self.crew.start("broker", broker.command)
            for name in ("serve", "bridge"):
                self.crew.start(f"controller-{name}", backrow("controller", name, "--config", school.config))
            self.crew.wait_for("the server's pages", lambda: _answers(school.url), seconds=START_S)
        with self.tell.step(mark("The unit makes its keys, joins with its one-time secret, and gets its certificate.")):
            enroll_unit(school)
        return school

    def start_unit(self, school: School) -> Lamp:
        """Start the unit's three processes and wait until the lamp says ready."""
        with self.tell.step(mark("The unit in room 12 starts its three processes: recorder, agent, uploader.")):
            for name in ("recorder", "agent", "uploader"):
                self.crew.start(f"device-{name}", backrow("device", name, "--config", school.unit_config))
            lamp = Lamp(self._connect(school.panel), self.crew, school.status)
            lamp.wait_for(READY, since=0)
        return lamp

    def _connect(self, path: Path) -> Panel:
        found: list[Panel] = []

        def connects() -> bool:
            with suppress(OSError):
                found.append(Panel(path))
            return bool(found)

        self.crew.wait_for("the unit's button", connects, seconds=START_S)
        return found[0]

    def record(self, school: School, lamp: Lamp) -> None:
        """Press, bookmark a moment, and wait until the footage has come to its end."""
        with self.tell.step(mark("Ada presses the button. The lamp shows that the unit records.")):
            pressed, began = lamp.now(), time.monotonic()
            lamp.panel.tap()
            lamp.wait_for(RECORDING, since=pressed)
            bookmarked = False
            while not lamp.has_shown(READY, since=pressed):
                self.crew.check()
                elapsed = time.monotonic() - began
                self._tell_progress(school, elapsed)
                if elapsed > BOOKMARK_AFTER_S and not bookmarked:
                    lamp.panel.tap()
                    bookmarked = True
                    self.tell.say(mark("Ada taps once: this moment is bookmarked."))
                time.sleep(0.2)
            self.tell.say(mark("The recording has ended and is sealed."))

    def _tell_progress(self, school: School, elapsed: float) -> None:
        self.tell.progress(
            mark("recording {seconds:.0f} s, {kilobytes} kB sealed on the card"),
            seconds=elapsed,
            kilobytes=_bytes_below(school.spool) // 1000,
        )

    def let_night_fall(self, school: School) -> None:
        """Start the jobs, which grant the leases."""
        self.crew.start("controller-jobs", backrow("controller", "jobs", "--config", school.config))

    def night(self, school: School, viewer: Viewer) -> dict[str, Any]:
        """Let night fall: leases are granted, everything travels home; give the recording that is ready."""
        with self.tell.step(mark("Night falls. The server grants the unit a lease, and the sealed segments travel.")):
            self.let_night_fall(school)
            end = time.monotonic() + NIGHT_S
            while not (ready := _ready(viewer)):
                self.crew.check()
                if time.monotonic() > end:
                    raise DemoError(f"no recording was ready after {NIGHT_S} s; the logs are in {self.folder / 'logs'}")
                self.tell.progress(
                    mark("{kilobytes} kB are home, verified against the signed manifest"),
                    kilobytes=_bytes_below(school.objects) // 1000,
                )
                time.sleep(0.2)
            self.tell.say(
                mark("{kilobytes} kB are home, verified against the signed manifest"),
                kilobytes=_bytes_below(school.objects) // 1000,
            )
            self.crew.wait_for("the unit to release what was delivered", lambda: not _spooled(school), seconds=60)
            self.tell.say(mark("The unit has verified the server's receipt and has erased its copy."))
        return ready

    def sign_in(self, school: School) -> Viewer:
        """Be the teacher: open the one-time link and set a password that nobody sees."""
        viewer = Viewer(school.url)
        viewer.sign_in(school.teacher_link, secrets.token_urlsafe(24))
        return viewer

    def watch(self, viewer: Viewer, recording: dict[str, Any]) -> Tracks:
        """Say that the lesson was hers, as the page asks first, and play it back as the player's page would."""
        with self.tell.step(mark("A teacher's browser asks for the lesson; the server opens it range by range.")):
            viewer.confirm(recording["id"])
            return read_tracks(viewer.play(recording["id"]))

    def went_in(self, school: School) -> Tracks:
        """Read what the camera was given: the video itself, or what the drawn picture is by definition."""
        if self.footage.video:
            return read_tracks(self.footage.video)
        drawn = self.folder / "drawn.mkv"
        run("device", "draw", "--config", school.unit_config, "--out", drawn, cwd=self.folder)
        return read_tracks(drawn)

    def new_link(self, school: School) -> str:
        """Give another one-time link for the teacher, for the person at the terminal."""
        return last_word(run("controller", "link", "--config", school.config, "--email", TEACHER, cwd=self.folder))


def _answers(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the person's has no business on loopback
        try:
            return session.get(url, timeout=2, allow_redirects=False).status_code < 500
        except requests.ConnectionError:
            return False


def _ready(viewer: Viewer) -> dict[str, Any] | None:
    return next((one for one in viewer.recordings() if one["state"] == "ready"), None)


def _spooled(school: School) -> list[Path]:
    return [path for path in school.spool.glob("*/*.age") if path.is_file()]


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*.age"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total
