"""Keeps the word of somebody who says that they taught in a room at a time, and what a second person says to it.

The same is done, and answered, whether or not there is a recording: nobody learns by speaking for somebody else that a
room recorded (promise P7). Defined in docs/protocol/claims.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.accounts.models import Role
from controller.accounts.roles import roles_of
from controller.claims import policy
from controller.claims.models import Claim, ClaimState, Unclaimed
from controller.claims.policy import Chance, Place, Said
from controller.claims.services import LIVING, Word, say, time_of
from controller.claims.whereabouts import chance_of, rooms_of, taught_at
from controller.consent.repo import newest_rules
from controller.devices.models import Device
from controller.recordings.models import Ownership, Recording
from controller.services import Services
from controller.timetable.models import Room

NEAR = timedelta(minutes=15)
"""So far outside of a recording the time that somebody names for it may lie."""
KEPT = timedelta(days=60)
"""Words for which nobody spoke are not shown to a second person for longer."""


class Heard(StrEnum):
    """What came of a word: it is theirs now, a second person is asked, nothing is known of it, or too many words."""

    OWNED = "owned"
    ASKED = "asked"
    NOTHING = "nothing"
    TOO_OFTEN = "too_often"


@dataclass(frozen=True, kw_only=True)
class Taught:
    """Somebody's word that they taught in a room at an instant; `room`: None for one that is not listed."""

    claimant: str
    room: Room | None
    at: datetime


def claim(services: Services, session: Session, word: Taught) -> Heard:
    """Keep a word of somebody who names room and time themselves; call inside a writing session."""
    if not policy.may_speak(_said_at(session, word.claimant), services.clock()):
        return Heard.TOO_OFTEN
    return _keep(services, session, word, _find(services, session, word))


def take(services: Services, session: Session, offered: Offered, *, claimant: str) -> Heard:
    """Keep the word of somebody who was asked for a recording; call inside a writing session.

    The word names when their lesson began, not when the button was pressed: a second person reads it.
    """
    row = session.get_one(Recording, offered.recording, with_for_update=True)
    at = _lesson_begins(session, services.config.controller.time_zone, claimant, row)
    return _keep(services, session, Taught(claimant=claimant, room=offered.room, at=at), row)


