"""Puts the unit's processes together from its configuration: the one place that picks implementations.

Each process has its section. Nothing is started here but what must stand before the process runs; made-up parts are
refused in production before anything is touched.
"""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from device import claims
from device.camera_settings import CameraKind
from device.claims import Claim
from device.config import DeviceConfig
from device.hardware.claimed import ClaimedCamera, claim_parts
from device.hardware.clock import SystemClock
from device.hardware.disk import SystemDisk
from device.hardware.ports import (
    Button,
    Buzzer,
    BuzzerFault,
    Camera,
    CameraFault,
    Clock,
    Lamp,
    LampFault,
    Microphone,
    Part,
    Purpose,
    Tune,
    Viewfinder,
    require_fit,
)
from device.health.status import StatusFile
from device.identity import DocumentStore, Identity, load_identity
from device.localtime import local_zone
from device.media.segments import SegmentLimits
from device.media.speech import can_measure_speech
from device.microphone_settings import MicrophoneKind
from device.pin_settings import ButtonKind, BuzzerKind, PinsKind, PinsTable
from device.recorder.begin import Beginner, SpoolLimits
from device.recorder.fitness import Fitness
from device.recorder.gestures import GestureTimings
from device.recorder.journal import Journal
from device.recorder.media import SoundRules
from device.recorder.moments import Moments
from device.recorder.performer import Hardware, Workroom
from device.recorder.permission import Permission
from device.recorder.service import Desk, Inbox, Pace, Recorder
from device.recorder.states import Limits
from device.spool.inspecting import Inspector
from device.spool.keeping import SpoolKeeper
from device.spool.manifest import Signer
from device.spool.outlook import Outlook
from device.spool.releasing import Releaser, UndoRule
from device.spool.store import SpoolStore
from protocol.durable import REAL, Files

if TYPE_CHECKING:
    from device.hardware.gpio import LampObserver, PinFactory
    from device.hardware.panel import MockPanel
    from device.hardware.synthetic import SyntheticCamera

log = logging.getLogger(__name__)


# ---- recorder -------------------------------------------------------------------------------------------------------


@contextmanager
def open_recorder(config: DeviceConfig, files: Files = REAL) -> Iterator[Recorder]:
    """Make the recorder of this unit, with its panel where the pins are mock ones; nothing runs before its `run`.

    Raises `HardwareError`, `InputRefused`, `KeyFileError` or `OSError`, each with what to do.
    """
    clock, inbox = SystemClock(), Inbox()
    own = make_camera(config, clock, on_stuck=inbox.put)
    camera = ClaimedCamera(own, Claim(config.data / "recorder" / claims.CAMERA))
    microphone = make_microphone(config, clock)
    with claim_parts(config.data / "recorder"), open_controls(config, clock, inbox) as controls:
        for part in filter(None, (camera, microphone, *controls.parts)):
            require_fit(part, Purpose.PRODUCTION if config.device.production else Purpose.DEMO)
        hardware = Hardware(
            button=controls.button,
            camera=camera,
            microphone=microphone,
            lamp=controls.lamp,
            clock=clock,
            disk=SystemDisk(),
            buzzer=controls.buzzer,
        )
        yield make_recorder(config, hardware, inbox, files)


def make_recorder(config: DeviceConfig, hardware: Hardware, inbox: Inbox, files: Files = REAL) -> Recorder:
    """Make the recorder around its parts; whoever made `inbox` may put faults of lamp and camera into it."""
    identity = load_identity(config.data / "identity", config.keys)
    ground = _lay_ground(config, identity, clock=hardware.clock, files=files)
    return Recorder(
        hardware,
        room=_make_workroom(config, ground, hardware),
        desk=_make_desk(config, ground),
        pace=_make_pace(config),
        inbox=inbox,
    )


def make_camera(config: DeviceConfig, clock: Clock, *, on_stuck: Callable[[CameraFault], None]) -> Camera:
    """Make the configured camera, and import its library; `on_stuck` is told of one that does not let go."""
    table = config.camera
    if table.kind is CameraKind.REPLAY and table.input is not None:
        from device.hardware.replay import ReplayCamera, ReplaySettings

        plays = None if table.loop else 1
        return ReplayCamera(table.input, clock=clock, settings=ReplaySettings(speed=table.speed, plays=plays))
    if table.kind is CameraKind.SYNTHETIC:
        return _make_synthetic(config, clock=clock, speed=table.speed)
    from device.hardware.picam import make_pi_camera, read_model

    return make_pi_camera(table, clock=clock, model=read_model(), on_stuck=on_stuck)


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


