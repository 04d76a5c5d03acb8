"""Buttons, lamps and buzzer on the Pi's pins: the only door to gpiozero.

Edges are reported raw with the injected clock's time; gpiozero's own debounce, hold and blink threads are not used
(its debounce is ignored on mock pins and gives phantom presses with lgpio, its hold repeats when an edge is lost).
The same code runs on mock pins in tests and in the demo. Wiring: docs/hardware/wiring.md.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from gpiozero import LED, DigitalInputDevice, OutputDevice, PWMOutputDevice
from gpiozero.pins.mock import MockFactory, MockPWMPin

from device.hardware.player import PatternPlayer
from device.hardware.ports import (
    ButtonEdge,
    ButtonFault,
    BuzzerFault,
    Clock,
    HardwareError,
    LampFault,
    PartFacts,
    Tune,
)
from device.hardware.tunes import Note, TunePlayer
from device.pin_settings import BuzzerKind, Polarity
from protocol.room.lamp import LampPattern, Light, without_blue

PinFactory = object
"""gpiozero ships no types; a factory is only passed on to it."""


REMEDY = (
    "look for its number in device.toml and at the wire, and whether a service or /boot/firmware/config.txt uses it"
)


@dataclass(frozen=True, slots=True)
class LampPins:
    """BCM numbers of one lamp's elements; without `blue` it is two LEDs (`protocol.room.lamp.without_blue`)."""

    red: int
    green: int
    blue: int | None = None
    polarity: Polarity = Polarity.COMMON_CATHODE

    @property
    def numbers(self) -> tuple[int, ...]:
        """The pins that there are, in the order of a light's elements."""
        return (self.red, self.green) if self.blue is None else (self.red, self.green, self.blue)


LampObserver = Callable[[LampPattern, Light], None]


def make_mock_factory() -> PinFactory:
    """Pins that exist only in memory: for tests and the demo."""
    return MockFactory(pin_class=MockPWMPin)


def make_real_factory(surroundings: Mapping[str, str] = os.environ) -> PinFactory:
    """The Pi's pins by lgpio and nothing else; raises ButtonFault with what to do when they cannot be had.

    gpiozero left to itself falls back to other libraries in silence, so it is never asked to choose. lgpio (0.2.2) goes
    to LG_WD when it is imported, makes a pipe there, and stays: the working directory is changed back.
    """
    _require_lgpio(surroundings)
    before = os.getcwd()
    with _owes(ButtonFault, f"the GPIO pins cannot be had by lgpio ({FACTORY_REMEDY})"):
        try:
            from gpiozero.pins.lgpio import LGPIOFactory

            return LGPIOFactory()
        finally:
            os.chdir(before)


FACTORY_REMEDY = (
    "on a Pi install python3-lgpio, put the user into group gpio, and start in a folder that the user may write to, or "
    "name one in LG_WD"
)


def _require_lgpio(surroundings: Mapping[str, str]) -> None:
    wanted = surroundings.get("GPIOZERO_PIN_FACTORY", "lgpio")
    if wanted != "lgpio":
        raise ButtonFault(
            f"GPIOZERO_PIN_FACTORY = {wanted!r}: this unit reads its pins by lgpio alone; set it to lgpio or remove it"
        )
    folder = surroundings.get("LG_WD")
    if folder is not None and not os.access(folder, os.W_OK | os.X_OK):
        raise ButtonFault(
            f"LG_WD = {folder!r}: expected a folder that this user may write to, for lgpio's pipes, got none; make it "
            "or name another"
        )


@contextmanager
def _owes(fault: type[HardwareError], words: str) -> Iterator[None]:
    """Turn whatever the pins' libraries raise into the port's fault: lgpio's own error is a bare Exception."""
    try:
        yield
    except HardwareError:
        raise
    except Exception as error:
        raise fault(f"{words}: {error or type(error).__name__}") from error


def drive_mock_button(factory: PinFactory, pin: int, *, down: bool) -> None:
    """Press or release a button of mock pins, as a finger would: the contact closes to ground."""
    if not isinstance(factory, MockFactory):
        raise ButtonFault(f"pin {pin} is real: only mock pins can be pressed by a program")
    contact = factory.pin(pin)
    if down:
        contact.drive_low()
    else:
        contact.drive_high()


class GpioButton:
    """One or more push buttons between pin and ground; with several, any one counts."""

    def __init__(self, pins: Sequence[int], *, factory: PinFactory, clock: Clock) -> None:
        if not pins:
            raise ButtonFault("no button pin is configured; give at least one")
        self._pins = tuple(pins)
        self._factory = factory
        self._clock = clock
        self._devices: tuple[DigitalInputDevice, ...] = ()
        self._on_edge: Callable[[ButtonEdge], None] | None = None

    @property
    def facts(self) -> PartFacts:
        """Names the pins, and says when they are mock pins."""
        return _facts("button", self._pins, self._factory)

    def start(self, on_edge: Callable[[ButtonEdge], None]) -> None:
        """See `Button.start`."""
        self.stop()
        self._on_edge = on_edge
        try:
            with _owes(ButtonFault, f"{self.facts.description}: cannot be had ({REMEDY})"):
                for pin in self._pins:
                    self._devices += (DigitalInputDevice(pin, pull_up=True, pin_factory=self._factory),)
                for device in self._devices:
                    device.when_activated = self._report
                    device.when_deactivated = self._report
        except ButtonFault:
            self.stop()
            raise

    def is_down(self) -> bool:
        """See `Button.is_down`."""
        if not self._devices:
            raise ButtonFault(f"{self.facts.description}: is not started")
        with _owes(ButtonFault, f"{self.facts.description}: cannot be read"):
            return any(device.is_active for device in self._devices)

    def stop(self) -> None:
        """See `Button.stop`."""
        self._on_edge = None
        devices, self._devices = self._devices, ()
        for device in devices:
            device.close()

    def _report(self) -> None:
        """Runs on gpiozero's thread: read, stamp, hand over, nothing else."""
        on_edge, at_s = self._on_edge, self._clock.monotonic_s()
        try:
            down = self.is_down()
        except ButtonFault:
            return  # the pin is being closed; a pin that is dead shows at the reader's own `is_down`
        if on_edge is not None:
            on_edge(ButtonEdge(down, at_s))


