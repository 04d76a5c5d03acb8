"""Aiming: a press that consent allows, the lamp before the camera, nothing stored, an end that always comes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner

from device.aim import SHOW_S, WAIT_S, Ending
from device.claims import CAMERA, PARTS, Claim, is_claimed
from device.cli import group
from device.config import load_config
from device.hardware.clock import SystemClock
from device.hardware.ports import CameraFault, LampFault, NotForProduction, Purpose, require_fit
from device.hardware.terminal_screen import COLUMNS, ROWS, TerminalScreen, render
from device.wiring.sources import make_viewfinder
from protocol.documents import Permission as Consent
from tests.aiming import PATIENCE_S, Scene, make_scene
from tests.school import UnitBundle, decision, make_school


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A unit whose policy allows; nobody has pressed."""
    made = make_scene(tmp_path)
    yield made
    made.leave()


@contextmanager
def _shown(scene: Scene) -> Iterator[None]:
    scene.begin()
    scene.press()
    scene.wait_until(lambda: scene.viewfinder.running)
    yield


def test_camera_runs_after_a_press_under_the_lamp_and_ends_at_a_press(scene: Scene) -> None:
    """P1: before the press nothing runs; the recording pattern is lit before the camera, and dark comes after it."""
    scene.begin()
    time.sleep(0.1)
    assert (scene.viewfinder.began_under, scene.lamp.now.name) == ([], "ready")
    with_picture = scene.unit.data / "recorder" / CAMERA
    scene.press()
    scene.wait_until(lambda: scene.viewfinder.running)
    assert scene.viewfinder.began_under == ["recording"]
    assert is_claimed(with_picture)
    scene.press()
    assert scene.end() is Ending.PRESSED
    assert not is_claimed(with_picture)
    assert (scene.viewfinder.running, scene.lamp.now.name) == (False, "dark")


def test_press_that_consent_refuses_shows_nothing(scene: Scene) -> None:
    """P3: the same decision as for a recording, fail closed; the lamp says no."""
    refused = decision(Consent.REFUSED, reason="families_said_no")
    scene.unit.put_state("policy", scene.school.issue_policy(scene.unit.device, otherwise=refused))
    scene.begin()
    scene.press()
    scene.wait_until(lambda: len(scene.said) > 1)
    scene.stop.set()
    assert scene.end() is Ending.REFUSED
    assert "families_said_no" in scene.said[1]
    assert (scene.viewfinder.began_under, scene.lamp.now.name) == ([], "refused")


def test_unit_without_a_policy_shows_nothing(scene: Scene) -> None:
    """No document is a refusal."""
    (scene.unit.data / "state" / "policy").unlink()
    scene.begin()
    scene.press()
    scene.wait_until(lambda: len(scene.said) > 1)
    scene.stop.set()
    assert scene.end() is Ending.REFUSED
    assert scene.viewfinder.began_under == []


def test_picture_is_gone_after_five_minutes(scene: Scene) -> None:
    """Whoever forgets it leaves no picture on a screen."""
    assert SHOW_S == 300.0
    with _shown(scene):
        scene.clock.advance(SHOW_S)
    assert scene.end() is Ending.TIME
    assert not scene.viewfinder.running


def test_picture_is_gone_when_consent_is_withdrawn(scene: Scene) -> None:
    """P3: a newer policy that forbids ends it, without a press."""
    with _shown(scene):
        refused = decision(Consent.REFUSED, reason="withdrawn")
        line = scene.school.issue_policy(scene.unit.device, otherwise=refused, version=9)
        scene.unit.put_state("policy", line)
        scene.clock.advance(2)
    assert scene.end() is Ending.FORBIDDEN


def test_nobody_pressing_ends_it(scene: Scene) -> None:
    """A command that was typed and left shows nothing later on."""
    scene.begin()
    scene.clock.advance(WAIT_S)
    assert scene.end() is Ending.NOBODY
    assert scene.viewfinder.began_under == []