def _make_synthetic(config: DeviceConfig, *, clock: Clock, speed: float) -> SyntheticCamera:
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
    return SyntheticCamera(clock=clock, settings=settings)


def open_documents(config: DeviceConfig, identity: Identity, files: Files = REAL) -> DocumentStore:
    """Open the unit's signed documents."""
    return DocumentStore(config.data / "state", device=config.device.id, root=identity.root, files=files)


@dataclass(frozen=True, kw_only=True)
class Controls:
    """What the room has of the unit: what is pressed, what shines, what sounds."""

    button: Button
    lamp: Lamp
    buzzer: Buzzer | None

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every one of them that there is."""
        return (self.button, self.lamp) if self.buzzer is None else (self.button, self.lamp, self.buzzer)


@contextmanager
def open_controls(config: DeviceConfig, clock: Clock, inbox: Inbox) -> Iterator[Controls]:
    """Make button, lamp and buzzer; mock ones have a panel, through which another process is finger, eye and ear."""
    from device.hardware.gpio import drive_mock_button, make_mock_factory, make_real_factory

    with ExitStack() as leaving:
        panel = None
        if config.pins.kind is PinsKind.MOCK:
            factory = make_mock_factory()
            panel = _make_panel(config, lambda down: drive_mock_button(factory, config.pins.button, down=down))
            panel.start()
            leaving.callback(panel.stop)
        else:
            factory = make_real_factory()
        lamp = _make_lamp(config.pins, factory, clock, on_fault=inbox.put, observer=panel.show if panel else None)
        leaving.callback(lamp.close)
        buzzer = _make_buzzer(config.pins, factory, clock, observer=panel.hear if panel else None)
        if buzzer is not None:
            leaving.callback(buzzer.close)
        yield Controls(button=_make_button(config, factory, clock), lamp=lamp, buzzer=buzzer)


def darken(config: DeviceConfig, factory: PinFactory | None = None) -> None:
    """Take lamp and buzzer as they are taken at a start, dark and silent, and let go of them; raises `HardwareError`.

    Linux on a Pi leaves a released pin as it was, so that a killed recorder's lamp would go on saying "recording". Mock
    pins are gone with their process. `factory` is a test's; without one it is the Pi's own.
    """
    from device.hardware.gpio import make_real_factory

    if factory is None and config.pins.kind is PinsKind.MOCK:
        return
    pins, clock, inbox = factory or make_real_factory(), SystemClock(), Inbox()
    _make_lamp(config.pins, pins, clock, on_fault=inbox.put, observer=None).close()
    buzzer = _make_buzzer(config.pins, pins, clock, observer=None)
    if buzzer is not None:
        buzzer.close()


def _make_panel(config: DeviceConfig, press: Callable[[bool], None]) -> MockPanel:
    from device.hardware.panel import MockPanel

    socket = config.data / "run" / "panel.sock"
    socket.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    return MockPanel(socket, press=press)


def _make_button(config: DeviceConfig, factory: PinFactory, clock: Clock) -> Button:
    """Make what is pressed: the buttons on pins, the keyboard's key, or both, of which any one counts."""
    from device.hardware.buttons import AnyButton
    from device.hardware.gpio import GpioButton
    from device.hardware.keyboard import KeyboardButton

    pins, table = GpioButton(config.pins.buttons(), factory=factory, clock=clock), config.button
    if table.kind is ButtonKind.PINS or table.device is None:
        return pins
    keyboard = KeyboardButton(table.device, table.key, clock=clock)
    return keyboard if table.kind is ButtonKind.KEYBOARD else AnyButton([pins, keyboard])


def _make_lamp(
    pins: PinsTable,
    factory: PinFactory,
    clock: Clock,
    *,
    on_fault: Callable[[LampFault], None],
    observer: LampObserver | None,
) -> Lamp:
    from device.hardware.gpio import GpioLamp, LampPins

    lamps = [LampPins(*numbers, pins.polarity) for numbers in pins.lamps()]
    return GpioLamp(lamps, factory=factory, clock=clock, on_fault=on_fault, observer=observer)


def _make_buzzer(
    pins: PinsTable, factory: PinFactory, clock: Clock, *, observer: Callable[[Tune], None] | None
) -> Buzzer | None:
    """Make the buzzer, if there is to be one; a unit whose buzzer cannot be had says so and records without."""
    from device.hardware.gpio import GpioBuzzer

    if pins.buzzer_kind is BuzzerKind.NONE:
        return None
    try:
        return GpioBuzzer(pins.buzzer, pins.buzzer_kind, factory=factory, clock=clock, observer=observer)
    except BuzzerFault as fault:
        log.error("%s; this unit stays silent", fault)
        return None


