"""The Pi's camera, as far as a machine without one can tell; with picamera2 itself: `python -m tests.pi_lab`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from device.camera_settings import CameraKind, CameraTable
from device.hardware.clock import SystemClock
from device.hardware.picam import Encoder, choose_encoder, make_pi_camera, read_model
from device.hardware.ports import CameraFault


@pytest.mark.parametrize(
    ("model", "encoder"),
    [
        ("Raspberry Pi 4 Model B Rev 1.5", Encoder.HARDWARE),
        ("Raspberry Pi 400 Rev 1.0", Encoder.HARDWARE),
        ("Raspberry Pi Compute Module 4 Rev 1.1", Encoder.HARDWARE),
        ("Raspberry Pi 3 Model B Plus Rev 1.3", Encoder.HARDWARE),
        ("Raspberry Pi Zero 2 W Rev 1.0", Encoder.HARDWARE),
        ("Raspberry Pi 5 Model B Rev 1.0", Encoder.LIBX264),
        ("Raspberry Pi 500 Rev 1.0", Encoder.LIBX264),
        ("Raspberry Pi Compute Module 5 Rev 1.0", Encoder.LIBX264),
        ("", Encoder.LIBX264),
    ],
)
def test_encoder_is_chosen_by_what_the_machine_is(model: str, encoder: Encoder) -> None:
    """A Pi 5 has no H.264 encoder; picamera2's own guess needs a camera that answers, so ours reads the device tree."""
    assert choose_encoder(model) is encoder


def test_model_is_read_without_the_device_trees_zero_byte(tmp_path: Path) -> None:
    """Strings of a device tree end in a zero byte."""
    file = tmp_path / "model"
    file.write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert read_model(file) == "Raspberry Pi 5 Model B Rev 1.0"
    assert read_model(tmp_path / "none") == ""


@pytest.mark.skipif(importlib.util.find_spec("picamera2") is not None, reason="picamera2 is here")
def test_missing_picamera2_is_told_with_what_to_install() -> None:
    """The package comes from apt, and is seen only by an environment that was made to see it."""
    table = CameraTable(kind=CameraKind.PICAMERA2)
    with pytest.raises(CameraFault, match=r"apt install python3-picamera2.*--system-site-packages"):
        make_pi_camera(table, clock=SystemClock(), model="Raspberry Pi 5 Model B Rev 1.0", on_stuck=print)
