"""What the machine wants done, as data; the performer does it. Pure values, none of which has happened yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from device.consent import PressDecision
from device.hardware.ports import Tune
from protocol.manifest import CloseReason, EventName
from protocol.room.lamp import LampPattern


@dataclass(frozen=True)
class Show:
    """Set the lamp; a passing pattern lets the lasting one go on after it."""

    pattern: LampPattern


@dataclass(frozen=True)
class Chirp:
    """Tell the room by ear; a buzzer that fails stops nothing."""

    tune: Tune


@dataclass(frozen=True)
class Ask:
    """Ask consent for a press, or for a recording that goes on; ALLOWED, UNCHECKED or REFUSED follows.

    `checked`: how many seats somebody has confirmed to be out of the picture.
    """

    recording: str = ""
    checked: int | None = None


@dataclass(frozen=True)
class Begin:
    """Make keys and manifest of a new recording; BEGUN or NOT_BEGUN follows."""

    permit: PressDecision


@dataclass(frozen=True)
class Resume:
    """Go on with a recording after a pause or a restart of the process; BEGUN or NOT_BEGUN follows."""

    recording: str
    permit: PressDecision


@dataclass(frozen=True)
class StartTake:
    """Start the camera; DURABLE follows again and again, then TAKE_ENDED."""


@dataclass(frozen=True)
class StopTake:
    """Stop the camera and seal what it gave; TAKE_ENDED follows."""


@dataclass(frozen=True)
class Note:
    """Write into the manifest what the teacher did at the moment `at_s`: a bookmark, a pause, the end of one."""

    name: EventName
    at_s: float


@dataclass(frozen=True)
class Close:
    """Write the recording's last line; CLOSED or NOT_CLOSED follows."""

    recording: str
    reason: CloseReason


@dataclass(frozen=True)
class Report:
    """Tell IT whether the unit is fit: by no reason, or every one why it is not."""

    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exit:
    """End the process in order."""


@dataclass(frozen=True)
class GiveUp:
    """End the process as failed: what hangs is freed by a restart, which recovers the recording."""

    reason: str


Effect: TypeAlias = Show | Chirp | Ask | Begin | Resume | StartTake | StopTake | Note | Close | Report | Exit | GiveUp
