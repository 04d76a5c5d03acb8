"""Why a unit may send now, or why not: the codes. Pure; words for people are in controller/uploads/explain.py."""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """Why a unit may send now, or why not. The numbers are kept in the database."""

    NOTHING_WAITS = 0
    SENDS = 1
    SENDS_DUE = 2
    """It must leave tonight so that the card does not fill, and time presses."""
    SENDS_TODAY = 3
    """By day: somebody asked for it, or the unit has no power at night."""
    CLOSED = 4
    NOT_BY_DAY = 5
    DUE_FIRST = 6
    """Others at its site must go first."""
    TURN_COMES = 7
    ROOM_FROM_NEXT = 8
    """It was chosen; what is free for it is so from the next decision on."""
