"""The end of an epoch, pure: who blocks it, and three simulated years in which nothing is given up by mistake."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from controller.devices.models import DeviceState
from controller.epochs.policy import SUM_FROM, Said, Span, Unit, blocks, describe_loss, ends_by, judge_epoch

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
WAIT = 14 * DAY
SPAN = Span(name="2026-w47", begins_at=MONDAY, ends_at=MONDAY + WEEK)
AFTER = SPAN.ends_at + timedelta(hours=1)
CLEAN = Said(at=AFTER, received_at=AFTER, held=frozenset({"2026-w48"}))


def unit(state: DeviceState = DeviceState.ACTIVE, said: Said | None = CLEAN) -> Unit:
    """Make a unit that is asked."""
    return Unit(device="u", label="Room 12", state=state, said=said)


def test_unit_that_cannot_hold_anything_does_not_block() -> None:
    """One whose recorder never had a key, and one that was declared lost, keep no epoch from ending, whatever they say;
    one that had a key and waits to join again does."""
    assert not blocks(unit(DeviceState.LOST, None), SPAN)
    assert not blocks(unit(DeviceState.LOST, replace(CLEAN, unknown=True)), SPAN)
    assert not blocks(replace(unit(DeviceState.PENDING, None), has_signed=False), SPAN)
    assert blocks(unit(DeviceState.PENDING, None), SPAN)


@pytest.mark.parametrize("state", [DeviceState.ACTIVE, DeviceState.QUARANTINED, DeviceState.RETIRED])
@pytest.mark.parametrize(
    ("said", "is_blocked"),
    [
        (None, True),
        (CLEAN, False),
        (replace(CLEAN, held=frozenset({"2026-w47", "2026-w48"})), True),
        (replace(CLEAN, unknown=True), True),
        (replace(CLEAN, at=SPAN.ends_at - timedelta(seconds=1)), True),
        (replace(CLEAN, received_at=SPAN.ends_at - timedelta(seconds=1)), True),
        (replace(CLEAN, at=SPAN.ends_at, received_at=SPAN.ends_at), False),
    ],
)
def test_unit_blocks_until_it_vouches(state: DeviceState, said: Said | None, is_blocked: bool) -> None:  # noqa: FBT001
    """Silence, the epoch's name, something unknown, and a word from before the last day (by either clock) block."""
    assert blocks(unit(state, said), SPAN) is is_blocked


def test_retired_unit_may_fall_silent_once_it_holds_nothing() -> None:
    """After its retirement one word that nothing is left holds for every later epoch; the same word before does not."""
    empty = Said(at=MONDAY, received_at=MONDAY, held=frozenset())
    retired = replace(unit(DeviceState.RETIRED, empty), retired_at=MONDAY)
    assert not blocks(retired, SPAN)
    assert blocks(replace(retired, retired_at=MONDAY + DAY), SPAN)
    assert blocks(replace(retired, state=DeviceState.ACTIVE, retired_at=None), SPAN)
    assert blocks(replace(retired, said=replace(empty, held=frozenset({"2026-w46"}))), SPAN)


def test_epoch_waits_for_its_time_and_for_every_unit() -> None:
    """Neither a clean school before the time nor the time with a silent unit ends it; a waiver is for one unit."""
    silent = replace(unit(said=None), device="silent")
    ends_at = SPAN.ends_at + WAIT
    assert not judge_epoch(SPAN, [unit()], (), now=ends_at - timedelta(seconds=1), wait=WAIT).may_end
    assert judge_epoch(SPAN, [unit()], (), now=ends_at, wait=WAIT).may_end
    blocked = judge_epoch(SPAN, [unit(), silent], (), now=ends_at, wait=WAIT)
    assert (blocked.may_end, blocked.blockers) == (False, (silent,))
    assert judge_epoch(SPAN, [unit(), silent], {"silent"}, now=ends_at, wait=WAIT).may_end
    assert not judge_epoch(SPAN, [replace(unit(), said=None), silent], {"silent"}, now=ends_at, wait=WAIT).may_end


def test_bound_of_an_epoch_is_told_only_when_it_is_known() -> None:
    """Ended: then. To come: within a day of its time. Late, or of no known epoch: nobody can say."""
    due_at = SPAN.ends_at + WAIT
    assert ends_by(SPAN, ended_at=AFTER, now=due_at + WEEK, wait=WAIT) == AFTER
    assert ends_by(SPAN, ended_at=None, now=due_at, wait=WAIT) == due_at + DAY
    assert ends_by(SPAN, ended_at=None, now=due_at + DAY, wait=WAIT) is None
    assert ends_by(None, ended_at=None, now=MONDAY, wait=WAIT) is None


def test_loss_of_fewer_than_five_rooms_is_told_without_figures() -> None:
    """What one room holds is nobody's to read; a sum is told of five units or more (P7)."""
    few = describe_loss(room="Room 12", span=SPAN, blockers=SUM_FROM - 1, waiting_bytes=7_000_000_000)
    many = describe_loss(room="Room 12", span=SPAN, blockers=SUM_FROM, waiting_bytes=7_000_000_000)
    assert ("7.0" in few, "7.0" in many) == (False, True)
    assert "2026-11-16 to 2026-11-22" in few


@dataclass
class SimulatedUnit:
    """A unit of the simulated school: what lies on it, what its clock says, and what it said last."""

    name: str
    spool: set[str] = field(default_factory=set)
    state: DeviceState = DeviceState.ACTIVE
    said: Said | None = None
    retired_at: datetime | None = None
    floor: datetime = MONDAY
    away_until: datetime = MONDAY
    behind_until: datetime = MONDAY
    behind: timedelta = timedelta()

    def describe(self) -> Unit:
        """Give it as the controller sees it."""
        return Unit(device=self.name, label=self.name, state=self.state, said=self.said, retired_at=self.retired_at)


