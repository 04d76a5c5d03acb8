"""A unit's life with all its processes: found by a blink, retired with a lesson on its card, wiped; or lost with one.

Commands are given as docs/runbooks/lost-unit.md gives them. The day that a retired unit has before it may be wiped is
left out: its order is signed here with no wait, and root's command is given by hand, before the recorder's marker.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from controller.config import load_config
from controller.devices.models import Device, DeviceState
from controller.devices.policy import RETIREMENT_HOLDS
from controller.devices.unit_commands import Wish, issue_command
from controller.services import Services
from controller.uploads.models import SpoolReportRow
from controller.wiring import make_services
from protocol.commands import Task
from provisioning.demo.crew import backrow, run
from provisioning.demo.school import Footage, enroll_unit, prepare_unit
from tests.e2e.stack import QUICK_UNIT, SPEED, UNIT, Stack, found_place, set_values
from tests.footage import find_footage

FILM = "bigbuckbunny.mp4"
RATE_BPS = 8_000_000
LOST_WITHIN_S = 5.0


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A school whose seven processes run, and a unit that has joined."""
    place = found_place(tmp_path_factory.mktemp("school"), find_footage(FILM), rate_bps=RATE_BPS)
    with Stack(place) as opened:
        opened.open()
        yield opened


@pytest.fixture(scope="module")
def services(school: Stack) -> Iterator[Services]:
    """The controller's tables, beside its processes."""
    made = make_services(load_config(school.school.config))
    yield made
    made.database.close()


@pytest.fixture
def stack(school: Stack, services: Services) -> Stack:
    """The school, and a unit in use: another one when a test has ended the life of the one before."""
    with services.database.reading() as session:
        living = session.scalars(select(Device.id).where(Device.state == DeviceState.ACTIVE)).all()
    if not living:
        put_up_another(school)
    school.restore()
    return school


def put_up_another(school: Stack) -> None:
    """Prepare another unit in the place of the one that is out of use, let it join, and start it."""
    school.stop(*(name for name in UNIT if school.runs(name)))
    folder = school.school.unit
    folder.rename(folder.with_name(f"unit-of-before-{time.monotonic_ns()}"))
    prepare_unit(school.school, Footage(find_footage(FILM), None, SPEED))
    wire = {"url": f"https://127.0.0.1:{school.wire.port}"}
    set_values(school.school.unit_config, {**QUICK_UNIT, "controller": wire})
    school.wire.is_down = False
    enroll_unit(school.school)


def tell(stack: Stack, command: str, *arguments: str) -> str:
    """Give a command of `backrow controller device`."""
    school = stack.school
    return run("controller", "device", command, "--config", school.config, *arguments, cwd=school.folder)


def unit_of(stack: Stack) -> str:
    """Give the unit's id."""
    return str(tomllib.loads(stack.school.unit_config.read_text("utf-8"))["device"]["id"])


def record_cut_off(stack: Stack) -> str:
    """Record a lesson while the controller cannot be reached over HTTPS."""
    stack.wire.is_down = True
    stack.wire.cut()
    return stack.record(2.0)


def test_unit_is_found_by_its_lamp(stack: Stack) -> None:
    """From the command line through outbox, broker, agent and store to the recorder's lamp, and back to ready."""
    tell(stack, "identify", unit_of(stack))
    began_s = stack.wait_lamp("identify", within_s=30)
    assert stack.wait_lamp("ready", within_s=30) - began_s > 8


def test_retired_unit_delivers_its_last_lesson_and_is_wiped(stack: Stack, services: Services) -> None:
    """P5: the lesson on the card comes home first; then nothing is left of the unit."""
    lesson, device = record_cut_off(stack), unit_of(stack)
    tell(stack, "retire", device)
    stack.wait_lamp("not_set_up")
    with services.database.writing() as session:
        wish = Wish(task=Task.RETIRE, holds=RETIREMENT_HOLDS, not_before=services.clock())
        issue_command(services, session, device, wish)
    data = stack.school.unit_config.parent / "data"
    time.sleep(2)
    assert not (data / "recorder" / "retired").exists()
    refused = _wipe(stack)
    assert "not delivered yet" in refused.stderr
    stack.wire.is_down = False
    stack.wait_home(lesson)
    assert not (data / "recorder" / "retired").exists(), "the recorder waits six hours after its last word on epochs"
    stack.stop(*UNIT)
    _network(stack).mkdir()
    (_network(stack) / "school.nmconnection").write_text("psk=a secret of the school", "utf-8")
    done = _wipe(stack)
    assert done.returncode == 0, done.stderr
    assert [path for path in data.rglob("*") if path.is_file()] == []
    assert list(_network(stack).iterdir()) == []
    assert not stack.school.unit_config.exists()


def _network(stack: Stack) -> Path:
    return stack.school.unit_config.parent / "network"


def _wipe(stack: Stack) -> subprocess.CompletedProcess[str]:
    command = backrow("device", "wipe", "--config", stack.school.unit_config, "--network", _network(stack))
    return subprocess.run(command, cwd=stack.school.folder, capture_output=True, text=True, check=False, timeout=60)


def test_lost_unit_is_refused_and_leaves_a_pack_for_the_keeper(stack: Stack, services: Services) -> None:
    """From the next request on nothing of it is let in; the pack says that bytes were waiting; they stay sealed."""
    lesson, device = record_cut_off(stack), unit_of(stack)

    def is_waiting() -> bool:
        with services.database.reading() as session:
            row = session.get(SpoolReportRow, device)
            return row is not None and row.waiting_bytes > 0

    stack.wait("the report of what waits", is_waiting)
    printed = tell(stack, "lost", device)
    stack.wire.is_down = False
    pack = Path(printed.split("The breach pack is ")[1].split(". Give it")[0])
    told = _open(stack, pack)
    assert told["unit"]["id"] == device
    assert int(told["unit"]["waiting_bytes"]) > 0
    refusal = "403 certificate_unknown"
    stack.wait("a refusal in the uploader's log", lambda: refusal in stack.log("uploader"), within_s=60)
    time.sleep(LOST_WITHIN_S)
    assert lesson in stack.spooled()
    assert stack.state(lesson) == ""
    with services.database.reading() as session:
        assert session.get_one(Device, device).state is DeviceState.LOST


def _open(stack: Stack, pack: Path) -> dict[str, dict[str, str]]:
    age = shutil.which("age")
    assert age is not None
    key = stack.school.folder / "keys" / "keeper.key"
    opened = subprocess.run([age, "-d", "-i", key, pack], capture_output=True, check=True)
    told: dict[str, dict[str, str]] = json.loads(opened.stdout)
    return told