@pytest.mark.parametrize("fault", [LampFault("the lamp is gone"), CameraFault("the ribbon cable")])
def test_fault_of_lamp_or_camera_ends_it(scene: Scene, fault: LampFault | CameraFault) -> None:
    """P1: no camera without a lamp that can be set."""
    with _shown(scene):
        if isinstance(fault, LampFault):
            scene.inbox.put(fault)
        else:
            scene.viewfinder.fault = fault
            scene.clock.advance(2)
    assert scene.end() is fault
    assert not scene.viewfinder.running


def test_aiming_stores_nothing(scene: Scene) -> None:
    """The unit's folder is as it was, but for an empty lock."""
    before = {path: path.read_bytes() for path in scene.unit.data.rglob("*") if path.is_file()}
    with _shown(scene):
        scene.stop.set()
    assert scene.end() is Ending.STOPPED
    after = {path: path.read_bytes() for path in scene.unit.data.rglob("*") if path.is_file()}
    assert {path.name: data for path, data in after.items() if path not in before} == {CAMERA: b""}
    assert {path: after[path] for path in before} == before


# ---- the command and the screens


def _unit(tmp_path: Path, kind: str) -> UnitBundle:
    school = make_school(tmp_path / "school", now=datetime.now(UTC))
    camera = {"kind": kind, **({"input": "lesson.mp4"} if kind == "replay" else {})}
    return school.make_unit(tmp_path / "unit", tables={"camera": camera})


@pytest.mark.parametrize(
    ("locks", "words"),
    [((PARTS,), "stop it (sudo systemctl stop backrow-recorder)"), ((PARTS, CAMERA), "the camera is in use")],
)
def test_aim_is_refused_while_the_recorder_runs(tmp_path: Path, locks: tuple[str, ...], words: str) -> None:
    """It never takes button, lamp or camera out of the recorder's hands, and never tells to stop a lesson."""
    unit = _unit(tmp_path, "synthetic")
    held = [Claim(unit.data / "recorder" / lock) for lock in locks]
    assert all(claim.take() for claim in held)
    result = CliRunner().invoke(group, ["aim", "--config", str(unit.config)])
    for claim in held:
        claim.give_back()
    assert result.exit_code == 1
    assert words in result.output
    assert ("systemctl stop" in result.output) == (CAMERA not in locks)


def test_replayed_video_cannot_be_aimed(tmp_path: Path) -> None:
    """It says so, and what to do."""
    with pytest.raises(CameraFault, match="configure the real camera"):
        make_viewfinder(load_config(_unit(tmp_path, "replay").config), SystemClock())


def test_pi_without_picamera2_says_what_to_install(tmp_path: Path) -> None:
    """On a machine without it the screen is refused when it is started, in words."""
    viewfinder = make_viewfinder(load_config(_unit(tmp_path, "picamera2").config), SystemClock())
    assert viewfinder.facts.is_production
    with pytest.raises(CameraFault, match=r"apt install python3-picamera2|cannot be shown"):
        viewfinder.start()
    viewfinder.stop()


class _Terminal(StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


def test_drawn_picture_is_a_stand_in_that_says_so() -> None:
    """Lines of characters that change; refused in production."""
    stream = _Terminal()
    screen = TerminalScreen(stream, SystemClock())
    with pytest.raises(NotForProduction, match="DRAWN"):
        require_fit(screen, Purpose.PRODUCTION)
    screen.stop()
    screen.start()
    deadline = time.monotonic() + PATIENCE_S
    while stream.getvalue().count("\x1b[H") < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    screen.stop()
    pictures = re.split(r"\x1b\[H\x1b\[2J", stream.getvalue())[1:3]
    assert [len(line) for line in pictures[0].splitlines()] == [COLUMNS] * (ROWS // 2)
    assert pictures[0] != pictures[1]


def test_light_and_dark_are_different_characters() -> None:
    """A black picture is blanks, a white one is full."""
    assert set(render(bytes(COLUMNS * ROWS))) == {" ", "\n"}
    assert set(render(b"\xff" * (COLUMNS * ROWS))) == {"@", "\n"}
