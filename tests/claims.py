"""Recordings that nobody owns and people's words for them, as tests and screenshots need them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from controller.claims.models import Claim, ClaimState
from controller.claims.policy import Said
from controller.claims.services import Word, say
from controller.recordings.models import Recording
from controller.timetable.repo import require_room
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
