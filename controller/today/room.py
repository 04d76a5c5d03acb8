"""What everybody may read of a room by the code on its card: whether it may record now, in words that tell of nobody.

A code names a unit and the label that was printed beside it. One that is of no unit, of a unit that is gone, or of
another label is answered like that of a room that is not set up. Nothing here tells whether anything is recorded
(promise P7).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from controller.consent.repo import newest_rules
from controller.devices.cards import code_of
from controller.devices.models import LIVING, Device
from controller.today.policy import Coarse, answer_at, coarsen
from protocol.documents import Policy, peek_document
from protocol.ids import ID_BYTES, is_id, make_id
from protocol.room.facts import RoomFacts, parse_room

_ID_CHARS = len(make_id(bytes(ID_BYTES)))


@dataclass(frozen=True, kw_only=True)
class RoomShown:
    """What the page of a code tells: how this room's lamp is built, and whether it may record now.

    `has_sound`: the school's rules let sound be recorded; the same for every code of the school.
    """

    facts: RoomFacts
    openly: Coarse
    has_sound: bool


def look_up(session: Session, code: str, now: datetime) -> RoomShown:
    """Read what the page of a code tells; an unknown one has a page, too."""
    device = _find(session, code)
    found = newest_rules(session)
    has_sound = found is None or found[1].sound
    if device is None:
        return RoomShown(facts=RoomFacts(label=""), openly=Coarse.NOT_SET_UP, has_sound=has_sound)
    policy = peek_document(Policy, device.policy_line) if device.policy_line else None
    facts = parse_room("", json.loads(device.card or "{}"))
    return RoomShown(facts=facts, openly=coarsen(answer_at(policy, now)), has_sound=has_sound)


def _find(session: Session, code: str) -> Device | None:
    named = code[:_ID_CHARS]
    row = session.get(Device, named) if is_id(named) else None
    if row is None or row.state not in LIVING or code_of(row.id, row.label) != code:
        return None
    return row
