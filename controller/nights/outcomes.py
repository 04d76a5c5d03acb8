"""How a night went for one unit, and how much of a school's space is left: out of what IT reads of units anyway. Pure.

Neither recordings nor uploads nor spool reports come in, so that nothing here can tell whether or how often a room
recorded (promise P7): a unit that had nothing to send is `NORMAL` as one that sent all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from controller.devices.models import DeviceState
from controller.nights.models import Outcome
from controller.recordings.titles import mark

FEW_DAYS = 3
"""Rooms with fewer school days of space are named."""
SENDING = frozenset({Outcome.NORMAL, Outcome.STUCK})
"""What is known of a room that could send until the end; any other adds nothing that others could hide behind."""
_STUCK = frozenset({"delivery_stuck", "spool_damaged"})
_CERTIFICATE = frozenset({"certificate_ended", "not_enrolled"})
_REFUSED = frozenset({"school_refuses"})

WORDS = {
    Outcome.NORMAL: mark("Delivers normally"),
    Outcome.UNREACHABLE: mark("It could not be reached all night: look at its power and its network."),
    Outcome.CUT_OFF: mark("It could be reached no more in the course of the night: look at its power and its network."),
    Outcome.QUARANTINED: mark("It is quarantined: accept it again when somebody has looked at it."),
    Outcome.CERTIFICATE: mark("Its certificate has ended: let it join anew."),
    Outcome.REFUSED: mark("The server refused it: its page says why."),
    Outcome.STUCK: mark("Something on its card cannot be delivered: it needs a person."),
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is seen of a unit; `online` is None while it never spoke, `changed_at` says since when that is so."""

    state: DeviceState
    online: bool | None
    changed_at: datetime | None
    asked_at: datetime | None
    certificate_ends_at: datetime | None
    reasons: frozenset[str]
    was_refused: bool = False

    def was_in_touch(self, since: datetime) -> bool:
        """Tell whether it was in touch after an instant."""
        asked = self.asked_at is not None and self.asked_at >= since
        return asked or bool(self.online) or (self.changed_at is not None and self.changed_at > since)


def judge(seen: Seen, *, opens_at: datetime, closes_at: datetime) -> Outcome:
    """Judge a unit's night by the gravest that is known: what the server keeps out, what is away, what is stuck."""
    if seen.state is DeviceState.QUARANTINED:
        return Outcome.QUARANTINED
    if seen.certificate_ends_at is not None and seen.certificate_ends_at <= closes_at:
        return Outcome.CERTIFICATE
    if not seen.was_in_touch(opens_at):
        return Outcome.UNREACHABLE
    return _judge_reached(seen, closes_at)


def _judge_reached(seen: Seen, closes_at: datetime) -> Outcome:
    if seen.reasons & _CERTIFICATE:
        return Outcome.CERTIFICATE
    if seen.was_refused or seen.reasons & _REFUSED:
        return Outcome.REFUSED
    if seen.reasons & _STUCK:
        return Outcome.STUCK
    went = seen.online is False and seen.changed_at is not None and seen.changed_at < closes_at
    asked_since = seen.asked_at is not None and seen.changed_at is not None and seen.asked_at > seen.changed_at
    return Outcome.CUT_OFF if went and not asked_since else Outcome.NORMAL
