"""When an epoch may end, and which units keep it from ending. Pure.

An epoch ends some days after its last day, once no unit can have anything sealed to it any more. A unit is taken at
its recorder's signed word, said and received after that day; whoever says nothing blocks. Defined in
docs/protocol/epochs.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.devices.models import DeviceState

SUM_FROM = 5
"""The fewest rooms over which a sum may be told (promise P7)."""
TURN = timedelta(days=1)  # within which jobs ends what may end


@dataclass(frozen=True, kw_only=True)
class Span:
    """An epoch and its days: it ends at the first instant after them."""

    name: str
    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a unit's newest statement says, by its own clock, and when it came, by ours."""

    at: datetime
    received_at: datetime
    held: frozenset[str]
    unknown: bool = False

    def may_hold(self, epoch: str) -> bool:
        """Tell whether something on the unit may be sealed to an epoch."""
        return self.unknown or epoch in self.held

    @property
    def holds_nothing(self) -> bool:
        """Tell whether nothing lies there and no press could record: a retired unit's last word."""
        return not self.held and not self.unknown


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A unit as far as an epoch's end goes. `retired_at`: when the school retired it, if it did.

    `has_signed`: its recorder ever had a key that the school knows; without one it has recorded nothing.
    """

    device: str
    label: str
    state: DeviceState
    said: Said | None = None
    retired_at: datetime | None = None
    has_signed: bool = True


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether an epoch may end now: the first instant at which it may, and who keeps it from that."""

    due_at: datetime
    is_due: bool
    blockers: tuple[Unit, ...]

    @property
    def may_end(self) -> bool:
        """Tell whether the time has come and nobody blocks."""
        return self.is_due and not self.blockers


def judge_epoch(
    span: Span, units: Iterable[Unit], waived: Collection[str], *, now: datetime, wait: timedelta
) -> Verdict:
    """Judge an epoch; `waived` names the units that a person let it end without, `wait` is the time after its days."""
    due_at = span.ends_at + wait
    blockers = [unit for unit in units if unit.device not in waived and blocks(unit, span)]
    return Verdict(due_at=due_at, is_due=now >= due_at, blockers=tuple(blockers))


def blocks(unit: Unit, span: Span) -> bool:
    """Tell whether something that only this epoch's identity opens may lie on a unit."""
    if unit.state is DeviceState.LOST or not unit.has_signed:
        return False  # what it held is given up; it has recorded nothing yet
    if unit.said is None:
        return True
    if unit.state is DeviceState.RETIRED and unit.retired_at and unit.said.received_at >= unit.retired_at:
        return not (unit.said.holds_nothing or vouches(unit.said, span))
    return not vouches(unit.said, span)


def vouches(said: Said, span: Span) -> bool:
    """Tell whether a statement was made and received after an epoch's last day, and does not name the epoch."""
    return said.at >= span.ends_at and said.received_at >= span.ends_at and not said.may_hold(span.name)


def ends_by(span: Span | None, *, ended_at: datetime | None, now: datetime, wait: timedelta) -> datetime | None:
    """Give the instant by which an epoch's identity is destroyed; None when nobody can say (it is late, or unknown)."""
    if ended_at is not None:
        return ended_at
    by = span.ends_at + wait + TURN if span else None
    return by if by is not None and by > now else None


def describe_loss(*, room: str, span: Span, blockers: int, waiting_bytes: int) -> str:
    """Say what waiving a unit would lose, without telling what any one room recorded (promise P7).

    `waiting_bytes` is the sum of what `blockers` units said waits on them: told of five units or more, never of fewer.
    """
    first, last = f"{span.begins_at:%Y-%m-%d}", f"{span.ends_at - timedelta(days=1):%Y-%m-%d}"
    words = (
        f"If recordings that were begun on the unit {room} from {first} to {last} (UTC) are still on its card, nobody "
        "can ever open them: not the teacher, not the school, not who made this program. Whether there are any, the "
        "teacher whose unit it is can tell; the server tells nobody else. The same goes for what it records later by "
        "a clock that still stands in those days, until it has been connected once."
    )
    if blockers >= SUM_FROM:
        words += f" The {blockers} units that block this epoch say together that {waiting_bytes / 1e9:.1f} GB wait."
    return words
