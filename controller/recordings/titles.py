"""The words for a recording: its state, its sound, its length. Pure: gives texts to be translated, never translates.

`mark` only marks a text for the catalogue; pages translate it when they show it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from controller.recordings.models import OMITTED, RecordingState
from controller.recordings.policy import Damage
from protocol.manifest import SoundVerdict


def mark(text: str) -> str:
    """Mark a text for the catalogue and give it back as it is."""
    return text


class Verdict(NamedTuple):
    """What is said of something: how much it asks for attention (`good`, `watch`, `plain`), and the words."""

    tone: str
    words: str


SOUND: dict[str, Verdict] = {
    SoundVerdict.GOOD: Verdict("good", mark("Sound is good")),
    SoundVerdict.QUIET: Verdict("watch", mark("Sound is quiet: turn the volume up")),
    SoundVerdict.CLIPPING: Verdict("watch", mark("Sound is too loud and distorted in places")),
    SoundVerdict.SILENT: Verdict("watch", mark("Hardly any sound was recorded")),
    SoundVerdict.NONE: Verdict("watch", mark("No microphone was working: there is no sound")),
    OMITTED: Verdict("plain", mark("Recorded without sound, as your school decided")),
}
_UNKNOWN_SOUND = Verdict("plain", mark("Sound was not measured"))

STATE: dict[RecordingState, Verdict] = {
    RecordingState.ARRIVING: Verdict("plain", mark("On its way from the classroom")),
    RecordingState.READY: Verdict("good", mark("Ready to watch")),
    RecordingState.LOCKED: Verdict("watch", mark("Deleted")),
    RecordingState.DESTROYED: Verdict("watch", mark("Gone for good")),
}

DAMAGE: dict[Damage, Verdict] = {
    Damage.PART_ASKED: Verdict("watch", mark("Part of it is damaged")),
    Damage.PART_LOST: Verdict("watch", mark("Part of it is lost")),
    Damage.KEY_ASKED: Verdict("watch", mark("Cannot be opened at the moment")),
    Damage.KEY_LOST: Verdict("watch", mark("Cannot be opened any more")),
}
DAMAGE_MEANS: dict[Damage, str] = {
    Damage.PART_ASKED: mark(
        "The server’s disk has damaged a part of this recording. The rest plays. The unit in your classroom is asked "
        "for the part again; it comes in one of the next nights if the unit still has it."
    ),
    Damage.PART_LOST: mark(
        "The server’s disk has damaged a part of this recording, and the unit in your classroom did not send it again: "
        "it is lost. The rest plays."
    ),
    Damage.KEY_ASKED: mark(
        "The server’s disk has damaged what opens this recording. The unit in your classroom is asked for it again; it "
        "comes in one of the next nights if the unit still has it."
    ),
    Damage.KEY_LOST: mark(
        "The server’s disk has damaged what opens this recording, and the unit in your classroom did not send it "
        "again. Whoever runs Backrow at your school may have a backup of it."
    ),
}


def describe_sound(verdict: str | None) -> Verdict:
    """Say what the sound is like; `verdict` is a `SoundVerdict` or None while nothing was measured."""
    return SOUND.get(verdict or "", _UNKNOWN_SOUND)


def describe_state(state: RecordingState) -> Verdict:
    """Say what state a recording is in."""
    return STATE[state]


def round_length(duration_ms: int) -> tuple[int, str]:
    """Give a length as people say it: a number and `second` or `minute`; two minutes and up in whole minutes."""
    seconds = round(duration_ms / 1000)
    return (seconds, "second") if seconds < 120 else (round(seconds / 60), "minute")


def clock_text(seconds: float) -> str:
    """Write a place in a recording as a player does: `0:05`, `12:34`, `1:02:03`."""
    whole = timedelta(seconds=int(seconds))
    hours, rest = divmod(whole.seconds + whole.days * 86_400, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"
