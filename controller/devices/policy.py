"""The law of a unit's life: which change is allowed in which state, where it leads, and what each state is let in for.

One table each; pure. What a change does beside is controller/devices/life.py's. Also decides whether counters that a
unit says are those of an old card (docs/THREAT_MODEL.md says what that notices and what not).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from controller.devices.models import LIVING, DeviceState
from protocol.counters import Counters

PENDING, ACTIVE, QUARANTINED = DeviceState.PENDING, DeviceState.ACTIVE, DeviceState.QUARANTINED
RETIRED, LOST, REMOVED = DeviceState.RETIRED, DeviceState.LOST, DeviceState.REMOVED
EVERY = frozenset(DeviceState)
WIPES_AFTER = timedelta(hours=24)
"""A retired unit has one whole night to deliver in; the same for all, so that its end tells nothing (promise P7)."""
BLINK_HOLDS = timedelta(minutes=2)
RETIREMENT_HOLDS = timedelta(days=3650)


class Change(StrEnum):
    """What can be done to a unit."""

    ENROLL = "enroll"
    IDENTIFY = "identify"
    MOVE = "move"
    SWAP = "swap"
    QUARANTINE = "quarantine"
    ACCEPT = "accept"
    RETIRE = "retire"
    LOSE = "lose"
    REMOVE = "remove"


@dataclass(frozen=True)
class Rule:
    """In which states a change is allowed, and the state that it leads to; None where it stays as it is."""

    allowed_in: frozenset[DeviceState]
    leads_to: DeviceState | None = None


RULES: dict[Change, Rule] = {
    Change.ENROLL: Rule(frozenset({PENDING, ACTIVE}), ACTIVE),
    Change.IDENTIFY: Rule(frozenset({ACTIVE, QUARANTINED, RETIRED})),
    Change.MOVE: Rule(frozenset(LIVING)),
    Change.SWAP: Rule(frozenset({PENDING, ACTIVE})),  # of the spare; the unit that it replaces may be in any
    Change.QUARANTINE: Rule(frozenset({ACTIVE}), QUARANTINED),
    Change.ACCEPT: Rule(frozenset({QUARANTINED}), ACTIVE),
    Change.RETIRE: Rule(frozenset(LIVING) - {PENDING}, RETIRED),
    Change.LOSE: Rule(EVERY - {REMOVED}, LOST),  # once more makes up for what failed
    Change.REMOVE: Rule(frozenset({PENDING}), REMOVED),  # a pending unit never joined, so it never held anything
}


class Need(StrEnum):
    """What a unit asks the controller for."""

    DOCUMENTS = "documents"
    RENEWAL = "renewal"
    DELIVERY = "delivery"


ADMITTED: dict[Need, frozenset[DeviceState]] = {
    Need.DOCUMENTS: frozenset({ACTIVE, QUARANTINED, RETIRED}),
    Need.RENEWAL: frozenset({ACTIVE, QUARANTINED, RETIRED}),  # a retired one may come late, and has no key once wiped
    Need.DELIVERY: frozenset({ACTIVE, RETIRED}),
}
DELIVERING = ADMITTED[Need.DELIVERY]
HEARD = ADMITTED[Need.DOCUMENTS]
"""Units whose messages count; a quarantined one may say how it is."""


def is_allowed(change: Change, state: DeviceState) -> bool:
    """Tell whether a change may be made to a unit in a state."""
    return state in RULES[change].allowed_in


def changes_for(state: DeviceState) -> tuple[Change, ...]:
    """Give the changes that a person may choose for a unit in a state, in the table's order."""
    chosen = (change for change in RULES if change not in (Change.ENROLL, Change.QUARANTINE))
    return tuple(change for change in chosen if is_allowed(change, state))


class Finding(StrEnum):
    """How counters stand to the highest that were ever said."""

    PLAUSIBLE = "plausible"
    LATE = "late"
    """A request of this very start that was overtaken by a later one, or a stick that was."""
    ROLLED_BACK = "rolled_back"
    """Lower than before: an older copy of the card speaks."""
    REPEATED = "repeated"
    """The same start, counted by two: a copy of the card goes on beside the unit."""


SUSPICIOUS = (Finding.ROLLED_BACK, Finding.REPEATED)


def judge_counters(said: Counters, known: Counters | None) -> Finding:
    """Judge what a unit says against the highest that is known of it.

    Both counters only rise, and one that was lost goes on from the clock, far above: so a lower one is an older card's.
    Within one start the births alone tell the order of requests, and an overtaken request is no rollback.
    """
    if known is None:
        return Finding.PLAUSIBLE
    if said.boots == known.boots and said.boot == known.boot:
        return Finding.LATE if said.birth < known.birth else Finding.PLAUSIBLE
    if said.boots == known.boots:
        return Finding.REPEATED
    return Finding.ROLLED_BACK if said.boots < known.boots or said.birth < known.birth else Finding.PLAUSIBLE


def judge_carried_counters(said: Counters, known: Counters | None) -> Finding:
    """Judge what a unit says on a stick: when both counters are lower, the stick is an older one, and not the card."""
    finding = judge_counters(said, known)
    is_older = known is not None and said.boots < known.boots and said.birth <= known.birth
    return Finding.LATE if finding is Finding.ROLLED_BACK and is_older else finding
