"""The uploader's time while nobody has set the clock: the controller's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from device.uploads.client import Answer, Request
from device.uploads.told import ToldTime
from tests.fakes.world import FakeWorld

TODAY = datetime(2027, 3, 1, 21, 0, tzinfo=UTC)
ASKING = Request("GET", "units/v1/lease")


@dataclass
class Saying:
    """A door behind which somebody tells the time."""

    headers: dict[str, str] = field(default_factory=dict)

    def address_of(self, path: str) -> str:
        """See `Door.address_of`."""
        return path

    def ask(self, _request: Request) -> Answer:
        """See `Door.ask`."""
        return Answer(204, self.headers)


@pytest.mark.parametrize("wrong", [timedelta(weeks=2), -timedelta(weeks=2)])
def test_controllers_time_counts_while_nobody_has_set_the_clock(wrong: timedelta) -> None:
    """Before the first answer the clock counts; after it what was told, going on by the monotonic clock."""
    clock = FakeWorld(TODAY + wrong)
    told = ToldTime(Saying({"Date": format_datetime(TODAY, usegmt=True)}), clock.world, lambda: False)
    assert told.world.now() == TODAY + wrong
    told.ask(ASKING)
    clock.advance(7)
    clock.now_at += timedelta(days=1)
    assert told.world.now() == TODAY + timedelta(seconds=7)


def test_trusted_clock_is_asked_first() -> None:
    """Once the network has set the clock nobody else tells the time."""
    clock, trusted = FakeWorld(TODAY), [False]
    told = ToldTime(
        Saying({"Date": format_datetime(TODAY - timedelta(days=9), usegmt=True)}), clock.world, lambda: trusted[0]
    )
    told.ask(ASKING)
    assert told.now() == TODAY - timedelta(days=9)
    trusted[0] = True
    assert told.now() == TODAY


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 01 Mar 2027 21:00:00"])
def test_answer_without_a_time_tells_none(date: str) -> None:
    """No date, none that can be read, and none with a zone leave the clock to count."""
    clock = FakeWorld(TODAY)
    told = ToldTime(Saying({"Date": date}), clock.world, lambda: False)
    told.ask(ASKING)
    assert told.now() == TODAY
