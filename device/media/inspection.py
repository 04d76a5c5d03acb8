"""Looks through a file of footage from end to end and says in sentences what a recording of it will hold.

Reads every picture and decodes only the first: for a person who is about to use the file, not for a unit at work.
Refusing is `device/media/inputs.py`.
"""

from pathlib import Path

from device.media.demux import find_breaks
from device.media.inputs import InputFacts, inspect_input


def look_through(path: Path) -> tuple[str, ...]:
    """Give sentences: what the file is, then what is odd about it. Raises InputRefused when it cannot be recorded."""
    facts = inspect_input(path)
    notes = list(facts.notes)
    for said in find_breaks(path):
        if not any(said.removeprefix("cut off, ") in note for note in notes):
            notes.append(f"the file is not whole: {said}; what is there will be recorded")
    return (f"{path}: {_describe(facts)}", *notes)


def _describe(facts: InputFacts) -> str:
    length = f", {facts.duration_s:.1f} s" if facts.duration_s else ""
    turned = f", turned by {facts.rotation_degrees % 360} degrees" if facts.rotation_degrees else ""
    sound = facts.sound
    heard = f"sound {sound.codec}, {sound.rate_hz} Hz, channels: {sound.channels}" if sound else "no sound"
    return f"H.264 {facts.profile}, {facts.width}x{facts.height}, {facts.rate_fps:.6g} fps{length}{turned}; {heard}"
