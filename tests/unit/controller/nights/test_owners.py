"""What an owner is told of a recording on its way: by about when it is here, or what keeps it; and nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.devices.models import DeviceState, Presence
from controller.nights.keeping import keep_nights
from controller.nights.prospects import NEXT_NIGHTS, WORDS, Circumstances, Outlook, Trouble, judge_trouble, look_out
from controller.uploads.expecting import Prospect
from controller.uploads.explain import explain
from controller.uploads.scheduler.reasons import Reason
from tests.house import House, house
from tests.lesson import record_synthetic
from tests.nights import CLOSES, EVENING, NOON, OPENS, say

__all__ = ["house"]
WELL = Circumstances(
    state=DeviceState.ACTIVE, server_full=False, reasons=frozenset(), away_since=None, part_quarantined=False
)
PROSPECT = Prospect(
    ahead_bytes=700_000_000, waiting_bytes=1_400_000_000, rate_bps=0, line_s=3600, opens_at=OPENS, closes_at=CLOSES
)


@pytest.mark.parametrize(
    ("seen", "trouble"),
    [
        (WELL, None),
        (replace(WELL, state=DeviceState.LOST, server_full=True), Trouble.LOST),
        (replace(WELL, state=DeviceState.QUARANTINED), Trouble.QUARANTINED),
        (replace(WELL, server_full=True), Trouble.SERVER_FULL),
        (replace(WELL, reasons=frozenset({"delivery_stuck", "spool_damaged"})), Trouble.NEEDS_PERSON),
        (replace(WELL, reasons=frozenset({"spool_damaged"})), Trouble.CARD_DAMAGED),
        (replace(WELL, away_since=NOON), Trouble.UNREACHABLE),
        (replace(WELL, away_since=EVENING - timedelta(minutes=2)), None),
        (replace(WELL, part_quarantined=True), Trouble.ASKED_AGAIN),
    ],
)
def test_trouble_is_the_gravest(seen: Circumstances, trouble: Trouble | None) -> None:
    """What cannot be helped goes first; a restart of two minutes is no trouble."""
    assert judge_trouble(seen, EVENING) is trouble


def test_every_trouble_has_words() -> None:
    """None is shown as a code."""
    assert WORDS.keys() == set(Trouble)


def test_time_is_told_where_nothing_is_wrong() -> None:
    """Half of the unit's night at 22:00 and an hour of line: 22:30; what does not fit is said to."""
    assert look_out(WELL, PROSPECT, EVENING) == Outlook(ready_by=OPENS + timedelta(minutes=30))
    assert look_out(WELL, replace(PROSPECT, line_s=36_000 * 10), EVENING) == Outlook(NEXT_NIGHTS)
    assert look_out(WELL, None, EVENING) == Outlook()
    waits = replace(WELL, reason=int(Reason.TURN_COMES))
    assert look_out(waits, PROSPECT, EVENING).why == explain(Reason.TURN_COMES)
    assert not look_out(replace(waits, server_full=True), PROSPECT, EVENING).why
    assert look_out(replace(WELL, server_full=True), PROSPECT, EVENING) == Outlook(WORDS[Trouble.SERVER_FULL])


def test_owner_reads_when_a_recording_is_here_and_what_keeps_it(house: House) -> None:
    """On the list and on its page: an estimate, and as soon as its unit is away, that."""
    house.clock.now = EVENING
    teacher = house.add_teacher()
    recording = house.deliver(house.make_lesson(teacher, record_synthetic(seconds=2)), only=0)
    keep_nights(house.services)
    say(house, {teacher.device: 1_000_000})
    browser = house.browser(teacher)
    for address in ("/recordings", f"/recordings/{recording}"):
        assert "It is to be here by about Nov 9, 2026, 10:10" in browser.get(address).text
    with house.services.database.writing() as session:
        session.add(Presence(device=teacher.device, birth=1, online=False, version="0.1.0", changed_at=NOON))
    for address in ("/recordings", f"/recordings/{recording}"):
        assert "cannot be reached" in browser.get(address).text
