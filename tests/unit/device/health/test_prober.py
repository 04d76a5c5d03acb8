"""The prober: each probe fails alone, and none keeps the loop waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from device.health.prober import Probe, ProbeFailed, Prober
from device.health.report import Measures, Reading
from protocol.codec import CodecError
from tests.fakes.clock import ManualClock

PATIENCE_S = 10.0


class _Stuck:
    """A probe that answers when it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.let_go = threading.Event()

    def measure(self) -> Measures:
        self.begun += 1
        assert self.let_go.wait(PATIENCE_S)
        return {"celsius": 40}


@pytest.fixture
def stuck() -> Iterator[_Stuck]:
    """A probe that hangs; let go at the end."""
    probe = _Stuck()
    yield probe
    probe.let_go.set()


def _good() -> Measures:
    return {"read_only": 0}


def _wait_for(prober: Prober, name: str) -> Reading:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for reading in prober.turn():
            if reading.probe == name:
                return reading
        time.sleep(0.002)
    raise AssertionError(f"{name} never answered")


@pytest.mark.parametrize(
    "error", [ProbeFailed("no thermometer"), OSError(5, "Input/output error"), ValueError("0x"), CodecError("torn")]
)
def test_probe_that_fails_fails_alone(error: Exception) -> None:
    """Its problem is told in its words; the others answer."""

    def fail() -> Measures:
        raise error

    prober = Prober([Probe(name="temperature", measure=fail), Probe(name="disk", measure=_good)], time.monotonic)
    readings = {each.probe: each for each in prober.ask_all(time.sleep)}
    assert str(error) == readings["temperature"].problem
    assert readings["disk"] == Reading(probe="disk", measures={"read_only": 0})


def test_probe_that_hangs_keeps_nobody_waiting(stuck: _Stuck) -> None:
    """After its own time it is told as silent; the others go on, and it is not begun a second time."""
    clock = ManualClock()
    prober = Prober(
        [Probe(name="temperature", measure=stuck.measure, limit_s=2.0), Probe(name="disk", measure=_good)],
        clock.monotonic_s,
    )
    began_s = time.monotonic()
    assert _wait_for(prober, "disk").problem == ""
    clock.advance(1.9)
    assert [each.probe for each in prober.turn()] == ["disk"]
    clock.advance(0.1)
    assert prober.turn()[0].problem == "no answer within 2 s"
    for _ in range(10):
        clock.advance(600)
        prober.turn()
    assert stuck.begun == 1
    assert time.monotonic() - began_s < PATIENCE_S


def test_probe_that_answers_late_is_taken_in(stuck: _Stuck) -> None:
    """A card that hesitated is known again as soon as it has answered."""
    clock = ManualClock()
    prober = Prober([Probe(name="temperature", measure=stuck.measure, limit_s=2.0)], clock.monotonic_s)
    prober.turn()
    clock.advance(3)
    assert prober.turn()[0].problem
    stuck.let_go.set()
    deadline = time.monotonic() + PATIENCE_S
    while prober.turn()[0].problem and time.monotonic() < deadline:
        time.sleep(0.002)
    assert prober.turn()[0].measures == {"celsius": 40}


def test_probe_is_asked_again_when_it_is_due() -> None:
    """Not at every turn: cards wear out by small syncs."""
    asked = []

    def count() -> Measures:
        asked.append(1)
        return {"count": len(asked)}

    clock = ManualClock()
    prober = Prober([Probe(name="boots", measure=count, every_s=60)], clock.monotonic_s)
    assert _wait_for(prober, "boots").measures == {"count": 1}
    for _ in range(50):
        prober.turn()
    assert len(asked) == 1
    clock.advance(60)
    deadline = time.monotonic() + PATIENCE_S
    while prober.turn()[0].measures != {"count": 2} and time.monotonic() < deadline:
        time.sleep(0.002)
    assert len(asked) == 2
