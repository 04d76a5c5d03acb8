"""What each unit is told: the decisions on the lessons of its room for the days that a snapshot holds. Names nobody.

Without rules of the school's own it is *only adults who accepted*: the room's owner may record at any time; in rooms
of a pilot they may outside of every lesson. Signing and sending are controller/devices/policies.py's. Defined in
docs/protocol/consent.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as clock
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.accounts.models import Role
from controller.accounts.roles import accounts_with
from controller.config import Config
from controller.consent import repo
from controller.consent.lessons import DecidedLesson, Span, decide_lessons, is_dark, read_span
from controller.consent.models import Blackout
from controller.consent.policy import Decided, Outcome, Reason
from controller.consent.rules import MOST_SNAPSHOT_DAYS, Rules
from controller.devices.models import Device
from controller.masks.repo import masks_of
from controller.timetable.models import Room
from controller.timetable.policy import Held
from protocol.abilities import Ability, parse_abilities
from protocol.documents import Decision, LessonDecision, Permission
from protocol.ids import ID_BYTES, make_id
from protocol.masks import Mask

ADULTS_ONLY = "adults_only"
NO_LESSON = "no_lesson"
ROOM_UNKNOWN = "room_unknown"
HEARS_ALWAYS = "unit_cannot_leave_sound_out"
SEES_ALL = "unit_cannot_hide_areas"
_HEARS_ALWAYS = Decision(permission=Permission.REFUSED, reason=HEARS_ALWAYS)
_SEES_ALL = Decision(permission=Permission.REFUSED, reason=SEES_ALL)
RULES_OF_A_PILOT = 1
_DAY = timedelta(days=1)
_PERMISSIONS = {
    Outcome.ALLOWED: Permission.ALLOWED,
    Outcome.IF_SEATS_ARE_CHECKED: Permission.ALLOWED_IF_SEATS_ARE_CHECKED,
    Outcome.REFUSED: Permission.REFUSED,
}


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a unit's snapshot says, without its version and days. `lasts`: how long the unit may go by it.

    `ends_at`: when it stops holding whatever `lasts` says, as a pilot does on its last day, also on a unit offline.
    """

    rules: int
    lessons: tuple[LessonDecision, ...] = ()
    otherwise: Decision
    margin_s: int = 0
    lasts: timedelta
    ends_at: datetime | None = None
    mask: Mask | None = None

    def expires_at(self, now: datetime) -> datetime:
        """Tell until when a unit may go by it that is told at `now`."""
        return now + self.lasts if self.ends_at is None else min(now + self.lasts, self.ends_at)

    @cached_property
    def basis(self) -> str:
        """Give a digest by which another content is known."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def contents_for(session: Session, config: Config, devices: Sequence[Device], now: datetime) -> dict[str, Content]:
    """Give the content of each unit's snapshot, by its id."""
    return contents_under(session, config, devices, now, held=repo.newest_rules(session))


def contents_under(
    session: Session, config: Config, devices: Sequence[Device], now: datetime, *, held: tuple[int, Rules] | None
) -> dict[str, Content]:
    """Give the same under a version of the rules, which need not be the one that holds; None for none."""
    rooms = _rooms_of(session, devices)
    masks = masks_of(session, set(rooms.values()))
    contents = _decided(session, config, devices, now, held=held)
    return {device.id: _masked(device, contents[device.id], masks.get(rooms.get(device.id, ""))) for device in devices}


def _decided(
    session: Session, config: Config, devices: Sequence[Device], now: datetime, *, held: tuple[int, Rules] | None
) -> dict[str, Content]:
    rooms = _rooms_of(session, devices)
    dark = repo.blackouts(session, now)
    teachers = accounts_with(session, (Role.TEACHER,))
    if held is None:
        return {device.id: _adults_only(device, teachers, _refusals(device, rooms, dark)) for device in devices}
    version, rules = held
    zone = config.controller.time_zone
    today = now.astimezone(zone).date()
    words = repo.pilots_on(session, today)
    pilots = {each: _midnight_after(words[room].until or today, zone) for each, room in rooms.items() if room in words}
    sites = {rooms[device.id]: device.site for device in devices if device.id in rooms}
    days = (today, today + rules.snapshot_days * _DAY)
    span = read_span(session, days, zone, set(sites.values()))
    lessons = _by_room(decide_lessons(session, rules, sites, span))
    found = {}
    for device in devices:
        refusals = _refusals(device, rooms, _until(dark, span))
        content = _of_room(version, rules, rooms.get(device.id), lessons, refusals)
        if device.id in pilots:
            content = _of_pilot(rules, pilots[device.id], replace(content, otherwise=_owners_word(device, teachers)))
        found[device.id] = _understood(device, content)
    return found


def _midnight_after(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day + _DAY, clock(), tzinfo=zone).astimezone(UTC)


def _adults_only(device: Device, teachers: Collection[str], refusals: Sequence[LessonDecision]) -> Content:
    """Give what a unit is told while the school has set no rules."""
    said = _owners_word(device, teachers)
    return Content(rules=RULES_OF_A_PILOT, lessons=tuple(refusals), otherwise=said, lasts=MOST_SNAPSHOT_DAYS * _DAY)


