"""Decides what becomes of recordings that were open when the process or the power went.

Pure: one table says, for each last-known phase, what a restart in the same boot and one after another boot mean.
Nothing is replayed; whatever footage was cut has been recovered before this is asked (device/spool/mending.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from device.recorder.states import Checkpoint, Phase, State
from protocol.manifest import CloseReason


class Fate(Enum):
    """What happens to the journal's recording."""

    RESUME = "goes on with a new take"
    PAUSE = "stays paused"
    INTERRUPT = "closed as interrupted; the lamp asks for a press"
    COMPLETE = "closed for the reason that it was being stopped for"


LIVING = (Fate.RESUME, Fate.PAUSE)

# For each last-known phase: after a restart of the process in the same boot, and after another boot.
BOOT_TABLE: dict[Phase, tuple[Fate, Fate]] = {
    Phase.BOOTING: (Fate.INTERRUPT, Fate.INTERRUPT),
    Phase.READY: (Fate.INTERRUPT, Fate.INTERRUPT),
    Phase.INTERRUPTED: (Fate.INTERRUPT, Fate.INTERRUPT),
    Phase.UNFIT: (Fate.INTERRUPT, Fate.INTERRUPT),
    Phase.ASKING: (Fate.RESUME, Fate.INTERRUPT),
    Phase.SEATS: (Fate.INTERRUPT, Fate.INTERRUPT),
    Phase.PREPARING: (Fate.RESUME, Fate.INTERRUPT),
    Phase.RECORDING: (Fate.RESUME, Fate.INTERRUPT),
    Phase.STALLED: (Fate.RESUME, Fate.INTERRUPT),
    Phase.LOST: (Fate.RESUME, Fate.INTERRUPT),
    Phase.PAUSED: (Fate.PAUSE, Fate.INTERRUPT),
    Phase.STOPPING: (Fate.COMPLETE, Fate.COMPLETE),
    Phase.CLOSING: (Fate.COMPLETE, Fate.COMPLETE),
    Phase.FAULT: (Fate.INTERRUPT, Fate.INTERRUPT),
    Phase.OFF: (Fate.COMPLETE, Fate.COMPLETE),
}


@dataclass(frozen=True, kw_only=True)
class BootPlan:
    """Which recording goes on (`paused` or not), for what reason each other one is closed, and whether the lamp has to
    ask for a press.
    """

    resume: str = ""
    paused: bool = False
    close: tuple[tuple[str, CloseReason], ...] = ()
    interrupted: bool = False


def checkpoint_of(state: State, *, boot: str, wall_at: datetime) -> Checkpoint:
    """Give what a restart must know of a state; giving up in a phase is to be recovered like a kill in it."""
    return Checkpoint(
        phase=state.gave_up or state.phase,
        boot=boot,
        wall_at=wall_at,
        recording=state.recording or None,
        reason=state.reason,
        unanswered=state.unanswered,
    )


def plan_boot(
    checkpoint: Checkpoint | None, *, boot: str, open_recordings: tuple[str, ...], refused: tuple[str, ...] = ()
) -> BootPlan:
    """Plan for the recordings whose manifests are not closed; at most the journal's own one goes on.

    `refused`: recordings that the disk did not let bring into order; they are to be closed, as soon as it does.
    """
    fates = {recording: _fate(checkpoint, boot, recording) for recording in (*open_recordings, *refused)}
    fates |= {recording: Fate.INTERRUPT for recording in refused if fates[recording] in LIVING}
    living = [recording for recording, fate in fates.items() if fate in LIVING]
    close = tuple((each, _reason(checkpoint, fate)) for each, fate in fates.items() if fate not in LIVING)
    return BootPlan(
        resume=living[0] if living else "",
        paused=Fate.PAUSE in fates.values(),
        close=close,
        interrupted=any(reason is CloseReason.INTERRUPTED for _, reason in close)
        or _is_unanswered(checkpoint, boot, tuple(fates)),
    )


def _is_unanswered(checkpoint: Checkpoint | None, boot: str, open_recordings: tuple[str, ...]) -> bool:
    """Tell whether the lamp asked for a press that has not come, or a start was cut before it could ask.

    Such a start had closed the journal's recording, which nothing had stopped, and not yet written its checkpoint.
    """
    if checkpoint is None:
        return False
    closed_before = checkpoint.recording is not None and checkpoint.recording not in open_recordings
    return checkpoint.unanswered or (
        closed_before and BOOT_TABLE[checkpoint.phase][checkpoint.boot != boot] is not Fate.COMPLETE
    )


def _fate(checkpoint: Checkpoint | None, boot: str, recording: str) -> Fate:
    if checkpoint is None or checkpoint.recording != recording:
        return Fate.INTERRUPT
    return BOOT_TABLE[checkpoint.phase][checkpoint.boot != boot]


def _reason(checkpoint: Checkpoint | None, fate: Fate) -> CloseReason:
    if fate is Fate.COMPLETE and checkpoint is not None:
        return checkpoint.reason or CloseReason.INTERRUPTED
    return CloseReason.INTERRUPTED
