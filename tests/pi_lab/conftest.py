"""What the tests in the lab share: the camera's adapter around the real picamera2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from device.camera_settings import CameraKind, CameraTable
from device.hardware.clock import SystemClock
from device.hardware.live import LiveCamera
from device.hardware.picam import make_pi_camera
from device.hardware.ports import CameraFault


def refuse(fault: CameraFault) -> None:
    """No camera of these tests may get stuck."""
    raise AssertionError(str(fault))


def make_camera(**settings: int) -> LiveCamera:
    """The adapter with these settings; the lab is no Raspberry Pi, so it encodes with libx264."""
    return make_pi_camera(
        CameraTable(kind=CameraKind.PICAMERA2, **settings), clock=SystemClock(), model="", on_stuck=refuse
    )


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder whose files are looked at outside the lab."""
    folder = Path("/out")
    return folder if os.access(folder, os.W_OK) else tmp_path
