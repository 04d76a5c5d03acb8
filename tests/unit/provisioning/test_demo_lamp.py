"""The demo waits for the lamp: nothing that it showed is missed, and trouble ends the wait with its reason."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from device.hardware.panel import MockPanel
from protocol.room import lamp as patterns
from protocol.room.lamp import LampPattern
from provisioning.demo.crew import Crew
from provisioning.demo.errors import DemoError
from provisioning.demo.lamp import READY, RECORDING, Lamp
from provisioning.demo.panel import Panel

PATIENCE_S = 10.0


class Unit:
    """A unit's panel, and the demo's eye on it."""

    def __init__(self, folder: Path, panel: Panel, shows: MockPanel) -> None:
        self.status = folder / "status"
        self.lamp = Lamp(panel, Crew(folder), self.status, patience_s=0.2)
        self._shows = shows

    def show(self, *shown: LampPattern) -> None:
        """Let the lamp show patterns, one right after the other, and wait until the eye has seen the last."""
        before = self.lamp.now()
        for pattern in shown:
            self._shows.show(pattern, pattern.beats[0].light)
        self.wait_for(before + len(shown))
        assert self.lamp.panel.shown[-len(shown) :] == [pattern.name for pattern in shown]

    def wait_for(self, seen: int) -> None:
        """Wait until the eye has seen so many patterns."""
        end = time.monotonic() + PATIENCE_S
        while self.lamp.now() < seen and time.monotonic() < end:
            time.sleep(0.01)


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[Unit]:
    """A lamp that says ready."""
    shows = MockPanel(tmp_path / "panel.sock", press=lambda _down: None)
    shows.start()
    with closing(Panel(tmp_path / "panel.sock")) as panel:
        made = Unit(tmp_path, panel, shows)
        made.wait_for(1)  # whoever connects is told what the lamp shows
        made.show(patterns.READY)
        yield made
    shows.stop()


def test_pattern_that_passed_between_two_looks_counts(unit: Unit) -> None:
    """A lesson of one picture has ended before anybody looks: it has been recorded all the same."""
    pressed = unit.lamp.now()
    unit.show(patterns.STARTING, patterns.RECORDING, patterns.SEALING, patterns.READY)
    assert unit.lamp.has_shown(RECORDING, since=pressed)
    assert unit.lamp.has_shown(READY, since=pressed)


def test_bookmark_does_not_end_a_recording(unit: Unit) -> None:
    """The lamp's short answer to a tap is no end, and what it said before the press does not count."""
    pressed = unit.lamp.now()
    unit.show(patterns.RECORDING, patterns.BOOKMARK, patterns.RECORDING)
    assert not unit.lamp.has_shown(READY, since=pressed)
    unit.show(patterns.SEALING, patterns.READY)
    assert unit.lamp.has_shown(READY, since=pressed)


def test_refusal_ends_the_wait(unit: Unit) -> None:
    """The lamp's own words are told."""
    pressed = unit.lamp.now()
    unit.show(patterns.REFUSED)
    with pytest.raises(DemoError, match="refused to record; its lamp says: Two short and one long amber blink"):
        unit.lamp.wait_for(RECORDING, since=pressed)


def test_trouble_that_lasts_is_told_with_its_reason_and_remedy(unit: Unit) -> None:
    """A full disk is named long before the wait is over."""
    unit.status.write_text('{"fit":false,"reason":"disk_full"}')
    pressed = unit.lamp.now()
    unit.show(patterns.FAULT)
    with pytest.raises(DemoError, match=r"disk_full \(there is less space in .* make room"):
        unit.lamp.wait_for(RECORDING, since=pressed)


def test_trouble_that_passes_is_waited_for(unit: Unit) -> None:
    """A unit that is fit again is not given up."""
    pressed = unit.lamp.now()
    unit.show(patterns.FAULT)
    assert not unit.lamp.has_shown(RECORDING, since=pressed)
    unit.show(patterns.READY)
    assert unit.lamp.has_shown(READY, since=pressed)
    time.sleep(0.3)
    unit.show(patterns.FAULT)
    assert not unit.lamp.has_shown(RECORDING, since=pressed)
