"""What the machine speaks of: phases, events with their time inside, and the state. Its effects are effects.py's.

Pure values; what follows from them stands in machine.py. Times are seconds of the unit's monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from device.consent import PressDecision
from protocol.manifest import CloseReason


class Phase(StrEnum):
    """Where the recorder stands."""

    BOOTING = "booting"
    READY = "ready"
    INTERRUPTED = "interrupted"
    UNFIT = "unfit"
    ASKING = "asking"
    SEATS = "seats"
    PREPARING = "preparing"
    RECORDING = "recording"
    STALLED = "stalled"
    LOST = "lost"
    PAUSED = "paused"
    STOPPING = "stopping"
    CLOSING = "closing"
    FAULT = "fault"
    OFF = "off"


class Kind(StrEnum):
    """What can happen."""

    BOOTED = "booted"
    PRESS = "press"
    TAP = "tap"
    DOUBLE_TAP = "double_tap"
    HOLDING = "holding"
    RELEASED = "released"
    STUCK = "stuck"
    FREED = "freed"
    ALLOWED = "allowed"
    UNCHECKED = "unchecked"
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
    BELL = "bell"
    IDENTIFY = "identify"
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

    `since_s`: of a tap or hold, when the press began; of BEGUN, when the recording was begun. `recording`: of
    BOOTED, the one to go on with, `paused` since `paused_s` or not; of BEGUN, the one begun. `interrupted`: of
    BOOTED, a power cut had ended a recording. `reason`: of SOUND_BAD, "silent" or "clipping".
    """

    kind: Kind
    at_s: float
    since_s: float = 0.0
    hold: Hold = Hold.NOTHING
    permit: PressDecision | None = None
    recording: str = ""
    paused: bool = False
    paused_s: float = 0.0
    interrupted: bool = False
    cause: TakeEnd = TakeEnd.STOPPED
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long things may take, in seconds.

    `settle_s`: taps so soon after the start are nervous ones. `stale_s` without durable bytes are a fault; a camera
    that gives nothing for `hopeless_s` more is started anew, with a wait of `retry_min_s`, doubled up to
    `retry_max_s`. `hang_s`: what does not answer in that time is freed by a restart. `recording_s`, `pause_s`: the
    longest recording and pause. `remind_s`: how often a pause is heard. `seats_s`: how long a press waits for the
    seats to be checked.
    """

    settle_s: float = 3.0
    stale_s: float = 3.0
    hopeless_s: float = 12.0
    retry_min_s: float = 1.0
    retry_max_s: float = 30.0
    hang_s: float = 30.0
    recording_s: float = 7200.0
    pause_s: float = 1800.0
    remind_s: float = 60.0
    seats_s: float = 60.0


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that the machine remembers.

    `entered_s`: when the phase was entered. `asked_s`: when the press began that consent was asked for last.
    `pressed_s`: when the recording was begun. `began_s`: when the last press (or a restart) started the camera.
    `takes`: a take is there that has not ended yet. `tries`: how many takes have failed since bytes last became
    durable. `paused`: the recording was paused, at `paused_s`, and has not been gone on with; `heard_s`: when the
    room last heard of it. `sound`: what is wrong with the sound of the running take, or nothing. `wanted`: a press
    came while something was being put away. `unanswered`: the lamp asks for a press, after a power cut or a fault,
    and none has come; `gave_up`: the phase that did not answer, when the process ends for that. `fault`: what
    failed in this recording, and `unfit`: why the unit may not record, each a code for IT or nothing.
    """

    limits: Limits = field(default_factory=Limits)
    phase: Phase = Phase.BOOTING
    entered_s: float = 0.0
    recording: str = ""
    permit: PressDecision | None = None
    asked_s: float = 0.0
    pressed_s: float = 0.0
    began_s: float = 0.0
    durable_s: float = 0.0
    paused_s: float = 0.0
    heard_s: float = 0.0
    takes: bool = False
    tries: int = 0
    paused: bool = False
    reason: CloseReason | None = None
    wanted: bool = False
    leaving: bool = False
    unanswered: bool = False
    gave_up: Phase | None = None
    stuck: bool = False
    sound: str = ""
    fault: str = ""
    unfit: str = ""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What the journal keeps of a state: phase, recording and why that is being stopped; in which boot and when.

    `unanswered`: the lamp asked for a press that had not come.
    """

    phase: Phase
    boot: str
    wall_at: datetime
    recording: str | None = None
    reason: CloseReason | None = None
    unanswered: bool = False
