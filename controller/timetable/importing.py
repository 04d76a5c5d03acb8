"""Reads a timetable that somebody sent: a table of lessons. Changes nothing."""

from __future__ import annotations

from datetime import date
from typing import IO

from controller.roster.archive import MIB
from controller.roster.flaws import Flaw, Flawed, flaw
from controller.services import Services
from controller.timetable.bells import read_frame
from controller.timetable.found import Reading
from controller.timetable.table import read_table

MOST_BYTES = 16 * MIB


def read_file(services: Services, data: IO[bytes], name: str, *, starts_on: date, site: str) -> Reading:
    """Read a table; `site` is that of rows which name none. What is wrong is in the reading."""
    wrong = judge_size(data, name)
    if wrong is not None:
        return Reading(found=None, flaws=(wrong,), flaws_in_all=1)
    with services.database.reading() as session:
        frame = read_frame(session, services, starts_on=starts_on, site=site)
    return read_table(data, name, frame)


def judge_size(data: IO[bytes], name: str) -> Flaw | None:
    """Tell what is wrong with a file's size."""
    size = data.seek(0, 2)
    data.seek(0)
    if size > MOST_BYTES:
        return flaw(Flawed.FILE_TOO_LARGE, name, most=MOST_BYTES // MIB)
    return flaw(Flawed.FILE_EMPTY, name) if size == 0 else None
