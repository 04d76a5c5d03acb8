"""Recordings that nobody owns and people's words for them, as tests and screenshots need them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from controller.accounts.models import Role
from controller.accounts.role_policy import Held
from controller.accounts.roles import RoleChange
from controller.claims.models import THE_ROW, Claim, ClaimState, Heartbeat, OwnershipEvent
from controller.claims.policy import Said
from controller.claims.services import Word, say
from controller.recordings.models import Recording
from controller.timetable.repo import require_room
from controller.wiring import make_roles
from tests.house import House, Teacher
from tests.lesson import BEGAN_AT, MediaSegment


def leave_unclaimed(
    house: House,
    teacher: Teacher,
    segments: Sequence[MediaSegment],
    *,
    said: Said = Said.SUBSTITUTE,
    began_at: datetime = BEGAN_AT,
) -> str:
    """Deliver a lesson that its owner says was not theirs; give its id."""
    recording = house.deliver_unasked(house.make_lesson(teacher, segments, began_at=began_at))
    with house.services.database.writing() as session:
        row = session.get_one(Recording, recording)
        assert say(session, row, Word(said=said, by=teacher.id, at=house.clock()))
    return recording


def enter_word(house: House, *, claimant: str, site: str = "", room: str = "Room 12") -> str:
    """Enter somebody's word that they taught, for which a second person has to speak; give its id."""
    services = house.services
    claim = services.new_id()
    with services.database.writing() as session:
        session.add(
            Claim(
                id=claim,
                claimant=claimant,
                room=require_room(session, site, room, services.random_bytes).id,
                lesson_at=BEGAN_AT,
                said_at=services.clock(),
                state=ClaimState.WAITING,
            )
        )
    return claim


def run_for(house: House, time: timedelta) -> None:
    """Let time pass in which the jobs look every minute, as they do; only their last look is entered."""
    house.clock.pass_time(time)
    with house.services.database.writing() as session:
        session.merge(Heartbeat(id=THE_ROW, at=house.clock() - timedelta(minutes=1)))


def lose_role(house: House, account: str) -> None:
    """Let somebody be a viewer, and no teacher any more."""
    roles = make_roles(house.services)
    roles.give(RoleChange(account=account, held=Held(Role.VIEWER), by=None), understood="")
    roles.take(RoleChange(account=account, held=Held(Role.TEACHER), by=None))


def history_of(house: House, recording: str) -> list[Said]:
    """Give what was said of a recording, in order."""
    with house.services.database.reading() as session:
        mine = select(OwnershipEvent.said).where(OwnershipEvent.recording == recording)
        return list(session.scalars(mine.order_by(OwnershipEvent.id)))


def row_of(house: House, recording: str) -> Recording:
    """Read a recording's row anew."""
    with house.services.database.reading() as session:
        return session.get_one(Recording, recording)