class SimulatedSchool:
    """Units that record, deliver, fall silent for weeks, carry wrong clocks, retire and get lost; a day a step."""

    def __init__(self, seed: int, units: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - no secret
        self.units = [SimulatedUnit(f"u{number}") for number in range(units)]
        self.leaving = 0.01
        self.begun: dict[str, Span] = {}
        self.ended: dict[str, datetime] = {}
        self.waived: dict[str, set[str]] = {}

    def span_at(self, now: datetime) -> Span:
        """Give the epoch of an instant."""
        begins_at = MONDAY + (now - MONDAY) // WEEK * WEEK
        return self.begun.setdefault(
            f"{begins_at:%G-w%V}", Span(name=f"{begins_at:%G-w%V}", begins_at=begins_at, ends_at=begins_at + WEEK)
        )

    def live(self, one: SimulatedUnit, now: datetime) -> None:
        """Let a unit pass a day. One that was away comes back with a clock that stood still, which nobody sets for some
        weeks; it never falls behind what the unit has said."""
        if one.behind_until <= now:
            one.behind = timedelta()
        if one.away_until <= now and self.chance.random() < self.leaving:
            one.away_until = now + self.chance.randrange(1, 120) * DAY
            one.behind_until = one.away_until + self.chance.randrange(0, 40) * DAY
            one.behind = one.away_until - max(one.floor, now - one.behind)
        if one.away_until > now:
            return
        believed = max(one.floor, now - one.behind)
        if one.state is DeviceState.ACTIVE and self.chance.random() < 0.5:
            self.record(one, self.span_at(believed).name)
        if self.chance.random() < 0.8:
            self.speak(one, believed, now)

    def record(self, one: SimulatedUnit, epoch: str) -> None:
        """Seal a lesson; what a waived unit seals with a clock that stood still is given up by the waiver, too."""
        if one.name not in self.waived.get(epoch, ()):
            one.spool.add(epoch)

    def speak(self, one: SimulatedUnit, believed: datetime, now: datetime) -> None:
        """Deliver what can be delivered, some nights; then say what is left."""
        if self.chance.random() < 0.7:
            opened = {epoch for epoch in one.spool if epoch not in self.ended}
            assert opened == one.spool, f"{one.name} holds {one.spool - opened}, whose epochs have ended"
            one.spool.clear()
        in_force = {self.span_at(believed).name} if one.state is DeviceState.ACTIVE else set()
        unknown = self.chance.random() < 0.01
        one.said = Said(at=believed, received_at=now, held=frozenset(one.spool | in_force), unknown=unknown)
        one.floor = believed

    def decide(self, now: datetime) -> None:
        """End what may end; a waiver or a loss is somebody's word that what lies there is given up."""
        for span in self.begun.values():
            if span.name in self.ended:
                continue
            waived = self.waived.get(span.name, set())
            verdict = judge_epoch(span, [one.describe() for one in self.units], waived, now=now, wait=WAIT)
            if verdict.may_end:
                self.ended[span.name] = now
                self.give_up(span.name, waived)
            elif verdict.is_due and self.chance.random() < 0.01:
                self.waived.setdefault(span.name, set()).add(self.chance.choice(verdict.blockers).device)

    def give_up(self, epoch: str, waived: set[str]) -> None:
        """Check what the end costs: nothing, but for units that were waived or lost."""
        for one in self.units:
            if one.name in waived or one.state is DeviceState.LOST:
                one.spool.discard(epoch)
            assert epoch not in one.spool, f"{one.name} still holds {epoch}"

    def come_back(self, now: datetime) -> None:
        """Let every unit be there, with a clock that is right."""
        self.leaving = 0
        for one in self.units:
            one.away_until = one.behind_until = now

    def pass_day(self, now: datetime) -> None:
        """Let everything happen that happens on a day."""
        self.span_at(now)
        for one in self.units:
            self.live(one, now)
        self.change(now)
        self.decide(now)

    def change(self, now: datetime) -> None:
        """Now and then a unit is retired or lost, and another one comes."""
        one = self.chance.choice(self.units)
        if self.chance.random() < 0.01 and one.state is DeviceState.ACTIVE:
            one.state = self.chance.choice([DeviceState.RETIRED, DeviceState.LOST])
            one.retired_at = now if one.state is DeviceState.RETIRED else None
            self.units.append(SimulatedUnit(f"u{len(self.units)}", floor=now))


@pytest.mark.parametrize("seed", range(4))
def test_three_years_give_up_nothing_that_nobody_gave_up(seed: int) -> None:
    """With units silent for up to four months, clocks a month behind, damage, retirements and losses, no epoch ends
    while a unit that nobody waived or lost still holds something of it; and when all have come back, each has ended."""
    school, now = SimulatedSchool(seed, 40), MONDAY
    for _ in range(3 * 365):
        school.pass_day(now)
        now += DAY
    late = [ended_at - school.begun[name].ends_at - WAIT for name, ended_at in school.ended.items()]
    assert max(late) > WEEK, "no silent unit ever blocked: the simulation proves nothing"
    school.come_back(now)
    for _ in range(21):
        school.pass_day(now)
        now += DAY
    due = {span.name for span in school.begun.values() if span.ends_at + WAIT + WEEK < now}
    assert due - school.ended.keys() == set()
    assert len(due) > 150
