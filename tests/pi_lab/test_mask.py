"""A mask on the real picamera2: what is hidden of the buffers is hidden of the film; an error keeps pictures back."""

from __future__ import annotations

import av
import numpy as np
import pytest

from device.camera_settings import CameraKind, CameraTable
from device.hardware.clock import SystemClock
from device.hardware.picam import make_pi_camera
from device.hardware.ports import CameraFault
from device.masking.stencil import GREY, Picture, Stencil, make_stencil
from protocol.masks import Area, Corner, Mask
from tests.fakes.sink import CollectingSink
from tests.pi_lab.conftest import refuse

pytestmark = [
    pytest.mark.hardware,
    pytest.mark.filterwarnings("ignore:setDaemon:DeprecationWarning"),  # picamera2 0.3.38
]
TABLE = CameraTable(kind=CameraKind.PICAMERA2)
LEFT = Area(corners=(Corner(0, 0), Corner(500, 0), Corner(500, 1000), Corner(0, 1000)))
MASK = Mask(room="b4xgq2ldnrwsa5dpnfxgkzlmoq", version=1, areas=(LEFT,))


class Half:
    """Hides the left half of each picture."""

    is_needed = True

    def __init__(self) -> None:
        self.stencil: Stencil = make_stencil(MASK, width=TABLE.width, height=TABLE.height)

    def cover(self, picture: Picture) -> None:
        """See `Cover.cover`."""
        self.stencil.cover(picture)


class Lost(Half):
    """Has lost its framing."""

    def cover(self, picture: Picture) -> None:
        """See `Cover.cover`."""
        raise CameraFault("the camera looks elsewhere")


def _run(cover: Half) -> CollectingSink:
    camera, sink = make_pi_camera(TABLE, clock=SystemClock(), model="", on_stuck=refuse, cover=cover), CollectingSink()
    camera.start(sink)
    try:
        sink.wait_over() if isinstance(cover, Lost) else sink.wait_items(40)
    finally:
        camera.stop()
    return sink


def test_what_is_hidden_of_the_buffer_is_hidden_of_the_film() -> None:
    """Each decoded picture is one grey on its left half, in brightness and colour, and shows something on its right."""
    sink = _run(Half())
    assert sink.faults == []
    decoder = av.CodecContext.create("h264", "r")
    packets = [*(av.Packet(each.data) for each in sink.video), None]
    pictures = [frame.to_ndarray(format="rgb24").astype(int) for packet in packets for frame in decoder.decode(packet)]
    assert len(pictures) >= 40
    edge = TABLE.width // 2 - 16
    for picture in pictures:
        hidden = picture[:, :edge]
        assert np.ptp(hidden) <= 8
        assert abs(int(hidden.mean()) - GREY) < 12
        assert np.ptp(picture[:, edge + 32 :]) > 40


def test_picture_that_cannot_be_covered_never_reaches_the_encoder() -> None:
    """The take ends with the reason, and without a picture."""
    sink = _run(Lost())
    assert sink.video == []
    assert "the camera looks elsewhere" in str(sink.faults[0])
