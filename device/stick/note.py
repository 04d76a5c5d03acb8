"""The note on the stick, `READ ME.txt`: what whoever holds it should do now, in every language that there is.

It names the unit and never a recording, a count or a size (promise P7). It is the only word that a unit
without a network has for a person at the stick: the lamp is the recorder's alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from protocol.durable import Files
from protocol.stick_folder import NOTE, lay_file
from protocol.words import CATALOGUE, load_words, mark

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


@dataclass(frozen=True)
class Said:
    """Words of the catalogue, and what stands in their gaps."""

    words: str
    facts: Mapping[str, object]


def write_note(root: Path, said: Iterable[Said], files: Files) -> None:
    """Lay the note onto the stick, with the line ends of Windows; raise `OSError`."""
    said = tuple(said)
    paragraphs = [_in_one_language(language, said) for language in _languages()]
    lay_file(root / NOTE, "\n\n----\n\n".join(paragraphs).replace("\n", "\r\n").encode(), files)


def _in_one_language(language: str, said: Iterable[Said]) -> str:
    words = load_words([language])
    return "\n\n".join(words.gettext(each.words) % each.facts for each in said)


def _languages() -> list[str]:
    """Name the languages that there are, English first."""
    found = {path.parent.parent.name for path in CATALOGUE.glob("*/LC_MESSAGES/messages.mo")} | {"en"}
    return sorted(found, key=lambda name: (name != "en", name))
