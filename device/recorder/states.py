"""What the machine speaks of: phases, events with their time inside, effects as data, and the state.

Pure values; what follows from them stands in machine.py. Times are seconds of the unit's monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from device.consent import PressDecision
from device.hardware.ports import Tune
from protocol.manifest import CloseReason
from protocol.room.lamp import LampPattern


class Phase(StrEnum):
    """Where the recorder stands."""

    BOOTING = "booting"
    READY = "ready"
    INTERRUPTED = "interrupted"
    UNFIT = "unfit"
    ASKING = "asking"
    PREPARING = "preparing"
    RECORDING = "recording"
    STALLED = "stalled"
    STOPPING = "stopping"
    CLOSING = "closing"
    FAULT = "fault"
    OFF = "off"


class Kind(StrEnum):
    """What can happen."""

    BOOTED = "booted"
    PRESS = "press"
    TAP = "tap"
    HOLDING = "holding"
    RELEASED = "released"
    STUCK = "stuck"
    FREED = "freed"
    ALLOWED = "allowed"
    REFUSED = "refused"
    BEGUN = "begun"
    NOT_BEGUN = "not_begun"
    DURABLE = "durable"
    SOUND_BAD = "sound_bad"
    SOUND_GOOD = "sound_good"
    TAKE_ENDED = "take_ended"
    CLOSED = "closed"
    NOT_CLOSED = "not_closed"
    FIT = "fit"
    UNFIT = "unfit"
    FORBIDDEN = "forbidden"
    TERMINATE = "terminate"
    TICK = "tick"


class Hold(StrEnum):
    """What letting go of a held button would mean now."""

    KEEP = "keep"
    NOTHING = "nothing"
    DISCARD = "discard"


class TakeEnd(StrEnum):
    """Why a take ended: it was told to, its footage was over, or camera or disk failed."""

    STOPPED = "stopped"
    FINISHED = "finished"
    CAMERA_FAILED = "camera_failed"
    DISK_FAILED = "disk_failed"


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened at `at_s`.

    `since_s`: of a tap or hold, when the press began; of BEGUN, when the recording was begun. `recording`: of BOOTED,
    the one to go on with; of BEGUN, the one begun. `interrupted`: of BOOTED, a power cut had ended a recording.
    `reason`: of SOUND_BAD, "silent" or "clipping".
    """

    kind: Kind
    at_s: float
    since_s: float = 0.0
    hold: Hold = Hold.NOTHING
    permit: PressDecision | None = None
    recording: str = ""
    interrupted: bool = False
    cause: TakeEnd = TakeEnd.STOPPED
    reason: str = ""


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
    """Ask consent for a press, or again for a recording that goes on after a restart; ALLOWED or REFUSED follows."""

    recording: str = ""


@dataclass(frozen=True)
class Begin:
    """Make keys and manifest of a new recording; BEGUN or NOT_BEGUN follows."""

    permit: PressDecision


@dataclass(frozen=True)
class Resume:
    """Take a recording up again where a restart of the process left it; BEGUN or NOT_BEGUN follows."""

    recording: str
    permit: PressDecision


@dataclass(frozen=True)
class StartTake:
    """Start the camera; DURABLE follows again and again, then TAKE_ENDED."""


@dataclass(frozen=True)
class StopTake:
    """Stop the camera and seal what it gave; TAKE_ENDED follows."""


@dataclass(frozen=True)
class Bookmark:
    """Write down that the teacher marked the moment `at_s`."""

    at_s: float


@dataclass(frozen=True)
class Close:
    """Write the recording's last line; CLOSED or NOT_CLOSED follows."""

    recording: str
    reason: CloseReason


@dataclass(frozen=True)
class Report:
    """Tell IT whether the unit is fit, and why not."""

    reason: str = ""


@dataclass(frozen=True)
class Exit:
    """End the process in order."""


@dataclass(frozen=True)
class GiveUp:
    """End the process as failed: what hangs is freed by a restart, which recovers the recording."""

    reason: str


Effect: TypeAlias = (
    Show | Chirp | Ask | Begin | Resume | StartTake | StopTake | Bookmark | Close | Report | Exit | GiveUp
)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long things may take, in seconds."""

    settle_s: float = 3.0
    stale_s: float = 3.0
    hopeless_s: float = 15.0
    hang_s: float = 30.0
    recording_s: float = 7200.0
    camera_restarts: int = 2


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that the machine remembers.

    `entered_s`: when the phase was entered. `pressed_s`: when the recording was begun. `began_s`: when this process
    first started its camera. `sound`: what is wrong with the sound of the running take, or nothing. `wanted`: a press
    came while the last recording was being put away. `fault`: what failed in this recording, and `unfit`: why the unit
    may not record, each a code for IT or nothing.
    """

    limits: Limits = field(default_factory=Limits)
    phase: Phase = Phase.BOOTING
    entered_s: float = 0.0
    recording: str = ""
    permit: PressDecision | None = None
    pressed_s: float = 0.0
    began_s: float = 0.0
    durable_s: float = 0.0
    camera_faults: int = 0
    reason: CloseReason | None = None
    wanted: bool = False
    leaving: bool = False
    stuck: bool = False
    sound: str = ""
    fault: str = ""
    unfit: str = ""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What the journal keeps of a state: phase, recording and why that is being stopped; in which boot and when."""

    phase: Phase
    boot: str
    wall_at: datetime
    recording: str | None = None
    reason: CloseReason | None = None
