"""What the school's server says in the note on the stick: to bring it back, for each unit that is answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from controller.stick.service import Outcome
from protocol.durable import REAL, Files
from protocol.stick_note import Said
from protocol.stick_note import write_note as lay_note
from protocol.words import mark

ANSWERED = mark(
    "The school's server has read this stick. Bring it back to unit %(unit)s, plug it in, and leave it there until its "
    "light has stopped flickering: the unit takes the school's answer, and writes what is new."
)
AGAIN = mark("Not everything of unit %(unit)s could be taken in. The unit keeps it, and writes it again.")


def write_note(root: Path, outcomes: Iterable[Outcome], files: Files = REAL) -> None:
    """Lay the note onto the stick; where no unit was answered the unit's own note stays. Raise `OSError`."""
    said = [said for outcome in outcomes if outcome.answered for said in _say(outcome)]
    if said:
        lay_note(root, said, files)


def _say(outcome: Outcome) -> Iterator[Said]:
    unit = {"unit": outcome.label}
    yield Said(ANSWERED, unit)
    if outcome.problems:
        yield Said(AGAIN, unit)
