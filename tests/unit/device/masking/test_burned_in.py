"""A whole recording under a mask, opened and decoded: what it holds of the hidden areas, and of the rest."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest

from device.config import load_config
from device.hardware.clock import SystemClock
from device.hardware.ports import Camera, CameraFault
from device.masking.confirmed import FILE, Confirmations
from device.masking.framing import Framing
from device.masking.stencil import GREY
from device.masking.veil import UNCONFIRMED, Veil
from device.wiring.recorder import make_veil
from device.wiring.sources import make_camera
from protocol.documents import Permission as Consent
from protocol.durable import REAL
from protocol.manifest import CloseReason
from protocol.masks import Mask
from tests.drawn_pictures import FPS, HEIGHT, LEFT_FRONT, WIDTH, drawn, framing_of
from tests.fakes.sink import CollectingSink
from tests.recorder_room import FAST, STOP_S, Room, open_room
from tests.school import School, UnitBundle, decision, make_school, new_id
from tests.unsealed import open_recording

CAMERA = {"kind": "synthetic", "width": WIDTH, "height": HEIGHT, "fps": FPS, "bitrate_bps": 6_000_000, "speed": 1.0}
MASK = Mask(room=new_id(), version=7, areas=(LEFT_FRONT,))
EDGE = 16
"""An encoder smooths over its blocks: so far beside an area's edge its samples are not compared."""


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school whose documents hold today."""
    return make_school(tmp_path, now=datetime.now(UTC))


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """A unit with the synthetic camera, told of a mask."""
    unit = school.make_unit(tmp_path / "unit", tables={"timings": FAST, "camera": CAMERA})
    said = decision(Consent.ALLOWED, owner=unit.owner)
    unit.put_state("policy", school.issue_policy(unit.device, otherwise=said, version=2, mask=MASK))
    return unit


def refuse(fault: CameraFault) -> None:
    """No camera is stuck here."""
    raise AssertionError(fault)


def _confirm(unit: UnitBundle, framing: Framing) -> Veil:
    folder = unit.data / "recorder"
    folder.mkdir(exist_ok=True)
    Confirmations(folder, load_config(unit.config).camera, REAL).store(MASK, framing)
    return make_veil(load_config(unit.config))


def _camera(unit: UnitBundle, veil: Veil) -> Camera:
    return make_camera(load_config(unit.config), SystemClock(), on_stuck=refuse, cover=veil)


def _reason(room: Room) -> CloseReason | None:
    (folder,) = room.unit.recordings()
    closed = room.unit.manifest(folder).closed
    return closed.reason if closed else None


def _luma(school: School, unit: UnitBundle, folder: Path) -> Iterator[np.ndarray]:
    """Open a recording with the school's key, and decode its pictures."""
    (recording,) = unit.recordings()
    film = folder / "film.mp4"
    film.write_bytes(b"".join(each.plaintext for each in open_recording(school, unit, recording).segments))
    with av.open(str(film)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="yuv420p")[:HEIGHT].astype(int)


def test_recording_holds_nothing_of_what_is_hidden(school: School, unit: UnitBundle, tmp_path: Path) -> None:
    """The area is one grey in each picture of the film, the rest is what the camera saw, and the manifest says so."""
    veil = _confirm(unit, framing_of(MASK))
    with open_room(school, unit, _camera(unit, veil), veil=veil) as room:
        room.wait_for("ready")
        room.tap()
        room.wait_for("recording")
        time.sleep(2.5)
        room.hold(STOP_S)
        room.wait_until(lambda: _reason(room) is CloseReason.STOPPED, "it is closed")
    (recording,) = unit.recordings()
    assert unit.manifest(recording).begun.mask_version == 7
    pictures = list(_luma(school, unit, tmp_path))
    assert len(pictures) > 20
    for number, picture in enumerate(pictures):
        hidden = picture[HEIGHT * 6 // 10 + EDGE :, : WIDTH * 3 // 10 - EDGE]
        assert np.abs(hidden - GREY).max() <= 2, f"picture {number}"
        seen = np.frombuffer(bytes(drawn(number).luma), np.uint8).reshape(HEIGHT, WIDTH).astype(int)
        rest = np.abs(picture - seen)[: HEIGHT * 6 // 10 - EDGE]
        assert rest.mean() < 4, f"picture {number}"


def test_turned_camera_ends_its_recording_and_the_next_press_is_refused(
    school: School, unit: UnitBundle, tmp_path: Path
) -> None:
    """Nothing of what it saw is in the film; the lamp refuses until the mask is confirmed again."""
    veil = _confirm(unit, Framing(framing_of(MASK).signs[::-1]))
    with open_room(school, unit, _camera(unit, veil), veil=veil) as room:
        room.wait_for("ready")
        room.tap()
        shown = room.wait_for("recording")
        room.wait_until(lambda: _reason(room) is CloseReason.CONSENT, "it is ended")
        shown = room.wait_for("fault", after=room.wait_for("sealing", after=shown))
        assert veil.refusal(MASK) == UNCONFIRMED
        room.tap()
        room.wait_for("refused", after=shown)
    assert not (unit.data / "recorder" / FILE).exists()
    assert all(np.abs(picture - GREY).max() <= 2 for picture in _luma(school, unit, tmp_path))


def test_press_is_refused_before_the_camera_runs_while_nothing_is_confirmed(school: School, unit: UnitBundle) -> None:
    """No camera is started only to find out that it may not be."""
    veil = make_veil(load_config(unit.config))
    with open_room(school, unit, _camera(unit, veil), veil=veil) as room:
        room.wait_for("ready")
        room.tap()
        room.wait_for("refused")
        assert "recording" not in [each.name for each in room.lamp.shown]
    assert unit.recordings() == []


def test_configured_camera_hands_its_pictures_to_the_veil(unit: UnitBundle) -> None:
    """One that was not put on makes them all grey: the wiring leaves no way around it."""
    veil, sink = make_veil(load_config(unit.config)), CollectingSink()
    camera = _camera(unit, veil)
    camera.start(sink)
    try:
        sink.wait_items(1)
    finally:
        camera.stop()
    decoder = av.CodecContext.create("h264", "r")
    packets = [av.Packet(each.data) for each in sink.video] + [None]
    (picture, *_) = [frame for packet in packets for frame in decoder.decode(packet)]
    assert np.abs(picture.to_ndarray(format="yuv420p").astype(int) - GREY).max() <= 2
