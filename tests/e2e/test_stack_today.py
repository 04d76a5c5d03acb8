"""A lesson that is needed today, through the whole stack: by day, within the allowance, alone, and refused without it.

The hours are set with the commands that a school uses; the owner presses the button of her recording's page. What the
tick, the lease and the unit's own order make of a wish is tested in their rooms.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from controller.uploads.models import LeaseRow, TodayWish
from provisioning.demo.crew import run
from tests.e2e import home
from tests.e2e.stack import Stack, found_place
from tests.footage import find_footage

RATE_BPS = 1_000_000
ALLOWANCE_BPS = 800_000
LONG_S = 120.0
QUIET_S = 5.0
"""Longer than a lease, several ticks, and the unit's longest wait together."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A school whose seven processes run."""
    place = found_place(tmp_path_factory.mktemp("school"), find_footage("bigbuckbunny.mp4"), rate_bps=RATE_BPS)
    with Stack(place) as found:
        found.open()
        yield found


def set_night(stack: Stack, *words: str) -> None:
    """Type `backrow controller night …`."""
    command, rest = words[:2], words[2:]
    run("controller", "night", *command, "--config", stack.school.config, *rest, cwd=stack.school.folder)


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
    stack.wait("the last lease to end", lambda: not leases_in_force(stack))
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
    stack.wait("its manifest", lambda: stack.state(needed) == "arriving")
    close_the_night(stack)
    newer = stack.record(2.0)
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
    stack.wait("a lease for it", lambda: any(lease.first == needed for lease in leases_in_force(stack)))
    assert {lease.rate_bps for lease in leases_in_force(stack)} == {ALLOWANCE_BPS}
    stack.kill("jobs")
    stack.start("jobs")
    stack.wait_ready(needed, within_s=LONG_S)
    assert stack.state(newer) != "ready"
    stack.wait("the wish to be forgotten", lambda: not wishes(stack))
    assert_quiet(stack, newer)
    assert stack.state(newer) != "ready"
    set_night(stack, "hours", "set", "--all", "always")
    stack.wait_home(needed, newer, within_s=LONG_S)
    home.check_home(stack, needed, newer)
    home.check_logs_name_none(stack, needed, newer)
