"""Decides whether a press may record, whether a running recording may go on, and when the bell ends it.

Pure, and fails closed: no snapshot, an expired one or one that names no owner is a refusal with its reason; seats that
must be checked are one until somebody says that they were. Without a trusted clock a press is allowed only when every
lesson that is left in the snapshot allows it, and for one and the same owner, because whose lesson it is cannot be
known. Where one of several decisions leaves the sound out, it is left out. Defined in docs/protocol/consent.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from protocol.documents import Decision, LessonDecision, Permission, Policy
from protocol.manifest import Begun
from protocol.masks import Mask
from protocol.press import entries_at

NO_POLICY = "no_policy"
POLICY_EXPIRED = "policy_expired"
NO_OWNER = "no_owner"
SEATS_UNCHECKED = "seats_must_be_checked"
CLOCK_UNSURE = "clock_not_trusted"
LESSONS_OVERLAP = "lessons_overlap"


@dataclass(frozen=True, kw_only=True)
class PressDecision:
    """The answer to one press: allowed for `owner` under a policy, or refused with a reason.

    `seats`: how many seats must be, or were, checked to be out of the picture; None where none need to be. `sound`:
    whether the room may be heard. `ends_at`: the bell that ends the recording, as the snapshot knew it at the press;
    None when only the limit does.
    `mask`: what is hidden of its pictures, and `mask_version` as its first line says; None where nothing is.
    """

    allowed: bool
    reason: str
    owner: str = ""
    lesson: str | None = None
    seats: int | None = None
    sound: bool = True
    ends_at: datetime | None = None
    policy_generation: int = 0
    policy_version: int = 0
    mask_version: int | None = None
    mask: Mask | None = None


def decide_press(
    policy: Policy | None, now: datetime, *, clock_trusted: bool, checked: int | None = None, sound: bool = True
) -> PressDecision:
    """Decide a press at `now`; without a trusted clock that is at least the newest instant that the unit knows.

    `checked`: how many seats somebody has confirmed to be out of the picture; None when nobody was asked. `sound`:
    False where the recording has none whatever the snapshot says, since it was begun without.
    """
    if policy is None:
        return PressDecision(allowed=False, reason=NO_POLICY)
    if now >= policy.expires_at:
        return _refuse(policy, POLICY_EXPIRED)
    lessons = entries_at(policy, now) if clock_trusted else [each for each in policy.lessons if each.ends_at > now]
    decisions = [lesson.decision for lesson in lessons] or [policy.otherwise]
    mixed = LESSONS_OVERLAP if clock_trusted else CLOCK_UNSURE
    heard = sound and all(each.sound for each in decisions)
    bell = decide_bell(policy, began_at=now, checked=checked, sound=heard) if clock_trusted else None
    lesson = lessons[0].lesson if clock_trusted and len(lessons) == 1 else None
    return _decide_all(policy, decisions, mixed=mixed, checked=checked, told=_Told(lesson, bell, heard))


def permit_of(begun: Begun) -> PressDecision:
    """Give the permission under which a recording was begun, as its first line tells it."""
    return PressDecision(
        allowed=True,
        reason="",
        owner=begun.owner,
        lesson=begun.lesson,
        seats=begun.seats,
        sound=not begun.without_sound,
        policy_generation=begun.policy_generation,
        policy_version=begun.policy_version,
        mask_version=begun.mask_version,
    )


def decide_running(policy: Policy | None, permit: PressDecision, *, began_at: datetime, clock_trusted: bool) -> bool:
    """Tell whether a recording that `permit` allowed may go on under the newest snapshot.

    Only a change that forbids stops it: the snapshot is asked about the press itself, so neither the end of the lesson
    nor a snapshot that ran out or is missing does. More seats than were checked at the press are such a change, and so
    is that the room may no longer be heard.
    """
    if policy is None or (policy.generation, policy.version) == (permit.policy_generation, permit.policy_version):
        return True
    again = decide_press(policy, began_at, clock_trusted=clock_trusted, checked=permit.seats, sound=permit.sound)
    return again.allowed and again.owner == permit.owner and again.sound == permit.sound


def decide_bell(policy: Policy, *, began_at: datetime, checked: int | None, sound: bool = True) -> datetime | None:
    """Give the instant that ends a recording begun at `began_at`; None when no entry of the timetable does.

    It is the end of the lesson, entries that go on with it included, and the margin as far as the next entry in the
    room leaves room for it. Outside every lesson it is the beginning of the next one. `sound`: the recording has any.
    """
    entries = sorted(policy.lessons, key=lambda each: each.begins_at)
    current = entries_at(policy, began_at)
    later = [each for each in entries if each.begins_at > began_at and each not in current]
    if not current:
        return later[0].begins_at if later else None
    margin = timedelta(seconds=policy.margin_s)
    ends_at = max(each.ends_at for each in current)
    for entry in later:
        if (entry.decision.must_omit_sound and sound) or not _goes_on(
            current, entry, by=ends_at + margin, checked=checked
        ):
            return min(ends_at + margin, entry.begins_at)
        ends_at = max(ends_at, entry.ends_at)
    return ends_at + margin


def _goes_on(current: Sequence[LessonDecision], entry: LessonDecision, *, by: datetime, checked: int | None) -> bool:
    """Tell whether an entry is one lesson with those before it: same class, teacher and room, and as much allowed."""
    last = current[0]
    same = all(_place(each) == _place(entry) for each in current) and None not in _place(entry)[:2]
    owner, seats = entry.decision.owner, _seats_needed(entry.decision)
    return (
        same
        and entry.begins_at <= by
        and entry.decision.permission is not Permission.REFUSED
        and owner == last.decision.owner
        and _is_checked(seats, checked)
    )


def _place(lesson: LessonDecision) -> tuple[str | None, str | None, str | None]:
    return (lesson.class_id, lesson.teacher, lesson.room)


@dataclass(frozen=True)
class _Told:
    """What a decision tells beside its answer: the one lesson that it is for, its bell, and if the room is heard."""

    lesson: str | None
    bell: datetime | None
    sound: bool


def _decide_all(
    policy: Policy, decisions: Sequence[Decision], *, mixed: str, checked: int | None, told: _Told
) -> PressDecision:
    """Allow what every one of the decisions allows, for one and the same owner; the most seats count."""
    refused = next((each for each in decisions if each.permission is Permission.REFUSED), None)
    if refused:
        return _refuse(policy, refused.reason)
    if not all(each.owner for each in decisions):
        return _refuse(policy, NO_OWNER)
    if len({each.owner for each in decisions}) > 1:
        return _refuse(policy, mixed)
    needed = max((seats for each in decisions if (seats := _seats_needed(each)) is not None), default=None)
    if not _is_checked(needed, checked):
        return _refuse(policy, SEATS_UNCHECKED, seats=needed)
    return PressDecision(
        allowed=True,
        reason=decisions[0].reason,
        owner=decisions[0].owner or "",
        lesson=told.lesson,
        seats=needed,
        sound=told.sound,
        ends_at=told.bell,
        policy_generation=policy.generation,
        policy_version=policy.version,
    )


def _seats_needed(decision: Decision) -> int | None:
    return decision.seats if decision.permission is Permission.ALLOWED_IF_SEATS_ARE_CHECKED else None


def _is_checked(needed: int | None, checked: int | None) -> bool:
    return needed is None or (checked is not None and checked >= needed)


def _refuse(policy: Policy, reason: str, *, seats: int | None = None) -> PressDecision:
    generation, version = policy.order
    return PressDecision(
        allowed=False, reason=reason, seats=seats, policy_generation=generation, policy_version=version
    )
