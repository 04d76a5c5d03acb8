"""gpiozero behind its door: what only the pins show; the ports' promises are in `tests/contract`."""

from collections.abc import Callable
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from device.hardware.gpio import GpioButton, GpioLamp, LampPins, drive_mock_button, make_mock_factory, make_real_factory
from device.hardware.ports import (
    ButtonEdge,
    ButtonFault,
    LampFault,
    NotForProduction,
    Purpose,
    require_fit,
)
from protocol.room.lamp import LET_GO, PATTERNS, RECORDING, LampPattern, Light
from tests.fakes.clock import ManualClock

LAMP = LampPins(red=17, green=27, blue=22)
TWO_LEDS = LampPins(red=17, green=27)


def make_lamp(
    factory: MockFactory, *lamps: LampPins, observer: Callable[[LampPattern, Light], None] | None = None
) -> GpioLamp:
    """A lamp of mock pins whose faults fail the test."""

    def fail(fault: LampFault) -> None:
        raise fault

    return GpioLamp(lamps, factory=factory, clock=ManualClock(), on_fault=fail, observer=observer)


def states(factory: MockFactory, pins: LampPins) -> tuple[bool, ...]:
    """Which elements are lit."""
    numbers = (pins.red, pins.green) if pins.blue is None else (pins.red, pins.green, pins.blue)
    return tuple(bool(factory.pin(number).state) for number in numbers)


def test_lamp_is_dark_before_the_first_pattern() -> None:
    """Making a lamp lights nothing."""
    factory = MockFactory()
    lamp = make_lamp(factory, LAMP)
    assert states(factory, LAMP) == (False, False, False)
    lamp.close()


def test_all_lamps_show_the_same() -> None:
    """A second lamp at the front of the room is ordinary configuration."""
    factory, front = MockFactory(), LampPins(red=5, green=6, blue=13)
    lamp = make_lamp(factory, LAMP, front)
    lamp.show(RECORDING)
    assert states(factory, LAMP) == states(factory, front) == (True, False, False)
    lamp.close()
    assert states(factory, LAMP) == (False, False, False)


@pytest.mark.parametrize("light", [light for light in Light if light is not Light.DARK])
def test_two_leds_show_every_light(light: Light) -> None:
    """Without a blue element nothing that should shine is dark."""
    factory = MockFactory()
    lamp = make_lamp(factory, TWO_LEDS)
    pattern = next(pattern for pattern in PATTERNS.values() if pattern.beats[0].light is light)
    lamp.show(pattern)
    assert any(states(factory, TWO_LEDS))
    lamp.close()


class WatchedFactory(MockFactory):
    """Mock pins that note, at every change of any pin, whether anything is lit."""

    def __init__(self) -> None:
        super().__init__(pin_class=WatchedPin)
        self.lit: list[bool] = []


class WatchedPin(MockPin):
    """A pin that tells its factory."""

    def _change_state(self, value: Any) -> bool:
        changed = bool(super()._change_state(value))
        if changed:
            self.factory.lit.append(any(states(self.factory, TWO_LEDS)))
        return changed


def test_lamp_is_not_dark_between_two_lights() -> None:
    """From green to red the lamp is both for a moment, never neither: observed at the pins."""
    factory = WatchedFactory()
    lamp = make_lamp(factory, TWO_LEDS)
    lamp.show(PATTERNS["ready"])
    lamp.show(RECORDING)
    assert factory.lit == [True, True, True]
    lamp.close()


def test_observer_sees_every_light() -> None:
    """The demo draws what the pins do."""
    seen: list[tuple[str, Light]] = []
    lamp = make_lamp(MockFactory(), LAMP, observer=lambda pattern, light: seen.append((pattern.name, light)))
    lamp.show(RECORDING)
    lamp.show(LET_GO)
    assert seen == [("recording", Light.RED), ("let_go", Light.WHITE)]
    lamp.close()


def test_pins_can_be_used_again_after_close() -> None:
    """Closing frees the pins for the next start."""
    factory = MockFactory()
    for _ in range(2):
        lamp = make_lamp(factory, LAMP)
        lamp.show(RECORDING)
        lamp.close()


def test_pin_that_is_taken_is_a_fault_with_its_number() -> None:
    """Two parts on one pin are a wiring mistake; whoever comes second says so and frees what it took."""
    factory = MockFactory()
    first = make_lamp(factory, LampPins(red=17, green=27))
    with pytest.raises(LampFault, match=r"pins 5, 17: cannot be had.*GPIO17"):
        make_lamp(factory, LampPins(red=5, green=17))
    make_lamp(factory, LampPins(red=5, green=6)).close()
    first.close()


def test_no_pins_are_refused() -> None:
    """A unit without button or lamp is not a unit."""
    with pytest.raises(ButtonFault, match="at least one"):
        GpioButton([], factory=MockFactory(), clock=ManualClock())
    with pytest.raises(LampFault, match="at least one"):
        make_lamp(MockFactory())


def test_second_button_counts_like_the_first() -> None:
    """With one at the door and one at the desk, down is any of them, up is none of them."""
    factory, clock, edges = MockFactory(), ManualClock(), list[ButtonEdge]()
    button = GpioButton([2, 3], factory=factory, clock=clock)
    button.start(edges.append)
    for pin, down in ((2, True), (3, True), (2, False), (3, False)):
        drive_mock_button(factory, pin, down=down)
    assert [edge.down for edge in edges] == [True, True, True, False]
    button.stop()


def test_stopped_button_reports_nothing() -> None:
    """After `stop` the pin may move as it likes."""
    factory, edges = MockFactory(), list[ButtonEdge]()
    button = GpioButton([2], factory=factory, clock=ManualClock())
    button.start(edges.append)
    button.stop()
    drive_mock_button(factory, 2, down=True)
    assert edges == []


def test_mock_pins_are_refused_in_production() -> None:
    """A unit in a classroom cannot run on pins that do not exist."""
    button = GpioButton([2], factory=make_mock_factory(), clock=ManualClock())
    require_fit(button, Purpose.DEMO)
    with pytest.raises(NotForProduction, match="MOCK button"):
        require_fit(button, Purpose.PRODUCTION)


def test_missing_gpio_library_is_a_fault_with_advice() -> None:
    """On a machine without lgpio the message says what to install."""
    with pytest.raises(ButtonFault, match="python3-lgpio"):
        make_real_factory()


def test_only_mock_pins_can_be_pressed() -> None:
    """A program cannot press a real button."""
    with pytest.raises(ButtonFault, match="only mock pins"):
        drive_mock_button(object(), 2, down=True)
