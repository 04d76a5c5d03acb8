"""What the unit says in the note on the stick: its words, and why it wrote nothing.

It is the only word that a unit without a network has for a person at the stick: the lamp is the recorder's alone.
"""

from __future__ import annotations

from protocol.stick_note import Said
from protocol.words import mark

WRITING = mark(
    "Unit %(unit)s is writing onto this stick. Please leave it in the unit while its light flickers. If you read this "
    "at a computer, the stick was pulled out too early: nothing is lost. Plug it in at the unit again, and wait."
)
FINISHED = mark(
    "Unit %(unit)s has finished. Bring this stick to whoever looks after the school's server, and bring it back "
    "afterwards: the unit keeps everything until the school's answer has come. What is on the stick is sealed; only "
    "the school's server opens it."
)
MORE = mark("Not everything fitted. Bring the stick to the unit again after the server, or use a larger one.")
DAMAGED = mark("Something on the unit's own card cannot be read. Please tell whoever looks after the units.")
NO_ANSWER = mark("The school's answer on this stick could not be used. Bring the stick to the server again.")
REFUSED = mark("Unit %(unit)s wrote nothing onto this stick.")


class StickRefused(Exception):
    """Nothing can be exported: why, and what to do; `said` is for the catalogue, `str()` is English."""

    def __init__(self, words: str, **facts: object) -> None:
        self.said = Said(words, facts)
        super().__init__(words % facts)
