"""How pages of the timetable name a room, and word a refusal in the reader's language."""

from __future__ import annotations

from controller.auth.languages import gettext
from controller.timetable.models import Room
from controller.timetable.refusals import TimetableRefusedError


def word_fault(refusal: TimetableRefusedError) -> str:
    """Say which field is wrong, why, and what to do."""
    told = refusal.wrong.words(gettext)
    field = refusal.wrong.name(gettext)
    return gettext("%(field)s: %(detail)s. What to do: %(remedy)s.", field=field, **told._asdict())


def place_of(room: Room) -> str:
    """Name a room with its site."""
    return f"{room.site}: {room.name}" if room.site else room.name
