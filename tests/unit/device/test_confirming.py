"""Confirming a mask at the unit: who looks, what says yes, and what is kept of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from device.aim import Ending
from device.camera_settings import CameraKind, CameraTable
from device.confirming import Confirm
from device.masking.confirmed import FILE, Confirmations
from device.masking.framing import Framing
from device.masking.veil import Sitting, Veil
from protocol.documents import Permission as Consent
from protocol.durable import REAL
from protocol.masks import Mask
from tests.aiming import Scene, make_scene
from tests.drawn_pictures import FPS, HEIGHT, LEFT_FRONT, WIDTH, drawn, framing_of, picture_of
from tests.school import decision, new_id

TABLE = CameraTable(kind=CameraKind.SYNTHETIC)
MASK = Mask(room=new_id(), version=3, areas=(LEFT_FRONT,))
LOOKED = range(0, 3 * FPS + 5, 5)


@pytest.fixture
def sitting() -> Sitting:
    """Somebody who looks at five pictures a second."""
    return Sitting(TABLE, fps=5)


@pytest.fixture
def scene(tmp_path: Path, sitting: Sitting) -> Iterator[Scene]:
    """A unit that was told of a mask; nobody has pressed."""
    made = make_scene(tmp_path)
    folder = made.unit.data / "recorder"
    folder.mkdir(exist_ok=True)
    made.make = partial(Confirm, sitting=sitting, held=Confirmations(folder, TABLE, REAL))
    _tell(made, MASK)
    yield made
    made.leave()


def _tell(scene: Scene, mask: Mask | None, permission: Consent = Consent.ALLOWED) -> None:
    said = decision(permission, owner=scene.unit.owner)
    line = scene.school.issue_policy(scene.unit.device, otherwise=said, version=2, mask=mask)
    scene.unit.put_state("policy", line)


def _look(scene: Scene) -> None:
    scene.begin()
    scene.press()
    scene.wait_until(lambda: scene.viewfinder.running)
    scene.wait_until(lambda: len(scene.said) > 1)


def _held(scene: Scene) -> Framing | None:
    return Confirmations(scene.unit.data / "recorder", TABLE, REAL).framing_of(MASK)


def test_hold_confirms_what_was_seen(scene: Scene, sitting: Sitting) -> None:
    """After three seconds under the recording's lamp; from then on a press is not refused for the mask."""
    _look(scene)
    assert scene.viewfinder.began_under == ["recording"]
    for number in LOOKED:
        sitting.cover(drawn(number))
    scene.hold(3.0)
    assert scene.end() is Ending.CONFIRMED
    assert _held(scene) == framing_of(MASK)
    assert Veil(Confirmations(scene.unit.data / "recorder", TABLE, REAL), TABLE).refusal(MASK) is None


def test_tap_leaves_it_unconfirmed(scene: Scene, sitting: Sitting) -> None:
    """Who leans on the button confirms nothing."""
    _look(scene)
    for number in LOOKED:
        sitting.cover(drawn(number))
    scene.clock.advance(2.0)
    time.sleep(0.3)  # what was begun with is no half of a double tap any more
    scene.press()
    scene.clock.advance(2.0)
    assert scene.end() is Ending.NOT_CONFIRMED
    assert not (scene.unit.data / "recorder" / FILE).exists()


def test_hold_before_three_seconds_confirms_nothing(scene: Scene, sitting: Sitting) -> None:
    """What stands still is not known yet."""
    _look(scene)
    sitting.cover(drawn(0))
    scene.hold(3.0)
    assert (scene.end(), _held(scene)) == (Ending.TOO_SOON, None)


def test_plain_picture_cannot_be_confirmed(scene: Scene, sitting: Sitting) -> None:
    """A wall, a closed lens or a dark room would be known again anywhere."""
    _look(scene)
    for _ in LOOKED:
        sitting.cover(picture_of(bytes(WIDTH * HEIGHT)))
    scene.hold(3.0)
    assert (scene.end(), _held(scene)) == (Ending.TOO_PLAIN, None)


def test_room_without_a_mask_shows_nothing(scene: Scene) -> None:
    """There is nothing to confirm, and no camera runs for it."""
    _tell(scene, None)
    scene.begin()
    scene.press()
    assert (scene.end(), scene.viewfinder.began_under) == (Ending.NO_MASK, [])


def test_press_that_consent_refuses_shows_nothing(scene: Scene) -> None:
    """A mask is looked at under the same rules as a picture."""
    _tell(scene, MASK, Consent.REFUSED)
    scene.begin()
    scene.press()
    assert (scene.end(), scene.viewfinder.began_under) == (Ending.REFUSED, [])


def test_confirmation_holds_no_picture(scene: Scene, sitting: Sitting) -> None:
    """One small file of signs is all that is written."""
    before = {path for path in scene.unit.data.rglob("*") if path.is_file()}
    _look(scene)
    for number in LOOKED:
        sitting.cover(drawn(number))
    scene.hold(3.0)
    scene.end()
    added = {path for path in scene.unit.data.rglob("*") if path.is_file()} - before
    assert {path.name for path in added} <= {FILE, "camera.lock", "camera"}
    assert (scene.unit.data / "recorder" / FILE).stat().st_size < 3000
