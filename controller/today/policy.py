"""Decides what a page says of a press: whether the unit's button would work, and how much of that is everybody's.

Pure. The answer is read out of the very snapshot that the unit is told, in the way in which the unit reads it
(device/consent/decide.py; a test compares both). Nothing here knows whether anything is recorded (promise P7). Defined
in docs/protocol/consent.md ("A press").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from controller.consent.policy import Reason
from protocol.documents import Decision, Permission, Policy
from protocol.press import entries_at

NO_POLICY = "no_policy"
POLICY_EXPIRED = "policy_expired"
LESSONS_OVERLAP = "lessons_overlap"
NO_UNIT = "no_unit"
OTHERS_UNIT = "belongs_to_another"
NO_RULES = "no_rules"
"""A unit goes by *only adults who accepted*, because the school has set no rules yet."""


class Button(StrEnum):
    """What the button does."""

    WORKS = "works"
    IF_SEATS_ARE_CHECKED = "if_seats_are_checked"
    REFUSES = "refuses"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to a press, with its reason; `owner`: whose recording it would be, `sound`: whether it has any."""

    button: Button
    reason: str
    seats: int = 0
    owner: str | None = None
    sound: bool = True


def answer_at(policy: Policy | None, at: datetime, *, known_until: datetime | None = None) -> Answer:
    """Tell what a unit of sure time answers to a press at `at`, by a snapshot.

    `known_until`: the instant by which the snapshot must still hold; `at` where nothing newer can come before.
    """
    if policy is None:
        return _refuse(NO_POLICY)
    if (known_until or at) >= policy.expires_at:
        return _refuse(POLICY_EXPIRED)
    decisions = [each.decision for each in entries_at(policy, at)] or [policy.otherwise]
    for each in decisions:
        if each.permission is Permission.REFUSED:
            return _refuse(each.reason)
    if not all(each.owner for each in decisions):
        return _refuse(Reason.NO_OWNER)
    if len({each.owner for each in decisions}) > 1:
        return _refuse(LESSONS_OVERLAP)
    return replace(_allow(max(decisions, key=_seats_of)), sound=all(each.sound for each in decisions))


def answer_through(
    policy: Policy | None, begins_at: datetime, ends_at: datetime, *, known_until: datetime | None = None
) -> Answer:
    """Tell what it answers from an instant until before another: the strictest of what it says in between."""
    starts = [each.begins_at for each in policy.lessons if begins_at < each.begins_at < ends_at] if policy else []
    answers = [answer_at(policy, at, known_until=known_until) for at in (begins_at, *sorted(starts))]
    return max(answers, key=lambda each: (_STRICTNESS[each.button], each.seats))


_STRICTNESS = {Button.WORKS: 0, Button.IF_SEATS_ARE_CHECKED: 1, Button.REFUSES: 2}


def _refuse(reason: str) -> Answer:
    return Answer(button=Button.REFUSES, reason=str(reason))


def _seats_of(decision: Decision) -> int:
    return decision.seats if decision.permission is Permission.ALLOWED_IF_SEATS_ARE_CHECKED else -1


def _allow(decision: Decision) -> Answer:
    needs_seats = decision.permission is Permission.ALLOWED_IF_SEATS_ARE_CHECKED
    button = Button.IF_SEATS_ARE_CHECKED if needs_seats else Button.WORKS
    return Answer(
        button=button, reason=decision.reason, seats=decision.seats if needs_seats else 0, owner=decision.owner
    )


class Coarse(StrEnum):
    """What everybody who stands in the room may read: so little that nobody's answer can be told from it."""

    MAY = "may"
    NO_LESSON = "no_lesson"
    BLACKOUT = "blackout"
    NOT_SET_UP = "not_set_up"
    NOT_PERMITTED = "not_permitted"


_SAID_OPENLY: Mapping[str, Coarse] = {
    "no_lesson": Coarse.NO_LESSON,
    Reason.BLACKOUT.value: Coarse.BLACKOUT,
    Reason.ROOM_WRONG.value: Coarse.NOT_SET_UP,
    "room_unknown": Coarse.NOT_SET_UP,
    NO_POLICY: Coarse.NOT_SET_UP,
    POLICY_EXPIRED: Coarse.NOT_SET_UP,
    NO_UNIT: Coarse.NOT_SET_UP,
}


def coarsen(answer: Answer) -> Coarse:
    """Tell everybody as much as nobody's answer can be told from: neither a seat nor who or how many did not agree."""
    if answer.button is not Button.REFUSES:
        return Coarse.MAY
    return _SAID_OPENLY.get(answer.reason, Coarse.NOT_PERMITTED)


class Phase(StrEnum):
    """Where a lesson stands in the day."""

    OVER = "over"
    NOW = "now"
    LATER = "later"


def phase_of(begins_at: datetime, ends_at: datetime, now: datetime) -> Phase:
    """Tell whether a lesson is over, runs, or is still to come."""
    if now >= ends_at:
        return Phase.OVER
    return Phase.NOW if now >= begins_at else Phase.LATER


class Heard(StrEnum):
    """Whether a unit knows what it was told last."""

    CURRENT = "current"
    ON_ITS_WAY = "on_its_way"
    AWAY = "away"
    """Not reachable now, and nothing was said since."""
    BEHIND = "behind"
    """Not reachable since before it was told: its button goes by an older word."""
    NEVER = "never"


def heard_of(*, online: bool | None, since: datetime | None, issued_at: datetime | None, waits: bool) -> Heard:
    """Tell it from a unit's presence (`online` is None for one that was never in touch) and what was issued when.

    `waits`: the newest snapshot has not gone out to the broker yet.
    """
    if online is None or since is None:
        return Heard.NEVER
    if online:
        return Heard.ON_ITS_WAY if waits else Heard.CURRENT
    return Heard.BEHIND if waits or (issued_at is not None and issued_at > since) else Heard.AWAY
