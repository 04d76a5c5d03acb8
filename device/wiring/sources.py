"""Picks what films and hears: the configured camera and microphone, the drawn ones of self-test and demo, the screen.

A vendor's library is imported only where its part is configured. Nothing is opened or started here.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from device.camera_settings import CameraKind
from device.config import DeviceConfig
from device.hardware.clock import SystemClock
from device.hardware.ports import Camera, CameraFault, Clock, Microphone, Viewfinder
from device.masking.veil import Cover
from device.microphone_settings import MicrophoneKind

if TYPE_CHECKING:
    from device.hardware.synthetic import SyntheticCamera


def make_camera(
    config: DeviceConfig, clock: Clock, *, on_stuck: Callable[[CameraFault], None], cover: Cover | None = None
) -> Camera:
    """Make the configured camera, and import its library; `on_stuck` is told of one that does not let go.

    `cover` is given every picture before it is encoded; a replayed video is encoded already.
    """
    table = config.camera
    if table.kind is CameraKind.REPLAY and table.input is not None:
        from device.hardware.replay import ReplayCamera, ReplaySettings

        plays = None if table.loop else 1
        return ReplayCamera(table.input, clock=clock, settings=ReplaySettings(speed=table.speed, plays=plays))
    if table.kind is CameraKind.SYNTHETIC:
        return _make_synthetic(config, clock=clock, speed=table.speed, cover=cover)
    from device.hardware.picam import make_pi_camera, read_model

    return make_pi_camera(table, clock=clock, model=read_model(), on_stuck=on_stuck, cover=cover)


def make_microphone(config: DeviceConfig, clock: Clock) -> Microphone | None:
    """Make the configured microphone; None leaves it to the camera's own sound, if it has any."""
    table = config.microphone
    if table.kind is MicrophoneKind.NONE:
        return None
    if table.kind is MicrophoneKind.SYNTHETIC:
        from device.hardware.synthetic_sound import SyntheticMicrophone, SyntheticSound

        return SyntheticMicrophone(clock=clock, settings=SyntheticSound(latency_ms=table.latency_ms))
    from device.hardware.microphone import AlsaMicrophone, AlsaSettings

    return AlsaMicrophone(clock=clock, settings=AlsaSettings(device=table.device, latency_ms=table.latency_ms))


def make_drawing_camera(config: DeviceConfig) -> SyntheticCamera:
    """Make the unit's synthetic camera once more, as fast as it can be drawn; raises `CameraFault` for any other."""
    if config.camera.kind is not CameraKind.SYNTHETIC or config.camera.seconds is None:
        raise CameraFault("[camera] kind: only a synthetic camera with `seconds` can be drawn into a file")
    return _make_synthetic(config, clock=SystemClock(), speed=math.inf)


def make_rehearsal_camera(*, seconds: float, fps: int) -> Camera:
    """Make the drawn camera of a self-test, as fast as it can be drawn; it is no unit's configured one."""
    from device.hardware.synthetic import SyntheticCamera, SyntheticSettings

    settings = SyntheticSettings(width=640, height=360, fps=fps, speed=math.inf, seconds=seconds)
    return SyntheticCamera(clock=SystemClock(), settings=settings)


def _make_synthetic(config: DeviceConfig, *, clock: Clock, speed: float, cover: Cover | None = None) -> SyntheticCamera:
    from device.hardware.synthetic import SyntheticCamera, SyntheticSettings

    table = config.camera
    settings = SyntheticSettings(
        width=table.width,
        height=table.height,
        fps=table.fps,
        bit_rate_bps=table.bitrate_bps,
        speed=speed,
        seconds=table.seconds,
        own_sound=config.microphone.kind is not MicrophoneKind.SYNTHETIC,
    )
    return SyntheticCamera(clock=clock, settings=settings, cover=cover)


def make_viewfinder(config: DeviceConfig, clock: Clock, cover: Cover | None = None) -> Viewfinder:
    """Make the screen that shows what the configured camera sees; a replayed video has nothing to aim.

    `cover` is given every picture before it is shown.
    """
    if config.camera.kind is CameraKind.PICAMERA2:
        from device.hardware.picam_screen import PiScreen

        return PiScreen(config.camera, cover=cover)
    if config.camera.kind is CameraKind.SYNTHETIC:
        from device.hardware.terminal_screen import TerminalScreen

        table = config.camera
        return TerminalScreen(sys.stdout, clock, size=(table.width, table.height), cover=cover)
    raise CameraFault("[camera] kind = 'replay': a video that is replayed cannot be aimed; configure the real camera")
