"""Decides whether a press may record: by the lesson of the moment, else by what holds outside every lesson.

Pure, and fails closed: no snapshot, an expired one or one that names no owner is a refusal with its reason. Without a
trusted clock a press is allowed only when every lesson that is left in the snapshot allows it, and for one and the same
owner, because whose lesson it is cannot be known. Defined in the signed policy, docs/protocol/mqtt.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from protocol.documents import Decision, LessonDecision, Permission, Policy

NO_POLICY = "no_policy"
POLICY_EXPIRED = "policy_expired"
NO_OWNER = "no_owner"
SEATS_UNCHECKED = "seats_must_be_checked"
CLOCK_UNSURE = "clock_not_trusted"
WITHDRAWN = "withdrawn"


@dataclass(frozen=True, kw_only=True)
class PressDecision:
    """The answer to one press: allowed for `owner` under a policy, or refused with a reason."""

    allowed: bool
    reason: str
    owner: str = ""
    lesson: str | None = None
    policy_generation: int = 0
    policy_version: int = 0


def decide_press(policy: Policy | None, now: datetime, *, clock_trusted: bool) -> PressDecision:
    """Decide a press at `now`; without a trusted clock that is at least the newest instant that the unit knows."""
    if policy is None:
        return PressDecision(allowed=False, reason=NO_POLICY)
    if now >= policy.expires_at:
        return _refuse(policy, POLICY_EXPIRED)
    if clock_trusted:
        return _decide_one(policy, _lesson_at(policy.lessons, now))
    return _decide_every(policy, [lesson for lesson in policy.lessons if lesson.ends_at > now])


def decide_running(policy: Policy | None, permit: PressDecision, *, began_at: datetime, clock_trusted: bool) -> bool:
    """Tell whether a recording that `permit` allowed may go on under the newest snapshot.

    Only a change that forbids stops it: the snapshot is asked about the press itself, so neither the end of the lesson
    nor a snapshot that ran out or is missing does.
    """
    if policy is None or (policy.generation, policy.version) == (permit.policy_generation, permit.policy_version):
        return True
    again = decide_press(policy, began_at, clock_trusted=clock_trusted)
    return again.allowed and again.owner == permit.owner


def _lesson_at(lessons: Iterable[LessonDecision], now: datetime) -> LessonDecision | None:
    return next((lesson for lesson in lessons if lesson.begins_at <= now < lesson.ends_at), None)


def _decide_one(policy: Policy, lesson: LessonDecision | None) -> PressDecision:
    decision = lesson.decision if lesson else policy.otherwise
    return _answer(policy, decision, lesson.lesson if lesson else None)


def _decide_every(policy: Policy, left: list[LessonDecision]) -> PressDecision:
    if not left:
        return _decide_one(policy, None)
    answers = [_answer(policy, lesson.decision, None) for lesson in left]
    refused = next((answer for answer in answers if not answer.allowed), None)
    if refused:
        return refused
    if len({answer.owner for answer in answers}) > 1:
        return _refuse(policy, CLOCK_UNSURE)
    return answers[0]


def _answer(policy: Policy, decision: Decision, lesson: str | None) -> PressDecision:
    if decision.permission is Permission.ALLOWED_IF_SEATS_ARE_CHECKED:
        return _refuse(policy, SEATS_UNCHECKED)
    if decision.permission is not Permission.ALLOWED:
        return _refuse(policy, decision.reason)
    if not decision.owner:
        return _refuse(policy, NO_OWNER)
    return PressDecision(
        allowed=True,
        reason=decision.reason,
        owner=decision.owner,
        lesson=lesson,
        policy_generation=policy.generation,
        policy_version=policy.version,
    )


def _refuse(policy: Policy, reason: str) -> PressDecision:
    generation, version = policy.order
    return PressDecision(allowed=False, reason=reason, policy_generation=generation, policy_version=version)
