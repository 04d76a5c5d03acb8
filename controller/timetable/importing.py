"""Reads a timetable that somebody sent: a table of lessons, or the calendar of one room. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import IO

from controller.roster.archive import MIB
from controller.roster.flaws import Flaw, Flawed, flaw
from controller.services import Services
from controller.timetable.bells import read_frame
from controller.timetable.finding import read_directory
from controller.timetable.found import Place, Reading
from controller.timetable.ics import RoomFrame, read_room_calendar
from controller.timetable.models import Room
from controller.timetable.refusals import Fault, TimetableRefusedError
from controller.timetable.table import read_table

MOST_BYTES = 16 * MIB
_BEGIN = b"BEGIN:VCALENDAR"
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What somebody says of a file: its name, from which day it holds, the site of a table, the room of a calendar."""

    name: str
    starts_on: date
    site: str = ""
    room: str = ""
    """The id of the room that a calendar is of; a table names its rooms itself."""


def read_file(services: Services, data: IO[bytes], sent: Sent) -> Reading:
    """Read a file, by what it begins with. What is wrong in it is in the reading.

    Raises `TimetableRefusedError` for a calendar without a room.
    """
    wrong = _judge_size(data, sent.name)
    if wrong is not None:
        return Reading(found=None, flaws=(wrong,), flaws_in_all=1)
    begin = data.read(256).removeprefix(_MARK).lstrip().upper()
    data.seek(0)
    if begin.startswith(_BEGIN):
        return _read_calendar(services, data.read(), sent)
    with services.database.reading() as session:
        frame = read_frame(session, services, starts_on=sent.starts_on, site=sent.site)
    return read_table(data, sent.name, frame)


def _read_calendar(services: Services, data: bytes, sent: Sent) -> Reading:
    with services.database.reading() as session:
        room = session.get(Room, sent.room)
        if room is None:
            raise TimetableRefusedError(Fault.ROOM_UNKNOWN, "room", got=sent.room[:40])
        frame = RoomFrame(
            place=Place(room.site, room.name),
            starts_on=sent.starts_on,
            zone=services.config.controller.time_zone,
            directory=read_directory(session, sent.starts_on),
        )
    return read_room_calendar(data, sent.name, frame)


def _judge_size(data: IO[bytes], name: str) -> Flaw | None:
    """Tell what is wrong with a file's size."""
    size = data.seek(0, 2)
    data.seek(0)
    if size > MOST_BYTES:
        return flaw(Flawed.FILE_TOO_LARGE, name, most=MOST_BYTES // MIB)
    return flaw(Flawed.FILE_EMPTY, name) if size == 0 else None