def _owners_word(device: Device, teachers: Collection[str]) -> Decision:
    """Let a room's owner record outside of every entry; who is no teacher any more owns nothing."""
    if device.owner in teachers:
        return Decision(permission=Permission.ALLOWED, reason=ADULTS_ONLY, owner=device.owner)
    return Decision(permission=Permission.REFUSED, reason=Reason.NO_OWNER.value)


def _of_pilot(rules: Rules, ends_at: datetime, content: Content) -> Content:
    """Let a pilot end on its day; where the school's rules are without sound, it is so, too."""
    said = content.otherwise
    if not rules.sound and said.permission is not Permission.REFUSED:
        said = replace(said, must_omit_sound=True)
    return replace(content, otherwise=said, ends_at=ends_at)


def _refusals(device: Device, rooms: Mapping[str, str], dark: Iterable[Blackout]) -> list[LessonDecision]:
    """Give the blackouts of a room as entries that refuse: one that begins ends what runs, also after a lesson."""
    refused = Decision(permission=Permission.REFUSED, reason=Reason.BLACKOUT.value)
    return [
        LessonDecision(lesson=each.id, begins_at=each.begins_at, ends_at=each.ends_at, decision=refused)
        for each in sorted(dark, key=lambda one: (one.begins_at, one.id))
        if is_dark(each, room=rooms.get(device.id), site=device.site)
    ]


def _until(dark: Iterable[Blackout], span: Span) -> list[Blackout]:
    """Give the blackouts that begin within some days: a unit of unsure clock refuses by everything that is to come."""
    return [each for each in dark if each.begins_at.astimezone(span.zone).date() <= span.last]


def _of_room(
    version: int,
    rules: Rules,
    room: str | None,
    lessons: Mapping[str, Sequence[LessonDecision]],
    refusals: Sequence[LessonDecision],
) -> Content:
    refused = Decision(permission=Permission.REFUSED, reason=NO_LESSON if room else ROOM_UNKNOWN)
    return Content(
        rules=version,
        lessons=tuple(sorted((*lessons.get(room or "", ()), *refusals), key=lambda each: each.begins_at)),
        otherwise=refused,
        margin_s=rules.margin_s,
        lasts=rules.snapshot_days * _DAY,
    )


def _understood(device: Device, content: Content) -> Content:
    """Refuse what asks of a unit what it has not said that it can: one of an earlier release would be heard by it."""
    if Ability.OMITS_SOUND in parse_abilities(device.abilities):
        return content
    lessons = (each if each.decision.sound else replace(each, decision=_HEARS_ALWAYS) for each in content.lessons)
    otherwise = content.otherwise if content.otherwise.sound else _HEARS_ALWAYS
    return replace(content, lessons=tuple(lessons), otherwise=otherwise)


def _masked(device: Device, content: Content, mask: Mask | None) -> Content:
    """Have a room's mask worn; a unit that has not said that it can hide anything records nothing there.

    One of an earlier release refuses a snapshot with a mask, and would go on by the one before: it is told to refuse.
    """
    if mask is None or Ability.HIDES_AREAS in parse_abilities(device.abilities):
        return replace(content, mask=mask)
    lessons = tuple(replace(each, decision=_SEES_ALL) for each in content.lessons)
    return replace(content, lessons=lessons, otherwise=_SEES_ALL)


def _rooms_of(session: Session, devices: Iterable[Device]) -> dict[str, str]:
    """Give the room in which each unit stands, where its site and room name one."""
    named = {(room.site, room.name): room.id for room in session.scalars(select(Room))}
    places = {device.id: named.get((device.site, device.room_name)) for device in devices if device.room_name}
    return {device: room for device, room in places.items() if room}


def _by_room(decided: Iterable[DecidedLesson]) -> dict[str, list[LessonDecision]]:
    found: dict[str, list[LessonDecision]] = {}
    for each in decided:
        found.setdefault(each.held.room, []).append(_describe(each))
    return {room: sorted(lessons, key=lambda lesson: lesson.begins_at) for room, lessons in found.items()}


def _describe(each: DecidedLesson) -> LessonDecision:
    """Give a lesson as the unit is told: opaque ids, times, and the decision."""
    return LessonDecision(
        lesson=each.held.id,
        begins_at=each.held.begins_at,
        ends_at=each.held.ends_at,
        decision=_decision(each.decided, each.owner),
        class_id=_classes_id(each.held),
        teacher=each.owner,
        room=each.held.room,
    )


def _decision(decided: Decided, owner: str | None) -> Decision:
    """Give the decision as it stands in the snapshot."""
    may_record = decided.outcome is not Outcome.REFUSED
    return Decision(
        permission=_PERMISSIONS[decided.outcome],
        reason=decided.reason.value,
        owner=owner if may_record else None,
        seats=decided.seats,
        must_omit_sound=True if may_record and not decided.sound else None,
    )


def _classes_id(held: Held) -> str | None:
    """Give the id of a lesson's class; several together have one of their own."""
    if len(held.classes) <= 1:
        return next(iter(held.classes), None)
    return make_id(hashlib.sha256("+".join(sorted(held.classes)).encode()).digest()[:ID_BYTES])
