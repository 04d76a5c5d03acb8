"""What every button, lamp and buzzer promises (`device/hardware/ports.py`), held against the fakes and mock pins."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from device.hardware.buttons import AnyButton
from device.hardware.gpio import GpioButton, GpioBuzzer, GpioLamp, LampPins, drive_mock_button
from device.hardware.ports import (
    Button,
    ButtonEdge,
    ButtonFault,
    Buzzer,
    Lamp,
    LampFault,
    NotForProduction,
    Purpose,
    Tune,
    require_fit,
)
from device.pin_settings import BuzzerKind
from protocol.room.lamp import BOOKMARK, RECORDING
from tests.fakes.button import FakeButton
from tests.fakes.buzzer import FakeBuzzer
from tests.fakes.clock import ManualClock
from tests.fakes.lamp import FakeLamp

PIN = 2


@dataclass
class Bench:
    """A button and the finger for it."""

    button: Button
    clock: ManualClock
    press: Callable[[], None]
    release: Callable[[], None]


@pytest.fixture(params=["fake", "gpio", "any"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each kind of button."""
    clock = ManualClock()
    if request.param == "fake":
        fake = FakeButton(clock=clock)
        bench = Bench(fake, clock, fake.press, fake.release)
    else:
        factory = MockFactory()
        gpio = GpioButton([PIN], factory=factory, clock=clock)
        bench = Bench(
            AnyButton([FakeButton(clock=clock), gpio]) if request.param == "any" else gpio,
            clock,
            lambda: drive_mock_button(factory, PIN, down=True),
            lambda: drive_mock_button(factory, PIN, down=False),
        )
    yield bench
    bench.button.stop()


def test_edges_carry_the_clocks_time(bench: Bench) -> None:
    """Down and up, each when it happened."""
    edges: list[ButtonEdge] = []
    bench.button.start(edges.append)
    bench.clock.advance(1.5)
    bench.press()
    bench.clock.advance(0.25)
    bench.release()
    assert edges == [ButtonEdge(down=True, at_s=1001.5), ButtonEdge(down=False, at_s=1001.75)]


def test_contact_can_be_read_at_any_time(bench: Bench) -> None:
    """When an edge was lost, reading shows the truth."""
    bench.button.start(lambda edge: None)
    assert not bench.button.is_down()
    bench.press()
    assert bench.button.is_down()
    bench.release()
    assert not bench.button.is_down()


def test_button_that_is_not_started_cannot_be_read(bench: Bench) -> None:
    """Before `start` and after `stop` there is no contact to read."""
    with pytest.raises(ButtonFault, match="not started"):
        bench.button.is_down()
    bench.button.start(lambda edge: None)
    bench.button.stop()
    with pytest.raises(ButtonFault, match="not started"):
        bench.button.is_down()


def test_stopped_button_reports_nothing_and_starts_again(bench: Bench) -> None:
    """Stop is idempotent; a later start reports to the new listener only."""
    first: list[ButtonEdge] = []
    second: list[ButtonEdge] = []
    bench.button.start(first.append)
    bench.button.stop()
    bench.button.stop()
    bench.button.start(second.append)
    bench.press()
    assert (first, [edge.down for edge in second]) == ([], [True])


def test_made_up_button_is_refused_in_production(bench: Bench) -> None:
    """Neither a fake nor a mock pin may stand in a classroom."""
    with pytest.raises(NotForProduction):
        require_fit(bench.button, Purpose.PRODUCTION)


def _fail(fault: LampFault) -> None:
    raise fault


@dataclass
class LitLamp:
    """A lamp, and the names of the patterns that somebody in the room has seen on it, in order."""

    lamp: Lamp
    seen: Callable[[], list[str]]


@pytest.fixture(params=["fake", "rgb", "two leds"])
def lit(request: pytest.FixtureRequest) -> Iterator[LitLamp]:
    """Each kind of lamp; at the pins the clock stands still, so that each pattern stays at its first beat."""
    if request.param == "fake":
        fake = FakeLamp()
        made = LitLamp(fake, lambda: [pattern.name for pattern in fake.shown])
    else:
        pins, lights = LampPins(red=17, green=27, blue=22 if request.param == "rgb" else None), list[str]()
        lamp = GpioLamp(
            [pins],
            factory=MockFactory(),
            clock=ManualClock(),
            on_fault=_fail,
            observer=lambda pattern, _: lights.append(pattern.name),
        )
        made = LitLamp(lamp, lambda: lights)
    yield made
    made.lamp.close()


@pytest.fixture
def lamp(lit: LitLamp) -> Lamp:
    """Each kind of lamp."""
    return lit.lamp


def test_lamp_takes_lasting_and_passing_patterns(lit: LitLamp) -> None:
    """Each is lit when showing it returns, also in the middle of another; showing never waits until one ends."""
    for count, pattern in enumerate((RECORDING, BOOKMARK, RECORDING), start=1):
        lit.lamp.show(pattern)
        assert lit.seen() == ["recording", "bookmark", "recording"][:count]


def test_closed_lamp_refuses_to_show(lamp: Lamp) -> None:
    """Closing is idempotent; a light that cannot be lit is a fault, not a silence."""
    lamp.close()
    lamp.close()
    with pytest.raises(LampFault, match="'recording'"):
        lamp.show(RECORDING)


def test_made_up_lamp_is_refused_in_production(lamp: Lamp) -> None:
    """Neither a fake nor mock pins may stand in a classroom."""
    with pytest.raises(NotForProduction):
        require_fit(lamp, Purpose.PRODUCTION)


@pytest.fixture(params=["fake", BuzzerKind.ACTIVE, BuzzerKind.ACTIVE_LOW, BuzzerKind.PASSIVE])
def buzzer(request: pytest.FixtureRequest) -> Iterator[Buzzer]:
    """Each kind of buzzer, whose time stands still: a tune that it waited for would never end."""
    buzzer: Buzzer = FakeBuzzer()
    if request.param != "fake":
        factory = MockFactory(pin_class=MockPWMPin)
        buzzer = GpioBuzzer(PIN, BuzzerKind(request.param), factory=factory, clock=ManualClock())
    yield buzzer
    buzzer.close()


def test_buzzer_plays_one_tune_after_another_without_waiting(buzzer: Buzzer) -> None:
    """`play` returns at once, and the next tune cuts the one before."""
    for tune in (*Tune, Tune.START):
        buzzer.play(tune)


def test_buzzer_can_be_closed_in_mid_tune_and_twice(buzzer: Buzzer) -> None:
    """Closing is idempotent and ends what plays."""
    buzzer.play(Tune.STOP)
    buzzer.close()
    buzzer.close()


def test_made_up_buzzer_is_refused_in_production(buzzer: Buzzer) -> None:
    """Neither a fake nor a mock pin may stand in a classroom."""
    with pytest.raises(NotForProduction):
        require_fit(buzzer, Purpose.PRODUCTION)
