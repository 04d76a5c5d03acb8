"""Button and lamp on the Pi's pins: the only door to gpiozero.

Edges are reported raw with the injected clock's time; gpiozero's own debounce, hold and blink threads are not used
(its debounce is ignored on mock pins and gives phantom presses with lgpio, its hold repeats when an edge is lost).
The same code runs on mock pins in tests and in the demo. Wiring: docs/hardware.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gpiozero import LED, DigitalInputDevice, GPIOZeroError
from gpiozero.pins.mock import MockFactory

from device.hardware.player import PatternPlayer
from device.hardware.ports import ButtonEdge, ButtonFault, Clock, LampFault, PartFacts
from protocol.room.lamp import LampPattern, Light

PinFactory = object
"""gpiozero ships no types; a factory is only passed on to it."""


@dataclass(frozen=True, slots=True)
class LampPins:
    """BCM numbers of one lamp's elements; without `blue` it is two LEDs, and blue shows as red and green together."""

    red: int
    green: int
    blue: int | None = None


LampObserver = Callable[[LampPattern, Light], None]


def make_mock_factory() -> PinFactory:
    """Pins that exist only in memory: for tests and the demo."""
    return MockFactory()


def make_real_factory() -> PinFactory:
    """The Pi's pins by lgpio; raises ButtonFault when they cannot be had.

    lgpio writes small files into its working directory and falls back in silence when it may not: the systemd unit
    sets LG_WD and WorkingDirectory.
    """
    try:
        from gpiozero.pins.lgpio import LGPIOFactory

        return LGPIOFactory()
    except (ImportError, GPIOZeroError, OSError) as error:
        raise ButtonFault(
            f"the GPIO pins cannot be had ({error}); on a Pi install python3-lgpio and put the user into group gpio"
        ) from error


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
            for pin in self._pins:
                self._devices += (DigitalInputDevice(pin, pull_up=True, pin_factory=self._factory),)
            for device in self._devices:
                device.when_activated = self._report
                device.when_deactivated = self._report
        except (GPIOZeroError, OSError) as error:
            self.stop()
            raise ButtonFault(f"{self.facts.description}: cannot be had: {error}") from error

    def is_down(self) -> bool:
        """See `Button.is_down`."""
        if not self._devices:
            raise ButtonFault(f"{self.facts.description}: is not started")
        try:
            return any(device.is_active for device in self._devices)
        except (GPIOZeroError, OSError) as error:
            raise ButtonFault(f"{self.facts.description}: cannot be read: {error}") from error

    def stop(self) -> None:
        """See `Button.stop`."""
        self._on_edge = None
        devices, self._devices = self._devices, ()
        for device in devices:
            device.close()

    def _report(self) -> None:
        """Runs on gpiozero's thread: read, stamp, hand over, nothing else."""
        on_edge, devices, at_s = self._on_edge, self._devices, self._clock.monotonic_s()
        try:
            down = any(device.is_active for device in devices)
        except (GPIOZeroError, OSError):
            return  # the pin is being closed; a pin that is dead shows at the reader's own `is_down`
        if on_edge is not None:
            on_edge(ButtonEdge(down, at_s))


class GpioLamp:
    """One or more lamps of two or three LEDs, all showing the same.

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
        self._leds: list[tuple[LED, ...]] = []
        try:
            for pins in lamps:
                self._leds.append(tuple(LED(pin, pin_factory=factory) for pin in _numbers(pins)))
        except (GPIOZeroError, OSError) as error:
            self._free()
            raise LampFault(f"{self.facts.description}: cannot be had: {error}") from error
        self._player = PatternPlayer(self._set_light, clock=clock, on_fault=on_fault)

    @property
    def facts(self) -> PartFacts:
        """Names the pins, and says when they are mock pins."""
        return _facts("lamp", [number for pins in self._pins for number in _numbers(pins)], self._factory)

    def show(self, pattern: LampPattern) -> None:
        """See `Lamp.show`."""
        self._player.show(pattern)

    def close(self) -> None:
        """See `Lamp.close`."""
        try:
            self._player.close()
        finally:
            self._free()

    def _set_light(self, pattern: LampPattern, light: Light) -> None:
        """New elements are lit before old ones go out: between two lights the lamp is never dark."""
        try:
            for leds in self._leds:
                wanted = _elements(light, len(leds))
                for led in (led for led, lit in zip(leds, wanted, strict=True) if lit):
                    led.on()
                for led in (led for led, lit in zip(leds, wanted, strict=True) if not lit):
                    led.off()
        except (GPIOZeroError, OSError) as error:
            raise LampFault(f"{self.facts.description}: cannot show {light.name}: {error}") from error
        if self._observer is not None:
            self._observer(pattern, light)

    def _free(self) -> None:
        for leds in self._leds:
            for led in leds:
                led.close()
        self._leds = []


def _numbers(pins: LampPins) -> tuple[int, ...]:
    return (pins.red, pins.green) if pins.blue is None else (pins.red, pins.green, pins.blue)


def _elements(light: Light, count: int) -> tuple[int, ...]:
    """Which LEDs are lit; a lamp without blue shows it as both others, and its rhythm tells the patterns apart."""
    red, green, blue = light.value
    return (red, green, blue) if count == 3 else (red or blue, green or blue)


def _facts(part: str, pins: Sequence[int], factory: PinFactory) -> PartFacts:
    numbers = ", ".join(str(pin) for pin in pins)
    if isinstance(factory, MockFactory):
        return PartFacts(f"MOCK {part}, not a real one, on pins {numbers}", is_production=False)
    return PartFacts(f"{part} on GPIO {numbers}", is_production=True)
