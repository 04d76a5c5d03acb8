"""gpiozero behind its door: what only the pins show; the ports' promises are in `tests/contract`."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from device.hardware.gpio import (
    GpioButton,
    GpioBuzzer,
    GpioLamp,
    LampPins,
    drive_mock_button,
    make_mock_factory,
    make_real_factory,
)
from device.hardware.ports import (
    ButtonEdge,
    ButtonFault,
    BuzzerFault,
    LampFault,
    NotForProduction,
    Purpose,
    Tune,
    require_fit,
)
from device.pin_settings import BuzzerKind, Polarity
from protocol.room.lamp import LET_GO, PATTERNS, RECORDING, LampPattern, Light
from tests.fakes.clock import LeapingClock, ManualClock

LAMP = LampPins(red=17, green=27, blue=22)
PATIENCE_S = 30.0
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
    """Closing frees the pins for the next start, which lights them as the first did."""
    factory = MockFactory()
    for _ in range(2):
        lamp = make_lamp(factory, LAMP)
        lamp.show(RECORDING)
        assert states(factory, LAMP) == (True, False, False)
        lamp.close()
        assert states(factory, LAMP) == (False, False, False)


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


def test_pins_that_cannot_be_had_are_a_fault_with_advice() -> None:
    """On a machine without lgpio, or that is no Pi, the message says what to do."""
    with pytest.raises(ButtonFault, match=r"cannot be had by lgpio .*install python3-lgpio.*group gpio"):
        make_real_factory({})


def test_other_library_than_lgpio_is_refused() -> None:
    """Whoever asks for another one gets neither that nor lgpio in silence."""
    with pytest.raises(ButtonFault, match="GPIOZERO_PIN_FACTORY = 'native': this unit reads its pins by lgpio alone"):
        make_real_factory({"GPIOZERO_PIN_FACTORY": "native"})


def test_missing_folder_for_lgpios_pipes_is_refused(tmp_path: Path) -> None:
    """lgpio's own words would be a missing file of an odd name."""
    with pytest.raises(ButtonFault, match=r"LG_WD = '.*nowhere': expected a folder that this user may write to"):
        make_real_factory({"LG_WD": str(tmp_path / "nowhere")})


class BarePinError(Exception):
    """What lgpio raises: an error of no family."""


class RefusingFactory(MockFactory):
    """Pins of which one refuses with an error that gpiozero does not know."""

    def pin(self, name: int) -> MockPin:
        """Give a pin, but not number 6."""
        if name == 6:
            raise BarePinError("GPIO busy")
        return super().pin(name)


def test_error_of_the_pins_own_library_is_a_fault_of_the_part() -> None:
    """Button, lamp and buzzer name themselves, the pin, the cause and what to look at."""
    factory, clock = RefusingFactory(), ManualClock()
    expected = "on GPIO|MOCK .* 6: cannot be had .*device.toml.*: GPIO busy"
    with pytest.raises(ButtonFault, match=expected):
        GpioButton([5, 6], factory=factory, clock=clock).start(lambda edge: None)
    with pytest.raises(LampFault, match=expected):
        make_lamp(factory, LampPins(red=5, green=6))
    with pytest.raises(BuzzerFault, match=expected):
        GpioBuzzer(6, BuzzerKind.ACTIVE, factory=factory, clock=clock)
    make_lamp(factory, LampPins(red=5, green=7)).close()


def test_lamp_of_a_common_anode_is_lit_by_low_pins() -> None:
    """The legs share 3.3 V: dark is high from the first moment, red is one low pin."""
    factory, pins = make_mock_factory(), replace(LAMP, polarity=Polarity.COMMON_ANODE)
    assert isinstance(factory, MockFactory)
    lamp = make_lamp(factory, pins)
    assert states(factory, pins) == (True, True, True)
    lamp.show(RECORDING)
    assert states(factory, pins) == (False, True, True)
    lamp.close()


def test_lamps_show_alike_where_one_has_no_blue() -> None:
    """A light at the desk and another at the front never say two things."""
    factory, front = MockFactory(), LampPins(red=5, green=6)
    lamp = make_lamp(factory, LAMP, front)
    lamp.show(PATTERNS["sealing"])
    assert (states(factory, LAMP), states(factory, front)) == ((True, True, False), (True, True))
    lamp.close()


@pytest.fixture(params=[BuzzerKind.ACTIVE, BuzzerKind.ACTIVE_LOW, BuzzerKind.PASSIVE])
def kind(request: pytest.FixtureRequest) -> BuzzerKind:
    """Each kind of buzzer."""
    return BuzzerKind(request.param)


def is_sounding(factory: MockFactory, kind: BuzzerKind) -> bool:
    """Whether the buzzer on pin 24 sounds."""
    return bool(factory.pin(24).state) is not (kind is BuzzerKind.ACTIVE_LOW)


def test_buzzer_is_silent_until_it_plays_and_after(kind: BuzzerKind) -> None:
    """A tune begins before `play` returns, and ends by itself: observed at the pin."""
    factory, clock = make_mock_factory(), ManualClock()
    assert isinstance(factory, MockFactory)
    buzzer = GpioBuzzer(24, kind, factory=factory, clock=clock)
    assert not is_sounding(factory, kind)
    buzzer.play(Tune.STOP)
    assert is_sounding(factory, kind)
    clock.advance(2)
    deadline_s = time.monotonic() + PATIENCE_S
    while is_sounding(factory, kind) and time.monotonic() < deadline_s:
        time.sleep(0.002)
    assert not is_sounding(factory, kind)
    buzzer.close()
    buzzer.close()


def test_buzzer_that_is_closed_in_a_tune_is_silent(kind: BuzzerKind) -> None:
    """Nothing sounds on when the unit is put out: the pin drives nothing any more."""
    factory = make_mock_factory()
    assert isinstance(factory, MockFactory)
    buzzer = GpioBuzzer(24, kind, factory=factory, clock=ManualClock())
    buzzer.play(Tune.STOP)
    pin = factory.pin(24)
    buzzer.close()
    assert pin.function == "input"


def test_passive_buzzer_is_given_the_tune_of_its_notes() -> None:
    """Its pin swings at the note's frequency, half of the time high."""
    factory = make_mock_factory()
    assert isinstance(factory, MockFactory)
    buzzer = GpioBuzzer(24, BuzzerKind.PASSIVE, factory=factory, clock=ManualClock())
    buzzer.play(Tune.STOP)
    assert (factory.pin(24).frequency, factory.pin(24).state) == (784, 0.5)
    buzzer.close()


def test_observer_hears_every_tune() -> None:
    """The panel tells what a mock buzzer would have played."""
    heard: list[Tune] = []
    buzzer = GpioBuzzer(24, BuzzerKind.ACTIVE, factory=make_mock_factory(), clock=LeapingClock(), observer=heard.append)
    for tune in Tune:
        buzzer.play(tune)
    assert heard == list(Tune)
    buzzer.close()


def test_mock_buzzer_is_refused_in_production() -> None:
    """It says what it is."""
    buzzer = GpioBuzzer(24, BuzzerKind.ACTIVE, factory=make_mock_factory(), clock=ManualClock())
    with pytest.raises(NotForProduction, match="MOCK buzzer"):
        require_fit(buzzer, Purpose.PRODUCTION)
    buzzer.close()


def test_only_mock_pins_can_be_pressed() -> None:
    """A program cannot press a real button."""
    with pytest.raises(ButtonFault, match="only mock pins"):
        drive_mock_button(object(), 2, down=True)
