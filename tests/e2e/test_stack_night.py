"""The night's hours in a school whose seven processes run: they reach the unit, and what is needed today comes by day.

Hours are set with the commands that a school uses; the broker is the Mosquitto of this machine, and the wire to the
units' listener is down while a schedule travels, so that only the broker can have brought it. What the tick, the lease
and the unit's own order make of a wish is tested in their rooms.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from controller.uploads.models import LeaseRow, TodayWish
from device.config import load_config
from device.identity import DocumentStore, load_root
from protocol.durable import REAL
from protocol.schedule import Schedule
from provisioning.demo.crew import run
from tests.e2e import home
from tests.e2e.stack import Stack, found_place
from tests.footage import find_footage
from tests.school_broker import MOSQUITTO

RATE_BPS = 1_000_000
ALLOWANCE_BPS = 800_000
TALK_BYTES = 64 * 1024
"""What goes up besides footage in a few seconds: handshakes, documents, questions for a lease."""
LONG_S = 120.0
QUIET_S = 5.0
"""Longer than a lease, several ticks, and the unit's longest wait together."""


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A school whose seven processes run."""
    assert MOSQUITTO, "apt install mosquitto"
    place = found_place(tmp_path_factory.mktemp("school"), find_footage("bigbuckbunny.mp4"), rate_bps=RATE_BPS)
    with Stack(place) as stack:
        stack.open()
        yield stack


@pytest.fixture
def stack(founded: Stack) -> Stack:
    """The school at rest."""
    founded.restore()
    return founded


def set_night(stack: Stack, *words: str) -> None:
    """Type `backrow controller night …`."""
    command, rest = words[:2], words[2:]
    run("controller", "night", *command, "--config", stack.school.config, *rest, cwd=stack.school.folder)


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
    set_night(stack, "hours", "set", "--all", hours, "--free", hours)
    stack.wait_told("the next schedule", lambda: _is_newer(held_schedule(stack), before))
    found = held_schedule(stack)
    stack.wire.is_down = False
    assert found
    return found


def _is_newer(found: Schedule | None, before: Schedule | None) -> bool:
    return found is not None and (before is None or found.version > before.version)


def test_hours_that_change_are_followed_by_a_running_unit(stack: Stack) -> None:
    """Closed: the schedule has no opening and no lesson leaves. Open again: weeks of openings, and it goes home."""
    stack.wait_told("a schedule", lambda: held_schedule(stack) is not None)
    assert change_hours(stack, "closed").openings == ()
    before = stack.wire.up_bytes
    recording = stack.record(1.0)
    time.sleep(QUIET_S)
    assert recording in stack.spooled()
    assert stack.state(recording) == ""
    assert stack.wire.up_bytes - before < TALK_BYTES
    opened = change_hours(stack, "always")
    now = datetime.now(UTC)
    assert any(opening.covers(now) for opening in opened.openings)
    assert opened.openings[-1].ends_at > now + timedelta(days=14)
    stack.wait_home(recording, within_s=LONG_S)
    home.check_home(stack, recording)


def close_the_night(stack: Stack) -> None:
    """Set the window to one minute of an hour far away from now, by the school's clock."""
    with home.looking_in(stack) as services:
        far = datetime.now(services.config.controller.time_zone) + timedelta(hours=11)
    set_night(stack, "hours", "set", "--all", f"{far:%H:00}-{far:%H:01}")


def stored_bytes(stack: Stack, *recordings: str) -> int:
    """Tell how much of recordings the controller holds, finished or not."""
    parts = (stack.school.folder / "controller" / "incoming").glob("*.part")
    held = [path for one in recordings for path in stack.stored(one).glob("0*.age")]
    return sum(path.stat().st_size for path in [*parts, *held] if path.exists())


def assert_quiet(stack: Stack, *recordings: str) -> None:
    """Nothing of recordings arrives for a while, once bytes under way have come."""
    stack.wait_told("the last lease to end", lambda: not leases_in_force(stack))
    time.sleep(1.0)
    before = stored_bytes(stack, *recordings)
    time.sleep(QUIET_S)
    assert stored_bytes(stack, *recordings) == before


def leases_in_force(stack: Stack) -> list[LeaseRow]:
    """Give the leases that hold now."""
    with home.looking_in(stack) as services, services.database.reading() as session:
        now = services.clock()
        return list(
            session.scalars(select(LeaseRow).where(LeaseRow.revoked_at.is_(None), LeaseRow.ends_at > now)).all()
        )


def wishes(stack: Stack) -> list[TodayWish]:
    """Give the rows of what is needed today."""
    with home.looking_in(stack) as services, services.database.reading() as session:
        return list(session.scalars(select(TodayWish)).all())


def test_lesson_that_is_needed_today_comes_by_day_and_alone(stack: Stack) -> None:
    """Refused in words without an allowance; with one it comes at once, and a newer one waits for the night.

    Its jobs are killed in between, and the wish stands; with the lesson's arrival it is over.
    """
    needed = stack.record(3.0)
    stack.wait_told("its manifest", lambda: stack.state(needed) == "arriving")
    close_the_night(stack)
    newer = stack.record(0.6)
    assert_quiet(stack, needed, newer)
    assert stack.state(needed) == "arriving"
    stack.viewer.confirm(needed)
    page = f"/recordings/{needed}"
    assert "It cannot be asked for today" in stack.viewer.page(page)
    assert "I need it today" not in stack.viewer.page(page)
    set_night(stack, "trickle", "set", "00:00-24:00", f"{ALLOWANCE_BPS // 1000}k")
    assert_quiet(stack, needed, newer)
    stack.viewer.press(page, f"{page}/today")
    assert "You need it today" in stack.viewer.page(page)
    stack.wait_told("a lease for it", lambda: any(lease.first == needed for lease in leases_in_force(stack)))
    assert {lease.rate_bps for lease in leases_in_force(stack)} == {ALLOWANCE_BPS}
    stack.kill("jobs")
    stack.start("jobs")
    stack.wait_ready(needed, within_s=LONG_S)
    assert stack.state(newer) != "ready"
    stack.wait_told("the wish to be forgotten", lambda: not wishes(stack))
    assert_quiet(stack, newer)
    assert stack.state(newer) != "ready"
    set_night(stack, "hours", "set", "--all", "always")
    stack.wait_home(needed, newer, within_s=LONG_S)
    home.check_home(stack, needed, newer)
    home.check_logs_name_none(stack, needed, newer)