def _lesson_begins(session: Session, zone: tzinfo, claimant: str, row: Recording) -> datetime:
    """Give when a claimant's lesson began by the timetable; else the full quarter of an hour before the press."""
    time = time_of(row)
    taught = taught_at(session, zone, time, {row.room}) if row.room else ()
    mine = [each.time for each in taught if each.account == claimant]
    if mine:
        return max(mine, key=time.shares).begins_at
    return row.began_at.replace(minute=row.began_at.minute // 15 * 15, second=0, microsecond=0)


def _keep(services: Services, session: Session, word: Taught, row: Recording | None) -> Heard:
    now, needs_second = services.clock(), _needs_second(session)
    said = Word(said=Said.ASKED if needs_second else Said.CLAIMED, by=word.claimant, at=now)
    fits = row is not None and say(session, row, said, owner=None if needs_second else word.claimant)
    session.add(
        Claim(
            id=services.new_id(),
            claimant=word.claimant,
            room=word.room.id if word.room else None,
            lesson_at=word.at,
            said_at=now,
            state=ClaimState.WAITING if needs_second else ClaimState.ALONE,
            recording=row.id if row and fits else None,
        )
    )
    if needs_second:
        return Heard.ASKED
    return Heard.OWNED if fits else Heard.NOTHING


def _needs_second(session: Session) -> bool:
    found = newest_rules(session)
    return found is not None and found[1].second_person_confirms


def _said_at(session: Session, account: str) -> Sequence[datetime]:
    return session.scalars(select(Claim.said_at).where(Claim.claimant == account)).all()


def _find(services: Services, session: Session, word: Taught) -> Recording | None:
    """Give the recording that a word fits: nobody's, of that room and time, when they can have been there.

    A word without a room is one of a room that is not listed: it fits what was recorded where none was known.
    """
    mine = (Recording.ownership == Ownership.UNCLAIMED) & Recording.state.in_(LIVING)
    room = word.room.id if word.room else None
    rows = session.scalars(select(Recording).where(mine, Recording.room.is_not_distinct_from(room)).with_for_update())
    near = [row for row in rows if _is_near(row, word.at)]
    for row in sorted(near, key=lambda one: abs(one.began_at - word.at)):
        if _can_have_been(services, session, word, row):
            return row
    return None


def _can_have_been(services: Services, session: Session, word: Taught, row: Recording) -> bool:
    site = word.room.site if word.room else session.get_one(Device, row.device).site
    place = Place(room=word.room.id if word.room else "", site=site, time=time_of(row))
    zone = services.config.controller.time_zone
    return chance_of(session, zone, word.claimant, place) is not Chance.IMPOSSIBLE


def _is_near(row: Recording, at: datetime) -> bool:
    time = time_of(row)
    return time.begins_at - NEAR <= at < time.ends_at + NEAR


@dataclass(frozen=True, kw_only=True)
class Offered:
    """An unclaimed recording as somebody is asked for it whom the timetable, or its manifest, names: where and when."""

    recording: str
    room: Room | None
    place: str
    at: datetime


def offered_to(services: Services, session: Session, account: str) -> list[Offered]:
    """Give what an account is asked for, the newest first; everybody else is not told that there is something."""
    zone = services.config.controller.time_zone
    unclaimed = (Recording.ownership == Ownership.UNCLAIMED) & Recording.state.in_(LIVING)
    perhaps = (Unclaimed.named == account) | Recording.room.in_(rooms_of(session, account))
    rows = session.execute(
        select(Recording, Unclaimed.named, Room, Device.label)
        .join(Unclaimed, Unclaimed.recording == Recording.id)
        .join(Device, Device.id == Recording.device)
        .outerjoin(Room, Room.id == Recording.room)
        .where(unclaimed, perhaps)
        .order_by(Recording.began_at.desc())
    ).all()
    return [
        Offered(recording=row.id, room=room, place=room.name if room else label, at=row.began_at)
        for row, named, room, label in rows
        if named == account or (room and _is_named(session, zone, account, row, room))
    ]


def _is_named(session: Session, zone: tzinfo, account: str, row: Recording, room: Room) -> bool:
    taught = taught_at(session, zone, time_of(row), {room.id})
    return any(each.account == account for each in taught)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A word for which a second person may speak: who says that they taught where and when. Of a recording nothing."""

    claim: str
    claimant: str
    place: str
    at: datetime


def waiting_for(session: Session, account: str, sites: Collection[str] | None, now: datetime) -> list[Waiting]:
    """Give the words for which an account may speak at some sites (None: at all): never its own."""
    found = (
        select(Claim, Room)
        .outerjoin(Room, Room.id == Claim.room)
        .where(Claim.state == ClaimState.WAITING, Claim.claimant != account, Claim.said_at > now - KEPT)
        .order_by(Claim.said_at)
    )
    return [
        Waiting(claim=row.id, claimant=row.claimant, place=room.name if room else "", at=row.lesson_at)
        for row, room in session.execute(found)
        if sites is None or (room and room.site in sites)
    ]


def vouch(services: Services, session: Session, waiting: Waiting, *, by: str, said: Said) -> Said | None:
    """Write down what a second person says to a word, `VOUCHED` or `REFUSED`; the recording, if any, follows.

    Give what was written down: `REFUSED` for a claimant who is no teacher any more, None when somebody was first.
    """
    row = session.get_one(Claim, waiting.claim, with_for_update=True)
    if row.state is not ClaimState.WAITING:
        return None
    now = services.clock()
    if Role.TEACHER not in roles_of(session, row.claimant):
        said = Said.REFUSED
    row.state = ClaimState.VOUCHED if said is Said.VOUCHED else ClaimState.REFUSED
    row.decided_at, row.decided_by = now, by
    if row.recording is not None:
        recording = session.get_one(Recording, row.recording, with_for_update=True)
        owner = row.claimant if said is Said.VOUCHED else None
        say(session, recording, Word(said=said, by=by, at=now), owner=owner)
    elif said is Said.VOUCHED:
        _find_at_last(services, session, row)
    return said


def _find_at_last(services: Services, session: Session, row: Claim) -> None:
    """Look again for what a word fits that fitted nothing when it was said: the lesson may have come since."""
    room = session.get_one(Room, row.room) if row.room else None
    found = _find(services, session, Taught(claimant=row.claimant, room=room, at=row.lesson_at))
    if found:
        row.recording = found.id
        say(session, found, Word(said=Said.CLAIMED, by=row.claimant, at=services.clock()), owner=row.claimant)
