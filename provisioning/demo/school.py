"""Founds the demo's school on loopback with the very commands that an IT person would type.

Keys, a server's configuration, an administrator, a teacher, and one unit in one room whose camera replays a video or
draws a moving picture.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from provisioning.demo.crew import run

TEACHER = "ada@school.example"
ROOM = "Room 12"

_CONTROLLER = """\
[controller]
data = "controller"
keys = "keys"
key_store = "key-store"
language = "{language}"

[people]
host = "127.0.0.1"
port = {people}
url = "http://127.0.0.1:{people}"

[units]
host = "127.0.0.1"
port = {units}

[broker]
host = "127.0.0.1"
port = {broker}

[uploads]
window = "always"
rate_bps = 400_000_000
tick_s = 1
reserve_bytes = 100_000_000

# A school's units keep a copy for some days; the demo shows that a receipt is what lets them erase.
[retention]
keep_delivered_days = 0
"""


LEAST_LESSON_BYTES = 64 * 1024 * 1024
RESERVE_BYTES = 16 * 1024 * 1024
_NIGHT = {  # a night of seconds: what a unit else says or does every few minutes
    "agent.spool_every_s": 1.0,
    "agent.health_every_s": 2.0,
    "upload.look_every_s": 0.5,
    "timings.release_every_s": 0.5,
}


@dataclass(frozen=True)
class Ports:
    """The loopback ports of a demo."""

    people: int
    units: int
    broker: int


@dataclass(frozen=True)
class Footage:
    """What the camera shows: a video that is replayed, or (None) a drawn picture, of so many seconds or endless."""

    video: Path | None
    seconds: int | None
    speed: float


@dataclass(frozen=True)
class School:
    """The demo's school: its folder, its addresses, and the links that were handed out."""

    folder: Path
    ports: Ports
    teacher_link: str
    admin_link: str

    @property
    def url(self) -> str:
        """Give the address of the pages."""
        return f"http://127.0.0.1:{self.ports.people}"

    @property
    def config(self) -> Path:
        """Give the server's configuration."""
        return self.folder / "controller.toml"

    @property
    def unit(self) -> Path:
        """Give the folder of the unit's bundle."""
        return self.folder / "unit"

    @property
    def unit_config(self) -> Path:
        """Give the unit's configuration."""
        return self.unit / "device.toml"

    @property
    def spool(self) -> Path:
        """Give the unit's spool."""
        return self.unit / "data" / "spool"

    @property
    def status(self) -> Path:
        """Give the recorder's own words on whether it can record."""
        return self.unit / "data" / "recorder" / "status"

    @property
    def panel(self) -> Path:
        """Give the socket of the unit's mock button and lamp."""
        return self.unit / "data" / "run" / "panel.sock"

    @property
    def objects(self) -> Path:
        """Give the server's store of sealed objects."""
        return self.folder / "controller" / "objects"


def pick_ports() -> Ports:
    """Ask the system for three free ports; they are free again until the processes take them."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return Ports(*ports)


def found_school(folder: Path, ports: Ports, language: str) -> School:
    """Make keys, configuration, database and accounts."""
    keys: list[str | Path] = ["provision", "keys", "init", "--out", folder / "keys", "--school", "The demo's school"]
    run(*keys, "--host", "127.0.0.1", "--host", "localhost", cwd=folder)
    config = folder / "controller.toml"
    values = {"people": ports.people, "units": ports.units, "broker": ports.broker, "language": language}
    config.write_text(_CONTROLLER.format(**values), "utf-8")
    run("controller", "migrate", "--config", config, cwd=folder)
    return School(folder, ports, teacher_link=add_teacher(folder, config), admin_link=make_admin_link(folder, config))


def add_teacher(folder: Path, config: Path) -> str:
    """Add the teacher, and give the one-time link."""
    person = ["--email", TEACHER, "--name", "Ada"]
    return last_word(run("controller", "teacher", "add", "--config", config, *person, cwd=folder))


def make_admin_link(folder: Path, config: Path) -> str:
    """Make the first administrator, and give the one-time link."""
    return last_word(run("controller", "admin-link", "--config", config, "--email", "it@school.example", cwd=folder))


def prepare_unit(school: School, footage: Footage) -> None:
    """Prepare the unit of the teacher's room: its bundle holds a one-time secret and no key."""
    settings = {
        "device.data": "data",
        "pins.kind": "mock",
        "controller.url": f"https://127.0.0.1:{school.ports.units}",
        "broker.host": "127.0.0.1",
        "broker.port": school.ports.broker,
        "broker.tls": "false",
        "limits.lesson_bytes": max(LEAST_LESSON_BYTES, 2 * _size_of(footage.video)),
        "limits.spool_reserve_bytes": RESERVE_BYTES,
        **_NIGHT,
        **_camera(footage),
    }
    options = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    unit: list[str | Path] = ["--label", ROOM, "--owner", TEACHER, "--out", school.unit]
    run("controller", "device", "prepare", "--config", school.config, *unit, *options, cwd=school.folder)


def enroll_unit(school: School) -> None:
    """Let the unit make its keys and join with its secret, which is gone afterwards; the server must answer."""
    secret = ("--secret-file", school.unit / "secret")
    run("device", "enroll", "--config", school.unit_config, *secret, cwd=school.unit)


def _size_of(video: Path | None) -> int:
    return video.stat().st_size if video else 0


def _camera(footage: Footage) -> dict[str, object]:
    if footage.video:
        return {"camera.kind": "replay", "camera.input": footage.video.resolve(), "camera.speed": footage.speed}
    length = {} if footage.seconds is None else {"camera.seconds": footage.seconds}
    return {"camera.kind": "synthetic", "camera.speed": footage.speed, **length}


def last_word(printed: str) -> str:
    """Give the link that a command printed, its last word."""
    return printed.split()[-1]