@dataclass(frozen=True)
class _Ground:
    """What everything on the recorder's disk stands on."""

    store: SpoolStore
    documents: DocumentStore
    moments: Moments
    signer: Signer


def _lay_ground(config: DeviceConfig, identity: Identity, *, clock: Clock, files: Files) -> _Ground:
    documents = open_documents(config, identity, files)
    moments = Moments(clock, documents.newest_instant())
    signer = Signer(key=identity.recorder, moment=moments.moment, files=files)
    return _Ground(SpoolStore(config.data / "spool", files), documents, moments, signer)


def _make_workroom(config: DeviceConfig, ground: _Ground, hardware: Hardware) -> Workroom:
    limits = config.limits
    beginner = Beginner(
        device=config.device.id,
        camera=config.camera.kind.value,
        store=ground.store,
        signer=ground.signer,
        documents=ground.documents,
        moments=ground.moments,
        disk=hardware.disk,
        limits=SpoolLimits(lesson_bytes=limits.lesson_bytes, reserve_bytes=limits.spool_reserve_bytes),
        random_bytes=os.urandom,
    )
    status = StatusFile(config.data / "recorder" / "status", ground.store.files)
    days = config.data / "recorder" / "days"
    outlook = Outlook(days, lesson_bytes=limits.lesson_bytes, zone=local_zone(), files=ground.store.files)
    return Workroom(
        keeper=SpoolKeeper(ground.store, ground.signer),
        beginner=beginner,
        permission=Permission(ground.documents, ground.moments),
        fitness=Fitness(ground.documents, ground.moments, beginner=beginner, status=status, outlook=outlook),
        segments=SegmentLimits(target_s=limits.segment_s, bound_s=2 * limits.segment_s),
        sound=SoundRules(
            warn_after_s=config.microphone.warn_after_s,
            is_expected=hardware.microphone is not None,
            measures_speech=can_measure_speech(),
        ),
    )


def _make_desk(config: DeviceConfig, ground: _Ground) -> Desk:
    folder, files = config.data / "recorder", ground.store.files
    files.make_folder(folder)
    releaser = Releaser(
        ground.store,
        ground.documents,
        keeper=SpoolKeeper(ground.store, ground.signer),
        receipts=config.data / "state" / "receipts",
        undo=UndoRule(
            until=config.limits.undo_until,
            zone=local_zone(),
            grace=timedelta(seconds=config.limits.undo_grace_s),
        ),
    )
    return Desk(
        journal=Journal(folder / "journal", files),
        moments=ground.moments,
        releaser=releaser,
        inspector=Inspector(ground.store, ground.signer.key.verifying),
    )


def make_gestures(config: DeviceConfig) -> GestureTimings:
    """Give the hand's timings."""
    timings = config.timings
    return GestureTimings(
        debounce_s=timings.debounce_s,
        double_tap_s=timings.double_tap_s,
        stop_from_s=timings.stop_s,
        nothing_from_s=timings.stop_until_s,
        discard_from_s=timings.discard_s,
        stuck_from_s=timings.stuck_s,
    )


def _make_pace(config: DeviceConfig) -> Pace:
    timings = config.timings
    return Pace(
        limits=Limits(
            settle_s=timings.settle_s,
            stale_s=timings.stale_s,
            hopeless_s=timings.hopeless_s,
            retry_min_s=timings.retry_min_s,
            retry_max_s=timings.retry_max_s,
            hang_s=timings.hang_s,
            recording_s=config.limits.recording_s,
            pause_s=config.limits.pause_s,
            remind_s=timings.remind_s,
            seats_s=timings.seats_s,
        ),
        gestures=make_gestures(config),
        look_every_s=timings.release_every_s,
    )


# ---- aim ------------------------------------------------------------------------------------------------------------


def make_viewfinder(config: DeviceConfig, clock: Clock) -> Viewfinder:
    """Make the screen that shows what the configured camera sees; a replayed video has nothing to aim."""
    if config.camera.kind is CameraKind.PICAMERA2:
        from device.hardware.picam_screen import PiScreen

        return PiScreen(config.camera)
    if config.camera.kind is CameraKind.SYNTHETIC:
        from device.hardware.terminal_screen import TerminalScreen

        return TerminalScreen(sys.stdout, clock)
    raise CameraFault("[camera] kind = 'replay': a video that is replayed cannot be aimed; configure the real camera")
