"""Sets a room's mask: a new version and a line of the room's history; its unit is told in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass

from controller.devices.history import Deed
from controller.devices.policies import reissue_for_rooms
from controller.masks.models import REASON_CHARS, MaskVersion
from controller.masks.policy import Fault, MaskRefusedError, write_area
from controller.masks.repo import areas_of, history
from controller.services import Services
from controller.timetable.history import Happening, Told, note_event
from protocol.masks import Area


@dataclass(frozen=True, kw_only=True)
class NewMask:
    """What is to be hidden from now on; `seen`: the version that whoever sets it saw, 0 for none."""

    areas: tuple[Area, ...]
    seen: int
    reason: str = ""


def set_mask(services: Services, room: str, new: NewMask, *, by: str) -> int:
    """Set the areas of a room's mask, and give its version.

    That nothing is hidden any more needs a reason. Raises `MaskRefusedError`, after which nothing was changed.
    """
    with services.database.writing() as session:
        held = next(iter(history(session, room)), None)
        version = held.version if held else 0
        _judge(new, areas_of(held), version)
        text = "\n".join(map(write_area, new.areas))
        kept = "" if new.areas else new.reason
        now = services.clock()
        session.add(MaskVersion(room=room, version=version + 1, areas=text, reason=kept, set_by=by, set_at=now))
        session.flush()
        what = Happening.MASK_SET if new.areas else Happening.MASK_ENDED
        told = Told(room=room, sums={"version": version + 1, "areas": len(new.areas)})
        note_event(session, what, Deed(by=by, at=now), told)
        reissue_for_rooms(services, session, {room})
    return version + 1


def _judge(new: NewMask, held: tuple[Area, ...], version: int) -> None:
    if version != new.seen:
        raise MaskRefusedError(Fault.CHANGED_MEANWHILE)
    if held == new.areas:
        raise MaskRefusedError(Fault.NOTHING_CHANGES)
    if not new.areas and not new.reason:
        raise MaskRefusedError(Fault.REASON_MISSING)
    if len(new.reason) > REASON_CHARS:
        raise MaskRefusedError(Fault.REASON_TOO_LONG)
