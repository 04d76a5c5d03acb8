"""A change of the night hours reaches a running unit: command, jobs, bridge, broker, agent and uploader, all real.

The broker is the Mosquitto of this machine. The wire to the units' listener is down while a schedule travels, so that
only the broker can have brought it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.config import load_config
from device.identity import DocumentStore, load_root
from protocol.durable import REAL
from protocol.schedule import Schedule
from provisioning.demo.crew import run
from tests.e2e import home
from tests.e2e.stack import Stack, found_place
from tests.footage import find_footage
from tests.school_broker import MOSQUITTO

RATE_BPS = 40_000_000
TALK_BYTES = 64 * 1024
"""What goes up besides footage in a few seconds: handshakes, documents, questions for a lease."""
STILL_S = 5.0


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A school whose seven processes run."""
    assert MOSQUITTO, "apt install mosquitto"
    with Stack(found_place(tmp_path, find_footage("bigbuckbunny.mp4"), rate_bps=RATE_BPS)) as running:
        running.open()
        yield running


def held_schedule(stack: Stack) -> Schedule | None:
    """Give the schedule that the agent keeps, verified as the uploader verifies it."""
    config = load_config(stack.school.unit_config)
    root = load_root(config.data / "identity")
    store = DocumentStore(config.data / "state", device=config.device.id, root=root, files=REAL)
    return store.load(Schedule, datetime.now(UTC)).document


def change_hours(stack: Stack, hours: str) -> Schedule:
    """Give every day other hours by the command, and wait for the next schedule that reaches the unit by the broker."""
    before = held_schedule(stack)
    stack.wire.is_down = True
    stack.wire.cut()
    config = stack.school.config
    run("controller", "night", "hours", "set", "--all", hours, "--free", hours, "--config", config, cwd=config.parent)
    stack.wait("the next schedule", lambda: _is_newer(held_schedule(stack), before))
    found = held_schedule(stack)
    stack.wire.is_down = False
    assert found
    return found


def _is_newer(found: Schedule | None, before: Schedule | None) -> bool:
    return found is not None and (before is None or found.version > before.version)


def test_hours_that_change_are_followed_by_a_running_unit(stack: Stack) -> None:
    """Closed: the schedule has no opening and no lesson leaves. Open again: weeks of openings, and it goes home."""
    stack.wait("a schedule", lambda: held_schedule(stack) is not None)
    assert change_hours(stack, "closed").openings == ()
    before = stack.wire.up_bytes
    recording = stack.record(2.0)
    time.sleep(STILL_S)
    assert recording in stack.spooled()
    assert stack.state(recording) == ""
    assert stack.wire.up_bytes - before < TALK_BYTES
    opened = change_hours(stack, "always")
    now = datetime.now(UTC)
    assert any(opening.covers(now) for opening in opened.openings)
    assert opened.openings[-1].ends_at > now + timedelta(days=14)
    stack.wait_home(recording)
    home.check_home(stack, recording)
