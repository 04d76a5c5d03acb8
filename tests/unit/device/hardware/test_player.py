"""The player of lamp patterns: the first beat at once, the rhythm in time, passing patterns, and faults."""

import threading
from collections.abc import Iterator

import pytest

from device.hardware.player import PatternPlayer
from device.hardware.ports import LampFault
from protocol.room.lamp import BOOKMARK, DARK, PAUSED, READY, RECORDING, LampPattern, Light
from tests.fakes.clock import ManualClock

PATIENCE_S = 30.0


class Bulb:
    """Remembers every light with the clock's time; `broken` makes it fail."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._began_s = clock.monotonic_s()
        self._changed = threading.Condition()
        self.lights: list[tuple[float, Light]] = []
        self.broken = False

    def set(self, pattern: LampPattern, light: Light) -> None:
        """Take a light."""
        if self.broken:
            raise LampFault("the bulb is broken")
        with self._changed:
            self.lights.append((round(self._clock.monotonic_s() - self._began_s, 3), light))
            self._changed.notify_all()

    def wait(self, count: int) -> None:
        """Wait until so many lights have been set."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.lights) >= count, PATIENCE_S), self.lights


class Stage:
    """A player with its bulb, clock and faults."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.bulb = Bulb(self.clock)
        self.faults: list[LampFault] = []
        self.faulted = threading.Event()
        self.player = PatternPlayer(self.bulb.set, clock=self.clock, on_fault=self._on_fault)

    def _on_fault(self, fault: LampFault) -> None:
        self.faults.append(fault)
        self.faulted.set()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and wait for the light that it brings."""
        expected = len(self.bulb.lights) + 1
        self.clock.advance(seconds)
        self.bulb.wait(expected)


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A dark lamp."""
    stage = Stage()
    yield stage
    stage.bulb.broken = False
    stage.player.close()


def test_first_beat_is_lit_before_show_returns(stage: Stage) -> None:
    """Promise P1: whoever starts the camera after `show` knows that the lamp shines."""
    stage.player.show(RECORDING)
    assert stage.bulb.lights == [(0.0, Light.RED)]


def test_rhythm_follows_the_table(stage: Stage) -> None:
    """Paused: one second amber, one second dark, again and again."""
    stage.player.show(PAUSED)
    for _ in range(3):
        stage.pass_time(1.0)
    assert stage.bulb.lights == [(0.0, Light.AMBER), (1.0, Light.DARK), (2.0, Light.AMBER), (3.0, Light.DARK)]


def test_passing_pattern_gives_way_to_the_lasting_one(stage: Stage) -> None:
    """A bookmark blinks back once, then the recording lamp goes on, and it was never dark."""
    stage.player.show(RECORDING)
    stage.player.show(BOOKMARK)
    for beat in BOOKMARK.beats:
        stage.pass_time(beat.duration_s)
    assert [light for _, light in stage.bulb.lights] == [
        Light.RED,
        *(Light.WHITE, Light.RED) * 2,
        Light.RED,
    ]


def test_new_pattern_replaces_a_passing_one_at_once(stage: Stage) -> None:
    """The truth does not wait for an animation to end."""
    stage.player.show(RECORDING)
    stage.player.show(BOOKMARK)
    stage.player.show(READY)
    assert stage.bulb.lights[-1] == (0.0, Light.GREEN)
    stage.pass_time(READY.beats[0].duration_s)
    assert stage.bulb.lights[-1][1] is Light.DARK


def test_player_that_was_held_up_does_not_flash_faster(stage: Stage) -> None:
    """After a pause of a minute the rhythm goes on from there, beat by beat."""
    stage.player.show(PAUSED)
    stage.pass_time(60.0)
    stage.pass_time(1.0)
    assert stage.bulb.lights[1:] == [(60.0, Light.DARK), (61.0, Light.AMBER)]


def test_closing_goes_dark_and_ends_the_thread(stage: Stage) -> None:
    """A lamp that nobody drives is dark, and showing on it is an error, not a silence."""
    stage.player.show(PAUSED)
    stage.player.close()
    assert stage.bulb.lights[-1][1] is Light.DARK
    with pytest.raises(LampFault, match="'recording': the lamp is closed"):
        stage.player.show(RECORDING)


def test_fault_on_show_reaches_the_caller(stage: Stage) -> None:
    """The recorder must not start a camera under a lamp that failed."""
    stage.bulb.broken = True
    with pytest.raises(LampFault, match="broken"):
        stage.player.show(RECORDING)


def test_fault_in_the_rhythm_is_reported_once_and_remembered(stage: Stage) -> None:
    """A lamp that dies between two beats is told by callback, and every later `show` fails."""
    stage.player.show(PAUSED)
    stage.bulb.broken = True
    stage.clock.advance(1.0)
    assert stage.faulted.wait(PATIENCE_S)
    assert [str(fault) for fault in stage.faults] == ["the bulb is broken"]
    stage.bulb.broken = False
    with pytest.raises(LampFault, match="broken"):
        stage.player.show(DARK)
