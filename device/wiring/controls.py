"""Picks what the room has of the unit: button, lamp and buzzer, on real pins, on mock ones with a panel, or a keyboard.

Decides nothing about what a press means or when the lamp shines.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from device.config import DeviceConfig
from device.hardware.claimed import claim_parts
from device.hardware.clock import SystemClock
from device.hardware.ports import Button, Buzzer, BuzzerFault, Clock, Lamp, LampFault, Part, Tune
from device.pin_settings import ButtonKind, BuzzerKind, PinsKind, PinsTable
from device.recorder.service import Inbox
from protocol.room.lamp import LampPattern

if TYPE_CHECKING:
    from device.hardware.gpio import LampObserver, PinFactory
    from device.hardware.panel import MockPanel

log = logging.getLogger(__name__)


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


def shine(config: DeviceConfig, pattern: LampPattern, stop: threading.Event) -> None:
    """Show a pattern until `stop` is set, then go dark; raises `HardwareError`, also when the recorder has the lamp."""
    with claim_parts(config.data / "recorder"), open_controls(config, SystemClock(), Inbox()) as controls:
        controls.lamp.show(pattern)
        stop.wait()


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