class GpioLamp:
    """One or more lamps of two or three LEDs, all showing the same; where one has no blue, all do without.

    `on_fault`: see PatternPlayer. `observer` is told every change of light, for the demo's drawing.
    """

    def __init__(
        self,
        lamps: Sequence[LampPins],
        *,
        factory: PinFactory,
        clock: Clock,
        on_fault: Callable[[LampFault], None],
        observer: LampObserver | None = None,
    ) -> None:
        if not lamps:
            raise LampFault("no lamp is configured; give the pins of at least one")
        self._pins = tuple(lamps)
        self._factory = factory
        self._observer = observer
        self._has_blue = all(pins.blue is not None for pins in lamps)
        self._leds: list[list[LED]] = []
        self._claim()
        self._player = PatternPlayer(self._set_light, clock=clock, on_fault=on_fault)

    @property
    def facts(self) -> PartFacts:
        """Names the pins, and says when they are mock pins."""
        return _facts("lamp", [number for pins in self._pins for number in pins.numbers], self._factory)

    def show(self, pattern: LampPattern) -> None:
        """See `Lamp.show`."""
        self._player.show(pattern if self._has_blue else without_blue(pattern))

    def close(self) -> None:
        """See `Lamp.close`."""
        try:
            self._player.close()
        finally:
            self._free()

    def _claim(self) -> None:
        """Take the pins, dark; what was taken is freed again when one cannot be had."""
        try:
            with _owes(LampFault, f"{self.facts.description}: cannot be had ({REMEDY})"):
                for pins in self._pins:
                    self._leds.append([])
                    lit_by_high = pins.polarity is Polarity.COMMON_CATHODE
                    for pin in pins.numbers:
                        self._leds[-1].append(LED(pin, active_high=lit_by_high, pin_factory=self._factory))
        except LampFault:
            self._free()
            raise

    def _set_light(self, pattern: LampPattern, light: Light) -> None:
        """New elements are lit before old ones go out: between two lights the lamp is never dark."""
        with _owes(LampFault, f"{self.facts.description}: cannot show {light.name}"):
            for leds in self._leds:
                wanted = light.value[: len(leds)]
                for led in (led for led, lit in zip(leds, wanted, strict=True) if lit):
                    led.on()
                for led in (led for led, lit in zip(leds, wanted, strict=True) if not lit):
                    led.off()
        if self._observer is not None:
            self._observer(pattern, light)

    def _free(self) -> None:
        for leds in self._leds:
            for led in leds:
                led.close()
        self._leds = []


class GpioBuzzer:
    """A buzzer on a pin; a passive one is given tones, an active one is switched. `observer` is told every tune."""

    def __init__(
        self,
        pin: int,
        kind: BuzzerKind,
        *,
        factory: PinFactory,
        clock: Clock,
        observer: Callable[[Tune], None] | None = None,
    ) -> None:
        self._pin = pin
        self._factory = factory
        self._observer = observer
        with _owes(BuzzerFault, f"{self.facts.description}: cannot be had ({REMEDY})"):
            if kind is BuzzerKind.PASSIVE:
                self._device = PWMOutputDevice(pin, pin_factory=factory)
            else:
                self._device = OutputDevice(pin, active_high=kind is not BuzzerKind.ACTIVE_LOW, pin_factory=factory)
        self._player = TunePlayer(self._sound_tone if kind is BuzzerKind.PASSIVE else self._switch, clock=clock)

    @property
    def facts(self) -> PartFacts:
        """Names the pin, and says when it is a mock one."""
        return _facts("buzzer", [self._pin], self._factory)

    def play(self, tune: Tune) -> None:
        """See `Buzzer.play`."""
        self._player.play(tune)
        if self._observer is not None:
            self._observer(tune)

    def close(self) -> None:
        """See `Buzzer.close`."""
        try:
            self._player.close()
        finally:
            self._device.close()

    def _switch(self, note: Note | None) -> None:
        with _owes(BuzzerFault, f"{self.facts.description}: cannot be sounded"):
            self._device.value = 0 if note is None else 1

    def _sound_tone(self, note: Note | None) -> None:
        with _owes(BuzzerFault, f"{self.facts.description}: cannot be sounded"):
            if note is not None:
                self._device.frequency = note.tone_hz
            self._device.value = 0 if note is None else 0.5


def _facts(part: str, pins: Sequence[int], factory: PinFactory) -> PartFacts:
    numbers = ", ".join(str(pin) for pin in pins)
    if isinstance(factory, MockFactory):
        return PartFacts(f"MOCK {part}, not a real one, on pins {numbers}", is_production=False)
    return PartFacts(f"{part} on GPIO {numbers}", is_production=True)
