"""The note on a stick, `READ ME.txt`: what whoever holds it should do now, in every language that there is.

It names units and never a recording, a count or a size (promise P7). Unit and school's server both write it; the words
are their own. Defined in docs/protocol/stick.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from protocol.durable import Files
from protocol.stick_folder import NOTE, lay_file
from protocol.words import CATALOGUE, load_words


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
